"""A run is told as it goes, and what waits does so on disk: the order, what may still change, and large reports."""

from __future__ import annotations

import pickle
import time

import msgspec
import pytest
from support import slides

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.engine import spool as spools
from dcmlint.engine.report import Closing
from dcmlint.engine.session import Checker, Result, Task
from dcmlint.engine.settings import Settings
from dcmlint.engine.spool import IN_MEMORY, Spool, SpooledMapping
from dcmlint.engine.stream import Recorder, deliver
from dcmlint.engine.totals import Totals
from dcmlint.findings.finding import FileRecord, Finding


class Heard(Recorder):
    """What was told, in its order."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, str]] = []

    def begin(self) -> None:
        self.calls.append(("begin", ""))

    def skipped(self, record: FileRecord) -> None:
        self.calls.append(("skipped", record.path))

    def file(self, record: FileRecord) -> None:
        self.calls.append(("file", record.path))

    def finding(self, finding: Finding) -> None:
        self.calls.append((finding.rule, finding.file or ""))

    def end(self, closing: Closing) -> None:
        self.calls.append(("end", str(closing.exit_code)))


def results(checker: Checker) -> list[Result]:
    """A slide with a level whose width is wrong for its matrix, and what is no DICOM."""
    made = slides.pyramid()
    made[1].ImagedVolumeWidth = made[1].ImagedVolumeWidth * 1.2
    made[2].FrameOfReferenceUID = "1.2.3"
    taken = [
        checker.check_buffer(Task(f"{number}.dcm", True), WholeBuffer(slides.to_bytes(one)))
        for number, one in enumerate(made[:3])
    ]
    return [*taken, checker.check_buffer(Task("notes.txt", False), WholeBuffer(b"text"))]


def test_findings_are_told_with_their_file_and_what_may_go_when_all_is_known() -> None:
    checker = Checker(Settings(select=("WSI013", "WSI001", "PYR012", "PYR", "FILE")))
    heard = Heard()
    totals = Totals(checker, heard)
    before = len(heard.calls)
    for result in results(checker):
        assert any(one.rule == "WSI013" for one in result.findings) == (result.record.path == "1.dcm")
        totals.add(result)
        assert heard.calls[-1][1] == result.record.path  # at once
    assert before == 1
    assert heard.calls[0] == ("begin", "")
    during = len(heard.calls)
    closing = totals.close(started=time.monotonic(), fail_on="error")
    # The rule about the slide takes the place of that about its level.
    rules = [rule for rule, _ in heard.calls]
    assert "WSI013" not in rules
    assert "PYR012" in rules[during:]
    assert heard.calls[-1] == ("end", "1")
    assert closing.summary.files == 3
    assert closing.summary.skipped == 1


def test_what_nothing_takes_the_place_of_is_told_behind_the_files() -> None:
    checker = Checker(Settings(select=("WSI013", "PYR012")))
    heard = Heard()
    totals = Totals(checker, heard)
    totals.add(results(checker)[1])  # a slide of one level: there is nothing to compare it with
    totals.close(started=time.monotonic(), fail_on="error")
    assert heard.calls == [("begin", ""), ("file", "1.dcm"), ("WSI013", "1.dcm"), ("end", "0")]


def test_a_report_is_told_again_as_it_was_told() -> None:
    checker = Checker(Settings())
    first, again = Heard(), Heard()
    recorded, told = Totals(checker), Totals(checker, first)
    for result in results(checker):
        recorded.add(result)
        told.add(result)
    told.close(started=0.0, fail_on="error")
    deliver(recorded.report(started=0.0, fail_on="error", config=None), [again])
    assert sorted(first.calls) == sorted(again.calls)
    assert [call for call in first.calls if call[0] != "skipped"] == [
        call for call in again.calls if call[0] != "skipped"
    ]


def records(count: int) -> list[FileRecord]:
    names = ("é漢.dcm", "raw\udcff\ud800.dcm", "plain.dcm")  # the second is no UTF-8
    return [FileRecord(path=f"{number}/{names[number % 3]}", passed=number) for number in range(count)]


@pytest.mark.parametrize("count", [0, IN_MEMORY, IN_MEMORY + 1, 5 * IN_MEMORY])
def test_a_spool_is_the_sequence_that_was_put_in(count: int) -> None:
    values = records(count)
    spool = Spool(FileRecord, values)
    kept = spool.sealed()
    assert isinstance(kept, tuple) == (count <= IN_MEMORY)
    assert len(kept) == count
    assert list(kept) == values == list(kept)
    assert spool == values
    assert kept[: count // 2] == tuple(values[: count // 2])
    if count:
        assert (kept[0], kept[-1], kept[count // 2]) == (values[0], values[-1], values[count // 2])
        assert spool != values[1:]
    assert pickle.loads(pickle.dumps(kept)) == tuple(values)
    with pytest.raises(IndexError):
        kept[count]


def test_a_spool_is_read_while_it_grows() -> None:
    values = records(2 * IN_MEMORY)
    spool = Spool(FileRecord)
    for number, value in enumerate(values):
        spool.append(value)
        if number % 97 == 0:
            assert spool[number // 2] == values[number // 2]
    assert list(spool) == values


def test_large_values_by_name_wait_in_a_file() -> None:
    taken = SpooledMapping(bytes)
    values = {f"{number}.dcm": bytes([number]) * 1000 for number in range(20)}
    for name, value in values.items():
        taken.put(name, value)
    assert taken._values._file is not None
    assert dict(taken) == values
    assert list(taken) == list(values)
    assert pickle.loads(pickle.dumps(taken)) == values
    with pytest.raises(KeyError):
        taken["20.dcm"]


def test_a_large_report_is_no_other_than_a_small_one(monkeypatch: pytest.MonkeyPatch) -> None:
    checker = Checker(Settings())
    taken = results(checker)

    def report(limit: int) -> object:
        monkeypatch.setattr(spools, "IN_MEMORY", limit)
        totals = Totals(checker)
        for result in taken:
            totals.add(result)
        made = totals.report(started=time.monotonic(), fail_on="error", config=None)
        return msgspec.structs.replace(made, summary=msgspec.structs.replace(made.summary, seconds=0.0))

    small, large = report(10**6), report(0)
    assert not isinstance(large.findings, tuple)  # type: ignore[attr-defined]
    assert large == small
