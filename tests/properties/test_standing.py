"""A status that a person has set is never overwritten, whatever the order in which adapter and people write."""

from itertools import count
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from adapter.fhir.elements import GUIDANCE, PROPOSAL, RESEARCH_SUBJECT, SET_BY_PERSON
from adapter.fhir.research_subject import Proposal, created, is_persons, says_the_same, updated, version_of

Json = dict[str, Any]
PROPOSED = ("candidate", "potential-candidate", "ineligible")
STATUSES = (*PROPOSED, "eligible", "on-study")


def proposal(status: str) -> Proposal:
    """What the adapter proposes."""
    subject = {
        "resourceType": "ResearchSubject",
        "id": "a1",
        "identifier": [{"system": RESEARCH_SUBJECT, "value": "a1"}],
        "extension": [
            {"url": GUIDANCE, "valueReference": {"reference": "GuidanceResponse/a2"}},
            {"url": PROPOSAL, "valueCode": status},
        ],
        "status": status,
        "individual": {"reference": "Patient/p1"},
    }
    return Proposal(study="s1", research_subject=subject, guidance={"id": "a2"}, indicated=True)


class Server:
    """A server's history of one ResearchSubject. `numbered`: versions count from 1; else they are no numbers."""

    def __init__(self, *, numbered: bool) -> None:
        """Nothing is there."""
        self.versions: list[Json] = []
        self._ids = map(str, count(1)) if numbered else (f"w{7 * number:x}z" for number in count(3))

    def put(self, resource: Json) -> None:
        """Write; what changes nothing makes no version, as on HAPI."""
        newest = self.versions[0] if self.versions else {}
        if {**resource, "meta": None} != {**newest, "meta": None}:
            meta = {"versionId": next(self._ids)}
            self.versions.insert(0, {**resource, "meta": meta})

    def adapter(self, status: str) -> None:
        """The adapter writes, as it does."""
        wanted = proposal(status)
        if not self.versions:
            self.put(created(wanted, "ResearchStudy/s1"))
            return
        stands = self.versions[0]
        by_person = is_persons([version_of(each) for each in self.versions], complete=True)
        made = updated(stands, wanted, "ResearchStudy/s1", stands["meta"]["versionId"], by_person=by_person)
        if not says_the_same(stands, made):
            self.put(made)


WRITES = st.one_of(
    st.tuples(st.just("adapter"), st.sampled_from(PROPOSED)),
    st.tuples(st.just("person"), st.sampled_from(STATUSES)),
    st.tuples(st.just("note"), st.text(max_size=3)),
)


@given(st.booleans(), st.lists(WRITES, max_size=12))
def test_a_persons_status_stands(numbered: bool, writes: list[tuple[str, str]]) -> None:  # noqa: FBT001  # drawn
    """Once a person has changed a status, it changes only by a person; until then it follows the proposals."""
    server = Server(numbered=numbered)
    server.adapter("candidate")
    expected, by_person = "candidate", False
    for who, what in writes:
        newest = server.versions[0]
        if who == "person" and what != newest["status"]:
            server.put({**newest, "status": what})
            expected, by_person = what, True
        elif who == "note":
            server.put({**newest, "assignedArm": what})
        elif who == "adapter":
            server.adapter(what)
            expected = expected if by_person else what
            assert version_of(server.versions[0]).proposal == what
        assert server.versions[0]["status"] == expected
    if any(who == "note" for who, _ in writes):
        last = [what for who, what in writes if who == "note"][-1]
        assert server.versions[0]["assignedArm"] == last


@given(st.booleans(), st.sampled_from(STATUSES), st.sampled_from(PROPOSED))
def test_a_person_can_give_a_status_back(numbered: bool, theirs: str, proposed: str) -> None:  # noqa: FBT001  # drawn
    """By taking out the mark and leaving the proposed status."""
    server = Server(numbered=numbered)
    server.adapter("candidate")
    server.put({**server.versions[0], "status": theirs})
    server.adapter("ineligible")
    kept = [each for each in server.versions[0]["extension"] if each["url"] != SET_BY_PERSON]
    server.put({**server.versions[0], "extension": kept, "status": "ineligible"})
    given_back = theirs == "ineligible"  # the status stood as it was: only the mark went
    server.adapter(proposed)
    if given_back:
        assert server.versions[0]["status"] == proposed


def test_what_people_added_stays() -> None:
    """Tags, profiles and elements of theirs, beside what the adapter brings up to date."""
    ours = {**created(proposal("candidate"), "ResearchStudy/s1"), "meta": {"versionId": "1", "profile": ["urn:ours"]}}
    theirs = {
        **ours,
        "meta": {**ours["meta"], "profile": ["urn:theirs"], "tag": [{"code": "t"}]},
        "consent": {"reference": "Consent/c"},
    }
    wanted = proposal("ineligible")
    wanted.research_subject["meta"] = {"profile": ["urn:ours"]}
    found = updated(theirs, wanted, "ResearchStudy/s1", "1", by_person=False)
    assert found["meta"] == {"tag": [{"code": "t"}], "profile": ["urn:theirs", "urn:ours"]}
    assert (found["status"], found["consent"]) == ("ineligible", {"reference": "Consent/c"})


def test_what_somebody_else_made_is_theirs() -> None:
    """A ResearchSubject without a proposal of ours, with our identifier on it."""
    held = {"resourceType": "ResearchSubject", "status": "candidate", "meta": {"versionId": "1"}}
    assert is_persons([version_of(held)], complete=True)


def test_a_history_that_does_not_reach_back_tells_nothing() -> None:
    """Then nothing is overwritten."""
    ours = created(proposal("candidate"), "ResearchStudy/s1")
    versions = [version_of({**ours, "meta": {"versionId": name}}) for name in ("x9", "x8")]
    assert is_persons(versions[:1], complete=False)
    assert not is_persons(versions[:1], complete=True)
