"""The command line `trial-adapter`: reads arguments and the clock, hands over to the use cases, prints."""

from adapter.cli.main import main

__all__ = ["main"]
