"""Answers as files: CSV, whose columns are texts and numbers, and Parquet."""

from __future__ import annotations

import io
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet


def csv_bytes(table: pa.Table) -> bytes:
    """The table as CSV; lists and maps are JSON.  A text that a spreadsheet would take for a formula gets an apostrophe."""
    columns = [_plain(table.column(name)) for name in table.column_names]
    sink = io.BytesIO()
    pa.csv.write_csv(pa.table(columns, names=table.column_names), sink)
    return sink.getvalue()


def _plain(column: Any) -> Any:
    if pa.types.is_nested(column.type):
        return pa.array([None if one is None else _json(one) for one in column.to_pylist()], pa.string())
    if pa.types.is_string(column.type):
        return pa.array([_harmless(one) for one in column.to_pylist()], pa.string())
    return column


def _json(value: Any) -> str:
    return msgspec.json.encode(value, enc_hook=str).decode()


def _harmless(text: str | None) -> str | None:
    return f"'{text}" if text and text[0] in "=+-@\t\r" else text


def parquet_bytes(table: pa.Table) -> bytes:
    """The table as Parquet."""
    sink = io.BytesIO()
    pa.parquet.write_table(table, sink, compression="zstd")
    return sink.getvalue()
