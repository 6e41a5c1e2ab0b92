"""The HTTP service: `$evaluate` and the definitions behind it, as FHIR R4 JSON."""

from adapter.service.app import create_app
from adapter.service.serve import run
from adapter.service.settings import Settings, settings_from

__all__ = ["Settings", "create_app", "run", "settings_from"]
