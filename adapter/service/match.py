"""Which trials fit a patient's data, as a ranked list: CodeX's operation `$match`, mCODE's `POST /getClinicalTrial`.

Both ask the same: a Bundle of one patient's data, and what is looked for (where, which phase, which status). The first
takes it as Parameters and answers with `trialMatchOutput` (CodeX: Integrated Trial Matching for Cancer Patients and
Providers); the second is the contract of mCODE's clinical-trial-matching-service, whose Bundle brings the Parameters
along, and whose public app sends no token: it is there only where the site opens it to a network.
"""

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar
from uuid import NAMESPACE_URL, uuid5

import msgspec
from fastapi import FastAPI
from msgspec import Raw, Struct
from starlette.requests import Request
from starlette.responses import Response

from adapter.criteria.model import TrialDefinition
from adapter.criteria.study import CLOSED, Phase, RecruitmentStatus
from adapter.criteria.truth import Truth
from adapter.evaluator import evaluate_all
from adapter.evaluator.verdict import CriterionResult, Decision, Verdict
from adapter.fhir import Issue, operation_outcome
from adapter.fhir.elements import BASE, Json, conforms_to
from adapter.record import read_record
from adapter.record.bundle import json_text, type_of
from adapter.record.contents import Contents, contents_of
from adapter.record.references import is_key
from adapter.service.access import Caller, caller_of, check_reads, check_subjects
from adapter.service.audit import note_access
from adapter.service.errors import NotFoundError, ParameterError, TooCostlyError
from adapter.service.http import (
    JSON,
    Parcel,
    check_content_type,
    hold_of,
    json_bytes,
    limits_of,
    media_type_of,
    parcel_response,
    read_body,
)
from adapter.service.openapi import match_by_bundle, match_by_parameters
from adapter.service.site import Site, ZipCodes, miles, position_of, zip_position
from adapter.service.state import state_of
from adapter.service.subjects import only_patient
from mappings.trial.fhir.study import STATUSES, build_study

LOWEST, HIGHEST = Decimal("0.01"), Decimal("0.74")
"""The scores between which potential candidates stand: mCODE's app calls less "No match", and 0.75 a likely one."""

_OF_NOBODY = contents_of(b'{"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient"}}]}')
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)
_ANY = frozenset({"", "any", "all"})
_COMBINED = {
    Phase.PHASE_1_2: frozenset({Phase.PHASE_1, Phase.PHASE_2}),
    Phase.PHASE_2_3: frozenset({Phase.PHASE_2, Phase.PHASE_3}),
}

_MOST_REASONS = 20

W = TypeVar("W", bound=StrEnum)


def score(verdict: Verdict) -> Decimal:
    """How well a trial fits, from 0 to 1: `search.score`.

    1 for a candidate, 0 for whom a criterion rules out. Between, the share of the criteria that are known to speak for
    the patient, from LOWEST to HIGHEST: each further criterion that is settled for them makes it higher. Where the
    trial's disease is not on record it stays LOWEST.
    """
    match verdict.decision:
        case Decision.CANDIDATE:
            return Decimal(1)
        case Decision.INELIGIBLE:
            return Decimal(0)
        case Decision.POTENTIAL_CANDIDATE:
            known = len(verdict.criteria) - verdict.open_criteria if verdict.has_indication else 0
            share = Decimal(known) / max(1, len(verdict.criteria))
            return round(LOWEST + (HIGHEST - LOWEST) * share, 4)


class Sought(Struct, frozen=True, kw_only=True):
    """What is looked for; None for anything. `radius`: in miles."""

    zip_code: str | None = None
    radius: float | None = None
    phases: frozenset[Phase] | None = None
    statuses: frozenset[RecruitmentStatus] | None = None


class _Parameter(Struct, frozen=True, rename="camel"):
    name: str
    value_string: str | None = None
    value_code: str | None = None
    value_decimal: Decimal | None = None
    value_integer: int | None = None
    resource: Raw = Raw()

    @property
    def said(self) -> str:
        """The value as text."""
        values = (self.value_string, self.value_code, self.value_decimal, self.value_integer)
        return next((str(each).strip() for each in values if each is not None), "")


