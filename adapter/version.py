"""Which version of the adapter this is; pyproject.toml is the one place where it is written."""

from importlib.metadata import PackageNotFoundError, version


def package_version() -> str:
    """The installed version; 0 in a checkout that was not installed."""
    try:
        return version("fhir-trial-adapter")
    except PackageNotFoundError:
        return "0"
