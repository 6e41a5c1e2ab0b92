"""The command line `trial-adapter`: reads arguments and the clock, hands over to the use cases, prints."""

from collections.abc import Sequence

INTERRUPTED = 130
"""The exit code of what Ctrl-C has ended."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code. Ctrl-C ends it without a traceback, also while it is being loaded."""
    try:
        from adapter.cli.app import run  # noqa: PLC0415  # loading takes a second, in which one may think better of it

        return run(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
