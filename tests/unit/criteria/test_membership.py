"""What the codes of an entry say of a concept, on a small terminology of its own."""

import tracemalloc
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from adapter.criteria import terminology
from adapter.criteria.catalogue import Analyte, Catalogue, ConditionConcept, Scale
from adapter.criteria.extent import ListKind
from adapter.criteria.terminology import Membership, Terminology
from adapter.criteria.value_set import CONCEPTS, Coding, ValueSet

CM = "http://hl7.org/fhir/sid/icd-10-cm"
GM = "http://fhir.de/CodeSystem/bfarm/icd-10-gm"
SNOMED = "http://snomed.info/sct"
LOCAL = "urn:oid:2.999.1"

T_ALL = Coding(SNOMED, "277575008")
HYPERTENSION = Coding(SNOMED, "38341003")
RARE = Coding(SNOMED, "1")
WORDS: tuple[Coding, ...] = ()


def _conditions(**concepts: tuple[tuple[str, ...], tuple[str, ...]]) -> dict[str, ConditionConcept]:
    named = {name.replace("_", "-"): parts for name, parts in concepts.items()}
    return {
        name: ConditionConcept(id=name, title=name, may_be=may_be, related=related)
        for name, (may_be, related) in named.items()
    }


TERMINOLOGY = Terminology(
    hash="h",
    catalogue=Catalogue(
        analytes={},
        conditions=_conditions(
            t_all=(("all-lineage-unspecified",), ("malignancy", "acute-leukaemia")),
            acute_leukaemia=((), ("malignancy", "t-all")),
            malignancy=((), ("t-all", "acute-leukaemia")),
            gvhd=((), ()),
        ),
        exposures={},
        substances={},
    ),
    value_sets={
        each.id: each
        for each in (
            ValueSet(id="t-all", codes=(T_ALL,), exhaustive=frozenset({CM})),
            ValueSet(id="all-lineage-unspecified", prefixes=(Coding(CM, "C91.0"),)),
            ValueSet(id="acute-leukaemia", codes=(T_ALL, Coding(SNOMED, "91855006")), prefixes=(Coding(CM, "C91.0"),)),
            ValueSet(id="malignancy", codes=(T_ALL,), prefixes=(Coding(CM, "C"),)),
            ValueSet(id="gvhd", prefixes=(Coding(CM, "D89.81"),), exhaustive=frozenset({CM})),
            ValueSet(id="other-conditions", codes=(HYPERTENSION,)),
        )
    },
    systems={CM: CM, GM: GM, SNOMED: SNOMED, "http://snomed.info/sct/": SNOMED},
    unit_synonyms={},
    unit_factor=lambda unit, target: None,  # noqa: ARG005  # nothing is measured here
    local_maps={(LOCAL, "HT"): (HYPERTENSION,), (LOCAL, "?"): (RARE,), (LOCAL, "G"): (Coding(CONCEPTS, "gvhd"),)},
)

MEMBERS = [
    ("t-all", (T_ALL,), Membership.IS),
    ("t-all", (Coding("http://snomed.info/sct/", "277575008"),), Membership.IS),
    ("t-all", (Coding(CM, "C91.00"), T_ALL), Membership.IS),
    ("t-all", (Coding(CM, "C9102"),), Membership.MAY_BE),
    ("t-all", (Coding(CM, "C91"),), Membership.MAY_BE),
    ("t-all", (Coding(CM, "I10"),), Membership.NOT),
    ("t-all", (Coding(CM, "I10"), RARE), Membership.NOT),
    ("t-all", (HYPERTENSION,), Membership.NOT),
    ("t-all", (Coding(SNOMED, "91855006"),), Membership.UNCLASSIFIED),
    ("t-all", (RARE,), Membership.UNCLASSIFIED),
    ("t-all", (Coding(GM, "I10"),), Membership.UNCLASSIFIED),
    ("t-all", (Coding("http://hospital.example", "277575008"),), Membership.UNCLASSIFIED),
    ("t-all", WORDS, Membership.UNCLASSIFIED),
    ("gvhd", (T_ALL,), Membership.NOT),
    ("gvhd", (Coding(CM, "D89.813"),), Membership.IS),
    ("gvhd", (Coding(CM, "D89"),), Membership.MAY_BE),
    ("gvhd", (Coding(LOCAL, "HT"),), Membership.NOT),
    ("gvhd", (Coding(LOCAL, "?"),), Membership.UNCLASSIFIED),
    ("gvhd", (Coding(LOCAL, "G"),), Membership.IS),
    ("t-all", (Coding(LOCAL, "G"),), Membership.NOT),
    ("malignancy", (Coding(LOCAL, "G"),), Membership.NOT),
]


