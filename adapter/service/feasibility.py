"""`POST /fhir/ResearchStudy/$feasibility`: how many patients of the site's facts a study or a variant could find.

Parameters in: `study` (as of `$evaluate`; none: all), `vary` (STUDY:CRITERION=BOUND), `minCount`, `asOf`, `policy`.
Out: Parameters with a `study` for each study and variant, whose parts are those of `feasibility --format json`; a count
that is not told is left out. Nobody gets counts below the site's own `minCount`.

A structured query of the MII (`application/sq+json`, `mappings.trial.ccdl`) is answered with nothing but how many
patients meet it by what is on record: an integer, rounded down to a multiple of the site's `minCount`.
"""

import time
from datetime import datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import FastAPI
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from adapter.criteria.variant import Variant, variant_of
from adapter.errors import InputError, UsageError
from adapter.fhir.elements import Json
from adapter.record.bundle import json_text, type_of
from adapter.record.resources import Reference
from adapter.screening.setup import Setup, read_as_of
from adapter.service.audit import note_access
from adapter.service.errors import NotFoundError, ParameterError
from adapter.service.http import (
    JSON,
    Parcel,
    check_content_type,
    hold_of,
    is_of_type,
    json_bytes,
    media_type_of,
    parcel_response,
    read_body,
)
from adapter.service.openapi import feasibility_route
from adapter.service.operation_definitions import FEASIBILITY_IN
from adapter.service.site import Site
from adapter.service.state import state_of
from adapter.service.subjects import chosen
from mappings.trial.ccdl import MEDIA_TYPE, read_query

if TYPE_CHECKING:
    from adapter.columns.folder import Facts

_REPEATED = {"criteria": "criterion", "intersections": "intersection", "studies": "study"}
"""The names of lists, and of their entries as parameters."""


_MOST_DIGITS = 9


class _Parameter(Struct, frozen=True, rename="camel"):
    name: str
    value_string: str | None = None
    value_uri: str | None = None
    value_canonical: str | None = None
    value_id: str | None = None
    value_code: str | None = None
    value_date_time: str | None = None
    value_date: str | None = None
    value_instant: str | None = None
    value_integer: int | None = None
    value_positive_int: int | None = None
    value_reference: Reference | None = None

    def said(self, place: int) -> str:
        """The one value as text."""
        held = [each for name, each in msgspec.structs.asdict(self).items() if name != "name" and each is not None]
        value = held[0].reference if len(held) == 1 and isinstance(held[0], Reference) else held[0] if held else None
        if len(held) != 1 or value in (None, ""):
            msg = f"{self.name[:64]} needs one value"
            raise ParameterError(msg, code="value", expression=f"Parameters.parameter[{place}]")
        return str(value)


class _Parameters(Struct, frozen=True):
    parameter: tuple[_Parameter, ...] = ()


MODULES = (
    "adapter.screening.feasibility",
    "adapter.screening.feasibility_columns",
    "adapter.columns.sql.local",
    *filter(find_spec, ("numpy", "pandas")),  # DuckDB loads them by itself where they are (Spark's extra has them)
)
"""What takes long to load, and more memory than one request may use: no request loads it."""

_parameters = msgspec.json.Decoder(_Parameters)
_ONCE = frozenset(name for name, most, *_ in FEASIBILITY_IN if most == "1")
_KNOWN = tuple(name for name, *_ in FEASIBILITY_IN)


class Asked(Struct, frozen=True, gc=False):
    """One request, as it came. `least`: the site's own smallest count."""

    body: Parcel
    facts: Path
    least: int
    now: datetime
    pretty: bool = False


def add_feasibility(app: FastAPI) -> None:
    """Add it; before the reads, whose `{id}` would take `$feasibility` for an id."""

    @app.post("/fhir/ResearchStudy/$feasibility", **feasibility_route())
    async def feasibility(request: Request) -> Response:
        state = state_of(request)
        is_query = is_of_type(request.headers.get("content-type"), MEDIA_TYPE)
        media_type = JSON if is_query else media_type_of(request)
        until = time.monotonic() + state.settings.limits.timeout
        note_access(request, "E", ())  # of nobody in particular
        if state.settings.facts is None:
            msg = "no facts are kept here (TRIAL_ADAPTER_FACTS); `trial-adapter extract` makes them"
            raise NotFoundError(msg)
        body = await read_body(request)
        if not is_query:
            check_content_type(request.headers.get("content-type"))
        pretty = request.query_params.get("_pretty") == "true"
        asked = Asked(body, state.settings.facts, state.settings.min_count, state.clock(), pretty)
        work = answer_to_query if is_query else answer_to_request
        answer = await state.work.run(hold_of(request).caller, until - time.monotonic(), work, asked)
        return parcel_response(request, answer, media_type)


