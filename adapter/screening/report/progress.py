"""Telling how a screening or conversion goes, on stderr: a moving line on a terminal, and each failure as it comes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from adapter.screening.report.plain import plain
from adapter.screening.screen import PatientOutcome
from adapter.screening.source import LeftOut
from mappings.patient import Rejected, Unit

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


@contextmanager
def conversion_progress(console: Console, unit: str) -> Iterator[Callable[[Unit], None]]:
    """A function to tell each unit to; the values that were rejected are not shown, the file has them."""
    columns = (SpinnerColumn(), TextColumn("{task.description} {task.completed:,}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(f"{unit} converted:", total=None)
        rejections = 0

        def tell(item: Unit) -> None:
            nonlocal rejections
            if not isinstance(item, Rejected):
                bar.update(task, advance=1)
                return
            rejections += 1
            if rejections <= MOST_TOLD:
                where = f"{item.place}, {item.field}" if item.field else item.place
                console.print(Text(f"rejected: {plain(where)}: {plain(item.reason)}"), soft_wrap=True)
            elif rejections == MOST_TOLD + 1:
                console.print("rejected: more of them; rejected.ndjson has them all", soft_wrap=True)

        yield tell


@contextmanager
def loading_progress(console: Console) -> Iterator[Callable[[int, int], None]]:
    """A function to tell how many of how many Bundles are loaded."""
    columns = (SpinnerColumn(), TextColumn("Bundles loaded: {task.completed:,} of {task.total:,}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=0)
        yield lambda done, total: bar.update(task, completed=done, total=total)