@pytest.mark.parametrize(("concept", "codes", "expected"), MEMBERS)
def test_membership(concept: str, codes: tuple[Coding, ...], expected: Membership) -> None:
    """The concept, what may be it, what is known to be something else, and what nobody has looked at."""
    assert TERMINOLOGY.membership(concept, codes) is expected


def test_a_list_of_codings_says_what_each_concept_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any codings together, of every concept at once; and however many entries have a coding, it is looked up once."""
    every = sorted({code for _, codes, _ in MEMBERS for code in codes})
    looked = []
    member = Terminology._coding_member  # noqa: SLF001  # how often it is asked is what is tested

    def counting(self: Terminology, *asked: Any) -> Membership:  # noqa: ANN401  # as it is called
        looked.append(asked)
        return member(self, *asked)

    monkeypatch.setattr(Terminology, "_coding_member", counting)
    known, plain = replace(TERMINOLOGY), replace(TERMINOLOGY)
    told = {
        codes: known.classified(ListKind.CONDITIONS, codes)
        for size in (0, 1, 2, 3)
        for codes in permutations(every, size)
    }
    assert len(looked) <= len(every) * len(TERMINOLOGY.catalogue.conditions)
    for codes, found in told.items():
        said = {name: plain.membership(name, codes) for name in TERMINOLOGY.catalogue.conditions}
        by = {each: {name for name in said if said[name] is each} for each in Membership}
        assert set(found.is_) == by[Membership.IS]
        assert set(found.may_be) == by[Membership.MAY_BE]
        assert set(found.unclassified) == by[Membership.UNCLASSIFIED]


def test_an_imported_release_exhausts_a_code_system() -> None:
    """With every code of a release at hand, a code that it doesn't put under the concept is something else."""
    whole = TERMINOLOGY.with_codes({"t-all": [Coding(SNOMED, "277575008")]}, exhaustive=[SNOMED])
    assert whole.hash != TERMINOLOGY.hash
    assert whole.membership("t-all", (RARE,)) is Membership.NOT
    assert whole.membership("gvhd", (RARE,)) is Membership.UNCLASSIFIED
    assert whole.membership("t-all", (T_ALL,)) is Membership.IS


def test_a_site_that_knows_a_code_ends_the_doubt() -> None:
    """What nobody has looked at is settled by the site's map, in both directions."""
    for target, expected in ((HYPERTENSION, Membership.NOT), (T_ALL, Membership.IS)):
        site = replace(TERMINOLOGY, local_maps={(RARE.system, RARE.code): (target,)})
        assert site.membership("t-all", (RARE,)) is expected


UNITS = Analyte(id="alt", title="ALT", scale=Scale.QUANTITY, unit="U/L", enzyme=True, freshness="l")


@pytest.mark.parametrize(("times", "longer"), [(4_000, 0), (150, 20_000)], ids=["ever new", "very long"])
def test_what_is_sent_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch, times: int, longer: int) -> None:
    """Whoever sends new codes and units for ever, or endless ones; each is still told."""
    monkeypatch.setattr(terminology, "_MOST_SEEN", 100)
    known = replace(TERMINOLOGY)  # which remembers nothing yet
    tracemalloc.start()
    try:
        for number in range(times):
            codes = (Coding(SNOMED, f"{number}{'9' * longer}"), HYPERTENSION)
            assert known.membership("t-all", codes) is known.membership("t-all", (HYPERTENSION,))
            assert known.classified(ListKind.CONDITIONS, codes).is_ == ()
            assert known.named_by(codes) == known.named_by((HYPERTENSION,))
            assert known.conversion(UNITS, f"U{number}{'9' * longer}", None) is None
            del codes
        left, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert left < 500_000
