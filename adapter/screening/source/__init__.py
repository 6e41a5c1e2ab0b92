"""Where patients come from: Bundle files and Bulk Data exports, one patient at a time, whatever their number."""

from adapter.screening.source.folder import find_files, patients_of
from adapter.screening.source.found import Found, LeftOut, PatientInput, Unread

__all__ = ["Found", "LeftOut", "PatientInput", "Unread", "find_files", "patients_of"]
