"""`dcmlint standard`: the tables of the standard that dcmlint works with."""

from __future__ import annotations

from typing import Annotated

import typer

from dcmlint.cli.app import app
from dcmlint.cli.help import Commands

commands = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Show and compile the tables of the standard.",
)
app.add_typer(commands, name="standard")


@commands.command()
def info(
    every: Annotated[bool, typer.Option("--all", help="List every IOD, not only the reviewed ones.")] = False,
) -> int:
    """Count the tables of each IOD, and how many conditions can be decided."""
    from dcmlint import standard

    counts = standard.load().counts()
    print(
        f"DICOM {counts.edition}: {counts.sop_classes} storage SOP Classes, {counts.iods} IODs, {counts.tables} tables,"
    )
    print(
        f"{counts.rows} rows, {counts.elements} data elements, {counts.uids} UIDs, {counts.context_groups} context groups"
    )
    print()
    print("  type 1    1C     2    2C     3  decidable  unknowable  undecided  IOD")
    for row in counts.per_iod:
        if not every and not row.reviewed:
            continue
        types = "".join(f"{row.types.get(kind, 0):6}" for kind in ("1", "1C", "2", "2C", "3"))
        mark = " (reviewed)" if row.reviewed and every else ""
        print(f"  {types}{row.decidable:11}{row.unknowable:12}{row.undecided:11}  {row.name}{mark}")
    rest = sum(not row.reviewed for row in counts.per_iod)
    print(f"\n{rest} more IODs: structure and types are checked; unreviewed conditions stay undecided.")
    return 0


@commands.command()
def build(
    out: Annotated[str, typer.Option(metavar="FILE", help="The file to write.")],
    tables: Annotated[str | None, typer.Option(metavar="FOLDER", help="A folder of JSON tables.")] = None,
    docbook: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="A folder of the DocBook of the standard.")
    ] = None,
) -> int:
    """Compile the tables from the DocBook or from JSON tables."""
    from dcmlint.standard.build import main

    arguments = ["--out", out]
    arguments += ["--tables", tables] if tables else []
    arguments += ["--docbook", docbook] if docbook else []
    return main(arguments) or 0
