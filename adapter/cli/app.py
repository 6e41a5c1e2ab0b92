"""Runs a command and turns whatever ends it into an exit code.

Exit codes: 0 done, 1 failed with one line on stderr, 2 wrong usage (adapter.errors.exit_code), 130 interrupted.
"""

import codecs
import errno
import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from adapter.cli import INTERRUPTED
from adapter.cli.output import print_line
from adapter.errors import AdapterError, ServerError, exit_code, place_of
from adapter.version import package_version

_NAME = "trial-adapter"
_COMMANDS = {
    "trials": "trials:trials",
    "evaluate": "patients:evaluate",
    "screen": "patients:screen",
    "extract": "extract:extract",
    "feasibility": "extract:feasibility",
    "build": "site:build",
    "publish": "site:publish",
    "serve": "service:serve",
    "token": "service:token",
    "subscribe": "service:subscribe",
    "unsubscribe": "service:unsubscribe",
    "status": "service:status",
    "changes": "service:changes",
    "forget": "service:forget",
    "backup": "service:backup",
    "init": "site:init",
    "schema": "site:schema",
    "check": "site:check_site",
    "convert": "convert:convert_app",
    "queue": "service:queue_app",
    "terminology": "site:terminology_app",
}
"""Each command, and where it is: its module is loaded when it is called, since some take long to load."""


class _Commands(TyperGroup):
    """The commands, each loaded when it is asked for; of those that aren't yet, the names are there."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401  # typer's own
        super().__init__(**options)
        self.commands = dict.fromkeys(_COMMANDS)  # type: ignore[assignment]

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]  # noqa: ANN401  # of typer's own click
        del ctx
        if cmd_name in _COMMANDS and self.commands[cmd_name] is None:
            module, _, attribute = _COMMANDS[cmd_name].partition(":")
            found = getattr(_loaded(f"adapter.cli.{module}"), attribute)
            if isinstance(found, typer.Typer):
                self.commands[cmd_name] = typer.main.get_group(found)
            else:
                alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
                alone.command(cmd_name)(found)
                self.commands[cmd_name] = typer.main.get_command(alone)
        return self.commands.get(cmd_name)


def _loaded(module: str) -> ModuleType:
    """A module, loaded without looking for garbage: what it makes stays for good."""
    gc.disable()
    try:
        return import_module(module)
    finally:
        gc.freeze()
        gc.enable()


app = typer.Typer(
    name=_NAME,
    cls=_Commands,
    help="Screens FHIR R4 patient records for clinical trials, with a reason for every criterion.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(asked: bool) -> None:  # noqa: FBT001  # typer's signature
    if asked:
        print_line(f"trial-adapter {package_version()}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Its version.")
    ] = False,
) -> None:
    """Screens FHIR R4 patient records for clinical trials, with a reason for every criterion."""


_PLAINLY = "in-plain-letters"
_PLAIN = {"✓": "+", "✗": "x", "·": "-", "…": "...", "─": "-", "→": "->"}


def _in_plain_letters(error: UnicodeError) -> tuple[str, int]:
    """What stands for letters that a terminal doesn't have: with a ? for its mark, what is met would look open."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_PLAIN.get(each, "?") for each in error.object[error.start : error.end]), error.end


codecs.register_error(_PLAINLY, _in_plain_letters)


def run(arguments: Sequence[str] | None = None) -> int:  # noqa: PLR0911  # one return a kind of ending
    """Run a command and return its exit code."""
    sys.stdout, sys.stderr = (each or Path(os.devnull).open("w") for each in (sys.stdout, sys.stderr))  # noqa: SIM115  # closed by whoever started us
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors=_PLAINLY)  # type: ignore[union-attr]  # a terminal without UTF-8
    try:
        code = app(arguments, standalone_mode=False, prog_name=_NAME)
        sys.stdout.flush()
    except TyperException as error:
        message = error.format_message().rstrip(".").replace("Value error, ", "")  # pydantic's, of no use to readers
        context = getattr(error, "ctx", None)  # of the command that was asked for wrongly
        joined = " See" if message.endswith("?") else "; see"
        return _failed(f"{message}{joined} {context.command_path if context else _NAME} --help", error.exit_code)
    except AdapterError as error:
        said = f" (it says: {error.details})" if isinstance(error, ServerError) and error.details else ""
        return _failed(f"{error}{said}", exit_code(error))
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except (
        BrokenPipeError,
        SystemExit,
    ):  # what reads from us (head) has had enough; typer and rich leave by SystemExit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it ends
        return 0
    except OSError as error:
        return _failed(_unwritten(error, sys.argv[1:] if arguments is None else arguments), 1)
    except Exception as error:  # noqa: BLE001  # its text may hold patient data; its place does not
        return _failed(f"internal error, please report it: {place_of(error)}", 1)
    return code if isinstance(code, int) else 0


_FULL = {
    errno.ENOSPC: "free some",
    errno.EDQUOT: "free some",
    errno.EFBIG: "raise the limit on the size of a file (ulimit -f)",
}
_PLACES = {"--out": "folder", "--template": "file", "--svg": "file"}
"""Options that say where something is written to, and what they name."""


def _unwritten(error: OSError, arguments: Sequence[str]) -> str:
    """Which file or folder can't be written, why, and what to do."""
    given = [each.partition("=")[::2] for each in arguments if "=" in each]
    named = [(option, value) for option, value in (*pairwise(arguments), *given) if option in _PLACES]
    option, place = named[-1] if named else ("", "")
    where = error.filename if isinstance(error.filename, str) else ""
    advice = ""
    if error.errno in _FULL:  # a full disk doesn't say which file it was
        where = where or place
        advice = _FULL[error.errno] + (f", or choose another {option}" if option else "")
    elif option and where:
        out, file = Path(place).absolute(), Path(where).absolute()
        if file == out or file.parent == out.parent or out in file.parents or file in out.parents:
            advice = f"nothing can be written there; name another {_PLACES[option]} with {option}"
    return ": ".join(filter(None, (where, error.strerror or type(error).__name__, advice)))


def _failed(message: str, code: int) -> int:
    sys.stderr.write(f"trial-adapter: {' '.join(message.split())}\n")
    return code
