"""The unit of all work: a pure function from an Arrow batch of keys to an Arrow batch of results.

It reads the objects that the keys name and nothing else, writes nothing, and gives the same for the same objects in any
process: a scheduler of any kind can run it as often as it likes.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Any

import msgspec
import pyarrow as pa

from dcmlint.archive.limits import TimeLimitError, Watch
from dcmlint.archive.objects import keys_of
from dcmlint.archive.rows import COLUMNS, row_of, text
from dcmlint.archive.schema import FACTS, FINDINGS, INSTANCES, RESULTS
from dcmlint.archive.work import Work
from dcmlint.engine.session import CANNOT_OPEN, Checker, Result, Task
from dcmlint.engine.settings import Settings
from dcmlint.errors import InputError
from dcmlint.sources.input import Input
from dcmlint.sources.key import Key, Source
from dcmlint.sources.open_source import open_source

# Objects that are fetched ahead of the one that is checked.
_AHEAD = 48


def scan_batch(keys: pa.RecordBatch, work: Work) -> pa.RecordBatch:
    """Check the objects of a batch of `KEYS` (only ``key`` is required): a batch of `RESULTS`.

    One row for each instance, in the order of the keys and, within an archive, of its members.  What cannot be read is
    a row, too.  Raises `UsageError` for a profile, setting or source that does not work: for none of the objects.
    """
    checker = checker_of(work)
    source = open_source(work.source)
    watch = Watch(work.time_limit)
    try:
        rows = list(_rows(keys_of(keys), checker, source, work, watch))
    finally:
        watch.close()
        source.close()
    return pa.RecordBatch.from_pylist(rows, RESULTS)


def split_batch(results: Any) -> tuple[pa.Table, pa.Table, pa.Table]:
    """A batch or table of `RESULTS` as tables of `INSTANCES`, `FINDINGS` and `FACTS`."""
    table = pa.Table.from_batches([results]) if isinstance(results, pa.RecordBatch) else results
    findings = _flat(table.column("findings"), FINDINGS, is_list=True)
    facts = _flat(table.column("facts"), FACTS, is_list=False)
    return table.select(INSTANCES.names), findings, facts


def _flat(column: Any, schema: Any, is_list: bool) -> pa.Table:
    batches = []
    for chunk in column.chunks:
        structs = chunk.flatten() if is_list else chunk.drop_null()
        batches.append(pa.RecordBatch.from_arrays(structs.flatten(), schema=schema))
    return pa.Table.from_batches(batches, schema)


_ENCODER = msgspec.json.Encoder(order="deterministic")


def checker_of(work: Work) -> Checker:
    """The rules, read once for a process."""
    return _checker(_ENCODER.encode(work.settings))


@lru_cache(maxsize=4)
def _checker(settings: bytes) -> Checker:
    made = msgspec.json.decode(settings, type=Settings)
    return Checker(msgspec.structs.replace(made, columns=tuple(COLUMNS.values())))


def _rows(
    keys: list[Key], checker: Checker, source: Source, work: Work, watch: Watch
) -> Iterator[dict[str, Any]]:
    sender = re.compile(work.sender) if work.sender else None
    source.fetch(keys[:_AHEAD])
    for number, key in enumerate(keys):
        source.fetch(keys[number + _AHEAD : number + _AHEAD + 1])
        by = _sender(sender, key.key)
        # What is read to find the members of an archive counts for the first of them.
        started, read, asked = time.monotonic(), source.usage.bytes, source.usage.requests
        for one in source.inputs(key):
            try:
                result = _result(one, checker, source, work, watch)
            finally:
                one.discard()
            yield row_of(
                key, result, by, work.secret, bytes_read=source.usage.bytes - read,
                requests=source.usage.requests - asked, seconds=time.monotonic() - started,
            )  # fmt: skip
            started, read, asked = time.monotonic(), source.usage.bytes, source.usage.requests


def _result(one: Input, checker: Checker, source: Source, work: Work, watch: Watch) -> Result:
    task = Task(one.path, one.named, one.received, one.skipped)
    if one.kind == "problem":
        return checker.unreadable(one.path, CANNOT_OPEN, f"cannot be read: {one.problem}")
    try:
        result = watch.run(partial(checker.check, task, partial(source.open, one)))
    except TimeLimitError:
        return checker.unreadable(
            one.path, CANNOT_OPEN, f"not checked: it takes more than {work.time_limit:g} seconds"
        )
    except InputError as error:
        return checker.unreadable(one.path, CANNOT_OPEN, f"cannot be read: {error}")
    if work.memory_limit and _out_of_memory(result):
        message = f"not checked: it takes more than {work.memory_limit >> 20} MiB of memory"
        return checker.unreadable(one.path, CANNOT_OPEN, message)
    return result


def _out_of_memory(result: Result) -> bool:
    """Whether rules crashed, or the reader did, since there was no more memory."""
    reasons = [*result.undecided.values(), *(finding.message for finding in result.findings)]
    return any("crashed: MemoryError" in reason for reason in reasons)


def _sender(pattern: re.Pattern[str] | None, key: str) -> str:
    found = pattern.search(key) if pattern is not None else None
    if found is None:
        return ""
    return text(found[1] if found.re.groups else found[0])


def died(keys: pa.RecordBatch, work: Work) -> pa.RecordBatch:
    """The results of keys at which the process died that was to check them."""
    checker = checker_of(work)
    rows = [
        row_of(
            key, checker.unreadable(key.key, CANNOT_OPEN, "not checked: the process that checked it died"), "",
            bytes_read=0, requests=0, seconds=0.0,
        )
        for key in keys_of(keys)
    ]  # fmt: skip
    return pa.RecordBatch.from_pylist(rows, RESULTS)
