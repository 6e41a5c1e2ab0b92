"""Who calls, and what they may do: the table `access.yaml`, and the gate before every route.

Three steps, each of which only takes away. `adapter.service.auth` says who calls (a `Caller`, on the request's state).
The gate of a route (`adapter.service.dispatch`) lets through whom its row lets through. What only the request itself
shows (which types are read, of whom) is checked where it is known, by `check_reads` and `check_subjects`, before
anything is fetched. What a user's own rights on the patients' server allow, that server says where it is asked
with the user's own token (`adapter.service.ehr.as_caller`); who saw whom is recorded by `adapter.service.audit`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Literal, cast

from pydantic import BaseModel
from starlette.requests import Request

from adapter.evaluator.reads import OF_MEDICATION
from adapter.service.errors import ForbiddenError
from mappings.terminology.yaml_file import STRICT, read_yaml

ADMIN = "admin"
EVALUATED = "evaluated"
"""In the place of types: those that the asked studies read."""

CALLER = "caller"
"""The name under which the caller stands in a request's state."""

Level = Literal["patient", "user", "system"]

_GRANT = re.compile(r"(patient|user|system)/(\*|[A-Z][A-Za-z]{1,63})\.(read|write|\*|(?=[cruds])c?r?u?d?s?)", re.ASCII)
_VERSION_1 = {"read": "rs", "write": "cud", "*": "cruds"}


@dataclass(frozen=True, slots=True)
class Grant:
    """One SMART scope. `type`: a resource type, or * for all; `access`: letters of cruds."""

    level: Level
    type: str
    access: frozenset[str]


