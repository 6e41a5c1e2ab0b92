"""The catalogue: what is known of each concept that criteria name, apart from its codes.

A concept's id is also the id of its value set. The catalogue itself is data (`mappings/terminology/concepts.yaml`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from adapter.criteria.calendar import CalendarUnit, Duration, Length
from adapter.criteria.formula import Formula
from adapter.criteria.infection import InfectionTable
from adapter.criteria.quantity import Linear, Number


class Scale(StrEnum):
    """How an analyte is reported: a quantity with a unit, a plain number (ECOG), a finding, or a coded answer."""

    QUANTITY = "quantity"
    SCORE = "score"
    FINDING = "finding"
    ANSWER = "answer"


class Positivity(StrEnum):
    """When a number, or the answer yes, counts as a positive finding.

    `cutoff`: at or above the policy's antigen cut-off positive, 0 negative, between a question.
    `above-zero`: above 0 positive, 0 negative. `above-range`: not above its own range's upper limit negative, above it
    a question. `above-range-or-none`: the same of what healthy people have none of, so that a flag "normal" without a
    range makes no number above 0 negative. `own-range`: of an index, whose number and range have a unit of their own:
    not above the range negative, above it a question, without one it says nothing. `own-range-or-zero`: the same, and
    without one as `above-zero`. `titre`: a titre (1:n) is positive, any other number says nothing. `yes`:
    the name is a question, with yes and no as answers; a number says nothing. `typed`: what is named is a type of what
    was found (1a, "genotype 3"), so that naming it is positive. `never`: a number alone says nothing (no
    threshold is known).
    """

    CUTOFF = "cutoff"
    ABOVE_ZERO = "above-zero"
    ABOVE_RANGE = "above-range"
    ABOVE_RANGE_OR_NONE = "above-range-or-none"
    OWN_RANGE = "own-range"
    OWN_RANGE_OR_ZERO = "own-range-or-zero"
    TITRE = "titre"
    YES = "yes"
    TYPED = "typed"
    NEVER = "never"


KINDS_OF_UNITS = ("enzyme", "cells")
"""Kinds of analytes for which some texts of units mean something of their own (`units.yaml`)."""


class Effort(StrEnum):
    """What it takes to get data that are missing, the least first: a patient's burden, and the study's cost."""

    RECORD = "record"
    EXAMINATION = "examination"
    LABORATORY = "laboratory"
    IMAGING = "imaging"
    BIOPSY = "biopsy"
    JUDGEMENT = "judgement"
    CONSENT = "consent"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a living patient can have, in an analyte's canonical unit: both ends inclusive."""

    low: Decimal
    high: Decimal

    def hold(self, low: Number | None, high: Number | None) -> bool:
        """Whether a value from `low` to `high` (None: open) may be real; one below a detection limit is."""
        if low is not None and low > self.high:
            return False
        return high is None or high >= (self.low if low is not None else 0)


@dataclass(frozen=True, slots=True)
class Support:
    """A treatment that raises an analyte while it is given: `analyte` above `above`, in that one's canonical unit."""

    analyte: str
    above: Decimal


