"""A FHIR R4 server as a client sees it: every answer is what was asked for, or a typed error (adapter.errors)."""

from adapter.fhir.client.client import FhirClient, open_client
from adapter.fhir.client.transport import ServerSettings

__all__ = ["FhirClient", "ServerSettings", "open_client"]
