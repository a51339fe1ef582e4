"""`dcmlint query`: ask questions of the results of scans."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from dcmlint.cli.app import app
from dcmlint.errors import UsageError

_LEAST = 8  # columns of a terminal that a text keeps
_WHOLE = ("run", "rule")  # columns whose values are typed again: they are never cut
_FORMATS = ("text", "csv", "json", "parquet")


@app.command()
def query(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="The folder of results (scan --out).")],
    question: Annotated[str | None, typer.Argument(metavar="QUESTION|SQL", help="A ready question, or SQL; without it, the questions are listed.")] = None,
    run: Annotated[str, typer.Option(metavar="RUN", help="The run that ready questions look at; default: the newest.")] = "",
    format_: Annotated[
        str, typer.Option("-f", "--format", metavar="FORMAT[=FILE]", help="text, csv, json (a line a row), or parquet=FILE; csv=FILE too.")
    ] = "text",
    limit: Annotated[int, typer.Option(min=0, metavar="N", help="Rows shown as text; 0: all.")] = 40,
) -> int:  # fmt: skip
    """Ask the results of scans: ready questions, and SQL over runs, instances, findings, outcomes and keys.

    Examples: dcmlint query findings/ worst-series;
    dcmlint query findings/ "SELECT rule, count(*) FROM findings GROUP BY ALL"
    """
    from dcmlint.cli.terminal import utf8_output

    utf8_output()
    name, _, target = format_.partition("=")
    if name not in _FORMATS or (name == "parquet" and not target) or (name in ("text", "json") and target):
        raise UsageError(f"-f {format_}: text, csv, csv=FILE, json, or parquet=FILE")
    try:
        from dcmlint.archive.layout import Folder
        from dcmlint.archive.query import Results
        from dcmlint.archive.questions import QUESTIONS
    except ImportError as error:
        raise UsageError(f"archives need {error.name}: pip install 'dcmlint[archive]'") from None
    opened = Folder(folder)
    if question is None:
        width = max(map(len, QUESTIONS))
        for known, one in QUESTIONS.items():
            print(f"{known:{width}}  {one.title}")
        return 0
    results = Results(opened, run)
    try:
        found = results.ask(question)
    finally:
        results.close()
    if name == "text":
        _print(found, limit)
    elif name == "json":
        _print_json(found)
    else:
        _write(found, name, target)
    return 0


def _print(table: Any, limit: int) -> None:
    from dcmlint.cli.terminal import terminal_width
    from dcmlint.reports.border import printable

    shown = table.slice(0, limit) if limit else table
    names = table.column_names
    rows = [[printable(_text(value)) for value in row.values()] for row in shown.to_pylist()]
    numbers = [not any(row[n] and not _is_number(row[n]) for row in rows) for n in range(len(names))]
    widths = [max(len(row[n]) for row in (names, *rows)) for n in range(len(names))]
    seen = sys.stdout.isatty() or "COLUMNS" in os.environ  # a file gets all of it
    fixed = [number or name in _WHOLE for number, name in zip(numbers, names, strict=True)]
    room = _fitted(widths, fixed, terminal_width(sys.stdout)) if seen else widths
    for row in (names, *rows):
        cells = (
            _cut(one, width, name).rjust(width) if number else _cut(one, width, name).ljust(width)
            for one, width, number, name in zip(row, room, numbers, names, strict=True)
        )
        print("  ".join(cells).rstrip())
    if not rows:
        print("no rows", file=sys.stderr)
    if room != widths:
        print("… columns are cut to the width of the terminal: -f csv gives all of them", file=sys.stderr)
    if table.num_rows > shown.num_rows:
        print(f"… {shown.num_rows} of {table.num_rows} rows: --limit 0 shows all", file=sys.stderr)


def _fitted(widths: list[int], fixed: list[bool], room: int) -> list[int]:
    """The widths of columns so that a row fits: the widest that are not fixed give way first."""
    made = list(widths)
    texts = [n for n, one in enumerate(fixed) if not one]
    while texts and sum(made) + 2 * (len(made) - 1) > room:
        widest = max(texts, key=lambda n: made[n])
        if made[widest] <= _LEAST:
            break
        made[widest] -= 1
    return made


def _cut(text: str, width: int, name: str) -> str:
    """A text of at most a width; of a path the end says most."""
    if len(text) <= width:
        return text
    return f"…{text[len(text) - width + 1 :]}" if name in ("path", "file", "key") else f"{text[: width - 1]}…"


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return f"{value:%Y-%m-%d %H:%M:%S}" if hasattr(value, "strftime") else str(value)


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).replace("-", "", 1).isdigit()


def _print_json(table: Any) -> None:
    import msgspec

    encoder = msgspec.json.Encoder(enc_hook=str, decimal_format="number")
    for batch in table.to_batches(max_chunksize=4096):
        for row in batch.to_pylist():
            print(encoder.encode(row).decode())


def _write(table: Any, name: str, target: str) -> None:
    import pyarrow as pa

    from dcmlint.archive.flat import csv_bytes, parquet_bytes
    from dcmlint.cli.outputs import replace_file

    try:
        data = parquet_bytes(table) if name == "parquet" else csv_bytes(table)
    except pa.ArrowException as error:
        raise UsageError(f"-f {name}: the result cannot be written in this format: {error}") from None
    if target:
        replace_file(target, data)
    else:
        sys.stdout.write(data.decode())
