"""`dcmlint report`: a page about the results of scans."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from dcmlint.cli.app import app
from dcmlint.errors import UsageError


@app.command("report")
def report(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="The folder of results (scan --out).")],
    format_: Annotated[
        str, typer.Option("-f", "--format", metavar="FORMAT[=FILE]", help="html, or html=FILE.")
    ] = "html",
    run: Annotated[
        str, typer.Option(metavar="RUN", help="The run that the page is about; default: the newest.")
    ] = "",
) -> int:
    """Draw a page about the results of scans: trends over the runs, worst senders, examples to open.

    Example: dcmlint report findings/ -f html=archive.html
    """
    from dcmlint.cli.outputs import replace_file
    from dcmlint.cli.terminal import utf8_output

    name, _, target = format_.partition("=")
    if name != "html":
        raise UsageError(f"-f {format_}: html, or html=FILE (dcmlint query gives csv, json and parquet)")
    try:
        from dcmlint.archive.layout import Folder
        from dcmlint.archive.page import page_of
        from dcmlint.archive.query import Results
    except ImportError as error:
        raise UsageError(f"archives need {error.name}: pip install 'dcmlint[archive]'") from None
    results = Results(Folder(folder), run)
    try:
        page = page_of(results)
    finally:
        results.close()
    if target:
        replace_file(target, page.encode())
    else:
        utf8_output()
        sys.stdout.write(page)
    return 0
