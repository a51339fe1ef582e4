"""Scans a source into a folder of results: lists, shards, checks on an engine, then checks what belongs together.

The folder says how far a run has come; whoever starts the same scan again goes on from there.  Nothing is lost, since a
shard is written down before it is checked, and nothing comes twice, since a shard that has its instances is done.
"""

from __future__ import annotations

import datetime
import glob
import hashlib
import os
import secrets
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import pyarrow as pa

from dcmlint.archive.arrow import load_compute
from dcmlint.archive.cache import Earlier
from dcmlint.archive.engines import Engine, open_engine
from dcmlint.archive.key_file import name_of, read_key
from dcmlint.archive.layout import OF_SHARD, TOGETHER, Folder, only_one
from dcmlint.archive.listing import list_keys
from dcmlint.archive.plan import Choice, Shard, is_listed, planned
from dcmlint.archive.schema import INSTANCES, OUTCOMES, VERSION
from dcmlint.archive.tally import TOTALS, count_outcomes, totals_of
from dcmlint.archive.work import Work
from dcmlint.engine.outcomes import OutcomeCounts
from dcmlint.engine.session import Checker
from dcmlint.findings.finding import RANK, Severity
from dcmlint.sources.open_source import open_source, scheme_of
from dcmlint.version import __version__

SCAN = "dcmlint.archive.unit:scan_batch"
Progress = Callable[[int, int], None]
Tables = tuple[pa.Table, pa.Table, pa.Table]


class ScanSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a scan is run.

    ``engine``: see `open_engine`; ``jobs``: processes of this machine, 0 for one a core; ``shard_size``: the most objects
    of a shard; ``cache``: take over what earlier runs found of objects that have not changed; ``fresh``: do not go on
    with a run that was stopped; ``key_file``: see `read_key`.
    """

    work: Work
    choice: Choice = Choice()
    engine: str = "local"
    jobs: int = 0
    shard_size: int = 2000
    cache: bool = True
    fresh: bool = False
    fail_on: Severity | None = "error"
    key_file: str = ""


def scan(out: str, settings: ScanSettings, progress: Progress = lambda done, listed: None) -> dict[str, Any]:
    """Run a scan, or go on with one that was stopped; gives the row of the run.

    ``progress`` is called with the number of objects that were done, and of those that were listed, from two threads.  Raises `UsageError` for a profile, source or
    folder that does not work, `InputError` where the source cannot be listed; `KeyboardInterrupt` leaves a run that can
    be gone on with.
    """
    pa.set_memory_pool(pa.system_memory_pool())  # which gives back what a shard took
    checker = Checker(settings.work.settings)
    folder = Folder(out, create=True)
    settings = _without_results(settings, out)
    secret = settings.work.secret or read_key(folder.path, settings.key_file)
    settings = msgspec.structs.replace(settings, work=msgspec.structs.replace(settings.work, secret=secret))
    with only_one(folder):
        folder.sweep()
        return _Scan(folder, settings, checker, progress).run()


def _without_results(settings: ScanSettings, out: str) -> ScanSettings:
    """The settings, with the folder of results left out where it lies in a folder that is scanned."""
    source = settings.work.source
    place = os.path.realpath(out)
    inside = [
        os.path.join(glob.escape(name), glob.escape(os.path.relpath(place, os.path.realpath(name))), "*")
        for name in source.names
        if not scheme_of(name) and place.startswith(os.path.join(os.path.realpath(name), ""))
    ]
    if not inside:
        return settings
    exclude = (*source.selection.exclude, *inside)
    source = msgspec.structs.replace(
        source, selection=msgspec.structs.replace(source.selection, exclude=exclude)
    )
    return msgspec.structs.replace(settings, work=msgspec.structs.replace(settings.work, source=source))


class _Open:
    """A shard that is being checked: what came of its pieces."""

    def __init__(self, shard: Shard, reused: Tables | None) -> None:
        self.shard, self.waiting = shard, 0
        self.pieces: list[Tables] = [] if reused is None else [reused]


class _Scan:
    def __init__(self, folder: Folder, settings: ScanSettings, checker: Checker, progress: Progress) -> None:
        self.folder, self.settings, self.checker, self.progress = folder, settings, checker, progress
        self.digest = rules_digest(checker, settings.work.secret)
        runs = folder.runs()
        self.row = self._begun(runs)
        self.run_id: str = self.row["run"]
        self.earlier = Earlier(folder, self.digest, runs, self.run_id) if settings.cache else None
        self._engine: Engine | None = None
        self.jobs: dict[int, tuple[_Open, pa.RecordBatch]] = {}

    def _begun(self, runs: list[dict[str, Any]]) -> dict[str, Any]:
        """The row of the run: of one that was stopped, else a new one."""
        work = msgspec.structs.replace(self.settings.work, secret=b"")  # which is written down nowhere else
        what = msgspec.json.encode(
            (work, self.settings.choice, self.settings.shard_size), order="deterministic"
        ).decode()
        if not self.settings.fresh:
            for row in reversed(runs):
                if row["status"] != "complete" and (row["settings"], row["rules_digest"]) == (
                    what,
                    self.digest,
                ):
                    return {**row, "status": "running"}
        started = datetime.datetime.now(datetime.UTC)
        names = self.settings.work.source.names
        return {
            "run": f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}", "schema_version": VERSION, "status": "running",
            "started": started, "source": " ".join(names), "tool_version": __version__,
            "edition": _edition(), "profile": self.checker.profile.name, "settings": what,
            "rules_digest": self.digest, "reused": 0, "bytes_read": 0, "requests": 0,
        }  # fmt: skip

    def run(self) -> dict[str, Any]:
        self.row["engine"] = self.settings.engine.partition("=")[0]
        self.folder.write_run(self.row)
        try:
            if self.settings.engine == "local":
                self.engine()  # while there is one thread: its processes are forked then
            self._check()
            self._finish()
        except BaseException:
            self._ended("stopped")
            raise
        finally:
            if self._engine is not None:
                self._engine.close()
        return self.row

    def _ended(self, status: str) -> None:
        self.row |= {"status": status, "ended": datetime.datetime.now(datetime.UTC)}
        self.folder.write_run(self.row)

    # -- shards -----------------------------------------------------------------------------------------

    def _check(self) -> None:
        settings = self.settings
        source = open_source(settings.work.source)
        self.all_taken = True
        try:
            found = partial(list_keys, source, settings.work.source)
            size, listed = settings.shard_size, partial(self.progress, 0)
            take = partial(self.earlier.take, self.run_id) if self.earlier is not None else _nothing
            for shard in planned(self.folder, self.run_id, found, settings.choice, size, listed, take):
                self.all_taken &= shard.state == "taken"
                if shard.state != "open":
                    self.row["reused"] += shard.keys.num_rows if shard.state == "taken" else 0
                    self.progress(shard.keys.num_rows, 0)
                    continue
                load_compute()  # slow, and not needed where nothing changed
                opened, rest = self._reused(shard)
                if not rest.num_rows:
                    self._write(opened)
                    continue
                while len(self.jobs) >= self.engine().slots:
                    self._take()
                self._submit(opened, rest)
            while self.jobs:
                self._take()
        finally:
            source.close()

    def engine(self) -> Engine:
        """The engine, made when there is something to do."""
        if self._engine is None:
            self._engine = open_engine(self.settings.engine, self.settings.work, self.settings.jobs)
        return self._engine

    def _reused(self, shard: Shard) -> tuple[_Open, pa.RecordBatch]:
        """The shard with what is known of its objects already, and the keys of the others."""
        found = self.earlier.known(shard) if self.earlier is not None else None
        if found is None:
            return _Open(shard, None), shard.keys
        import pyarrow.compute as pc

        tables, keys = found
        self.row["reused"] += len(keys)
        rest = shard.keys.filter(pc.invert(pc.is_in(shard.keys.column("key"), pa.array(keys, pa.string()))))
        self.progress(len(keys), 0)
        return _Open(shard, tables), rest

    def _submit(self, opened: _Open, keys: pa.RecordBatch) -> None:
        """Begin the jobs of a shard, all of them before one is taken in."""
        from dcmlint.archive.engines.job import packed

        engine = self.engine()
        most = engine.most or keys.num_rows
        for start in range(0, keys.num_rows, most):
            piece = keys.slice(start, most)
            opened.waiting += 1
            self.jobs[engine.submit((SCAN, packed(piece)))] = opened, piece

    def _take(self) -> None:
        """Take in a job; one whose process died is done again in halves, until it is one object."""
        from dcmlint.archive.engines.job import unpacked
        from dcmlint.archive.unit import died, split_batch

        number, data = self.engine().next_done()
        opened, keys = self.jobs.pop(number)
        opened.waiting -= 1
        if data is None and keys.num_rows > 1:
            half = keys.num_rows // 2
            self._submit(opened, keys.slice(0, half))
            self._submit(opened, keys.slice(half))
            return
        batch = died(keys, self.settings.work) if data is None else unpacked(data)
        opened.pieces.append(split_batch(batch))
        instances = opened.pieces[-1][0]
        for name in ("bytes_read", "requests"):
            self.row[name] += sum(filter(None, instances.column(name).to_pylist()))
        self.progress(keys.num_rows, 0)
        if not opened.waiting:
            self._write(opened)

    def _write(self, opened: _Open) -> None:
        """Write a shard whose pieces are all there, its instances in the order of their keys."""
        import pyarrow.compute as pc

        shard = opened.shard
        instances, findings, facts = (pa.concat_tables(part) for part in zip(*opened.pieces, strict=True))
        place = pc.index_in(instances.column("key"), shard.keys.column("key"))
        order = pc.sort_indices(pa.table({"place": place, "path": instances.column("path")}),
                                sort_keys=[("place", "ascending")])  # fmt: skip
        tables = {"facts": facts, "findings": findings, "instances": instances.take(order).cast(INSTANCES)}
        for kind in OF_SHARD:
            self.folder.write(kind, self.run_id, shard.number, tables[kind])
        self.folder.write_run(self.row)  # what was read until now is known after whatever happens

    # -- the end ----------------------------------------------------------------------------------------

    def _finish(self) -> None:
        assert is_listed(self.folder, self.run_id)
        counts = OutcomeCounts(self.checker.planner)
        before = self.earlier.whole(self.run_id) if self.earlier is not None and self.all_taken else None
        if before is not None:
            for kind in ("explained", "findings"):
                self.folder.link(kind, self.run_id, TOGETHER, self.folder.file(kind, before["run"], TOGETHER))
            self.folder.link(
                "outcomes", self.run_id, "outcomes", self.folder.file("outcomes", before["run"], "outcomes")
            )
            crashed = _any_crash(self.folder.read("outcomes", self.run_id, "outcomes"))
            self.row |= {name: before[name] for name in TOTALS}
        else:
            from dcmlint.archive.groups import (
                check_groups,
            )  # slow to load, and not needed where nothing changed

            check_groups(self.folder, self.run_id, self.checker, counts, self.engine, self.settings.work)
            count_outcomes(self.folder, self.run_id, counts)
            rows = [{"rule": rule, **ends} for rule, ends in sorted(counts.total().items())]
            table = pa.Table.from_pylist(rows, OUTCOMES)
            self.folder.write("outcomes", self.run_id, "outcomes", table)
            crashed = _any_crash(table)
            self.row |= totals_of(self.folder, self.run_id)
        self.row["exit_code"] = self._exit_code(crashed)
        if self.settings.work.settings.mask_uids or self.settings.work.settings.show_values == "none":
            # What joins instances is made of their UIDs: it does not stay where those are masked.
            self.folder.drop("facts", self.run_id)
        self._ended("complete")

    def _exit_code(self, crashed: bool) -> int:
        """As of `check`: 4 incomplete, 1 findings, 3 nothing to check, else 0."""
        row, limit = self.row, self.settings.fail_on
        if row["partial"] or row["unreadable"] or crashed:
            return 4
        if not row["instances"]:
            return 3
        words: tuple[Severity, ...] = ("error", "warning", "info")
        if limit is not None and any(row[f"{word}s"] for word in words if RANK[word] >= RANK[limit]):
            return 1
        return 0


def _nothing(number: int, digest: str) -> bool:
    return False


def _any_crash(outcomes: pa.Table) -> bool:
    return any(outcomes.column("error").to_pylist())


def _edition() -> str:
    from dcmlint import standard

    return standard.load().edition


def rules_digest(checker: Checker, secret: bytes = b"") -> str:
    """A digest of all that decides what is found: dcmlint, its schema, its edition, the settings, the rules and the profile.

    And of the key of hashes: those of two keys cannot be compared.
    """
    hashed = hashlib.sha256(f"{__version__} {VERSION} {_edition()} {name_of(secret)}".encode())
    profile = checker.profile
    for part in (
        checker.settings, [(active.severity, active.rule) for active in checker.planner.rules], profile.exemptions,
        [source.profile for source in profile.chain], profile.parameters,
    ):  # fmt: skip
        hashed.update(msgspec.json.encode(part, enc_hook=repr, order="deterministic"))
    return hashed.hexdigest()[:32]
