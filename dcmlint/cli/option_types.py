"""Options that several commands declare, so that they mean and say the same everywhere."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from dcmlint.cli import completion


def debugging(on: bool) -> bool:
    """Show what dcmlint logs; processes that it starts see it in their environment."""
    if on:
        from dcmlint.engine.guard import show_log

        os.environ["DCMLINT_DEBUG"] = "1"
        show_log()
    return on


Parameters = Annotated[
    list[str] | None, typer.Option("--set", help="A parameter of the profile: NAME=VALUE.")
]
Config = Annotated[str | None, typer.Option(help="Read this configuration file.")]
Isolated = Annotated[bool, typer.Option("--isolated", help="Read no configuration file.")]
Select = Annotated[
    list[str] | None,
    typer.Option(
        help="Only these rules: id, area, name or tag, with commas.", autocompletion=completion.rules
    ),
]
Ignore = Annotated[list[str] | None, typer.Option(help="Not these rules.", autocompletion=completion.rules)]
Severities = Annotated[list[str] | None, typer.Option(help="RULE=error|warning|info")]
FailOn = Annotated[
    str | None, typer.Option(help="The least severity that fails: error (default), warning, info, never.")
]
# Of what is live; files may also be grouped.
LiveFormats = Annotated[
    list[str] | None,
    typer.Option(
        "-f",
        "--format",
        help="FORMAT[=FILE], repeatable, as of check: full, concise, json, jsonl, junit, sarif, html …",
    ),
]
Show = Annotated[
    str | None, typer.Option(help="The least severity that text shows: error, warning (default), info.")
]
ShowValues = Annotated[str | None, typer.Option(help="Values in reports: safe (default), none, all.")]
ExitZero = Annotated[bool, typer.Option("--exit-zero", help="End with 0 whatever was found.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Only findings, no table and no progress.")]
Verbose = Annotated[
    bool,
    typer.Option(
        "-v", "--verbose", help="Every file, information, skipped files, reasons of undecided rules."
    ),
]
Debug = Annotated[
    bool,
    typer.Option("--debug", help="Log to standard error; of a crash, its traceback.", callback=debugging),
]
MaskUids = Annotated[
    bool, typer.Option("--mask-uids", help="Mask UIDs that the standard does not know, in reports.")
]
Color = Annotated[str, typer.Option(help="auto, always, never.")]