def grants_of(scopes: Iterable[str]) -> frozenset[Grant]:
    """The SMART scopes among a token's; others, such as openid, say nothing here.

    A scope that is narrowed by a search (`patient/Observation.rs?category=laboratory`) is none: with it an evaluation
    would stand on a part of the record, and nobody would see that.
    """
    found = (_GRANT.fullmatch(scope) for scope in scopes)
    return frozenset(
        Grant(cast("Level", each[1]), each[2], frozenset(_VERSION_1.get(each[3], each[3])))
        for each in found
        if each is not None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who sent a request, and what that one may do; never the token itself.

    `name`: for the log and for limits, without anything of a patient. `roles`: of an API token. `grants`: a JWT's
    scopes, without those that open nothing. `is_person`: a JWT speaks for somebody, and not for a system alone.
    `patient`: the id of the only patient whom the caller may ask about, None for any. `user`: the person, as a
    reference, for AuditEvents alone.
    """

    name: str
    roles: frozenset[str] = frozenset()
    grants: frozenset[Grant] = frozenset()
    is_person: bool = False
    patient: str | None = field(default=None, repr=False)
    user: str = field(default="", repr=False)

    def granted(self, levels: Iterable[str], type_: str, access: Iterable[str]) -> bool:
        """Whether scopes of these levels together give all of that access to a type."""
        held = [each.access for each in self.grants if each.level in levels and each.type in {type_, "*"}]
        return frozenset(access) <= frozenset().union(*held)


class UserTokens(StrEnum):
    """With which token of a person the patients' server is asked for them."""

    PASS_THROUGH = "pass-through"  # noqa: S105  # no password
    EXCHANGE = "exchange"


NOBODY = Caller(name="-")
"""Who has not been asked, or has shown nothing that is valid."""


class _ScopeNeed(BaseModel):
    model_config = STRICT
    levels: tuple[Level, ...]
    types: tuple[str, ...]
    access: str


class Rule(BaseModel):
    """A row of the table: what a route wants of callers."""

    model_config = STRICT
    route: str
    methods: tuple[str, ...]
    public: bool = False
    roles: tuple[str, ...] = ()
    scope: _ScopeNeed | None = None

    def check(self, caller: Caller) -> None:
        """Raises ForbiddenError, which says what is missing."""
        if self.public or caller.roles & {ADMIN, *self.roles} or (self.scope and self._granted(caller, self.scope)):
            return
        roles = " or ".join(self.roles)
        msg = f"the token does not allow this; it needs the role {roles}"
        raise ForbiddenError(f"{msg}, or the scope {_told(self.scope, caller)}" if self.scope else msg)

    @staticmethod
    def _granted(caller: Caller, need: _ScopeNeed) -> bool:
        if EVALUATED not in need.types:
            return all(caller.granted(need.levels, type_, need.access) for type_ in need.types)
        held = {each.type for each in caller.grants if each.level in need.levels}
        return any(caller.granted(need.levels, type_, need.access) for type_ in held)  # which, `check_reads` asks


class _Row(Rule):
    each: tuple[str, ...] = ()

    def rules(self) -> Iterator[Rule]:
        fields = self.model_dump(exclude={"each"})
        for type_ in self.each or ("",):
            scope = fields["scope"]
            named = {**scope, "types": [each.replace("<Type>", type_) for each in scope["types"]]} if scope else None
            yield Rule.model_validate({**fields, "route": self.route.replace("<Type>", type_), "scope": named})


class _Table(BaseModel):
    model_config = STRICT
    roles: dict[str, str]
    callers: dict[str, tuple[str, ...]]
    routes: tuple[_Row, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The table. `roles`: what each means; `callers`: the roles of those who show no named token."""

    roles: Mapping[str, str]
    callers: Mapping[str, frozenset[str]]
    rules: Mapping[tuple[str, str], Rule]

    @property
    def public(self) -> frozenset[str]:
        """The addresses at which nobody is asked who they are."""
        return frozenset(route for (_, route), rule in self.rules.items() if rule.public)


@cache
def table() -> Table:
    """The table `access.yaml`, read once; rules by method and route."""
    name = "access.yaml"
    read = read_yaml(name, (files(__package__) / name).read_text(encoding="utf-8")).checked(_Table)
    rules = {(method, rule.route): rule for row in read.routes for rule in row.rules() for method in row.methods}
    return Table(read.roles, {who: frozenset(roles) for who, roles in read.callers.items()}, rules)


@cache
def local() -> Caller:
    """Whoever calls where nobody is asked for a token."""
    return Caller(name="local", roles=table().callers["local"])


def caller_of(request: Request) -> Caller:
    """Who sent a request."""
    return cast("Caller", request.scope.get("state", {}).get(CALLER, NOBODY))


def check_reads(caller: Caller, types: Iterable[str]) -> None:
    """Raises ForbiddenError unless the caller may read every type that an evaluation reads (and the Patient).

    With less, what is missing from the record would look as if it had never been.
    """
    if caller.roles:
        return
    read = {"Patient", *types}
    wanted = read | {"Medication"} if read & OF_MEDICATION else read
    missing = sorted(each for each in wanted if not caller.granted(("patient", "user", "system"), each, "rs"))
    if missing:
        msg = f"the token does not allow reading {', '.join(missing)}, which these studies need; ask for *.rs"
        raise ForbiddenError(msg)


def check_subjects(caller: Caller, subjects: Iterable[str]) -> None:
    """Raises ForbiddenError where anyone (Type/id) but the caller's own patient is asked about.

    It says nothing of the others: whether they exist is not for this caller. A Group's members are read, too.
    """
    asked = tuple(subjects)
    if caller.patient is not None and any(each != f"Patient/{caller.patient}" for each in asked):
        msg = "the token is for one patient; ask about that one alone"
        raise ForbiddenError(msg)
    if any(each.startswith("Group/") for each in asked):
        check_reads(caller, {"Group"})


def _told(need: _ScopeNeed, caller: Caller) -> str:
    types = "*" if need.types == (EVALUATED,) else ", ".join(need.types)
    if not caller.is_person:
        return f"{need.levels[-1]}/{types}.{need.access}"
    people = [each for each in need.levels if each != "system"]
    return f"{people[-1]}/{types}.{need.access}" if people else f"system/{types}.{need.access} in a program's token"
