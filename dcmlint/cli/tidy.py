"""`dcmlint merge` and `dcmlint prune`: folders of results joined, and old runs removed."""

from __future__ import annotations

from typing import Annotated

import typer

from dcmlint.cli.app import app
from dcmlint.errors import UsageError
from dcmlint.plural import number_of


def _extra(error: ImportError) -> UsageError:
    return UsageError(f"archives need {error.name}: pip install 'dcmlint[archive]'")


@app.command()
def merge(
    folders: Annotated[
        list[str], typer.Argument(metavar="FOLDER...", help="Folders of results (scan --out).")
    ],
    out: Annotated[
        str, typer.Option("-o", "--out", metavar="FOLDER", help="The folder that gets their runs.")
    ],
) -> int:
    """Put the runs of several folders of results into one; a run that is there already stays as it is."""
    try:
        from dcmlint.archive.tidy import merge as join
    except ImportError as error:
        raise _extra(error) from None
    count = join(folders, out)
    print(f"{number_of(count, 'new run')} in {out}")
    return 0


@app.command()
def prune(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="The folder of results (scan --out).")],
    keep: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Keep so many of the newest runs.")
    ] = None,
    before: Annotated[
        str | None, typer.Option(metavar="DATE", help="Only runs that began before this day: 2026-01-31.")
    ] = None,
    facts: Annotated[
        bool,
        typer.Option(
            "--facts", help="Remove only the facts of these runs; nothing is taken over from them any more."
        ),
    ] = False,
) -> int:
    """Remove old runs from a folder of results.

    Example: dcmlint prune findings/ --keep 10
    """
    from dcmlint.cli.scan import day_of

    try:
        from dcmlint.archive.tidy import prune as remove
    except ImportError as error:
        raise _extra(error) from None
    gone = remove(folder, keep=keep, before=day_of("--before", before), facts=facts)
    print(f"{number_of(len(gone), 'run')} pruned in {folder}" + (f": {', '.join(gone)}" if gone else ""))
    return 0
