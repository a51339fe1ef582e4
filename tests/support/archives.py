"""Small archives for the tests of scans, and what a scan says of them in the words of a report."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb
import msgspec
from pydicom.data import get_testdata_files

from dcmlint.archive.engines.job import run_job
from dcmlint.archive.layout import Folder
from dcmlint.archive.rows import finding_of
from dcmlint.archive.scan import ScanSettings, scan
from dcmlint.archive.work import Work
from dcmlint.engine.settings import Settings
from dcmlint.sources.open_source import SourceSettings

from . import slides
from .servers import Synthetic

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def mixed(folder: Path) -> Path:
    """Slides, a CT series with a copy and a stranger, an archive, a text, a file that is cut, and one with an odd name."""
    folder.mkdir(parents=True)
    shutil.copytree(EXAMPLES / "slide-broken", folder / "broken")
    good = folder / "good"
    good.mkdir()
    for number, data in enumerate(slides.pyramid()):
        (good / f"{number}.dcm").write_bytes(slides.to_bytes(data))
    series = folder / "ct"
    series.mkdir()
    image = slides.to_bytes(slides.ct())
    (series / "a.dcm").write_bytes(image)
    (series / "b.dcm").write_bytes(image)
    other = slides.ct()
    other.PatientBirthDate = "19990101"
    (series / "c.dcm").write_bytes(slides.to_bytes(other))
    (series / "cut.dcm").write_bytes(image[:700])
    (series / "notes.txt").write_text("nothing")
    with zipfile.ZipFile(folder / "more.zip", "w") as archive:
        archive.writestr("in/a.dcm", image)
        archive.writestr("in/readme.txt", "nothing")
    return folder


def of_pydicom(folder: Path) -> Path:
    """The test files that pydicom brings along."""
    folder.mkdir(parents=True)
    for number, name in enumerate(sorted(get_testdata_files())):
        path = Path(name)
        if path.is_file() and path.suffix not in (".py", ".json"):
            place = folder / f"{number % 7}"
            place.mkdir(exist_ok=True)
            shutil.copyfile(path, place / path.name)
    return folder


def synthetic(count: int) -> Synthetic:
    """CT images of a server, 100 to a series, that are made when they are asked for."""
    image = slides.ct()
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = f"1.2.826.0.1.3680043.9.1.{10**11}"
    image.SeriesInstanceUID = "1.2.826.0.1.3680043.9.2.100000"
    return Synthetic(count, slides.to_bytes(image), image.SOPInstanceUID, image.SeriesInstanceUID)


class HereEngine:
    """Runs jobs in this process, which saves a test the time that processes take to begin."""

    slots = 4
    most = 0

    def __init__(self, work: Work) -> None:
        self._work = msgspec.msgpack.encode(work)
        self._done: list[tuple[int, bytes]] = []
        self._count = 0

    def submit(self, job: tuple[str, bytes]) -> int:
        self._done.append((self._count, run_job(*job, self._work)))
        self._count += 1
        return self._count - 1

    def next_done(self) -> tuple[int, bytes]:
        return self._done.pop()

    def close(self) -> None:
        pass


def scanned(out: Path, *names: Path | str, processes: bool = False, **settings: Any) -> dict[str, Any]:
    """Scan with a profile; gives the row of the run.  ``processes``: in two, else in this one."""
    engine = {
        name: settings.pop(name)
        for name in ("profile", "show_values", "mask_uids", "frames", "select")
        if name in settings
    }
    source = {
        name: settings.pop(name)
        for name in ("keys", "modality", "since", "until", "options")
        if name in settings
    }
    work = {name: settings.pop(name) for name in ("time_limit", "memory_limit", "sender") if name in settings}
    made = Work(
        settings=Settings(**engine), source=SourceSettings(names=tuple(map(str, names)), **source), **work
    )
    asked = ScanSettings(work=made, **{"jobs": 2, **settings})
    if processes or asked.engine != "local":
        return scan(str(out), asked)
    with mock.patch("dcmlint.archive.scan.open_engine", lambda name, work, jobs: HereEngine(work)):
        return scan(str(out), asked)


def findings_in(out: Path, run: str) -> list[bytes]:
    """The findings of a run that count, as values that compare."""
    folder = Folder(str(out))
    explained = {(row["rule"], row["path"]) for row in folder.read("explained", run, "together").to_pylist()}
    found = []
    for place in sorted(folder.place("findings", run).glob("*.parquet")):
        for row in folder.read("findings", run, place.stem).to_pylist():
            if (row["rule"], row["path"]) not in explained:
                found.append(comparable(finding_of(row)))
    return sorted(found)


def comparable(finding: Any) -> bytes:
    """A finding as bytes."""
    return msgspec.json.encode(finding)


def outcomes_in(out: Path, run: str) -> dict[str, dict[str, int]]:
    """How the rules of a run ended."""
    rows = Folder(str(out)).read("outcomes", run, "outcomes").to_pylist()
    return {row.pop("rule"): row for row in rows}


def rows_in(out: Path, kind: str, run: str, files: str = "shard-*") -> list[dict[str, Any]]:
    """The rows of one kind of a run."""
    return duckdb.sql(f"SELECT * FROM '{out}/{kind}/run={run}/{files}.parquet'").to_arrow_table().to_pylist()
