"""A study's metadata -> ResearchStudy, and back.

Clients that match trials (mCODE's among them) read the NCT number first, texts beside codes, the criteria as lines of
`enrollment.display`, and sponsor, sites and what arms receive as contained resources: so all of it stands there.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from adapter.criteria import study
from adapter.criteria.model import Completeness, TrialDefinition
from adapter.criteria.study import CLINICAL_TRIALS, registered_first
from adapter.fhir.elements import conforms_to
from mappings.trial.fhir.contained import (
    SPONSOR_ID,
    STATUS,
    arm_plans,
    criterion_lines,
    read_site,
    site_id,
    site_location,
    sponsor_organization,
    words,
)
from mappings.trial.fhir.datatype import (
    BOOLEAN,
    CONCEPT,
    DURATION,
    ID,
    INTEGER,
    STRING,
    Extension,
    Record,
    code_of,
    enum_of,
    many,
    one,
)
from mappings.trial.fhir.element import (
    ELIGIBILITY,
    ENROLLMENT,
    OWN_STUDY,
    TREATMENT,
    Element,
    Json,
    code_system,
    element,
    listed,
    narrative,
    part_id,
    present,
    structure,
    table,
    text,
)

PHASE = "http://terminology.hl7.org/CodeSystem/research-study-phase"
PURPOSE = "http://terminology.hl7.org/CodeSystem/research-study-prim-purp-type"
OBJECTIVE = "http://terminology.hl7.org/CodeSystem/research-study-objective-type"
ARM_TYPE = code_system("arm-type")

PURPOSES = frozenset(
    {
        "treatment",
        "prevention",
        "diagnostic",
        "supportive-care",
        "screening",
        "health-services-research",
        "basic-science",
        "device-feasibility",
    }
)
"""R4's codes of ResearchStudy.primaryPurposeType."""

VERSION = Extension(structure("definition-version"), STRING)
COMPLETENESS = Extension(structure("completeness"), code_of(Completeness))
INDEX = Extension(structure("index-condition"), CONCEPT)
ENROLLED = Extension(structure("target-enrollment"), INTEGER)
SPONSOR = Extension(structure("sponsor"), Record(study.Sponsor, one("name", STRING), one("role", STRING)).datatype)
OUTCOME_MEASURE = Extension(
    structure("outcome-measure"),
    Record(
        study.OutcomeMeasure,
        one("type", code_of(study.OutcomeType)),
        one("title", STRING),
        one("time-frame", STRING),
        one("description", STRING),
    ).datatype,
)
DESIGN = Extension(
    structure("study-design"),
    Record(
        study.Design,
        one("allocation", code_of(study.Allocation)),
        one("model", code_of(study.InterventionModel)),
        one("masking", code_of(study.Masking)),
        many("masked", code_of(study.Masked)),
        one("observational-model", code_of(study.ObservationalModel)),
        one("time-perspective", code_of(study.TimePerspective)),
    ).datatype,
)
ELIGIBLE = Extension(
    structure("registry-eligibility"),
    Record(
        study.RegistryEligibility,
        one("min-age", DURATION),
        one("max-age", DURATION),
        one("sex", code_of(study.EligibleSex)),
        one("healthy-volunteers", BOOLEAN),
        one("sampling-method", code_of(study.SamplingMethod)),
        one("population", STRING),
    ).datatype,
)
"""What the registry's entry says in few words; it decides nothing."""
OFFICIAL_TITLE = Extension(structure("official-title"), STRING)
ACRONYM = Extension(structure("acronym"), STRING)
WHY_STOPPED = Extension(structure("why-stopped"), STRING)
STUDY_TYPE = code_system("study-type")
PHASES = {
    study.Phase.NOT_APPLICABLE: "N/A",
    study.Phase.EARLY_PHASE_1: "Early Phase 1",
    study.Phase.PHASE_1: "Phase 1",
    study.Phase.PHASE_1_2: "Phase 1/Phase 2",
    study.Phase.PHASE_2: "Phase 2",
    study.Phase.PHASE_2_3: "Phase 2/Phase 3",
    study.Phase.PHASE_3: "Phase 3",
    study.Phase.PHASE_4: "Phase 4",
}
"""R4's words for its codes."""
ARM_INTERVENTION = Extension(structure("arm-intervention"), ID)
"""The id of a contained activity of the treatment plan."""

