"""What the Patient says of the person beside age and sex: where they live, what they speak, whether married."""

from enum import StrEnum

from msgspec import Struct

from adapter.record.when import When


class MaritalStatus(StrEnum):
    """HL7 v3 MaritalStatus, in words."""

    ANNULLED = "annulled"
    DIVORCED = "divorced"
    INTERLOCUTORY = "interlocutory"
    LEGALLY_SEPARATED = "legally-separated"
    MARRIED = "married"
    POLYGAMOUS = "polygamous"
    NEVER_MARRIED = "never-married"
    DOMESTIC_PARTNER = "domestic-partner"
    UNMARRIED = "unmarried"
    WIDOWED = "widowed"


class AddressFact(Struct, frozen=True, gc=False):
    """An address at which somebody lives, as it is written; not one for post or bills, and no former one."""

    use: str | None
    country: str | None
    state: str | None
    district: str | None
    city: str | None
    postal_code: str | None
    start: When | None
    end: When | None

    @property
    def shown(self) -> str:
        """What of it places are compared with; no street."""
        return ", ".join(filter(None, (self.postal_code, self.city, self.district, self.state, self.country)))


class Spoken(Struct, frozen=True, gc=False):
    """A language: its code, None where it is only in words; and what a person reads."""

    code: str | None
    shown: str


class Person(Struct, frozen=True, gc=False):
    """What else the Patient says of the person; `addresses` is None where they can't be read."""

    addresses: tuple[AddressFact, ...] | None = ()
    languages: tuple[Spoken, ...] = ()
    marital: MaritalStatus | None = None