class _Parameters(Struct, frozen=True):
    parameter: tuple[_Parameter, ...] = ()


class _Older(Struct, frozen=True, rename="camel"):
    """What mCODE's services have taken before: the Bundle, or its text, as a member."""

    patient_data: Raw


_parameters = msgspec.json.Decoder(_Parameters)
_older = msgspec.json.Decoder(_Older)
_DATA = "trialMatchClinicalData"
_NAMES = ("zipCode", "travelRadius", "phase", "recruitmentStatus")


def _read_parameters(text: bytes | Raw, what: str) -> tuple[_Parameter, ...]:
    try:
        return _parameters.decode(text).parameter
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        msg = f"{what} can't be read: {error}"
        raise ParameterError(msg, code="structure") from None


def _plain(word: str) -> str:
    return "".join(letter for letter in word.casefold() if letter.isalnum())


_PHASES: dict[str, frozenset[Phase]] = {
    _plain(phase): frozenset({phase, *(each for each, parts in _COMBINED.items() if phase in parts)}) for phase in Phase
}
"""A phase by its code or R4's words for it -> the phases of trials that it finds; those of two phases have both."""

_STATUSES: dict[str, frozenset[RecruitmentStatus]] = {
    _plain(word): frozenset(each for each, code in STATUSES.items() if word in {each, code})
    for word in (*RecruitmentStatus, *STATUSES.values())
}
"""A status in the registry's words or R4's -> the registry's statuses that it finds."""


def sought(parameters: Iterable[_Parameter]) -> Sought:
    """What parameters look for; those that mean something else are left alone. Raises ParameterError."""
    said: dict[str, str] = {}
    for each in parameters:
        if each.name in said and each.name in _NAMES:
            msg = f"{each.name} is given more than once; give it once"
            raise ParameterError(msg, expression=each.name)
        said[each.name] = each.said
    phase, status = said.get("phase", ""), said.get("recruitmentStatus", "")
    return Sought(
        zip_code=said.get("zipCode") or None,
        radius=_radius(said.get("travelRadius", "")),
        phases=_named("phase", phase, _PHASES, Phase),
        statuses=_named("recruitmentStatus", status, _STATUSES, RecruitmentStatus),
    )


def _named(name: str, word: str, known: Mapping[str, frozenset[W]], codes: Iterable[W]) -> frozenset[W] | None:
    if _plain(word) in _ANY:
        return None
    found = known.get(_plain(word))
    if found is None:
        msg = f"no {name} {word[:64]!r}; known are {', '.join(codes)}, and any"
        raise ParameterError(msg, expression=name)
    return found


def _radius(text: str) -> float | None:
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        msg = "travelRadius is a number of miles; write 50"
        raise ParameterError(msg, expression="travelRadius")
    return float(text)


class Asked(Struct, frozen=True, gc=False):
    """One request, as it came. `bare`: the Bundle alone, as mCODE's app sends it; else Parameters."""

    body: Parcel
    bare: bool
    now: datetime
    caller: Caller
    pretty: bool = False

    def read(self, site: Site) -> tuple[Sought, Contents]:
        """What is looked for, and the patient's data. Raises AdapterError of the kinds in `adapter.service.errors`."""
        text = json_text(self.body.plain(site.limits.max_body))
        return _in_bundle(text, site.limits.max_entries) if self.bare else _in_parameters(text, site.limits.max_entries)


