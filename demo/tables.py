"""The tables beside the stories: codes and the ways in which laboratories report. Loaded once, never changed."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

SYSTEMS = {
    "sct": "http://snomed.info/sct",
    "loinc": "http://loinc.org",
    "icd10": "http://hl7.org/fhir/sid/icd-10",
    "icd10cm": "http://hl7.org/fhir/sid/icd-10-cm",
    "icd10pcs": "http://www.cms.gov/Medicare/Coding/ICD10",
    "atc": "http://www.whocc.no/atc",
    "rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "ncit": "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl",
    "ips-absent": "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips",
    "adapter": "http://example.org/fhir-trial-adapter/CodeSystem/observation",
    "hospital": "http://hospital.example.org/CodeSystem/local",
}
"""The short names that the code table uses; `hospital` is a site's own catalogue, which no map knows."""


@dataclass(frozen=True, slots=True)
class Term:
    """What something is called and how it is coded: (system, code) pairs; none for free text."""

    text: str
    codes: tuple[tuple[str, str], ...]


@cache
def table(name: str) -> Any:  # noqa: ANN401  # YAML: each reader knows its own shape
    """A YAML file of this package by its path, as `tables/codes.yaml`."""
    return yaml.safe_load((files("demo") / name).read_text(encoding="utf-8"))


@cache
def term(kind: str, name: str) -> Term:
    """A term of the code table; raises ValueError naming what is missing."""
    try:
        entry = table("tables/codes.yaml")[kind][name]
    except KeyError as error:
        msg = f"demo/tables/codes.yaml has no {name!r} under {kind!r}; add it there, with its codes"
        raise ValueError(msg) from error
    pairs = (code.split(maxsplit=1) for code in entry.get("codes", ()))
    return Term(entry["text"], tuple((SYSTEMS[system], code) for system, code in pairs))
