"""The operations on ResearchStudy as data: what each takes and answers, and their OperationDefinitions (FHIR R4)."""

from dataclasses import dataclass

from adapter.fhir.elements import BASE, Json, conforms_to

NAME = "evaluate"
URL = f"{BASE}/OperationDefinition/ResearchStudy-evaluate"

MATCH = "match"
CODEX = "http://mcodeinitiative.org/codex/us/patient.clinical.trial.matching"
MATCH_URL = f"{CODEX}/OperationDefinition/ClinicalTrialMatchService"
"""CodeX's OperationDefinition of `$match` (Integrated Trial Matching for Cancer Patients and Providers)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InParameter:
    """One parameter; `values` are the elements of Parameters.parameter that it may be sent in, `type` is FHIR's."""

    name: str
    type: str
    values: tuple[str, ...]
    max: str
    text: str

    @property
    def in_query(self) -> bool:
        """Whether it may stand in the URL: FHIR allows it for primitive ones."""
        return self.type != "Bundle"


IN = (
    InParameter(
        name="subject",
        type="string",
        values=("valueString", "valueReference", "valueUri", "valueId"),
        max="*",
        text="A reference to a Patient, or to a Group of patients. None only with data of one patient.",
    ),
    InParameter(
        name="study",
        type="string",
        values=("valueString", "valueReference", "valueUri", "valueCanonical", "valueId"),
        max="*",
        text="A study: its id, a reference to the ResearchStudy, or a canonical of ours. None: all studies.",
    ),
    InParameter(
        name="data",
        type="Bundle",
        values=("resource",),
        max="1",
        text="The patient's record, a Bundle of any type; of one patient, unless subject chooses.",
    ),
    InParameter(
        name="useServerData",
        type="boolean",
        values=("valueBoolean",),
        max="1",
        text="Whether to ask the patient record's server. True if one is configured, and can't be if none is.",
    ),
    InParameter(
        name="asOf",
        type="dateTime",
        values=("valueDateTime", "valueDate", "valueInstant"),
        max="1",
        text="The instant to evaluate at; a date is the end of that day in the policy's time zone. None: now.",
    ),
    InParameter(
        name="policy",
        type="string",
        values=("valueString", "valueId", "valueCode"),
        max="1",
        text="The id of a policy that the server knows. None: the server's own.",
    ),
    InParameter(
        name="detail",
        type="code",
        values=("valueCode", "valueString"),
        max="1",
        text="full: a reason for every criterion (default). decision: the decision, its reasons and how long it holds.",
    ),
    InParameter(
        name="recruiting",
        type="boolean",
        values=("valueBoolean",),
        max="1",
        text="true: of the asked studies only those that the registry says are recruiting.",
    ),
)


def operation_definition() -> Json:
    """The operation as FHIR describes it to clients."""
    parameters: list[Json] = [
        {
            "name": each.name,
            "use": "in",
            "min": 0,
            "max": each.max,
            "documentation": each.text,
            "type": each.type,
        }
        for each in IN
    ]
    answer = "For each subject and study a ResearchSubject and a GuidanceResponse; an OperationOutcome for a subject "
    answer += "that failed among others."
    parameters.append({"name": "return", "use": "out", "min": 1, "max": "1", "documentation": answer, "type": "Bundle"})
    return _definition(
        NAME,
        name="ResearchStudyEvaluate",
        title="Evaluate patients against the eligibility criteria of studies",
        text="Says for each patient and study whether they may take part, with a reason for every criterion.",
        instance=True,
        parameters=parameters,
    )


FEASIBILITY = "feasibility"
FEASIBILITY_URL = f"{BASE}/OperationDefinition/ResearchStudy-feasibility"
FEASIBILITY_IN = (
    ("study", "*", "string", "A study: its id, a reference to the ResearchStudy, or a canonical of ours. None: all."),
    ("vary", "*", "string", "STUDY:CRITERION=BOUND: the study with another bound, beside the study."),
    ("minCount", "1", "integer", "Counts below it are not told; nor are those below the site's own."),
    ("asOf", "1", "dateTime", "The instant to count at; a date is the end of that day. None: now."),
    ("policy", "1", "string", "The id of a policy that the server knows. None: the server's own."),
)
"""What `$feasibility` takes: name, how often, type, and what it is."""

