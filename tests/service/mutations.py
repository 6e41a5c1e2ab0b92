"""Bodies that no one should send: FHIR JSON, changed at random, and bytes changed at random."""

import json
from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any

from tests.unit.screening.records import bundle, condition, ecog, of, patient

Json = Any

DRUG = {
    "resourceType": "MedicationAdministration",
    "id": "m1",
    "status": "completed",
    "subject": of(),
    "medicationReference": {"reference": "#d"},
    "contained": [
        {
            "resourceType": "Medication",
            "id": "d",
            "code": {"coding": [{"system": "http://www.whocc.no/atc", "code": "H02AB06"}]},
        }
    ],
    "effectivePeriod": {"start": "2026-02-20", "end": "2026-02-27T10:00:00+01:00"},
    "dosage": {"route": {"coding": [{"system": "http://snomed.info/sct", "code": "26643006"}]}},
}
CREATININE = {
    "resourceType": "Observation",
    "id": "o1",
    "status": "final",
    "subject": of(),
    "code": {"coding": [{"system": "http://loinc.org", "code": "2160-0"}]},
    "effectiveDateTime": "2026-02-20T10:00:00Z",
    "valueQuantity": {
        "value": 1.1,
        "comparator": "<",
        "unit": "mg/dL",
        "system": "http://unitsofmeasure.org",
        "code": "mg/dL",
    },
    "referenceRange": [
        {"low": {"value": 0.6}, "high": {"value": 1.3, "unit": "mg/dL"}, "age": {"low": {"value": 18, "unit": "a"}}}
    ],
}
PROCEDURE = {
    "resourceType": "Procedure",
    "id": "x1",
    "status": "completed",
    "subject": of(),
    "code": {"coding": [{"system": "http://snomed.info/sct", "code": "23719005"}]},
    "performedDateTime": "2025-11",
}
ALLERGY = {
    "resourceType": "AllergyIntolerance",
    "id": "a1",
    "patient": of(),
    "code": {"text": "penicillin"},
    "reaction": [{"severity": "severe", "manifestation": [{"text": "anaphylaxis"}]}],
}
CONSENT = {
    "resourceType": "Consent",
    "id": "k1",
    "status": "active",
    "scope": {"coding": [{"code": "research"}]},
    "patient": of(),
    "dateTime": "2026-02-01",
    "provision": {
        "type": "permit",
        "data": [{"meaning": "instance", "reference": {"reference": "ResearchStudy/senl-t7"}}],
    },
}
GROUP = {"resourceType": "Group", "id": "g1", "type": "person", "actual": True, "member": [{"entity": of()}]}

RECORD = json.loads(
    bundle(
        patient(deceasedBoolean=False, link=[{"other": of("p2"), "type": "seealso"}]),
        condition("c1", of()),
        ecog("e1", of(), 1),
        DRUG,
        CREATININE,
        PROCEDURE,
        ALLERGY,
        CONSENT,
        GROUP,
    )
)
ASKED = {
    "resourceType": "Parameters",
    "parameter": [
        {"name": "subject", "valueString": "Patient/p1"},
        {"name": "study", "valueString": "senl-t7"},
        {"name": "asOf", "valueDateTime": "2026-03-01"},
        {"name": "policy", "valueString": "strict"},
        {"name": "useServerData", "valueBoolean": False},
        {"name": "data", "resource": RECORD},
    ],
}

ODD: tuple[Json, ...] = (
    None, True, False, 0, -1, 1.5, 1e308, 10**30, -(10**400), "", " ", "\x00", "\ud800", "ä\u202e", "x" * 5000, [], {}, [[]],  # noqa: E501
    [None], {"": ""}, [{}], "2026-02-30", "9999-12-31", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026",  # noqa: E501
    "Patient/p1", "Patient/p2", "#", "urn:uuid:x", "Bundle", "Patient", "Parameters", "http://loinc.org", "1e400", "NaN",  # noqa: E501
    {"reference": "Patient/p1"}, {"value": 1e-300, "code": "kg"}, {"coding": [{"system": "x", "code": "y"}]},
    {"start": "2027", "end": "2026"}, [1, "2", None, {"3": []}], "P99999D", "999999999999999999999",
)  # fmt: skip
"""Values that stand where something else is wanted."""