def answer_to_request(site: Site, asked: Asked) -> Parcel:
    """The answer as JSON. Raises AdapterError of the kinds in `adapter.service.errors`."""
    from adapter.screening.feasibility import counted  # noqa: PLC0415  # pyarrow takes long to load, and may not be there
    from adapter.screening.feasibility_columns import by_columns  # noqa: PLC0415
    from adapter.screening.feasibility_report import to_json  # noqa: PLC0415

    given = _read(json_text(asked.body.plain(site.limits.max_body)))
    setup = site.policies.setup(next(iter(given.get("policy", ())), None))
    setup = _narrowed(setup, tuple(given.get("study", ())))
    as_of = _instant(given["asOf"][0], setup) if "asOf" in given else asked.now
    variants = [_variant(each) for each in given.get("vary", ())]
    least = max(asked.least, _count(given["minCount"][0]) if "minCount" in given else 1)
    facts = _facts(asked.facts, setup)
    try:
        found = counted(facts, setup, as_of, variants, partial(by_columns, threads=1))
    except UsageError as error:
        raise ParameterError(str(error), expression="vary") from None
    report = to_json(found, facts.manifest, setup, as_of, least)
    return Parcel((json_bytes({"resourceType": "Parameters", "parameter": parts(report)}, pretty=asked.pretty),))


def answer_to_query(site: Site, asked: Asked) -> Parcel:
    """The answer to a structured query: an integer as JSON. Raises AdapterError as `answer_to_request` does."""
    from adapter.screening.feasibility import met  # noqa: PLC0415  # as above
    from adapter.screening.feasibility_columns import by_columns  # noqa: PLC0415

    setup = site.policies.setup(None)
    day = asked.now.astimezone(setup.policy.time_zone).date()
    try:
        definition = read_query(asked.body.plain(site.limits.max_body), setup.terminology, day)
    except ValueError as error:
        raise ParameterError(str(error)[:500], code="structure") from None
    found = met(_facts(asked.facts, setup), setup, definition, asked.now, partial(by_columns, threads=1))
    return Parcel((str(found // asked.least * asked.least).encode(),))


def _facts(folder: Path, setup: Setup) -> "Facts":
    from adapter.columns.folder import Facts  # noqa: PLC0415  # as above

    try:
        facts = Facts(folder)
    except UsageError as error:
        msg = "no facts that this version reads are kept here; they must be extracted, into TRIAL_ADAPTER_FACTS"
        raise NotFoundError(msg) from error
    try:
        facts.check(setup.terminology, setup.policy)
    except UsageError as error:
        msg = "the facts that are kept here are no longer those of the site; they must be extracted again"
        raise NotFoundError(msg) from error
    return facts


def parts(report: dict[str, Any]) -> list[Json]:
    """A JSON object as parameters: each entry of a list by itself, and nothing for null."""
    found: list[Json] = []
    for name, held in report.items():
        if name == "groups":
            found += [
                {"name": "group", "part": [{"name": "by", "valueCode": by}, *parts(row)]}
                for by, rows in held.items()
                for row in rows
            ]
        elif name == "asOf":
            found.append({"name": name, "valueDateTime": held})
        else:
            for each in held if isinstance(held, list) else (held,):
                found += _part(_REPEATED.get(name, name), each) if isinstance(each, dict) else _value(name, each)
    return found


def _part(name: str, held: dict[str, Any]) -> list[Json]:
    return [{"name": name, "part": parts(held)}]


def _value(name: str, held: str | int | None) -> list[Json]:
    if held is None:
        return []
    named = "criterion" if name == "criteria" else name
    return [{"name": named, "valueInteger" if isinstance(held, int) else "valueString": held}]


def _read(text: bytes) -> dict[str, list[str]]:
    """The values of each parameter."""
    try:
        kind = type_of(text)
        found = _parameters.decode(text).parameter
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        msg = f"Parameters can't be read: {error}"
        raise ParameterError(msg, code="structure") from None
    if kind != "Parameters":
        msg = f"the body is a {kind[:64]!r}; send Parameters"
        raise ParameterError(msg)
    given: dict[str, list[str]] = {}
    for place, each in enumerate(found):
        where = f"Parameters.parameter[{place}]"
        if each.name not in _KNOWN:
            msg = f"no parameter {each.name[:64]!r}; known are {', '.join(_KNOWN)}"
            raise ParameterError(msg, code="not-supported", expression=where)
        if each.name in _ONCE and each.name in given:
            msg = f"{each.name} is given more than once; give it once"
            raise ParameterError(msg, expression=where)
        given.setdefault(each.name, []).append(each.said(place))
    return given


def _narrowed(setup: Setup, studies: tuple[str, ...]) -> Setup:
    definitions = chosen(setup.definitions, studies, None)
    kept = {each.id for each in definitions}
    bounds = tuple(each for each in setup.bounds if each.definition.id in kept)
    return Setup(terminology=setup.terminology, policy=setup.policy, definitions=definitions, bounds=bounds)


def _instant(text: str, setup: Setup) -> datetime:
    try:
        return read_as_of(text, setup.policy.time_zone)
    except (UsageError, InputError, OverflowError) as error:
        raise ParameterError(str(error), expression="asOf") from None


def _variant(text: str) -> Variant:
    try:
        return variant_of(text)
    except ValueError as error:
        raise ParameterError(str(error)[:500], expression="vary") from None


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > _MOST_DIGITS or int(text) < 1:
        msg = "minCount is a whole number from 1 on"
        raise ParameterError(msg, expression="minCount")
    return int(text)
