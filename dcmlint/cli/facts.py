"""`dcmlint facts`: the values that rules can ask for."""

from __future__ import annotations

from typing import Annotated

import typer

from dcmlint.cli.app import app
from dcmlint.cli.options import TextOrJson


@app.command()
def facts(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="A group, a fact such as tiling.columns, or a word to search for."
        ),
    ] = "",
    format_: TextOrJson = "text",
) -> int:
    """List the facts that the expressions of rules can use, with their types and meanings."""
    import msgspec

    from dcmlint.cli.terminal import utf8_output
    from dcmlint.errors import UsageError
    from dcmlint.facts.describe import as_text, fact_pages, pages_named

    utf8_output()
    pages = pages_named(name) if name else fact_pages()
    if not pages:
        raise UsageError(f"there is no fact named {name!r}; `dcmlint facts` lists all of them")
    if format_ == "json":
        print(msgspec.json.format(msgspec.json.encode(pages), indent=2).decode())
    else:
        print(as_text(pages))
    return 0
