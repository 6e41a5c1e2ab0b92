"""The tables beside this file: HL7's codes and names -> FHIR's. Read once, never changed.

What a site says of its HL7 v2 messages: a YAML file, checked where it enters.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, Field, model_validator

from adapter.errors import DefinitionError
from mappings.terminology.yaml_file import STRICT, YamlFile, read_yaml


class _Event(BaseModel):
    model_config = STRICT
    leads: bool = False
    merges: bool = False


class _Events(BaseModel):
    model_config = STRICT
    source: str
    map: dict[str, _Event]


class _Map(BaseModel):
    model_config = STRICT
    source: str
    map: dict[str, str] = {}
    codes: tuple[str, ...] = ()


class _System(BaseModel):
    model_config = STRICT
    uri: str
    source: str
    names: tuple[str, ...]


class _Systems(BaseModel):
    model_config = STRICT
    systems: tuple[_System, ...]


class _Names(BaseModel):
    model_config = STRICT
    source: str
    standard: dict[str, str]
    written: dict[str, str]


class _Charsets(BaseModel):
    model_config = STRICT
    charsets: _Names


@cache
def _file(name: str) -> YamlFile:
    return read_yaml(name, (files(__package__) / name).read_text(encoding="utf-8"))


@cache
def events() -> Mapping[str, _Event]:
    """What each kind of message (ORU^R01) does; kinds that aren't here are not converted."""
    return _Events.model_validate(_file("tables.yaml").content["events"]).map


@cache
def table(name: str) -> Mapping[str, str]:
    """A table of tables.yaml: HL7's code -> FHIR's."""
    return _Map.model_validate(_file("tables.yaml").content[name]).map


@cache
def codes(name: str) -> tuple[str, ...]:
    """A list of codes of tables.yaml, in its order."""
    return _Map.model_validate(_file("tables.yaml").content[name]).codes


@cache
def system_names() -> Mapping[str, str]:
    """Names of coding systems as messages have them, casefolded -> URI."""
    systems = _file("systems.yaml").checked(_Systems).systems
    return {name.casefold(): system.uri for system in systems for name in system.names}


@cache
def charsets() -> Mapping[str, str]:
    """Names of character sets as messages have them, as `charset_key` makes them -> Python codec."""
    names = _file("charsets.yaml").checked(_Charsets).charsets
    return {charset_key(name): codec for name, codec in (names.written | names.standard).items()}


def charset_key(name: str) -> str:
    """A character set's name without what says nothing: case, and - for _ or blank."""
    return name.strip().casefold().replace("_", "-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How messages are read. `coding_systems`: casefolded names -> URIs; `authorities`: assigning authority -> URI.

    `patients_by`: the authority or the type code of the identifier by which a patient is known, if the site names one.
    """

    charset: str = "utf-8"
    zone: ZoneInfo | None = None
    decimal_mark: str = "."
    processing: frozenset[str] = frozenset({"P"})
    coding_systems: Mapping[str, str] = field(default_factory=system_names)
    authorities: Mapping[str, str] = field(default_factory=dict)
    patient_authority: str | None = None
    patient_type: str | None = None


def _codec(name: str) -> str:
    codec = charsets().get(charset_key(name))
    if codec is None:
        msg = "not a character set that HL7 v2 knows; write it as MSH-18 does, as 8859/1 or UNICODE UTF-8"
        raise ValueError(msg)
    return codec


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        msg = "not a time zone; write it as Europe/Berlin"
        raise ValueError(msg) from error
    return name


Uri = Annotated[str, Field(pattern=r"^[a-z][a-z0-9+.-]*:\S+$", description="A URI, as http://… or urn:oid:…")]


class _PatientsBy(BaseModel):
    model_config = STRICT
    authority: str | None = Field(None, description="CX.4.1 (or CX.4.2) of the identifier, as HOSP")
    type: str | None = Field(None, description="CX.5 of the identifier, as MR")

    @model_validator(mode="after")
    def _one_at_least(self) -> Self:
        if self.authority is None and self.type is None:
            msg = "name an authority, a type, or both"
            raise ValueError(msg)
        return self


class SettingsForm(BaseModel):
    """The mapping file for HL7 v2; every key may be left out."""

    model_config = STRICT
    charset: Annotated[str, AfterValidator(_codec)] = Field(
        "UNICODE UTF-8", description="Character set of messages whose MSH-18 names none", validate_default=True
    )
    timeZone: Annotated[str, AfterValidator(_zone)] | None = Field(  # noqa: N815  # as in the policy file
        None, description="Zone of times that name none, in messages whose MSH-7 names none"
    )
    decimalMark: Literal[".", ","] = Field(".", description="Decimal mark of numbers in OBX-5 and OBX-7")  # noqa: N815
    processing: tuple[Literal["P", "T", "D"], ...] = Field(("P",), description="Which MSH-11 is taken; P production")
    codingSystems: dict[str, Uri] = Field({}, description="Further names of coding systems, or other meanings")  # noqa: N815
    authorities: dict[str, Uri] = Field({}, description="Assigning authorities of identifiers, to their URIs")
    patientsBy: _PatientsBy | None = Field(None, description="The identifier by which a patient is known")  # noqa: N815


def load_settings(path: Path | None, zone: ZoneInfo | None = None) -> Settings:
    """The settings in a file, or those for messages as the standard has them. Raises DefinitionError.

    `zone`: the site's time zone, where the file names none.
    """
    if path is None:
        return Settings(zone=zone)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path}: can't be read ({type(error).__name__}); give a YAML file in UTF-8"
        raise DefinitionError(msg) from error
    form = read_yaml(path.name, text).checked(SettingsForm)
    by = form.patientsBy
    return Settings(
        charset=form.charset,
        zone=ZoneInfo(form.timeZone) if form.timeZone else zone,
        decimal_mark=form.decimalMark,
        processing=frozenset(form.processing),
        coding_systems={**system_names(), **{name.casefold(): uri for name, uri in form.codingSystems.items()}},
        authorities=form.authorities,
        patient_authority=by.authority if by else None,
        patient_type=by.type if by else None,
    )
