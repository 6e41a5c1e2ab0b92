"""Patient data of other formats -> transaction Bundles (FHIR R4).

A format is a package beside this file (`sheet/`, `hl7v2/`, `omop/`) with a converter: a function that reads a source
and yields, in the source's order,

- `Converted`: what one row, message or table part gave. Resources without `id` need none of their own making: each is
  made with `made(type, key, elements)`, where `key` names it in the source (row and column, filler number, table and
  row), so that the same source gives the same ids and identifiers. A later one with the same key replaces the earlier.
- `Rejected`: a value, or a whole row or message, that can't be used, with its place and reason. The rest goes on.

A converter knows neither Bundles nor files that are written, and maps no codes: codes stay as the source has them,
under `local_system(…)` where the source names no code system. Numbers, units and dates go through `values.py`, text
through `adapter.fhir.elements.string`. The rest is done once for all formats by `adapter.screening.convert.convert`,
which takes what the converter yields: the site's ConceptMaps add codings, codes that no map knows are listed
(`local_codes.py`), resources are gathered by patient, and a Bundle a patient is made (`converted.py`), with Provenance,
that may be loaded twice. For one message on its own, as a service takes it, there are `Coder`, `provenance` and
`bundle_of`.
"""

from mappings.patient.converted import (
    Converted,
    Origin,
    PatientKey,
    PatientPart,
    Rejected,
    Unit,
    bundle_of,
    encode,
    local_system,
    made,
    provenance,
)

__all__ = [
    "Converted",
    "Origin",
    "PatientKey",
    "PatientPart",
    "Rejected",
    "Unit",
    "bundle_of",
    "encode",
    "local_system",
    "made",
    "provenance",
]
