"""The YAML form of a study's metadata; what a source doesn't say is left out."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, StringConstraints
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from adapter.criteria import study
from mappings.terminology.yaml_file import Flag, Form, Problem
from mappings.trial.form import AgeText, ExposureId, Text, Window

CalendarDate = Annotated[str, StringConstraints(pattern=r"^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$")]
"""A FHIR date: a year, a month or a day."""

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
"""An id in lower case, no longer than FHIR ids are."""


class IdentifierForm(Form):
    """A business identifier."""

    system: Annotated[str, StringConstraints(pattern=r"^(https?://|urn:)\S+$")]
    value: Text

    def to_identifier(self) -> study.Identifier:
        """The identifier."""
        return study.Identifier(system=self.system, value=self.value)


class SponsorForm(Form):
    """An organisation or person responsible for the study."""

    name: Text
    role: Text


class InterventionForm(Form):
    """What is given or done."""

    id: Slug
    name: Text
    type: study.InterventionType
    concept: ExposureId | None = None
    route: Text | None = None


class ArmForm(Form):
    """A group of participants and what it receives."""

    name: Text
    type: study.ArmType | None = None
    interventions: tuple[Slug, ...] = ()
    description: Text | None = None


class ObjectiveForm(Form):
    """What the study wants to find out."""

    type: study.ObjectiveType
    text: Text


class OutcomeMeasureForm(Form):
    """What is measured, and over which time."""

    type: study.OutcomeType
    title: Text
    time_frame: Text | None = None
    description: Text | None = None


class TreatmentStepForm(Form):
    """One step of the treatment; days count from the infusion (day 0), or else from the first day of treatment."""

    phase: Text
    title: Text
    interventions: tuple[Slug, ...] = ()
    start_day: int | None = None
    end_day: int | None = None
    duration: Window | None = None
    """The shortest length that the source states."""
    note: Text | None = None


class DesignForm(Form):
    """How the study is built."""

    allocation: study.Allocation | None = None
    model: study.InterventionModel | None = None
    masking: study.Masking | None = None
    masked: tuple[study.Masked, ...] = ()
    observational_model: study.ObservationalModel | None = None
    time_perspective: study.TimePerspective | None = None


class EligibilityForm(Form):
    """What the registry's entry says of who may take part. It decides nothing: the criteria do."""

    min_age: AgeText | None = None
    max_age: AgeText | None = None
    sex: study.EligibleSex | None = None
    healthy_volunteers: Flag | None = None
    sampling_method: study.SamplingMethod | None = None
    population: Text | None = None


class _OrText:
    """A mapping of which a text alone says the name."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"type": "string"}, handler(core)]}


_OR_TEXT = _OrText()


def _named(written: object) -> object:
    return {"name": written} if isinstance(written, str) else written


class LocationForm(Form):
    """A place where the study runs."""

    name: Text
    city: Text | None = None
    state: Text | None = None
    postal_code: Text | None = None
    country: Text | None = None
    latitude: Annotated[Decimal, Field(ge=-90, le=90)] | None = None
    """In degrees, north of the equator (WGS 84); with the longitude."""
    longitude: Annotated[Decimal, Field(ge=-180, le=180)] | None = None
    """In degrees, east of Greenwich; with the latitude."""
    status: study.RecruitmentStatus | None = None


def _positions(sites: Iterable[LocationForm]) -> Iterator[Problem]:
    for index, site in enumerate(sites):
        if (site.latitude is None) != (site.longitude is None):
            yield ("study", "sites", index), "a position is a latitude and a longitude; add the other one"


class ContactForm(Form):
    """Whom to ask."""

    name: Text
    phone: Text | None = None
    email: Text | None = None


class StudyForm(Form):
    """The study's metadata."""

    title: Text
    status: study.RecruitmentStatus
    official_title: Text | None = None
    acronym: Text | None = None
    type: study.StudyType | None = None
    why_stopped: Text | None = None
    design: DesignForm | None = None
    eligibility: EligibilityForm | None = None
    phase: study.Phase | None = None
    purpose: Text | None = None
    summary: Text | None = None
    enrollment: Annotated[int, Field(ge=1)] | None = None
    start: CalendarDate | None = None
    end: CalendarDate | None = None
    sponsors: tuple[SponsorForm, ...] = ()
    conditions: tuple[Text, ...] = ()
    keywords: tuple[Text, ...] = ()
    sites: tuple[Annotated[LocationForm, BeforeValidator(_named), _OR_TEXT], ...] = ()
    contacts: tuple[Annotated[ContactForm, BeforeValidator(_named), _OR_TEXT], ...] = ()
    arms: tuple[ArmForm, ...] = ()
    interventions: tuple[InterventionForm, ...] = ()
    objectives: tuple[ObjectiveForm, ...] = ()
    outcome_measures: tuple[OutcomeMeasureForm, ...] = ()
    treatment: tuple[TreatmentStepForm, ...] = ()

    def problems(self) -> Iterator[Problem]:
        """What contradicts itself: dates, days, and interventions that are named but not listed."""
        if self.start and self.end and self.end < self.start[: len(self.end)]:
            yield ("study", "end"), f"the study ends ({self.end}) before it starts ({self.start}); correct one of them"
        known = [intervention.id for intervention in self.interventions]
        for index, intervention in enumerate(known):
            if intervention in known[:index]:
                yield ("study", "interventions", index, "id"), f"{intervention!r} stands twice; rename one of them"
        yield from _positions(self.sites)
        users = [("arms", index, arm.interventions) for index, arm in enumerate(self.arms)]
        users += [("treatment", index, step.interventions) for index, step in enumerate(self.treatment)]
        for name, index, named in users:
            for position, intervention in enumerate(named):
                if intervention not in known:
                    where = ("study", name, index, "interventions", position)
                    yield where, f"no intervention has the id {intervention!r}; add it to study.interventions"
        for index, step in enumerate(self.treatment):
            if step.start_day is not None and step.end_day is not None and step.end_day < step.start_day:
                yield ("study", "treatment", index, "end-day"), "the step ends before it starts; exchange the days"

    def to_study(self) -> study.Study:
        """The metadata."""
        return study.Study(
            **{
                **{name: getattr(self, name) for name in type(self).model_fields},
                "design": self.design and study.Design(**dict(self.design)),
                "eligibility": self.eligibility and study.RegistryEligibility(**dict(self.eligibility)),
                "sites": tuple(study.Location(**dict(entry)) for entry in self.sites),
                "contacts": tuple(study.Contact(**dict(entry)) for entry in self.contacts),
                "sponsors": tuple(study.Sponsor(**dict(entry)) for entry in self.sponsors),
                "arms": tuple(study.Arm(**dict(entry)) for entry in self.arms),
                "interventions": tuple(study.Intervention(**dict(entry)) for entry in self.interventions),
                "objectives": tuple(study.Objective(**dict(entry)) for entry in self.objectives),
                "outcome_measures": tuple(study.OutcomeMeasure(**dict(entry)) for entry in self.outcome_measures),
                "treatment": tuple(study.TreatmentStep(**dict(entry)) for entry in self.treatment),
            }
        )