_Out = tuple[str, str, str | tuple["_Out", ...], str]
_COUNTS: tuple[_Out, ...] = (
    ("indicated", "1", "integer", "Patients with the disease that the study is about."),
    ("possible", "1", "integer", "Of them, those whom nothing rules out."),
    ("settled", "1", "integer", "Of them, those with nothing open."),
)
FEASIBILITY_OUT: tuple[_Out, ...] = (
    ("asOf", "1", "dateTime", "The instant that was counted at."),
    ("policy", "1", (("id", "1", "string", "Its id."), ("hash", "1", "string", "Its hash.")), "The policy."),
    ("terminology", "1", (("hash", "1", "string", "Its hash."),), "The terminology."),
    ("minCount", "1", "integer", "Smaller counts are left out."),
    ("patients", "1", "integer", "Patients whose facts are kept."),
    ("failed", "1", "integer", "Patients whose record couldn't be read."),
    (
        "study",
        "*",
        (
            ("study", "1", "string", "Its id."),
            ("studyVersion", "1", "string", "The version of its definition."),
            ("title", "1", "string", "Its title."),
            ("variant", "1", "string", "What differs, STUDY:CRITERION=BOUND; none for the study as it is."),
            ("unclear", "1", "integer", "Patients whose indication is unclear."),
            *_COUNTS,
            ("deceased", "1", "integer", "Of the indicated, those who died."),
            (
                "criterion",
                "*",
                (
                    ("id", "1", "string", "Its id in the study."),
                    ("kind", "1", "string", "inclusion or exclusion."),
                    ("label", "1", "string", "Its label."),
                    ("met", "1", "integer", "Patients by whom it is met."),
                    ("notMet", "1", "integer", "Patients by whom it is not met."),
                    ("unknown", "1", "integer", "Patients of whom it is not known."),
                    ("rulesOut", "1", "integer", "Patients whom it rules out."),
                    ("onlyThis", "1", "integer", "Of them, those whom nothing else rules out."),
                    ("remaining", "1", "integer", "Patients left after it and all before it."),
                    ("settled", "1", "integer", "Of them, those of whom all that is known."),
                ),
                "A criterion, by itself and in the order of the study.",
            ),
            (
                "intersection",
                "*",
                (
                    ("criterion", "*", "string", "The ids of the criteria; none: all other sets together."),
                    ("patients", "1", "integer", "Patients whom just these rule out."),
                ),
                "Criteria that rule out together.",
            ),
            (
                "group",
                "*",
                (
                    ("by", "1", "code", "What groups: sex, age or site."),
                    ("value", "1", "string", "Whose counts these are."),
                    *_COUNTS,
                ),
                "The counts of a part of the patients.",
            ),
        ),
        "The counts of a study or of a variant.",
    ),
)
"""What `$feasibility` answers: name, how often, type or parts, and what it is. A count that is not told is left out."""


def feasibility_definition() -> Json:
    """`$feasibility` as FHIR describes it to clients."""
    parameters: list[Json] = [
        {"name": name, "use": "in", "min": 0, "max": most, "documentation": text, "type": type_}
        for name, most, type_, text in FEASIBILITY_IN
    ]
    parameters += [_out(each) for each in FEASIBILITY_OUT]
    return _definition(
        FEASIBILITY,
        name="ResearchStudyFeasibility",
        title="Count how many patients studies could find",
        text="Counts the site's patients by the criteria of studies and of variants of them.",
        instance=False,
        parameters=parameters,
    )


def _definition(code: str, *, name: str, title: str, text: str, instance: bool, parameters: list[Json]) -> Json:
    """An operation on studies that changes nothing. `instance`: whether it may be asked of one study by its URL."""
    id_ = f"ResearchStudy-{code}"
    return {
        "resourceType": "OperationDefinition",
        "id": id_,
        "meta": conforms_to("operation"),
        "url": f"{BASE}/OperationDefinition/{id_}",
        "version": "1.0.0",
        "name": name,
        "title": title,
        "status": "active",
        "experimental": False,
        "kind": "operation",
        "description": text,
        "affectsState": False,
        "code": code,
        "resource": ["ResearchStudy"],
        "system": False,
        "type": True,
        "instance": instance,
        "parameter": parameters,
    }


def _out(described: _Out) -> Json:
    """An answered parameter, with its parts, as FHIR describes it."""
    name, most, of, text = described
    held: Json = {"name": name, "use": "out", "min": 0, "max": most, "documentation": text}
    return held | ({"type": of} if isinstance(of, str) else {"part": [_out(each) for each in of]})
