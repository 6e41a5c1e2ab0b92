"""What is said of a source as a whole."""

from datetime import UTC, datetime
from pathlib import Path


def last_written(path: Path) -> str:
    """When a file was last written, as a FHIR instant to the second.

    It is the time of Provenance: converting the same file again gives the same Bundles.
    """
    return datetime.fromtimestamp(int(path.stat().st_mtime), UTC).isoformat().replace("+00:00", "Z")