_Registry = study.RecruitmentStatus
STATUSES = {
    _Registry.NOT_YET_RECRUITING: "approved",
    _Registry.RECRUITING: "active",
    _Registry.ENROLLING_BY_INVITATION: "active",
    _Registry.ACTIVE_NOT_RECRUITING: "closed-to-accrual",
    _Registry.COMPLETED: "completed",
    _Registry.SUSPENDED: "temporarily-closed-to-accrual",
    _Registry.TERMINATED: "administratively-completed",  # stopped early, nobody is treated any more: R4's own words
    _Registry.WITHDRAWN: "withdrawn",
    _Registry.AVAILABLE: "active",
    _Registry.NO_LONGER_AVAILABLE: "completed",
    _Registry.TEMPORARILY_NOT_AVAILABLE: "temporarily-closed-to-accrual",
    _Registry.APPROVED_FOR_MARKETING: "completed",
    _Registry.WITHHELD: "closed-to-accrual",
    _Registry.UNKNOWN: "closed-to-accrual",  # R4 wants a code and has none for it; this one invites nobody
}
"""R4's research-study-status for each of the registry's (ADR 0010)."""

_LEADING = ("lead", "sponsor")


def build_study(definition: TrialDefinition) -> Json:
    """The ResearchStudy."""
    held = definition.study
    plans = (part_id(definition.id, ELIGIBILITY), part_id(definition.id, TREATMENT))
    leading = next((each.name for each in held.sponsors if each.role.casefold() in _LEADING), None)
    arms = arm_plans(held)
    return present(
        {
            "resourceType": "ResearchStudy",
            "id": definition.id,
            "meta": conforms_to("study"),
            "text": _narrative(definition),
            "contained": [
                *([sponsor_organization(leading)] if leading else []),
                *(site_location(number, each) for number, each in enumerate(held.sites, 1)),
                *(plan for _, plan in arms),
            ],
            "extension": [
                *VERSION.write(definition.version),
                *COMPLETENESS.write(definition.completeness),
                *INDEX.write(*(definition.index if isinstance(definition.index, tuple) else ())),
                *STATUS.write(held.status),
                *ENROLLED.write(held.enrollment),
                *SPONSOR.write(*held.sponsors),
                *OUTCOME_MEASURE.write(*held.outcome_measures),
                *OFFICIAL_TITLE.write(held.official_title),
                *ACRONYM.write(held.acronym),
                *WHY_STOPPED.write(held.why_stopped),
                *DESIGN.write(held.design),
                *ELIGIBLE.write(held.eligibility),
            ],
            "identifier": [
                *({"system": each.system, "value": each.value} for each in registered_first(definition.identifiers)),
                {"system": OWN_STUDY, "value": definition.id},
            ],
            "title": held.title,
            "protocol": [
                *({"reference": f"PlanDefinition/{plan}"} for plan in plans),
                *({"reference": f"#{name}"} for name, _ in arms),
            ],
            "status": STATUSES[held.status],
            "primaryPurposeType": _purpose(held.purpose),
            "category": [_coded(STUDY_TYPE, held.type, f"Study Type: {words(held.type)}")] if held.type else [],
            "phase": _coded(PHASE, held.phase, PHASES[held.phase]) if held.phase else None,
            "condition": [{"text": name} for name in held.conditions],
            "contact": [_contact(each) for each in held.contacts],
            "relatedArtifact": [
                {"type": "documentation", "url": f"{CLINICAL_TRIALS}/study/{each.value}"}
                for each in definition.identifiers
                if each.system == CLINICAL_TRIALS
            ],
            "keyword": [{"text": word} for word in held.keywords],
            "description": held.summary,
            "enrollment": [
                present(
                    {
                        "reference": f"Group/{part_id(definition.id, ENROLLMENT)}",
                        "display": criterion_lines(definition),
                    }
                )
            ],
            "period": present({"start": held.start, "end": held.end}),
            "sponsor": {"reference": f"#{SPONSOR_ID}", "display": leading} if leading else None,
            "site": [
                {"reference": f"#{site_id(number)}", "display": each.name} for number, each in enumerate(held.sites, 1)
            ],
            "arm": [_arm(arm) for arm in held.arms],
            "objective": [
                {"name": each.text, "type": {"coding": [{"system": OBJECTIVE, "code": each.type.value}]}}
                for each in held.objectives
            ],
        }
    )


def _purpose(purpose: str | None) -> Json | None:
    if purpose is None:
        return None
    coding = [{"system": PURPOSE, "code": purpose}] if purpose in PURPOSES else None
    return present({"coding": coding, "text": purpose})


def _coded(system: str, code: StrEnum, words: str) -> Json:
    return {"coding": [{"system": system, "code": code.value}], "text": words}


def _contact(contact: study.Contact) -> Json:
    told = (("phone", contact.phone), ("email", contact.email))
    telecom = [{"system": system, "value": value} for system, value in told if value]
    return present({"name": contact.name, "telecom": telecom})


def _read_contact(contact: Element) -> study.Contact:
    told = {each.text("system"): each.need("value") for each in contact.each("telecom")}
    return study.Contact(name=contact.need("name"), phone=told.get("phone"), email=told.get("email"))


