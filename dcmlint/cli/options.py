"""Options that several commands declare, so that they mean and say the same everywhere."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from dcmlint.cli import completion
from dcmlint.cli.help import INPUT, REPORT, RULES, RUN, one_of


def debugging(on: bool) -> bool:
    """Show what dcmlint logs; processes that it starts see it in their environment."""
    if on:
        from dcmlint.engine.guard import show_log

        os.environ["DCMLINT_DEBUG"] = "1"
        show_log()
    return on


Parameters = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Set a parameter of the profile. Repeatable.",
        rich_help_panel=RULES,
    ),
]
Config = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Read this configuration file instead of the one that is found.",
        rich_help_panel=RUN,
    ),
]
Isolated = Annotated[
    bool, typer.Option("--isolated", help="Read no configuration file.", rich_help_panel=RUN)
]
Select = Annotated[
    list[str] | None,
    typer.Option(
        metavar="RULES", help="Apply only these rules: ids, areas, names or tags, separated by commas.",
        autocompletion=completion.rules, rich_help_panel=RULES,
    ),
]  # fmt: skip
Ignore = Annotated[
    list[str] | None,
    typer.Option(
        metavar="RULES",
        help="Do not apply these rules.",
        autocompletion=completion.rules,
        rich_help_panel=RULES,
    ),
]
Severities = Annotated[
    list[str] | None,
    typer.Option(
        metavar="RULE=LEVEL", help="Change the severity of a rule: error, warning or info. Repeatable.",
        autocompletion=completion.severities, rich_help_panel=RULES,
    ),
]  # fmt: skip
FailOn = Annotated[
    str | None,
    typer.Option(
        help="The lowest severity that makes the exit code 1.  [default: error]",
        **one_of("error", "warning", "info", "never"), rich_help_panel=RUN,
    ),
]  # fmt: skip
Edition = Annotated[
    str | None,
    typer.Option(
        metavar="EDITION",
        help="The edition of DICOM to check against, whatever the date of a file: its name, or a file made by standard build.",
        rich_help_panel=RUN,
    ),
]
# Of what is live; files may also be grouped.
LiveFormats = Annotated[
    list[str] | None,
    typer.Option(
        "-f", "--format", metavar="FORMAT[=FILE]",
        help="Write a report in this format, to a file or to standard output. Repeatable; formats as for check.",
        autocompletion=completion.formats, rich_help_panel=REPORT,
    ),
]  # fmt: skip
Show = Annotated[
    str | None,
    typer.Option(
        help="The lowest severity that text shows.  [default: warning]",
        **one_of("error", "warning", "info"), rich_help_panel=REPORT,
    ),
]  # fmt: skip
ShowValues = Annotated[
    str | None,
    typer.Option(
        help="Values of attributes in reports; safe masks what can identify a patient.  [default: safe]",
        **one_of("safe", "none", "all"), rich_help_panel=REPORT,
    ),
]  # fmt: skip
ExitZero = Annotated[
    bool, typer.Option("--exit-zero", help="End with 0 even if there are findings.", rich_help_panel=RUN)
]
TextOrJson = Annotated[str, typer.Option("-f", "--format", help="text or json.", **one_of("text", "json"))]
Jobs = Annotated[
    int,
    typer.Option(
        "-j", "--jobs", min=0, metavar="N", help="Processes; 0: one per core if there are many files.",
        rich_help_panel=RUN,
    ),
]  # fmt: skip
Quiet = Annotated[
    bool,
    typer.Option(
        "-q",
        "--quiet",
        help="No table and no progress; concise prints findings only.",
        rich_help_panel=REPORT,
    ),
]
Verbose = Annotated[
    bool,
    typer.Option(
        "-v", "--verbose",
        help="Also print information, passed and skipped files, and why rules were undecided.",
        rich_help_panel=REPORT,
    ),
]  # fmt: skip
Debug = Annotated[
    bool,
    typer.Option(
        "--debug",
        help="Log to standard error, with tracebacks of crashes.",
        callback=debugging,
        rich_help_panel=RUN,
    ),
]
MaskUids = Annotated[
    bool,
    typer.Option(
        "--mask-uids", help="Mask UIDs that are not defined by the standard.", rich_help_panel=REPORT
    ),
]
Color = Annotated[
    str,
    typer.Option(help="When text has colors.", **one_of("auto", "always", "never"), rich_help_panel=REPORT),
]
Frames = Annotated[
    str | None,
    typer.Option(
        help="The frames whose code streams are examined.  [default: auto]",
        **one_of("auto", "all", "sample", "none"), rich_help_panel=INPUT,
    ),
]  # fmt: skip
Profiles = Annotated[
    list[str] | None,
    typer.Option(
        "-p", "--profile", metavar="PROFILE",
        help="The profile to check against, a name or a file. Repeatable: all of them apply.  [default: wsi]",
        autocompletion=completion.profiles, rich_help_panel=RULES,
    ),
]  # fmt: skip
FilesFrom = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Read paths from this file, one per line; - reads standard input.",
        rich_help_panel=INPUT,
    ),
]
Include = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PATTERN",
        help="In folders, take only files that match this pattern. Repeatable.",
        rich_help_panel=INPUT,
    ),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PATTERN",
        help="In folders, omit files that match this pattern. Repeatable.",
        rich_help_panel=INPUT,
    ),
]
