"""Input that nobody should send: any JSON, FHIR-like JSON, and valid Bundles with something broken in them."""

import json
from copy import deepcopy
from random import Random
from typing import Any

from hypothesis import strategies as st

from tests.properties.core import written
from tests.properties.patients import patients

TYPES = [
    "Patient", "Observation", "Condition", "Bundle", "Consent", "Procedure", "Medication", "MedicationStatement",
    "AllergyIntolerance", "Encounter", "Nonsense", "",
]  # fmt: skip
NAMES = [
    "resourceType", "id", "meta", "versionId", "status", "code", "coding", "system", "value", "valueQuantity",
    "valueString", "valueInteger", "valueRange", "component", "subject", "reference", "patient", "entry", "resource",
    "extension", "url", "onsetAge", "onsetDateTime", "effectiveDateTime", "birthDate", "deceasedDateTime", "link",
    "other", "type", "provision", "period", "start", "end", "data", "contained", "request", "method", "fullUrl",
]  # fmt: skip
TEXTS = [
    "", " ", "\u0000", "é\u202e", "Patient/p1", "p1", "final", "718-7", "http://loinc.org", "http://unitsofmeasure.org",
    "2026", "2026-02-30", "9999-12-31", "0001-01-01", "9999-12-31T23:59:59.999Z", "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59", "0001-01-01T00:00:00", "2026-03-01T12:00:00+99:99", "replaced-by", "DELETE", "a" * 5000,
    "9" * 5000, "1e999999999", "%s{}%(x)", "[IU]/mL",
]  # fmt: skip
NUMBERS = [0, -1, 1, 10**400, -0.0, 1e308, 1e-308, 5e-324, 2**63, 0.1]

scalars = st.one_of(
    st.none(), st.booleans(), st.sampled_from(NUMBERS), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(TEXTS), st.text(max_size=20), st.sampled_from(TYPES),
)  # fmt: skip
_keys = st.one_of(st.sampled_from(NAMES), st.text(max_size=5))
any_json = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_keys, inner, max_size=6)),
    max_leaves=25,
)
"""Any JSON, with FHIR's element names for keys here and there."""

ODD: list[Any] = [
    *NUMBERS,
    *TEXTS,
    *TYPES,
    None,
    True,
    False,
    [],
    {},
    [None],
    [[]],
    {"": None},
    [1, "x"],
    {"value": {"value": 1}},
]


def _places(node: Any, found: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:  # noqa: ANN401  # any JSON
    """Every place of a JSON tree, as its container and its key."""
    for key in range(len(node)) if isinstance(node, list) else list(node) if isinstance(node, dict) else ():
        found.append((node, key))
        _places(node[key], found)
    return found


def broken(valid: list[Any], number: int) -> list[Any]:
    """The input with one to four nodes dropped, doubled, renamed, exchanged or replaced."""
    rng = Random(number)  # noqa: S311  # made-up data, no secret
    tree = deepcopy(valid)
    for _ in range(rng.randint(1, 4)):
        places = _places(tree, [])
        if not places:
            break
        holder, key = rng.choice(places)
        match rng.randrange(6):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, list):
                holder.insert(key, deepcopy(holder[key]))
            case 2 if isinstance(holder, dict):
                holder[rng.choice(NAMES)] = holder.pop(key)
            case 3:
                other, place = rng.choice(places)
                holder[key] = deepcopy(other[place]) if place in other or isinstance(other, list) else None
            case 4:
                holder[key] = [holder[key]]
            case _:
                holder[key] = rng.choice(ODD)
    return tree


_NUMBERS = st.integers(0, 2**32)
broken_patients = st.builds(broken, patients, _NUMBERS)
"""Lists of resources with something wrong in them."""


def as_bundle(resources: list[Any], kind: str) -> dict[str, Any]:
    """The resources as the entries of a Bundle."""
    entries = [{"fullUrl": f"urn:uuid:{place}", "resource": resource} for place, resource in enumerate(resources)]
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def _broken_bundle(resources: list[Any], kind: str, number: int) -> Any:  # noqa: ANN401  # any JSON
    return broken([as_bundle(resources, kind)], number)


broken_bundles = st.builds(_broken_bundle, patients, st.sampled_from(["searchset", "history", "batch"]), _NUMBERS)


def scratched(resources: list[Any], number: int) -> bytes:
    """Valid JSON with some bytes overwritten, cut out or cut off."""
    rng = Random(number)  # noqa: S311  # made-up data, no secret
    data = bytearray(written(resources))
    for _ in range(rng.randint(1, 5)):
        place = rng.randrange(len(data) + 1)
        match rng.randrange(4):
            case 0:
                data[place : place + 1] = bytes([rng.randrange(256)])
            case 1:
                del data[place : place + rng.randint(1, 50)]
            case 2:
                data[place:place] = rng.choice([b"\xff", b"\xc3", b"\\ud800", b"\x00", b'"', b"{", b"]", b"1e99"])
            case _:
                data[:] = data[: max(place, len(data) // 2)]
    return bytes(data)


scratched_bytes = st.builds(scratched, patients, _NUMBERS)


def as_bytes(content: Any) -> bytes:  # noqa: ANN401  # any JSON
    """JSON as Python writes it, lone surrogates and huge numbers included."""
    return json.dumps(content, default=float).encode()
