"""Which study is meant: by id, by a reference to its ResearchStudy, or by a canonical of ours."""

import re
from collections.abc import Iterable, Sequence

from adapter.criteria.definition import TrialDefinition
from adapter.errors import UnknownStudyError
from adapter.fhir.names import BASE
from adapter.screening.setup import choose
from adapter.service.errors import ParameterError

_FORM = re.compile(
    rf"(?:(?:https?://[^|?#]+/)?ResearchStudy/(?P<reference>[^/|]+)(?:/_history/[^/|]+)?"
    rf"|{re.escape(BASE)}/PlanDefinition/(?P<plan>[^/|]+)-eligibility"
    r"|(?P<id>[^/|]+))(?:\|(?P<version>.+))?"
)


def chosen(
    definitions: tuple[TrialDefinition, ...], asked: Sequence[str], instance: str | None = None
) -> tuple[TrialDefinition, ...]:
    """The asked definitions in the order asked; all of them if none is asked, `instance` alone if the URL names it.

    Raises UnknownStudyError, and ParameterError where a parameter names another study than the URL.
    """
    known = {definition.id: definition for definition in definitions}
    ids = [_id(text, known) for text in asked]
    if instance is not None:
        if any(each != instance for each in ids):
            msg = f"study names another study than the URL ({instance}); leave the parameter out"
            raise ParameterError(msg, expression="study")
        ids = [instance]
    return choose(definitions, ids)


def _id(text: str, known: dict[str, TrialDefinition]) -> str:
    found = _FORM.fullmatch(text)
    if found is None:
        raise _unknown(text, known)
    name = found["reference"] or found["plan"] or found["id"]
    if name not in known:
        raise _unknown(text, known)
    if found["version"] is not None and found["version"] != known[name].version:
        msg = f"no version {found['version'][:64]!r} of the study {name}; known is {known[name].version}"
        raise UnknownStudyError(msg)
    return name


def _unknown(text: str, known: Iterable[str]) -> UnknownStudyError:
    return UnknownStudyError(f"no study {text[:128]!r}; known are {', '.join(sorted(known))}")
