// Evaluate a patient, and say what is still open: node evaluate.js ADDRESS RECORD.json [TOKEN].
// fetch alone, as in a browser. RECORD is a Bundle with one Patient; the token is needed where the service asks for one.
import { readFileSync } from "node:fs";

type Part = { name: string; part?: Part[] } & Record<string, unknown>;
type Resource = { resourceType: string; contained?: Resource[]; moduleCanonical?: string; parameter?: Part[] };
type Bundle = { resourceType: "Bundle"; entry?: { resource: Resource }[] };

/** The answer to a record: a Bundle. An error's body is an OperationOutcome that says what to do. */
async function evaluated(address: string, record: string, token?: string): Promise<Bundle> {
  const headers: Record<string, string> = {
    "Content-Type": "application/fhir+json",
    Accept: "application/fhir+json",
  };
  if (token !== undefined) {
    headers["Authorization"] = `Bearer ${token}`;
  }
  const answer = await fetch(`${address}/fhir/ResearchStudy/$evaluate`, { method: "POST", headers, body: record });
  if (!answer.ok) {
    throw new Error(await answer.text());
  }
  return (await answer.json()) as Bundle;
}

/** The value of a parameter, or of a part of one, by its name. */
function value(parts: Part[], name: string): unknown {
  const found = parts.find((each) => each.name === name) ?? { name };
  return Object.entries(found).find(([key]) => key.startsWith("value"))?.[1];
}

/** A line for each study, and one for each criterion that is still open. */
function* told(bundle: Bundle): Generator<string> {
  for (const { resource } of bundle.entry ?? []) {
    if (resource.resourceType !== "GuidanceResponse") {
      continue;
    }
    const study = resource.moduleCanonical?.split("/").at(-1)?.split("-eligibility|")[0];
    const parameters = resource.contained?.find((each) => each.resourceType === "Parameters")?.parameter ?? [];
    yield `${study}: ${value(parameters, "decision")}`;
    for (const { part = [] } of parameters.filter((each) => each.name === "criterion")) {
      if (value(part, "result") === "unknown") {
        yield `  ${value(part, "id")} ${value(part, "label")}: ${value(part, "explanation")}`;
      }
    }
  }
}

const [address = "", file = "", token] = process.argv.slice(2);
for (const line of told(await evaluated(address, readFileSync(file, "utf8"), token))) {
  console.log(line);
}
