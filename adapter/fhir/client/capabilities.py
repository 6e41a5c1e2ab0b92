"""What a server says it can do (CapabilityStatement, FHIR R4)."""

from dataclasses import dataclass

import msgspec
from msgspec import Struct

from adapter.errors import RejectedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """`parameters`, `includes`: search parameters and _include values by type; `operations`: names by type.

    `batch`: whether several requests can go in one.
    """

    batch: bool
    history: bool
    parameters: dict[str, frozenset[str]]
    includes: dict[str, frozenset[str]]
    operations: dict[str, frozenset[str]]

    def searches(self, type_: str, parameter: str) -> bool:
        """Whether resources of a type can be searched by a parameter."""
        return parameter in self.parameters.get(type_, ())

    def does(self, type_: str, operation: str) -> bool:
        """Whether a type has an operation, such as `everything`."""
        return operation in self.operations.get(type_, ())


class _Code(Struct, frozen=True):
    code: str | None = None


class _Name(Struct, frozen=True):
    name: str | None = None


class _Resource(Struct, frozen=True, rename="camel"):
    type: str = ""
    search_param: tuple[_Name, ...] = ()
    search_include: tuple[str, ...] = ()
    operation: tuple[_Name, ...] = ()
    interaction: tuple[_Code, ...] = ()


class _Rest(Struct, frozen=True):
    mode: str | None = None
    resource: tuple[_Resource, ...] = ()
    interaction: tuple[_Code, ...] = ()


class _Statement(Struct, frozen=True, rename="camel"):
    resource_type: str
    fhir_version: str | None = None
    rest: tuple[_Rest, ...] = ()


_statement = msgspec.json.Decoder(_Statement)


def capabilities_of(body: bytes, what: str) -> Capabilities:
    """The capabilities in a CapabilityStatement's JSON.

    Raises RejectedError for a server of another FHIR version, msgspec.DecodeError for anything else.
    """
    found = _statement.decode(body)
    if found.resource_type != "CapabilityStatement":
        msg = f"a {found.resource_type[:64]!r} where a CapabilityStatement is wanted"
        raise msgspec.ValidationError(msg)
    if not (found.fhir_version or "").startswith("4."):
        msg = f"{what}: the server speaks FHIR {str(found.fhir_version)[:16]}, wanted is R4 (4.0); give its R4 address"
        raise RejectedError(msg)
    rest = next((each for each in found.rest if each.mode == "server"), _Rest())
    system = {each.code for each in rest.interaction}
    return Capabilities(
        batch=bool(system & {"batch", "transaction"}),
        history="history-system" in system,
        parameters={each.type: frozenset(filter(None, (p.name for p in each.search_param))) for each in rest.resource},
        includes={each.type: frozenset(each.search_include) for each in rest.resource},
        operations={
            each.type: frozenset((operation.name or "").removeprefix("$") for operation in each.operation)
            for each in rest.resource
        },
    )