def _type(text: bytes | Raw) -> str:
    try:
        return type_of(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        msg = f"the body can't be read: {error}; send FHIR R4 JSON"
        raise ParameterError(msg, code="structure") from None


def _in_parameters(text: bytes, max_entries: int) -> tuple[Sought, Contents]:
    if (kind := _type(text)) != "Parameters":
        msg = f"the body is a {kind[:64]!r}; send Parameters with {_DATA}, a Bundle of the patient's data"
        raise ParameterError(msg)
    given = _read_parameters(text, "Parameters")
    for place, each in enumerate(given):
        if each.name not in {*_NAMES, _DATA}:
            msg = f"no parameter {each.name[:64]!r}; known are {', '.join((*_NAMES, _DATA))}"
            raise ParameterError(msg, code="not-supported", expression=f"Parameters.parameter[{place}]")
    held = [each.resource for each in given if each.name == _DATA]
    if len(held) != 1 or held[0] == Raw():
        msg = f"{_DATA} is needed, once: a Bundle of the patient's data, as resource"
        raise ParameterError(msg, code="required", expression=_DATA)
    if _type(held[0]) != "Bundle":
        msg = f"{_DATA} must be a Bundle; put the patient's resources into one (type collection)"
        raise ParameterError(msg, code="value", expression=_DATA)
    return sought(given), contents_of(bytes(held[0]), max_entries)


def _in_bundle(text: bytes, max_entries: int) -> tuple[Sought, Contents]:
    try:
        older = bytes(_older.decode(text).patient_data)
        text = json_text(msgspec.json.decode(older, type=str).encode()) if older.startswith(b'"') else older
    except msgspec.DecodeError:
        pass  # the Bundle itself
    if (kind := _type(text)) != "Bundle":
        msg = f"the body is a {kind[:64]!r}; send a Bundle of the patient's data"
        raise ParameterError(msg)
    data = contents_of(text, max_entries)
    asked = [_read_parameters(each.raw, each.key) for each in data.resources if each.type == "Parameters"]
    if len(asked) == len(data.resources) and not data.problems:
        data = _OF_NOBODY  # mCODE's services answer it: of whom nothing is known, nothing rules out
    return sought(each for parameters in asked for each in parameters), data


def fits(definition: TrialDefinition, sought: Sought, zip_codes: ZipCodes) -> bool:
    """Whether a trial is one of those that are looked for; what isn't known of it (phase, position) excludes none."""
    held = definition.study
    if sought.phases is not None and held.phase is not None and held.phase not in sought.phases:
        return False
    if sought.statuses is not None and held.status not in sought.statuses:
        return False
    origin = zip_position(sought.zip_code, zip_codes)
    if origin is None or sought.radius is None:
        return True
    open_sites = [each for each in held.sites if each.status not in CLOSED]
    known = [found for each in open_sites if (found := position_of(each, zip_codes)) is not None]
    return not known or min(miles(origin, each) for each in known) <= sought.radius


def _left_out(sought: Sought, zip_codes: ZipCodes) -> str | None:
    """What of a request could not be heeded."""
    if sought.radius is None or zip_position(sought.zip_code, zip_codes) is not None:
        return None
    return "travelRadius is not heeded: where the zip code is, is not known here; trials everywhere are listed"


def matched(
    verdicts: Iterable[Verdict], definitions: Mapping[str, TrialDefinition], left_out: str | None, *, reasons: bool
) -> Json:
    """The searchset: a ResearchStudy for each verdict with its score, the best first.

    `reasons`: with an OperationOutcome that says of each why it stands where it does, and `left_out`.
    """
    ranked = sorted(((score(each), each) for each in verdicts), key=lambda pair: (-pair[0], *pair[1].promise))
    entries: list[Json] = [
        {
            "fullUrl": f"{BASE}/ResearchStudy/{verdict.study}",
            "resource": build_study(definitions[verdict.study]),
            "search": {"mode": "match", "score": fit},
        }
        for fit, verdict in ranked
    ]
    total = len(entries)
    told = [
        Issue(code="informational", text=why(each), severity="information", expression=f"Bundle.entry[{place}]")
        for place, (_, each) in enumerate(ranked)
    ]
    if left_out is not None:
        told.append(Issue(code="incomplete", text=left_out, severity="warning"))
    if reasons and told:
        name = f"urn:uuid:{uuid5(NAMESPACE_URL, ' '.join(each.text for each in told))}"
        entries.append({"fullUrl": name, "resource": operation_outcome(told), "search": {"mode": "outcome"}})
    return {
        "resourceType": "Bundle",
        "meta": conforms_to("matches"),
        "type": "searchset",
        "total": total,
        "entry": entries,
    }


def why(verdict: Verdict) -> str:
    """Why a trial stands where it does: the decision, and each criterion that rules out, or is open, with its label."""
    told = f"{verdict.study}: {verdict.decision}"
    if against := [each for each in verdict.criteria if each.is_against]:
        return f"{told}; ruled out by: {_listed(against)}"
    if not verdict.has_indication:
        return f"{told}; the trial's disease is not on record"
    if left := [each for each in verdict.criteria if each.result is Truth.UNKNOWN]:
        return f"{told}; open ({len(left)} of {len(verdict.criteria)}): {_listed(left)}"
    return f"{told}; every published criterion is met by what is on record"


def _listed(criteria: Sequence[CriterionResult]) -> str:
    more = len(criteria) - _MOST_REASONS
    named = [f"{each.id} {each.label}" for each in criteria[:_MOST_REASONS]]
    return "; ".join([*named, *([f"and {more} more"] if more > 0 else [])])


def in_parameters(found: Json) -> Json:
    """The answer of `$match` with a searchset. FHIR knows no empty lists, which mCODE's app needs."""
    whole = found if found["entry"] else {name: value for name, value in found.items() if name != "entry"}
    return {
        "resourceType": "Parameters",
        "meta": conforms_to("match-answer"),
        "parameter": [{"name": "trialMatchOutput", "resource": whole}],
    }


class Answer(Struct, frozen=True, gc=False):
    """The answer as JSON; whose data it opens (Type/id), for which studies (ids)."""

    body: Parcel
    patient: str
    studies: tuple[str, ...]


def answer_to_match(site: Site, request: Asked) -> Answer:
    """What a worker does for a request. Raises AdapterError of the kinds in `adapter.service.errors`."""
    looked_for, data = request.read(site)
    setup = site.policies.setup(None)
    check_reads(request.caller, setup.types)
    patient = only_patient(data)
    check_subjects(request.caller, [patient])
    chosen = [each for each in setup.bounds if fits(each.definition, looked_for, site.zip_codes)]
    record = read_record(data, setup.terminology, types=setup.types)
    verdicts = evaluate_all(tuple(chosen), record, request.now, setup.policy)
    known = {each.id: each for each in setup.definitions}
    left_out = _left_out(looked_for, site.zip_codes)
    made = matched(verdicts, known, left_out, reasons=not request.bare)  # mCODE's app takes every entry for a trial
    if not request.bare:
        made = in_parameters(made)
    body = json_bytes(made, pretty=request.pretty)
    if len(body) > site.limits.max_answer:
        msg = f"the answer has more than {site.limits.max_answer} bytes; ask for a phase, a status or a place"
        raise TooCostlyError(msg)
    return Answer(Parcel((body,)), patient, tuple(each.definition.id for each in chosen))


def add_match(app: FastAPI) -> None:
    """Add the routes."""

    @app.post("/fhir/ResearchStudy/$match", **match_by_parameters())
    async def match(request: Request) -> Response:
        return await _answered(request, bare=False)

    @app.post("/getClinicalTrial", **match_by_bundle())
    async def get_clinical_trial(request: Request) -> Response:
        if not state_of(request).settings.matching:
            msg = "mCODE's trial matching is not open here; whoever runs the service can (TRIAL_ADAPTER_MATCHING)"
            raise NotFoundError(msg)
        return await _answered(request, bare=True)


async def _answered(request: Request, *, bare: bool) -> Response:
    state = state_of(request)
    until = time.monotonic() + limits_of(request).timeout
    media_type = JSON if bare else media_type_of(request)
    check_content_type(request.headers.get("content-type"))
    asked = Asked(
        body=await read_body(request),
        bare=bare,
        now=state.clock(),
        caller=caller_of(request),
        pretty=request.query_params.get("_pretty") == "true",
    )
    note_access(request, "E", ())  # nobody in particular, until it is known who
    left = until - time.monotonic()
    answer = await state.work.run(hold_of(request).caller, left, answer_to_match, asked)
    note_access(request, "E", [answer.patient] if is_key(answer.patient) else [], answer.studies)
    return parcel_response(request, answer.body, media_type)
