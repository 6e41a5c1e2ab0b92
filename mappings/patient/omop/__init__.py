"""An OMOP CDM database (5.3, 5.4) -> FHIR: persons with their visits, conditions, drugs, measurements and the rest."""

from mappings.patient.omop.convert import convert_omop
from mappings.patient.omop.database import Database, open_database
from mappings.patient.omop.vocabulary import OmopContext, read_vocabulary

__all__ = ["Database", "OmopContext", "convert_omop", "open_database", "read_vocabulary"]
