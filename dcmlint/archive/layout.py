"""The folder of results: one Parquet file for each shard and kind of row, each written whole or not at all.

```
findings/
  runs/RUN.parquet                             one row: what was run, when, how it ended
  keys/run=RUN/shard-000000.parquet            what was listed; its metadata hold a digest of the contents
  instances/run=RUN/shard-000000.parquet       written last: a shard that has it is done
  findings/run=RUN/shard-000000.parquet        findings about single files
  findings/run=RUN/together.parquet            findings about slides, series, studies, patients
  facts/run=RUN/shard-000000.parquet           what the pass over groups needs
  explained/run=RUN/together.parquet           findings about single files that follow from those together
  outcomes/run=RUN/outcomes.parquet            how often each rule ended in each way
```
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dcmlint.archive.schema import EXPLAINED, FACTS, FINDINGS, INSTANCES, KEYS, OUTCOMES, RUNS, VERSION
from dcmlint.errors import UsageError

KINDS = {
    "keys": KEYS, "instances": INSTANCES, "findings": FINDINGS, "facts": FACTS, "explained": EXPLAINED,
    "outcomes": OUTCOMES,
}  # fmt: skip
TOGETHER = "together"
# Written in this order: who sees the last sees the others.
OF_SHARD = ("facts", "findings", "instances")
_VERSION = b"dcmlint.schema"
_PREFIX = "shard-"


class Folder:
    """A folder of results.  Raises `UsageError` where it cannot be read or written, or is of a later version."""

    def __init__(self, path: str, *, create: bool = False) -> None:
        self.path = Path(path)
        if create:
            with _told(path):
                (self.path / "runs").mkdir(parents=True, exist_ok=True)
        elif not (self.path / "runs").is_dir():
            raise UsageError(f"{path} contains no results of a scan (dcmlint scan SOURCE --out {path})")

    # -- runs -------------------------------------------------------------------------------------------

    def runs(self) -> list[dict[str, Any]]:
        """The rows of all runs, the oldest first."""
        rows = [
            row
            for name in sorted((self.path / "runs").glob("*.parquet"))
            for row in self._read(name).to_pylist()
        ]
        return sorted(rows, key=lambda row: (row["started"], row["run"]))

    def write_run(self, row: Mapping[str, Any]) -> None:
        """Write the row of a run, in place of the one before."""
        table = pa.Table.from_pylist([dict(row)], RUNS)
        self._write(self.path / "runs" / f"{row['run']}.parquet", table)

    # -- files of a run ---------------------------------------------------------------------------------

    def place(self, kind: str, run: str) -> Path:
        """The folder of one kind of rows of a run."""
        return self.path / kind / f"run={run}"

    def file(self, kind: str, run: str, shard: int | str) -> Path:
        """The file of a shard, or of another name."""
        name = f"{_PREFIX}{shard:06d}" if isinstance(shard, int) else shard
        return self.place(kind, run) / f"{name}.parquet"

    def shards(self, kind: str, run: str) -> list[int]:
        """The numbers of the shards that are there."""
        found = self.place(kind, run).glob(f"{_PREFIX}*.parquet")
        return sorted(int(name.stem.removeprefix(_PREFIX)) for name in found)

    def write(
        self,
        kind: str,
        run: str,
        shard: int | str,
        table: pa.Table,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """Write the rows of a shard."""
        self._write(self.file(kind, run, shard), table, metadata)

    def writing(
        self, kind: str, run: str, shard: int | str
    ) -> contextlib.AbstractContextManager[Callable[[pa.Table], None]]:
        """Write rows that come table by table, without holding them: the block gets what takes tables."""
        return self._writing(self.file(kind, run, shard), KINDS[kind])

    def read(self, kind: str, run: str, shard: int | str) -> pa.Table:
        """The rows of a shard."""
        return self._read(self.file(kind, run, shard))

    def metadata(self, kind: str, run: str, shard: int | str) -> dict[str, str]:
        """What was written beside the rows of a shard."""
        with _open(self.file(kind, run, shard)) as file:
            found = file.schema_arrow.metadata or {}
        return {name.decode(): value.decode() for name, value in found.items() if name != b"ARROW:schema"}

    def drop(self, kind: str, run: str) -> None:
        """Remove the rows of one kind of a run."""
        import shutil

        with _told(str(self.place(kind, run))):
            shutil.rmtree(self.place(kind, run), ignore_errors=True)

    def link(self, kind: str, run: str, shard: int | str, target: Path) -> None:
        """Give rows of another file to this shard, without a copy where the file system can."""
        place = self.file(kind, run, shard)
        with _told(str(place)):
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(target, place)
                return
            except OSError:  # another file is there, or the file system has no links
                import shutil

            made = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
            shutil.copyfile(target, made)
            os.replace(made, place)

    # -- reading and writing ----------------------------------------------------------------------------

    def _read(self, path: Path) -> pa.Table:
        with _open(path) as file:
            table = file.read(use_threads=False)
        version = int((table.schema.metadata or {}).get(_VERSION, b"0"))
        if version > VERSION:
            raise UsageError(f"{path} was written by a later dcmlint (schema {version}): update dcmlint")
        return table

    def _write(self, path: Path, table: pa.Table, metadata: Mapping[str, str] | None = None) -> None:
        with self._writing(path, table.schema, metadata) as add:
            add(table)

    @contextlib.contextmanager
    def _writing(
        self, path: Path, schema: pa.Schema, metadata: Mapping[str, str] | None = None
    ) -> Iterator[Callable[[pa.Table], None]]:
        """Gives what takes tables; the file is there, whole, when the block ends without an error."""
        more = {name.encode(): value.encode() for name, value in (metadata or {}).items()}
        schema = schema.with_metadata({_VERSION: str(VERSION).encode(), **more})
        with _told(str(path)):
            path.parent.mkdir(parents=True, exist_ok=True)
            made = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
            try:
                with made.open("wb") as sink:
                    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
                        yield lambda table: writer.write_table(table.replace_schema_metadata(schema.metadata))
                    sink.flush()
                    os.fsync(sink.fileno())
                os.replace(made, path)
            except BaseException:
                made.unlink(missing_ok=True)
                raise

    def sweep(self) -> int:
        """Remove what was left half written; gives the number of files."""
        left = [name for name in self.path.glob("**/.*.parquet.*") if name.is_file()]
        for name in left:
            name.unlink(missing_ok=True)
        return len(left)


@contextlib.contextmanager
def _open(path: Path) -> Iterator[Any]:
    """A file as `ParquetFile`: neither `read_table`, which loads modules that take longer than most files, nor by its path,
    for which file systems are tried; and without a thread that reads ahead."""
    with _told(str(path)), pa.OSFile(str(path)) as source, pq.ParquetFile(source, pre_buffer=False) as file:
        yield file


@contextlib.contextmanager
def _told(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or 'cannot be read or written'}") from None
    except pa.ArrowException as error:
        raise UsageError(f"{path} is damaged: {type(error).__name__}") from None


@contextlib.contextmanager
def only_one(folder: Folder) -> Iterator[None]:
    """Hold the folder for one writer at a time; raises `UsageError` where there is another."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    with _told(str(folder.path)), (folder.path / "runs" / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"{folder.path}: another scan is writing to it") from None
        yield
