"""What a terminology server adds to the packaged value sets."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import respx

from adapter.criteria.terminology import Terminology
from adapter.errors import ServerError
from adapter.fhir.client import ServerSettings
from adapter.fhir.expansion import RXNORM
from adapter.screening.setup import kept_expansions
from mappings.terminology import load_terminology
from tests.unit.fhir_client.answers import BASE, json, outcome

SNOMED = "http://snomed.info/sct"
SERVER = ServerSettings(url=BASE, wait=0, attempts=1)
DAY = 86400.0

BELOW = {"234646005": ["999000001", "402355000"]}
"""Descendants of graft-versus-host disease: one that is not packaged, and one that is."""
RELATED = {("has_ingredient", "8640"): ["315187"], ("consists_of", "315187"): ["312615"]}
"""Prednisone, its component of 20 mg, and a tablet of that."""


class TerminologyServer:
    """Expands value sets by the small tables above, two codes a page."""

    def __init__(self) -> None:
        """Nothing was asked."""
        self.requests = 0
        self.down = False

    def answer(self, request: httpx.Request) -> httpx.Response:
        """An expansion."""
        self.requests += 1
        if self.down:
            return json(outcome(), 500)
        asked = {each["name"]: each for each in msgspec.json.decode(request.content)["parameter"]}
        found = [coding for each in asked["valueSet"]["resource"]["compose"]["include"] for coding in _codes(each)]
        offset = asked["offset"]["valueInteger"]
        page = [{"system": system, "code": code} for system, code in found[offset : offset + 2]]
        return json({"resourceType": "ValueSet", "expansion": {"total": len(found), "contains": page}})


def _codes(include: dict[str, Any]) -> list[tuple[str, str]]:
    (asked,) = include["filter"]
    if asked["op"] == "is-a":
        return [(include["system"], code) for code in [asked["value"], *BELOW.get(asked["value"], [])]]
    key = (asked["property"], asked["value"].removeprefix("CUI:"))
    return [(include["system"], code) for code in RELATED.get(key, [])]


@pytest.fixture
def server() -> Iterator[TerminologyServer]:
    """A terminology server."""
    found = TerminologyServer()
    with respx.mock(base_url=BASE) as router:
        router.post("/ValueSet/$expand").mock(side_effect=found.answer)
        yield found


def expanded(folder: Path, now: float | None = None) -> Terminology:
    """The packaged terminology with what the server knows."""
    return load_terminology().with_codes(kept_expansions(SERVER, folder, load_terminology(), now))


@pytest.mark.usefixtures("server")
def test_descendants_and_drugs_are_known(tmp_path: Path) -> None:
    """A descendant that was not packaged, and a clinical drug of an ingredient; the hash tells the difference."""
    packaged, found = load_terminology(), expanded(tmp_path)
    assert packaged.value_sets_of(SNOMED, "999000001") == frozenset()
    assert found.value_sets_of(SNOMED, "999000001") == frozenset({"gvhd"})
    assert found.value_sets_of(SNOMED, "402355000") == packaged.value_sets_of(SNOMED, "402355000")
    assert "systemic-glucocorticoid" in (found.value_sets_of(RXNORM, "312615") or ())
    assert found.hash != packaged.hash
    assert len(found.value_sets["gvhd"].codes) == len(packaged.value_sets["gvhd"].codes) + 1


def test_expansions_are_kept(server: TerminologyServer, tmp_path: Path) -> None:
    """For seven days, and longer where the server is gone then."""
    first = expanded(tmp_path)
    asked = server.requests
    assert expanded(tmp_path).hash == first.hash
    assert server.requests == asked
    later = next(tmp_path.iterdir()).stat().st_mtime + 8 * DAY
    assert expanded(tmp_path, later).hash == first.hash
    assert server.requests > asked
    server.down = True
    assert expanded(tmp_path, later + 8 * DAY).hash == first.hash


def test_a_server_that_cannot_say_is_an_error(server: TerminologyServer, tmp_path: Path) -> None:
    """Nothing is kept yet, and without it a patient's disease may be missed."""
    server.down = True
    with pytest.raises(ServerError):
        expanded(tmp_path)


def test_without_a_server_the_packaged_terminology_stays_as_it_is(tmp_path: Path) -> None:
    """The same object, the same hash."""
    assert load_terminology().with_codes(kept_expansions(None, tmp_path, load_terminology())) is load_terminology()


@pytest.mark.parametrize(
    "answer", [{"resourceType": "ValueSet"}, {"resourceType": "ValueSet", "expansion": {"total": 3, "contains": []}}]
)
def test_a_part_of_an_expansion_is_none(tmp_path: Path, answer: dict[str, Any]) -> None:
    """A disease whose code was cut off would look like one that is not there."""
    with respx.mock(base_url=BASE) as router:
        router.post("/ValueSet/$expand").mock(return_value=json(answer))
        with pytest.raises(ServerError):
            expanded(tmp_path)
