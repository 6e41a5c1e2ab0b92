"""Telling how a screening goes, on stderr: a moving line on a terminal, and each failure as it comes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from adapter.screening.outcome import PatientOutcome
from adapter.screening.report.plain import plain
from adapter.screening.source import LeftOut

MOST_TOLD = 10
"""How many failures are told one by one; the file has them all."""


@contextmanager
def progress(console: Console) -> Iterator[Callable[[PatientOutcome | LeftOut], None]]:
    """A function to tell each outcome to; nothing moves where the console is no terminal."""
    columns = (SpinnerColumn(), TextColumn("{task.description} {task.completed:,}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("reading the source:", total=None)
        failures = 0

        def tell(item: PatientOutcome | LeftOut) -> None:
            nonlocal failures
            if isinstance(item, LeftOut):
                console.print(Text(f"left out: {plain(item.place)}: {item.reason}"), soft_wrap=True)
                return
            bar.update(task, advance=1, description="patients screened:")
            if item.failure is not None:
                failures += 1
                if failures <= MOST_TOLD:
                    console.print(Text(f"failed: {plain(item.place)}: {plain(item.failure)}"), soft_wrap=True)
                elif failures == MOST_TOLD + 1:
                    console.print("failed: more of them; failures.ndjson has them all", soft_wrap=True)

        yield tell
