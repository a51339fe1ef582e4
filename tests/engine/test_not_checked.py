"""What of an instance was not checked is said of it in every report that has a place for it."""

from __future__ import annotations

import io
import json
import time

from support import slides

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.engine.report import Report
from dcmlint.engine.session import Checker, Task
from dcmlint.engine.settings import Settings
from dcmlint.engine.stream import deliver
from dcmlint.engine.totals import Totals
from dcmlint.reports.registry import writer_class
from dcmlint.reports.text import text_of_report
from dcmlint.reports.writer import TextOptions, head_of


def _report(data: bytes, **settings: str) -> Report:
    totals = Totals(Checker(Settings(**settings)))  # type: ignore[arg-type]
    totals.add(totals.checker.check_buffer(Task("a.dcm", True), WholeBuffer(data)))
    return totals.report(started=time.monotonic(), fail_on="error", config=None)


def _written(report: Report, name: str) -> str:
    sink = io.StringIO()
    deliver(report, [writer_class(name)[0](sink, head_of(report, {}, TextOptions()))])
    return sink.getvalue()


def test_a_document_without_a_template() -> None:
    report = _report(slides.to_bytes(slides.basic_sr()))
    said = "content against a template: none is declared"
    assert report.files[0].not_checked == (said,)
    assert json.loads(_written(report, "json"))["files"][0]["not_checked"] == [said]
    assert f'<skipped message="{said}"/>' in _written(report, "junit")
    assert f"not checked: {said}" in text_of_report(report, TextOptions(verbose=True))
    assert said not in text_of_report(report, TextOptions())


def test_a_damaged_file() -> None:
    data = slides.to_bytes(slides.ct())
    assert "what follows the damage" in _report(data[: len(data) // 3]).files[0].not_checked


def test_an_image_that_was_checked_whole() -> None:
    assert _report(slides.to_bytes(slides.full_native())).files[0].not_checked == ()


def test_a_sop_class_that_is_in_no_table() -> None:
    made = slides.basic_sr()
    uid = made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = "1.2.826.0.1.3680043.9.9999.1"
    report = _report(slides.to_bytes(made))
    assert (
        f"modules and attributes: the tables do not have the SOP Class {uid}" in report.files[0].not_checked
    )
    assert json.loads(_written(report, "json"))["summary"]["unknown_classes"] == [uid]
    assert "SOP Class not in the tables" in text_of_report(report, TextOptions())
    assert _report(slides.to_bytes(slides.basic_sr())).summary.unknown_classes == ()
