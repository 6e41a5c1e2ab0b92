"""A site's screening sheet, CSV or Excel -> FHIR: a row a patient (or a patient's visit), a column a datum."""

from mappings.patient.sheet.columns import Names
from mappings.patient.sheet.convert import convert_sheet
from mappings.patient.sheet.mapping import Mapping, load_mapping
from mappings.patient.sheet.template import write_template

__all__ = ["Mapping", "Names", "convert_sheet", "load_mapping", "write_template"]
