"""Sources for the tests of Spark: part of the demo cohort as a Bulk Data export, and everything odd beside it."""

import gzip
import json
from itertools import islice
from pathlib import Path

from demo.cohort import cohort
from tests.build import Json, collection, lines, patient
from tests.unit.screening.records import T_ALL, condition, ecog, of

IDENTIFIER = {"system": "http://hospital.example.org", "value": "7"}


def export(folder: Path, patients: int) -> list[Json]:
    """A Bulk Data export: a file a type, the Observations in two of them, one compressed. The Bundles it is made of."""
    by_type: dict[str, list[Json]] = {}
    bundles = [json.loads(content) for _, _, content in islice(cohort(patients, seed=5), patients)]
    for each in bundles:
        for entry in each["entry"]:
            resource = entry["resource"]
            by_type.setdefault(resource["resourceType"], []).append(resource)
    observations = by_type.pop("Observation")
    (folder / "Observation.1.ndjson").write_bytes(lines(*observations[::2]))
    (folder / "Observation.2.ndjson.gz").write_bytes(gzip.compress(lines(*observations[1::2])))
    for name, resources in by_type.items():
        (folder / f"{name}.ndjson").write_bytes(lines(*resources))
    return bundles


def odd(folder: Path) -> None:
    """What goes wrong in exports, beside the files of one."""
    (folder / "a b[1].ndjson").write_bytes(
        b"\xef\xbb\xbf"
        + lines(patient("twice"), condition("t1", of("twice"), T_ALL))
        + b"\n\r\n"
        + b'{"resourceType": "Condition", "id": \n'
        + b'\xff\xfe{"resourceType": "Observation"}\n'
        + b'{"resourceType": "Condition", "resourceType": "Patient"}\n'
        + lines(
            {"resourceType": "Condition", "id": "nobodys"},
            {"resourceType": "Patient"},
            ecog("o1", of("missing"), 1),
            ecog("o2", of("missing"), 2),
            patient("twice", birthDate="1990-01-01"),
        )
        + collection(patient("alone"), condition("c", of("alone"), T_ALL)).replace(b"\n", b"")
    )
    old = patient("old", link=[{"type": "replaced-by", "other": of("new")}])
    by_identifier = {"identifier": IDENTIFIER}
    shared = {"resourceType": "Medication", "id": "m1", "code": {"text": "imatinib"}}
    takes = {
        "resourceType": "MedicationStatement",
        "status": "active",
        "medicationReference": {"reference": "Medication/m1"},
    }
    (folder / "names.ndjson").write_bytes(
        lines(
            old,
            condition("n1", of("old"), T_ALL),
            ecog("n2", by_identifier, 1),
            patient("known", identifier=[IDENTIFIER]),
            condition("n3", by_identifier, T_ALL),
            patient("new"),
            ecog("n4", of("new"), 1),
            condition("gone", of("new"), T_ALL),
            patient("removed"),
            shared,
            {**takes, "id": "s1", "subject": of("known")},
            {**takes, "id": "s2", "subject": of("new")},
        )
    )
    several = (patient("x"), patient("y"), ecog("x1", {"reference": "urn:uuid:0y"}, 1), condition("x2", of("x"), T_ALL))
    (folder / "several.json").write_bytes(collection(*several, urls=("urn:uuid:0x", "urn:uuid:0y")))
    (folder / "single.json").write_bytes(collection(patient("single"), condition("s", of("single"), T_ALL)))
    (folder / "single-again.json").write_bytes(collection(patient("single")))
    (folder / "packed.ndjson").write_bytes(gzip.compress(lines(ecog("p1", of("single"), 1), patient("single"))))
    whole = gzip.compress(lines(patient("torn"), condition("t", of("torn"), T_ALL)))
    (folder / "torn.ndjson.gz").write_bytes(whole[:-6])
    (folder / "broken.json").write_bytes(b"{")
    (folder / "notes.txt").write_bytes(b"made up")
    (folder / "data.csv").write_bytes(b"a;b")
    gone = [{"request": {"method": "DELETE", "url": name}} for name in ("Condition/gone", "Patient/removed")]
    (folder / "deleted").mkdir()
    (folder / "deleted" / "Gone.ndjson").write_bytes(
        lines({"resourceType": "Bundle", "type": "transaction", "entry": gone})
    )
