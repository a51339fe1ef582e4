"""Rules about slides and series as a run holds them: order, subjects, values, and what gives way to what."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import FileDataset
from support import slides
from support.modules import uid

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.engine.report import Report
from dcmlint.engine.session import Checker, Task
from dcmlint.engine.settings import Settings
from dcmlint.engine.totals import Totals
from dcmlint.findings.finding import Finding
from dcmlint.rules.load import builtin_rules

TOGETHER = ("PYR", "CONC", "ENT", "REF", "DRV", "FILE003", "FILE004", "META003", "IOD116")


@cache
def checker(show_values: str = "safe", select: tuple[str, ...] = TOGETHER) -> Checker:
    return Checker(Settings(select=select, show_values=show_values))


def report(files: Mapping[str, FileDataset | bytes], run: Checker | None = None) -> Report:
    totals = Totals(run or checker())
    for name, made in files.items():
        data = made if isinstance(made, bytes) else slides.to_bytes(made)
        totals.add(totals.checker.check_buffer(Task(name, True), WholeBuffer(data)))
    return totals.report(started=time.monotonic(), fail_on="error", config=None)


def findings(files: Mapping[str, FileDataset | bytes], rule: str = "") -> list[Finding]:
    return [one for one in report(files).findings if not rule or one.rule == rule]


def slide(**names: FileDataset) -> dict[str, FileDataset]:
    made = slides.pyramid()
    keys = ("level-0", "level-1", "level-2", "label", "overview", "thumbnail")
    return {f"case/{key}.dcm": one for key, one in zip(keys, made, strict=True)} | names


def broken() -> dict[str, FileDataset]:
    made = slide()
    made["case/level-1.dcm"].FrameOfReferenceUID = uid("elsewhere")
    made["case/level-2.dcm"].PatientName = "Other^Name"
    made["case/label.dcm"].InstanceNumber = "1"
    return made


def test_a_finding_about_a_slide_names_the_slide_its_files_and_the_one_that_differs() -> None:
    made = broken()
    (found,) = findings(made, "PYR001")
    assert found.subject.kind == "slide"
    assert found.subject.id == made["case/level-0.dcm"].PyramidUID
    assert set(found.subject.files) == set(made)
    assert found.file == "case/level-1.dcm"
    assert (found.path, found.tag) == ("FrameOfReferenceUID", "00200052")
    assert uid("elsewhere") in found.message
    assert "VOLUME 80x64" in found.message
    assert found.is_ == uid("elsewhere")
    assert found.want == made["case/level-0.dcm"].FrameOfReferenceUID


def test_the_order_of_the_files_does_not_matter() -> None:
    made = {name: slides.to_bytes(one) for name, one in broken().items()}
    want = findings(made)
    assert {one.rule for one in want} >= {"PYR001", "PYR021", "PYR027"}
    for seed in range(4):
        names = list(made)
        random.Random(seed).shuffle(names)
        assert findings({name: made[name] for name in names}) == want


def test_two_slides_in_a_folder_are_two_subjects() -> None:
    made = broken()
    native = slides.pyramid("native")
    native[1].FrameOfReferenceUID = uid("elsewhere too")
    made |= {f"case/n{number}.dcm": one for number, one in enumerate(native)}
    found = findings(made, "PYR001")
    assert len({one.subject.id for one in found}) == len(found) == 2


def test_versions_of_a_slide_in_folders_of_their_own_are_not_compared() -> None:
    made = slide()
    again = slides.pyramid()
    for number, one in enumerate(again):
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = uid("version", str(number))
        made[f"version/{number}.dcm"] = one
    assert [one.rule for one in findings(made)] == ["PYR101"]


@pytest.mark.parametrize(
    ("mode", "shown"), [("safe", "Aaaaa^Aaaa"), ("all", "Other^Name"), ("none", "the same patient and study")]
)
def test_values_are_shown_as_asked(mode: str, shown: str) -> None:
    (found,) = [one for one in report(broken(), checker(mode)).findings if one.rule == "PYR027"]
    assert shown in found.message
    assert ("Other^Name" in found.message + found.is_ + found.want) == (mode == "all")


def test_what_follows_from_the_slide_is_not_said_of_the_file() -> None:
    made = slides.concatenation()
    for number, one in enumerate(made, 1):
        for keyword in ("ConcatenationUID", "SOPInstanceUIDOfConcatenationSource", "InConcatenationNumber",
                        "InConcatenationTotalNumber", "ConcatenationFrameOffsetNumber"):  # fmt: skip
            delattr(one, keyword)
        one.InstanceNumber = str(number)
    files = {f"case/{number}.dcm": one for number, one in enumerate(made)}
    run = checker("safe", ("TILE003", "CONC013"))
    assert [one.rule for one in report(files, run).findings] == ["CONC013"]
    alone = checker("safe", ("TILE003",))
    assert {one.rule for one in report(files, alone).findings} == {"TILE003"}


def test_a_patient_is_compared_within_a_study_once() -> None:
    first, second, third = slides.ct(), slides.ct(), slides.ct()
    for number, one in enumerate((second, third), 2):
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = uid("ct", str(number))
        one.SeriesInstanceUID = uid("ct series", str(number))
    third.PatientID, third.PatientName = "OTHER", "Other^Name"
    found = findings({"1.dcm": first, "2.dcm": second, "3.dcm": third}, "ENT001")
    assert [(one.file, one.severity) for one in found] == [("3.dcm", "error")]
    assert "PatientName and PatientID" in found[0].message


def test_a_slide_and_what_was_made_of_it_are_one_finding() -> None:
    made = slide()
    made["case/level-2.dcm"].PatientName = "Other^Name"
    made["case/seg.dcm"] = slides.segmentation_of(slides.full_native())
    made["case/seg.dcm"].StudyInstanceUID = made["case/level-0.dcm"].StudyInstanceUID
    made["case/seg.dcm"].PatientName = made["case/level-0.dcm"].PatientName
    made["case/seg.dcm"].PatientID = made["case/level-0.dcm"].PatientID
    rules = [one.rule for one in findings(made) if "PatientName" in one.message]
    assert rules == ["PYR027"]
    made["case/level-2.dcm"].PatientName = made["case/level-0.dcm"].PatientName
    made["case/seg.dcm"].PatientName = "Other^Name"
    rules = [one.rule for one in findings(made) if "PatientName" in one.message]
    assert rules == ["ENT001"]


def test_references_resolve_or_are_counted_once() -> None:
    full = slides.full_native()
    made = slides.segmentation_of(full)
    again = slides.segmentation_of(full, tiled_full=False)
    again.SeriesInstanceUID = made.SeriesInstanceUID
    (found,) = findings({"a.dcm": made, "b.dcm": again}, "REF001")
    assert "1 referenced instance" in found.message
    assert not findings({"a.dcm": made, "b.dcm": again, "c.dcm": full}, "REF001")


def test_an_instance_that_cannot_be_kept_makes_the_run_incomplete(monkeypatch: pytest.MonkeyPatch) -> None:
    from dcmlint.facts import registry

    groups = registry.groups()
    crash = registry.FactGroup("kept", "", groups["kept"].struct, lambda facts: 1 // 0)
    monkeypatch.setitem(registry._GROUPS, "kept", crash)
    found = report({"a.dcm": slides.full_native()})
    assert found.summary.crashed
    assert found.exit_code == 4


def test_rules_explain_rules_that_exist() -> None:
    rules = {source.rule.id: source.rule for source in builtin_rules()}
    for rule in rules.values():
        assert all(rules[other].scope in (rule.scope, "instance", "frame") for other in rule.explains), (
            rule.id
        )


_BASES = [slides.to_bytes(one) for one in (slides.sparse_native(), *slides.concatenation()[:1], slides.ct())]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, len(_BASES) - 1),
    st.lists(st.tuples(st.integers(132, 6000), st.integers(0, 255)), max_size=30),
    st.integers(400, 90_000),
)
def test_damage_never_stops_the_comparison(base: int, changes: list[tuple[int, int]], end: int) -> None:
    data = bytearray(_BASES[base])
    for at, value in changes:
        data[at % len(data)] = value
    found = report({"a.dcm": bytes(data[:end]), "b.dcm": _BASES[base]})
    assert found.summary.crashed == 0
