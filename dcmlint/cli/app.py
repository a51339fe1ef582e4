"""The commands and what they have in common: errors, exit codes, streams."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from typing import Annotated, Any

import typer

from dcmlint.cli.help import Commands
from dcmlint.errors import DcmlintError
from dcmlint.version import __version__

# Typer brings its own copy of Click in some versions: what it raises is found through its own classes.
_ClickException: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")

EXIT_CODES = (
    "0 no finding at or above --fail-on; 1 findings; 2 invalid command line, configuration, profile or rule; "
    "3 no input; 4 incomplete (takes precedence over 1): a file could not be read or only in part, a rule crashed, "
    "an endpoint did not answer; 130 interrupted"
)

app = typer.Typer(
    cls=Commands, name="dcmlint", no_args_is_help=True, add_completion=True, rich_markup_mode=None,
    pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip


def _version(value: bool) -> None:
    if value:
        from dcmlint import standard

        print(f"dcmlint {__version__}, DICOM {standard.load().edition}")
        raise typer.Exit()


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and the edition of DICOM.", callback=_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Check DICOM files, slides and endpoints against the standard and against profiles of systems."""


# Commands that are all that their module registers.
_ALONE = frozenset({"check", "explain", "fix", "listen", "probe", "rules", "scan"})


def _register(word: list[str]) -> None:
    """Import the command that is asked for, or all: Typer takes long to look at each of them."""
    if word and word[0] in _ALONE:
        import_module(f"dcmlint.cli.{word[0]}")
    else:
        import_module("dcmlint.cli.commands")


def run(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code.  No traceback reaches a user."""
    if sys.stdout is None or sys.stderr is None:
        # Python has no stream for what was closed (`>&-`); a report that nobody gets is no success.
        if sys.stderr is not None:
            print("dcmlint: standard output is closed", file=sys.stderr)
        return 2
    _register((sys.argv[1:] if arguments is None else arguments)[:1])
    gc.enable()
    try:
        result: Any = app(args=arguments, standalone_mode=False, prog_name="dcmlint")
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except typer.Abort:
        return 130
    except KeyboardInterrupt:
        return 130
    except typer.Exit as stop:
        return int(stop.exit_code)
    except _ClickException as mistake:
        mistake.show(sys.stderr)
        return 2
    except DcmlintError as mistake:
        from dcmlint.reports.border import printable

        for one in (mistake, *getattr(mistake, "others", ())):
            print(f"dcmlint: {printable(str(one))}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return _unread()
    except SystemExit as end:
        # Typer makes 1 of a closed pipe, which is the code for findings.
        if isinstance(end.__context__, BrokenPipeError):
            return _unread()
        raise
    finally:
        gc.enable()


def _unread() -> int:
    """The exit code where the reader of our output went away; nothing more can be said to it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 141  # 128 and the number of SIGPIPE, as shells say it
