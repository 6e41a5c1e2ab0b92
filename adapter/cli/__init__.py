"""The command line `trial-adapter`: reads arguments and the clock, hands over to the use cases, prints."""

import signal
from collections.abc import Sequence

INTERRUPTED = 130
"""The exit code of what Ctrl-C has ended."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code. Ctrl-C ends it without a traceback, also while it is being loaded.

    SIGTERM, by which schedulers stop a command, is the same: temporary files, which hold patient data, are removed.
    The process then ends by that signal.
    """
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        from adapter.cli.app import run  # noqa: PLC0415  # loading takes a second, in which one may think better of it

        return run(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, before)
        if stopped:
            signal.raise_signal(signal.SIGTERM)
