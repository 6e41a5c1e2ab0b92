"""Evaluate a patient, and say what is still open: python evaluate.py ADDRESS RECORD.json [TOKEN].

Standard library alone. RECORD is a Bundle with one Patient; the token is needed where the service asks for one.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen


def evaluated(address: str, record: bytes, token: str | None = None) -> Any:  # noqa: ANN401  # FHIR JSON
    """The answer to a record: a Bundle. An error's body is an OperationOutcome that says what to do."""
    headers = {"Content-Type": "application/fhir+json", "Accept": "application/fhir+json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    request = Request(f"{address}/fhir/ResearchStudy/$evaluate", record, headers)  # noqa: S310  # the caller's address
    with urlopen(request, timeout=60) as answer:  # noqa: S310  # as above
        return json.load(answer)


def values(parameters: list[dict[str, Any]]) -> dict[str, Any]:
    """The values of parameters, or of parts of one, by name."""
    found = {}
    for each in parameters:
        value = next((held for name, held in each.items() if name.startswith("value")), None)
        found.setdefault(each["name"], value)
    return found


def told(bundle: dict[str, Any]) -> Iterator[str]:
    """A line for each study, and one for each criterion that is still open."""
    for entry in bundle["entry"]:
        guidance = entry["resource"]
        if guidance["resourceType"] != "GuidanceResponse":
            continue
        study = guidance["moduleCanonical"].split("/")[-1].split("-eligibility|")[0]
        parameters = next(each for each in guidance["contained"] if each["resourceType"] == "Parameters")["parameter"]
        yield f"{study}: {values(parameters)['decision']}"
        for each in parameters:
            criterion = values(each["part"]) if each["name"] == "criterion" else {}
            if criterion.get("result") == "unknown":
                yield f"  {criterion['id']} {criterion['label']}: {criterion['explanation']}"


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit("usage: python evaluate.py ADDRESS RECORD.json [TOKEN]")
    where, file, *secret = sys.argv[1:]
    print("\n".join(told(evaluated(where, Path(file).read_bytes(), *secret))))