@dataclass(frozen=True, slots=True)
class Conversion:
    """How a number in another unit becomes one in the analyte's canonical unit, where UCUM knows no such way.

    `steps`: the least difference that people report in the other unit, and in the canonical one. 48 mmol/mol of HbA1c
    are reported as 6.5 %, and are 6.543 %: what differs by less than half a step is as good as equal.
    """

    linear: Linear
    steps: tuple[Decimal, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodedAnswer:
    """An answer that an analyte may have; its id is that of the value set that holds its codes.

    `words`: what people write for it. `parts`: finer answers that are this one, too (stage IIA is a stage II).
    `undetermined`: that nobody could tell (a TX): it may be any of the others.
    """

    id: str
    title: str
    words: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    undetermined: bool = False


_SEVERAL = 2
_COUNTS = frozenset({"10*9/L", "10*12/L"})  # units of what is counted in a volume


@dataclass(frozen=True, slots=True, kw_only=True)
class Analyte:
    """What an Observation measures.

    `unit`: canonical UCUM unit of a quantity (`1` for scores). `molar_mass`: g/mol. `charge`: equivalents in a mole.
    `conversions`: other units that convert by a formula of their own (HbA1c by IFCC and by NGSP). `freshness`: the
    policy's class that says how long a value stands. `effort`: what a new value takes, where that isn't what its class
    takes (blasts of the blood need no marrow).
    `negative_below`: of a number without any range, from where on it is no longer surely negative.
    `not_comparable`: value sets of codes that look alike and must not be compared.
    `answers`: those that are told apart, by id. `order`: of them, from the least to the most; the parts of one stand in
    their own order in its place. `enzyme`: an IU written in its unit means U.
    `alternative`: an analyte that counts as well while the patient is younger than `alternative_below`.
    `plausible`: values, `plausible_lower` and `plausible_upper`: limits of normal that are possible.
    `percent`: a score that people also write in per cent. `tumour_cells`: analytes that count the blasts of the
    sample; without any, an antigen of 0 says nothing, but of a tumour that has none. `of_blasts`: those whose codes say
    that it was measured on blasts, which says nothing of such a tumour. `raised_by`: treatments under which a high
    value says nothing of the patient without them, as they are measured; `raised_during`: those that are done or given.
    `above`, `below`: an analyte of which a value of the same resource is surely lower, or higher.
    """

    id: str
    title: str
    scale: Scale
    freshness: str
    effort: Effort | None = None
    unit: str | None = None
    molar_mass: Decimal | None = None
    charge: int | None = None
    conversions: Mapping[str, Conversion] = field(default_factory=dict)
    answers: Mapping[str, CodedAnswer] = field(default_factory=dict)
    order: tuple[str, ...] = ()
    positivity: Positivity = Positivity.NEVER
    negative_below: Decimal | None = None
    not_comparable: tuple[str, ...] = ()
    enzyme: bool = False
    alternative: str | None = None
    alternative_below: Duration | None = None
    plausible: Bounds | None = None
    plausible_lower: Bounds | None = None
    plausible_upper: Bounds | None = None
    percent: bool = False
    tumour_cells: tuple[str, ...] = ()
    of_blasts: tuple[str, ...] = ()
    raised_by: tuple[Support, ...] = ()
    raised_during: tuple[str, ...] = ()
    above: str | None = None
    below: str | None = None

    @property
    def kind(self) -> str | None:
        """Of which of `KINDS_OF_UNITS` it is; None for most."""
        if self.enzyme:
            return "enzyme"
        return "cells" if self.unit in _COUNTS else None

    def ranked(self) -> tuple[str, ...]:
        """The finest answers of the order, from the least to the most."""
        return tuple(finest for name in self.order for finest in self.finest(name))

    def finest(self, name: str) -> tuple[str, ...]:
        """The answers without parts that an answer holds, itself if it has none.

        One with a single part holds more than that, which nothing else names: it is among them, too.
        """
        parts = self.answers[name].parts
        own = (name,) if len(parts) < _SEVERAL else ()
        return own + tuple(each for part in parts for each in self.finest(part))


class Breadth(StrEnum):
    """Whether a concept is one disease, drug or substance, or a family of many.

    A closed or refuted entry says something of an `entity`; of a `family` it speaks for one member only.
    """

    ENTITY = "entity"
    FAMILY = "family"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """What makes a negative unsafe: a result, or a drug or procedure, named by the concept that it contradicts.

    `analyte` positive, or above `above` in its canonical unit; or `exposure`, running and not given as prophylaxis.
    What was given `within` that time runs.
    """

    analyte: str | None = None
    above: Decimal | None = None
    exposure: str | None = None
    within: Duration = field(default=Duration(7, CalendarUnit.DAY))


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedConcept:
    """What the entries of a record's lists are classified by.

    `extent`: in words, what belongs to it and what doesn't. `may_be`: value sets of codes too coarse to tell (an ICD
    code without lineage): on record, `needs-review`. `related`: concepts whose codes don't rule this one out.
    `absent`: value sets of explicit "no known …" codes.
    """

    id: str
    title: str
    breadth: Breadth = Breadth.FAMILY
    extent: str = ""
    may_be: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceConcept(ListedConcept):
    """A device that a patient has. `implanted_by`: value sets of the operations that put one in."""

    implanted_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionConcept(ListedConcept):
    """A diagnosis.

    `transient`: how long an entry that was never closed stands; `passing`: the same for entries of some value sets
    only (acute graft-versus-host disease passes, chronic doesn't). `inborn`: it does not resolve; `lifelong`: nor does
    it pass, though it may be acquired. `doubts`: what makes a negative unsafe. `pregnancy`: read by the pregnancy rule;
    `ended_by`: value sets of what ends it; `apart`: of what is surely another disease of its families (T-ALL: B-ALL).
    `ruled_out_below`: the age below which, and `ruled_out_by`: the operations after which, nobody gets pregnant.
    `outlasts_womb`: how long it may go on after those. `sites`: concepts of the same disease outside its own place
    (leukaemia of the nervous system). `blastic`: its tumour cells are blasts; `mature`: those of its kinds that are not
    blastic have none.
    """

    transient: Duration | None = None
    passing: Mapping[str, Duration] = field(default_factory=dict)
    inborn: bool = False
    lifelong: bool = False
    doubts: tuple[Doubt, ...] = ()
    pregnancy: bool = False
    ended_by: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    ruled_out_below: Duration | None = None
    ruled_out_by: tuple[str, ...] = ()
    outlasts_womb: Duration | None = None
    sites: tuple[str, ...] = ()
    blastic: bool = False
    mature: bool = False

    @property
    def lasts(self) -> bool:
        """Whether who has it has it for life: no entry of it is closed for good."""
        return self.inborn or self.lifelong


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureConcept(ListedConcept):
    """A drug or a procedure.

    `systemic_class`: value sets of classes that are systemic by themselves (ATC). `vaccine`: immunizations count too.
    `half_life`: of the drug, in days or in hours. `equivalents`: of a class, what of each drug does as much as
    another. `told_by`: value sets of diagnoses that say that it was done or given (transplant status).
    """

    systemic_class: tuple[str, ...] = ()
    vaccine: bool = False
    half_life: Length | None = None
    equivalents: "Equivalents | None" = None
    told_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Equivalents:
    """What of each drug of a class does as much: its dose by (system, code), all in the same unit of mass.

    `of`: what doses are told in. `reference`: that drug's own dose.
    """

    of: str
    reference: Decimal
    doses: Mapping[tuple[str, str], Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubstanceConcept(ListedConcept):
    """A substance that one may be allergic to.

    `cross_reacts`: substances to which an allergy may be one to this as well.
    """

    cross_reacts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Every concept by id, one mapping a kind.

    `devices`, `encounters` (ways of being treated), `reports` (what is examined), `specimens`, `relatives`,
    `body_sites`, `methods` and `routes` (by which drugs are given) classify the entries of the lists of that name.
    `infections`: the tables of tests, by the condition that they settle. `efforts`: what a new value of a class of
    freshness takes. `freshness`: how long one of a class stands where the policy says nothing of it.
    """

    analytes: Mapping[str, Analyte]
    conditions: Mapping[str, ConditionConcept]
    exposures: Mapping[str, ExposureConcept]
    substances: Mapping[str, SubstanceConcept]
    devices: Mapping[str, DeviceConcept] = field(default_factory=dict)
    encounters: Mapping[str, ListedConcept] = field(default_factory=dict)
    reports: Mapping[str, ListedConcept] = field(default_factory=dict)
    specimens: Mapping[str, ListedConcept] = field(default_factory=dict)
    relatives: Mapping[str, ListedConcept] = field(default_factory=dict)
    body_sites: Mapping[str, ListedConcept] = field(default_factory=dict)
    methods: Mapping[str, ListedConcept] = field(default_factory=dict)
    routes: Mapping[str, ListedConcept] = field(default_factory=dict)
    infections: Mapping[str, InfectionTable] = field(default_factory=dict)
    efforts: Mapping[str, Effort] = field(default_factory=dict)
    freshness: Mapping[str, Duration] = field(default_factory=dict)
    formulas: Mapping[str, tuple[Formula, ...]] = field(default_factory=dict)

    @property
    def listed(self) -> dict[str, ListedConcept]:
        """Every concept that entries of a record's lists are classified by."""
        return {
            **self.conditions,
            **self.exposures,
            **self.substances,
            **self.devices,
            **self.encounters,
            **self.reports,
            **self.specimens,
            **self.relatives,
            **self.body_sites,
            **self.methods,
            **self.routes,
        }

    def tests_infection(self, analyte: str) -> bool:
        """Whether an analyte is one of the tests of an infection, or of those that are nothing unless negative."""
        tests = (each.analyte for table in self.infections.values() for each in table.tests.values())
        doubts = (each for concept in self.conditions.values() for each in concept.doubts)
        return analyte in tests or any(each.analyte == analyte and each.above is None for each in doubts)

    def has_no_blasts(self, value_sets: frozenset[str]) -> bool:
        """Whether somebody with diagnoses of these value sets has a mature tumour, and none that may be blastic."""
        mature = any(each.mature and id_ in value_sets for id_, each in self.conditions.items())
        return mature and not any(
            each.blastic and not value_sets.isdisjoint((id_, *each.may_be)) for id_, each in self.conditions.items()
        )
