"""What is known of one patient: FHIR R4 JSON -> facts."""

from adapter.record.patient_record import PatientRecord
from adapter.record.reader import read_record

__all__ = ["PatientRecord", "read_record"]
