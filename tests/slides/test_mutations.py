"""Each rule of the catalogue finds its defect in a clean slide: once, and no unrelated rule speaks up."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import mutations_frames
import mutations_header
import mutations_sets
import mutations_tiles
import pytest
from mutations import BASES, MUTATIONS, SETS, Files, Mutation, fresh, fresh_set, written
from support import slides
from support.slides import Scan, to_bytes

from dcmlint.dicom.buffers import Buffer, WholeBuffer
from dcmlint.engine.report import Report
from dcmlint.engine.session import Checker, Task
from dcmlint.engine.settings import Settings
from dcmlint.engine.totals import Totals
from dcmlint.findings.finding import Finding
from dcmlint.sources.inputs import list_inputs, open_input

# The modules put their mutations into the list when they are imported.
WRITTEN_BY = (mutations_header, mutations_tiles, mutations_frames, mutations_sets)
CATALOGUE = Path(__file__).parents[1] / "rules" / "catalogue.txt"

# Entries without a mutation in MUTATIONS, and why (docs/differences has the reasons of TILE-023).
ELSEWHERE = {
    "TILE023": "is IOD011, which has a mutation with several Z",
    "PIX024": "needs more than 4 GiB: test_offsets_beyond_32_bits",
}


@cache
def _checker(select: tuple[str, ...] = (), decode: bool = False) -> Checker:
    return Checker(Settings(extend_select=select, decode=decode))


def report_of(buffers: Mapping[str, Buffer], checker: Checker) -> Report:
    """What a run over these inputs reports."""
    totals = Totals(checker)
    for name, buffer in buffers.items():
        totals.add(checker.check_buffer(Task(name, True), buffer))
    return totals.report(started=time.monotonic(), fail_on="error", config=None)


def _check(files: Files, mutation: Mutation | None = None) -> Report:
    checker = _checker() if mutation is None else _checker(mutation.select, mutation.decode)
    return report_of({name: WholeBuffer(data) for name, data in files.items()}, checker)


def _said(findings: tuple[Finding, ...] | list[Finding]) -> str:
    return "\n".join(f"{one.rule} {one.severity} {one.file} {one.path}: {one.message}" for one in findings)


def _crashed(report: Report) -> list[str]:
    return [rule for rule, row in report.outcomes.items() if row["error"]]


@pytest.mark.parametrize("base", BASES)
def test_clean_instances(base: str) -> None:
    report = _check({"slide/0.dcm": to_bytes(fresh(base))})
    loud = [one for one in report.findings if one.severity != "info"]
    assert not loud, _said(loud)
    assert not _crashed(report)


@pytest.mark.parametrize("base", SETS)
def test_clean_slides(base: str) -> None:
    report = _check(written(fresh_set(base)))
    loud = [one for one in report.findings if one.severity != "info"]
    assert not loud, _said(loud)
    assert not _crashed(report)


def _names() -> list[str]:
    return [f"{one.rule} {one.name}" for one in MUTATIONS]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=_names())
def test_mutation(mutation: Mutation) -> None:
    report = _check(mutation.make(), mutation)
    own = [one for one in report.findings if one.rule == mutation.rule]
    assert len(own) == mutation.times, _said(list(report.findings))
    usual = _checker(mutation.select, mutation.decode).active[mutation.rule].severity
    assert own[0].severity == (mutation.severity or usual), _said(own)
    loud = [one for one in report.findings if one.severity != "info" and one.rule != mutation.rule]
    unrelated = [one for one in loud if one.rule not in mutation.also]
    assert not unrelated, _said(unrelated)
    unneeded = set(mutation.also) - {one.rule for one in loud}
    assert not unneeded, f"{unneeded} say nothing of this any more"
    assert not _crashed(report)
    # What is told has an address and says something.
    for one in own:
        assert one.message
        assert one.file in (None, *report_files(report))


def report_files(report: Report) -> tuple[str, ...]:
    """The names of all inputs."""
    return tuple(record.path for record in report.files)


def test_every_entry_of_the_catalogue_has_a_mutation() -> None:
    wanted = {
        line.split()[0] for line in CATALOGUE.read_text("utf-8").splitlines() if not line.startswith("#")
    }
    made = {one.rule for one in MUTATIONS}
    assert sorted(wanted - made - set(ELSEWHERE)) == []
    assert not made & set(ELSEWHERE)


def test_mutations_have_names_of_their_own() -> None:
    assert len(set(_names())) == len(MUTATIONS)


def test_offsets_beyond_32_bits(tmp_path: Path) -> None:
    """PIX024: two frames, the first of 4 GiB (a hole in the file), and offsets that wrapped round."""
    made = slides.volume(Scan(name="huge", columns=96, rows=32))
    frames = slides.frames_of(made)
    made.LossyImageCompressionRatio = "1"
    data = to_bytes(slides.put_frames(made, frames))
    first = data.index(frames[0])
    second = data.index(frames[1])
    third = data.index(frames[2])
    # Both first frames grow by 2.2 GB of zeros within their scans, so that the third begins beyond 2^32.
    grown = 2_200_000_000
    table = data.rindex(b"\xfe\xff\x00\xe0", 0, first - 8) + 8
    path = tmp_path / "0.dcm"
    with path.open("wb") as file:
        file.write(data[:table])
        starts = [0, second - first + grown, third - first + 2 * grown]
        file.write(b"".join((start % 2**32).to_bytes(4, "little") for start in starts))
        for begin, end in ((first, second - 8), (second, third - 8)):
            frame = data[begin:end]
            body, tail = frame[:-8], frame[-8:]
            file.write(b"\xfe\xff\x00\xe0" + (len(frame) + grown).to_bytes(4, "little") + body)
            file.seek(grown, os.SEEK_CUR)
            file.write(tail)
        file.write(data[third - 8 :])
    if path.stat().st_blocks * 512 > 100_000_000:
        pytest.skip("this file system has no holes")
    (found,) = list_inputs([str(path)])
    buffer = open_input(found)
    try:
        report = report_of({"0.dcm": buffer}, _checker())
    finally:
        buffer.close()
        path.unlink()
    assert [one.rule for one in report.findings if one.severity == "error"] == ["PIX024"], _said(
        report.findings
    )


def test_a_report_says_how_many_frames_were_looked_at() -> None:
    made = fresh("jpeg")
    made.TotalPixelMatrixColumns = made.TotalPixelMatrixRows = 70 * 32
    made.NumberOfFrames = "4900"
    data = to_bytes(slides.put_frames(made, [slides.frames_of(made)[0]] * 4900))
    for frames, sampled in (("auto", 0), ("sample", 1)):
        report = report_of({"0.dcm": WholeBuffer(data)}, Checker(Settings(frames=frames)))
        assert report.summary.sampled == sampled
        assert ("examined" in report.files[0].title) == bool(sampled)