def _arm(arm: study.Arm) -> Json:
    return present(
        {
            "extension": ARM_INTERVENTION.write(*arm.interventions),
            "name": arm.name,
            "type": _coded(ARM_TYPE, arm.type, words(arm.type)) if arm.type else None,
            "description": arm.description,
        }
    )


def _narrative(definition: TrialDefinition) -> Json:
    held = definition.study
    facts = {
        "Identifiers": ", ".join(each.value for each in definition.identifiers),
        "Registry status": held.status.value,
        "Phase": held.phase.value if held.phase else "",
        "Conditions": ", ".join(held.conditions),
        "Sponsors": ", ".join(f"{each.name} ({each.role})" for each in held.sponsors),
        "Sites": "; ".join(each.name for each in held.sites),
        "Enrollment": str(held.enrollment) if held.enrollment else "",
        "Period": " to ".join(filter(None, (held.start, held.end))),
        "Published criteria": definition.completeness.value,
    }
    measures = [(each.type.value, each.title, each.time_frame or "") for each in held.outcome_measures]
    return narrative(
        element("h2", text(held.title)),
        element("p", text(held.summary)) if held.summary else "",
        listed(f"{element('b', name)}: {text(value)}" for name, value in facts.items() if value),
        table(("Outcome", "Measure", "Time frame"), measures),
    )


def read_head(found: Element) -> Mapping[str, Any]:
    """The definition's fields beside its criteria and its study."""
    name = found.need("id")  # also where an identifier says it: an error must say which resource is meant
    return {
        "id": _own_id(found) or name,
        "version": VERSION.need(found),
        "identifiers": registered_first(
            study.Identifier(system=each.need("system"), value=each.need("value"))
            for each in found.each("identifier")
            if each.text("system") != OWN_STUDY
        ),
        "completeness": COMPLETENESS.need(found),
        "index": INDEX.read(found) or None,
    }


def _own_id(found: Element) -> str | None:
    """The study's id as its identifier of ours says it, wherever a server put the resource."""
    own = (each for each in found.each("identifier") if each.text("system") == OWN_STUDY)
    return next((each.need("value") for each in own), None)


def read_metadata(
    found: Element, interventions: tuple[study.Intervention, ...], treatment: tuple[study.TreatmentStep, ...]
) -> study.Study:
    """The study, with what its treatment plan says. Raises DefinitionError with the path of what can't be read."""
    phase, type_ = found.code("phase", PHASE), found.code("category", STUDY_TYPE)
    period, purpose = found.below("period"), found.below("primaryPurposeType")
    contained = {each.text("id") or "": each for each in found.each("contained")}
    return study.Study(
        title=found.need("title"),
        status=STATUS.need(found),
        official_title=OFFICIAL_TITLE.read_one(found),
        acronym=ACRONYM.read_one(found),
        type=None if type_ is None else enum_of(study.StudyType, type_, found, "category"),
        why_stopped=WHY_STOPPED.read_one(found),
        design=DESIGN.read_one(found),
        eligibility=ELIGIBLE.read_one(found),
        phase=None if phase is None else enum_of(study.Phase, phase, found, "phase"),
        purpose=purpose.text("text") if purpose else None,
        summary=found.text("description"),
        enrollment=ENROLLED.read_one(found),
        start=period.text("start") if period else None,
        end=period.text("end") if period else None,
        sponsors=SPONSOR.read(found),
        conditions=tuple(each.need("text") for each in found.each("condition")),
        keywords=tuple(each.need("text") for each in found.each("keyword")),
        sites=tuple(read_site(each, contained) for each in found.each("site")),
        contacts=tuple(_read_contact(each) for each in found.each("contact")),
        arms=tuple(_read_arm(each) for each in found.each("arm")),
        interventions=interventions,
        objectives=tuple(_objective(each) for each in found.each("objective")),
        outcome_measures=OUTCOME_MEASURE.read(found),
        treatment=treatment,
    )


def _needed_code(element: Element, name: str, system: str) -> str:
    code = element.code(name, system)
    if code is None:
        element.refuse(f"a code of {system} is missing; add it", name)
    return code


def _read_arm(arm: Element) -> study.Arm:
    type_ = _needed_code(arm, "type", ARM_TYPE) if arm.has("type") else None
    return study.Arm(
        name=arm.need("name"),
        type=None if type_ is None else enum_of(study.ArmType, type_, arm, "type"),
        interventions=ARM_INTERVENTION.read(arm),
        description=arm.text("description"),
    )


def _objective(objective: Element) -> study.Objective:
    return study.Objective(
        type=enum_of(study.ObjectiveType, _needed_code(objective, "type", OBJECTIVE), objective, "type"),
        text=objective.need("name"),
    )
