"""What resources are called: ids, identifiers and references that the same source always gives.

A Patient may be on the server already, under an id of the server's. It is found by its identifier, and other resources
refer to it by the fullUrl that it has in the Bundle, which a server replaces (FHIR R4, http.html: transaction). All
other resources are the converter's own: their ids are hashes of what names them in the source.
"""

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from adapter.fhir.canonicals import BASE
from adapter.fhir.elements import Json, resource_id

LOCAL_PATIENTS = f"{BASE}/NamingSystem/local-patient"
"""System of patients' identifiers where the site has named none."""


@dataclass(frozen=True, slots=True, order=True)
class PatientKey:
    """The identifier by which a patient is known: its system (a URI) and its value."""

    system: str
    value: str

    @property
    def id(self) -> str:
        """The Patient's id in the Bundle; a server that has the patient already keeps its own."""
        return resource_id("Patient", self.system, self.value)

    @property
    def full_url(self) -> str:
        """The Patient's fullUrl in every Bundle, a urn:uuid."""
        return _urn(self.system, self.value)

    @property
    def reference(self) -> Json:
        """A Reference to the Patient, for `subject` and `patient`."""
        return {"reference": self.full_url}

    @property
    def identifier(self) -> Json:
        """The identifier as an element."""
        return {"system": self.system, "value": self.value}

    @property
    def query(self) -> str:
        """The search that finds the Patient: identifier=system|value."""
        return f"identifier={_token(self.system)}%7C{_token(self.value)}"


def identifier_system(type_: str) -> str:
    """System of the identifiers that converted resources of a type have."""
    return f"{BASE}/NamingSystem/converted-{type_.lower()}"


def local_system(name: str = "") -> str:
    """The code system of a source's own codes; `name` as the source calls it (99LAB), empty where it has no name."""
    return f"{BASE}/CodeSystem/local" + (f"/{quote(name.strip(), safe='')}" if name.strip() else "")


@lru_cache(maxsize=4096)  # a patient's resources come together
def _urn(system: str, value: str) -> str:
    return f"urn:uuid:{uuid5(NAMESPACE_URL, f'{system}|{value}')}"


def _token(text: str) -> str:
    """A part of a search token: escaped as FHIR wants it, then as a URL wants it (FHIR R4, search.html: escaping)."""
    escaped = text
    for special in ("\\", "|", ",", "$"):
        escaped = escaped.replace(special, f"\\{special}")
    return quote(escaped, safe="")
