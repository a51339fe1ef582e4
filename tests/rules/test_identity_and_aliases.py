"""Rules about references and UIDs, and how an alias takes a generic finding over."""

from __future__ import annotations

import msgspec
import pytest
from pydicom.dataset import Dataset, FileDataset
from support import slides

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.engine.session import Checker, Task
from dcmlint.engine.settings import Settings
from dcmlint.findings.finding import Finding

SOURCES = [f"2.25.{9_000_000 + number}" for number in range(4)]


def _findings(made: FileDataset, *rules: str) -> list[Finding]:
    checker = Checker(Settings(select=rules))
    result = checker.check_buffer(Task("a.dcm", True), WholeBuffer(slides.to_bytes(made)))
    return [finding for finding in result.findings if finding.rule in rules]


def _source(uid: str) -> Dataset:
    source = Dataset()
    source.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.77.1.6"
    source.ReferencedSOPInstanceUID = uid
    derivation = Dataset()
    derivation.SourceImageSequence = [source]
    return derivation


def _with_sources(frames: int, listed: list[str]) -> FileDataset:
    """A sparse image of so many frames, each derived from one of SOURCES."""
    made = slides.sparse_native()
    template = made.PerFrameFunctionalGroupsSequence[0]
    items = []
    for number in range(frames):
        item = Dataset()
        item.update(template)
        item.DerivationImageSequence = [_source(SOURCES[number % len(SOURCES)])]
        items.append(item)
    made.PerFrameFunctionalGroupsSequence = items
    instances = []
    for uid in listed:
        instance = Dataset()
        instance.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.77.1.6"
        instance.ReferencedSOPInstanceUID = uid
        instances.append(instance)
    series = Dataset()
    series.SeriesInstanceUID = "2.25.77"
    series.ReferencedInstanceSequence = instances
    made.ReferencedSeriesSequence = [series]
    return made


@pytest.mark.parametrize("frames", [4, 200])  # read item by item, and in columns
def test_sources_of_frames_must_be_listed(frames: int) -> None:
    assert _findings(_with_sources(frames, SOURCES), "IOD021") == []
    found = _findings(_with_sources(frames, SOURCES[:3]), "IOD021")
    assert [one.path for one in found] == [
        "PerFrameFunctionalGroupsSequence[3].DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID"
    ]
    assert SOURCES[3] in found[0].is_


def test_a_missing_list_is_one_finding() -> None:
    made = _with_sources(4, SOURCES)
    del made.ReferencedSeriesSequence
    found = [(one.rule, one.path) for one in _findings(made, "IOD021", "MOD004") if "Code" not in one.path]
    assert found == [("IOD021", "ReferencedSeriesSequence")]


def test_a_derivation_without_source_asks_for_no_list() -> None:
    made = _with_sources(4, SOURCES)
    del made.ReferencedSeriesSequence
    for item in made.PerFrameFunctionalGroupsSequence:
        item.DerivationImageSequence[0].SourceImageSequence = []
    found = [one.path for one in _findings(made, "IOD021", "MOD004") if "Code" not in one.path]
    assert found == []


def test_references_of_many_frames_are_read_fast() -> None:
    made = slides.to_bytes(_with_sources(3000, SOURCES))
    checker = Checker(Settings(select=("IOD021",)))
    done = checker.check_buffer(Task("a.dcm", True), WholeBuffer(made))
    assert done.outcomes.get("IOD021") not in ("error", "undecided")


def test_uids_of_items_count_too() -> None:
    made = slides.full_jpeg()
    made.DimensionOrganizationSequence[0].DimensionOrganizationUID = made.PyramidUID
    (found,) = _findings(made, "IOD016")
    assert found.path == "DimensionOrganizationSequence[0].DimensionOrganizationUID"
    assert "PyramidUID" in found.message


def test_a_specimen_with_the_uid_of_the_instance_is_not_said_here() -> None:
    made = slides.full_jpeg()
    made.SpecimenDescriptionSequence[0].SpecimenUID = made.SOPInstanceUID
    assert _findings(made, "IOD016") == []


def test_an_alias_of_one_value_leaves_the_others() -> None:
    made = slides.overview()
    made.ImageType = ["MIXED", "SECONDARY", "MACRO", "OTHER"]
    found = _findings(made, "WSI002", "WSI003", "WSI004", "WSI005", "MOD009", "MOD010")
    assert sorted(one.rule for one in found) == ["WSI002", "WSI003", "WSI004", "WSI005"]
    assert {one.path for one in found} == {"ImageType"}


def test_an_alias_of_one_wrong_value() -> None:
    made = slides.overview()
    made.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER", "NONE"]
    assert [one.rule for one in _findings(made, "IOD015", "WSI004", "MOD010")] == ["IOD015"]
    made.ImageType = ["ORIGINAL", "PRIMARY", "MACRO", "NONE"]
    assert [one.rule for one in _findings(made, "IOD015", "WSI004", "MOD010")] == ["WSI004"]


def test_an_expression_that_is_also_an_alias_fails_once() -> None:
    made = slides.full_jpeg()
    del made.PositionReferenceIndicator
    checker = Checker(Settings())
    result = checker.check_buffer(Task("a.dcm", True), WholeBuffer(slides.to_bytes(made)))
    assert [one.rule for one in result.findings if one.path == "PositionReferenceIndicator"] == ["IOD003"]
    assert result.outcomes["IOD003"] == "fail"
    assert "IOD003" not in result.undecided


def test_findings_about_dates_show_no_date() -> None:
    made = slides.changed(
        slides.full_jpeg(), {"AcquisitionDateTime": "19700102030405", "ContentDate": "19690708"}
    )
    found = _findings(made, "IOD017", "IOD018")
    assert [one.rule for one in found] == ["IOD017"]
    text = msgspec.json.encode(found).decode()
    assert "1970" not in text
    assert "1969" not in text
