"""`dcmlint query`: ask questions of the results of scans."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from dcmlint.cli.app import app
from dcmlint.errors import UsageError

_FORMATS = ("text", "csv", "json", "parquet")


@app.command()
def query(
    folder: Annotated[str, typer.Argument(help="The folder of results (scan --out).")],
    question: Annotated[str | None, typer.Argument(help="A ready question, or SQL; without it, the questions are listed.")] = None,
    run: Annotated[str, typer.Option(help="The run that ready questions look at; default: the newest.")] = "",
    format_: Annotated[
        str, typer.Option("-f", "--format", help="text, csv, json (a line a row), or parquet=FILE; csv=FILE too.")
    ] = "text",
    limit: Annotated[int, typer.Option(min=0, help="Rows shown as text; 0: all.")] = 40,
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
    if question is None:
        for known, one in QUESTIONS.items():
            print(f"{known:17}{one.title}")
        return 0
    results = Results(Folder(folder), run)
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
    from dcmlint.reports.border import printable

    shown = table.slice(0, limit) if limit else table
    rows = [[_text(value) for value in row.values()] for row in shown.to_pylist()]
    columns = [table.column_names, *([printable(one) for one in row] for row in rows)]
    numbers = [
        not any(row[n] and not _is_number(row[n]) for row in rows) for n in range(len(table.column_names))
    ]
    widths = [max(len(row[n]) for row in columns) for n in range(len(table.column_names))]
    for row in columns:
        cells = (
            one.rjust(width) if number else one.ljust(width)
            for one, width, number in zip(row, widths, numbers, strict=True)
        )
        print("  ".join(cells).rstrip())
    if table.num_rows > shown.num_rows:
        print(f"… {shown.num_rows} of {table.num_rows} rows: --limit 0 shows all", file=sys.stderr)


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

    encoder = msgspec.json.Encoder(enc_hook=str)
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
        raise UsageError(f"-f {name}: the answer cannot be written so: {error}") from None
    if target:
        replace_file(target, data)
    else:
        sys.stdout.write(data.decode())
