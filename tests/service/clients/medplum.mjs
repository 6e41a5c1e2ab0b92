// What an EHR on Medplum does as a chart is opened: discovery, prefetch from its own server, the call. Arguments: the
// service's address, a file with the patient's resources. Prints the answer. The EHR's FHIR server is that file.
import { readFileSync } from "node:fs";

globalThis.WebSocket ??= class {}; // of Node 22; Medplum's subscriptions want it, its CDS client doesn't
const { MedplumClient, buildCdsRequest } = await import("@medplum/core");

const [address, file] = process.argv.slice(2);
const held = JSON.parse(readFileSync(file, "utf8"));
const asked = [];

function answered(url) {
  const [type, id] = url.pathname.replace("/fhir/R4/", "").split("/");
  asked.push(`${type}${url.search}`);
  if (id !== undefined) {
    return held.find((each) => each.resourceType === type && each.id === id);
  }
  const entry = held.filter((each) => each.resourceType === type).map((resource) => ({ resource }));
  return { resourceType: "Bundle", type: "searchset", entry };
}

const medplum = new MedplumClient({
  baseUrl: "https://ehr.example.org/",
  cdsServicesUrl: `${address}/cds-services`,
  cacheTime: 0,
  fetch: async (url, options) => {
    if (String(url).startsWith(address)) {
      return fetch(url, options);
    }
    return new Response(JSON.stringify(answered(new URL(url))), {
      headers: { "Content-Type": "application/fhir+json" },
    });
  },
});
const { services } = await medplum.getCdsServices();
const user = { resourceType: "Practitioner", id: "d1" };
const { id: patientId } = held.find((each) => each.resourceType === "Patient");
const called = {};
for (const service of services) {
  const context = { userId: "Practitioner/d1", patientId, encounterId: "v1", selections: [], draftOrders: {} };
  const request = await buildCdsRequest(medplum, user, service, context);
  called[service.hook] = await medplum.callCdsService(service.id, request);
}
console.log(JSON.stringify({ called, asked }));
