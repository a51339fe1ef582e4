"""The keys of a scan: what the source lists, or what a file of keys names, without what nobody wants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from dcmlint.archive.objects import keys_of
from dcmlint.archive.schema import KEYS
from dcmlint.errors import InputError, UsageError
from dcmlint.sources.key import Key, Source
from dcmlint.sources.open_source import DICOMWEB, PACS, SourceSettings, scheme_of

_ROWS = 4096
# The columns of a list of keys that are taken, and what their values are.
_COLUMNS = {"key": "texts", "size": "numbers", "modified": "times", "etag": "texts"}


def list_keys(source: Source, settings: SourceSettings, after: str = "") -> Iterator[Key]:
    """The keys behind ``after``.  Raises `InputError` where they cannot be listed, `UsageError` for a filter that the
    source does not have."""
    # Servers select by study date and modality themselves.
    server = any(scheme_of(name) in (*DICOMWEB, *PACS) for name in settings.names)
    if settings.keys:
        yield from _modified(_behind(_named(settings), after), settings)
    elif server:
        yield from source.listed(after)
    elif settings.modality:
        raise UsageError(
            "--modality: files and objects do not tell theirs before they are read; give --keys with a column modality"
        )
    else:
        yield from _modified(source.listed(after), settings)


def _modified(keys: Iterable[Key], settings: SourceSettings) -> Iterator[Key]:
    """Without what was modified at another time; what does not tell its time is taken."""
    since, until = settings.since, settings.until
    for key in keys:
        if since is not None and key.modified is not None and key.modified < since:
            continue
        if until is not None and key.modified is not None and key.modified >= until:
            continue
        yield key


def _behind(keys: Iterator[Key], after: str) -> Iterator[Key]:
    if after:
        for key in keys:
            if key.key == after:
                break
        else:
            raise InputError(f"{after} is no longer among the keys: start a new run")
    yield from keys


def _named(settings: SourceSettings) -> Iterator[Key]:
    """The rows of a file of keys, a batch at a time."""
    for batch in _batches(settings.keys):
        names = batch.schema.names
        if "key" not in names:
            raise UsageError(f"{settings.keys}: no column is named key")
        if settings.modality:
            import pyarrow.compute as pc

            if "modality" not in names:
                raise UsageError(f"{settings.keys}: no column is named modality")
            batch = batch.filter(pc.equal(batch.column("modality"), settings.modality))
        for key in keys_of(_typed(batch, settings.keys)):
            # A size of a list may be old: of one that says nothing the object itself tells.
            yield key if key.size is None or key.size > 0 else msgspec.structs.replace(key, size=None)


def _typed(batch: Any, path: str) -> Any:
    """The columns of a list of keys, as `KEYS` has them.  Raises `UsageError`."""
    import pyarrow as pa

    columns = {}
    for name in _COLUMNS:
        if name in batch.schema.names:
            try:
                columns[name] = batch.column(name).cast(KEYS.field(name).type)
            except pa.ArrowException:
                raise UsageError(f"{path}: the column {name} cannot be read as {_COLUMNS[name]}") from None
    if columns["key"].null_count:
        raise UsageError(f"{path}: a row has no key")
    return pa.RecordBatch.from_pydict(columns)


def _batches(path: str) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    try:
        if Path(path).suffix.lower() in (".parquet", ".pq"):
            yield from pa.parquet.ParquetFile(path).iter_batches(_ROWS)
        else:
            types = {"key": pa.string(), "etag": pa.string(), "size": pa.int64(), "modality": pa.string()}
            with pa.csv.open_csv(path, convert_options=pa.csv.ConvertOptions(column_types=types)) as reader:
                yield from reader
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or 'cannot be read'}") from None
    except pa.ArrowException as error:
        raise UsageError(f"{path} is not a list of keys in CSV or Parquet: {type(error).__name__}") from None
