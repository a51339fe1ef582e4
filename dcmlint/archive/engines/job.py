"""Runs one job in a worker: bytes in, bytes out."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import Any

import msgspec
import pyarrow as pa

from dcmlint.archive.work import Work


def packed(batch: pa.RecordBatch) -> bytes:
    """A batch as Arrow IPC."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch)
    made: bytes = sink.getvalue().to_pybytes()
    return made


def unpacked(data: bytes) -> pa.RecordBatch:
    """The batch in Arrow IPC."""
    with pa.ipc.open_stream(data) as reader:
        return reader.read_next_batch()


def run_job(name: str, data: bytes, work: bytes) -> bytes:
    """Run the function ``module:function`` on a packed batch; gives a packed batch."""
    return packed(_function(name)(unpacked(data), _work(work)))


@lru_cache(maxsize=4)
def _work(data: bytes) -> Work:
    return msgspec.msgpack.decode(data, type=Work)


def _function(name: str) -> Any:
    module, _, function = name.partition(":")
    return getattr(import_module(module), function)
