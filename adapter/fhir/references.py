"""References between resources of one server, as far as fetching needs them."""

import re

from msgspec import Struct

ID = re.compile(r"[A-Za-z0-9.-]{1,64}", re.ASCII)
"""A FHIR id."""


class Reference(Struct, frozen=True):
    """Reference.reference."""

    reference: str | None = None

    def id_of(self, type_: str) -> str | None:
        """The id of the resource of a type that is referred to, whatever the address before it."""
        parts = (self.reference or "").partition("/_history/")[0].split("/")
        return parts[-1] if parts[-2:-1] == [type_] and ID.fullmatch(parts[-1]) else None


class PatientLink(Struct, frozen=True):
    """Patient.link."""

    other: Reference = Reference()
    type: str | None = None


class Linked(Struct, frozen=True):
    """A Patient's links."""

    link: tuple[PatientLink, ...] = ()

    def ids(self, *types: str) -> list[str]:
        """The ids of the Patients that links of some types name."""
        found = (each.other.id_of("Patient") for each in self.link if each.type in types)
        return [each for each in found if each is not None]