def mutated(seed: int) -> tuple[str, bytes]:
    """One body, and how it was changed; the same for the same seed."""
    random = Random(seed)  # noqa: S311  # nothing is to be kept secret
    name = random.choice(sorted(_WAYS))
    return name, _WAYS[name](random)


def _structure(random: Random) -> bytes:
    content = json.loads(json.dumps(random.choice((ASKED, RECORD))))
    for _ in range(random.randint(1, 4)):
        _change(content, random)
    return _encoded(content)


def _change(content: Json, random: Random) -> None:
    """Change one place, wherever it is."""
    holder, key = random.choice(list(_places(content)))
    match random.randrange(7):
        case 0:
            del holder[key]
        case 1 | 2 | 3:
            holder[key] = deepcopy(random.choice(ODD))
        case 4:
            holder[key] = [holder[key]] * random.randint(0, 3)
        case 5:
            other, place = random.choice(list(_places(content)))
            holder[key] = json.loads(_encoded(other[place]))
        case _:
            holder[key] = {str(random.choice(ODD)): holder[key]}


def _places(content: Json) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    waiting = [content]
    while waiting:
        each = waiting.pop()
        keys = list(each) if isinstance(each, dict) else range(len(each)) if isinstance(each, list) else ()
        found.extend((each, key) for key in keys)
        waiting.extend(each[key] for key in keys)
    return found or [({"": 0}, "")]


def _bytes(random: Random) -> bytes:
    content = bytearray(_encoded(random.choice((ASKED, RECORD))))
    for _ in range(random.randint(1, 6)):
        at = random.randrange(len(content))
        match random.randrange(4):
            case 0:
                content[at] = random.randrange(256)
            case 1:
                del content[at : at + random.randint(1, 30)]
            case 2:
                content[at:at] = random.choice(
                    (b"{", b"[", b'"', b",", b"\\u0000", b"\xc3", b"NaN", b"null", b"-", b"\xef\xbb\xbf")
                )
            case _:
                content[at:at] = content[at : at + random.randint(1, 200)]
    return bytes(content)


def _twice(random: Random) -> bytes:
    """A key that stands twice, somewhere."""
    content = _encoded(random.choice((ASKED, RECORD)))
    starts = [at for at, byte in enumerate(content) if byte == ord("{")]
    at = random.choice(starts) + 1
    end = content.index(b":", at)
    return content[:at] + content[at:end] + b":null," + content[at:]


def _deep(random: Random) -> bytes:
    """Nesting, up to far too much, in a place that is read or skipped."""
    depth = random.choice((5, 50, 99, 101, 500, 5000))
    opening, closing = random.choice(((b"[", b"]"), (b'{"extension":[', b"]}"), (b'{"a":', b"}")))
    inner = opening * depth + (b"1" if opening.endswith(b":") else b"") + closing * depth
    content = _encoded(random.choice((ASKED, RECORD)))
    at = content.index(b'"id"')
    return random.choice((inner, content[:at] + b'"note":' + inner + b"," + content[at:]))


def _large(random: Random) -> bytes:
    content = json.loads(json.dumps(RECORD))
    content["entry"] *= random.randint(2, 40)
    return _encoded(content)


def _encoded(content: Json) -> bytes:
    return json.dumps(content, ensure_ascii=True).encode()


_WAYS: dict[str, Callable[[Random], bytes]] = {
    "structure": _structure,
    "structure again": _structure,
    "structure once more": _structure,
    "bytes": _bytes,
    "bytes again": _bytes,
    "deep": _deep,
    "large": _large,
    "twice": _twice,
}
