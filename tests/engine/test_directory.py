"""A DICOMDIR against the files that it references."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.fileset import FileSet
from support import slides

from dcmlint import Checker, Report

CHECKER = Checker(select=("DIR",))
PATIENT, STUDY, SERIES, FIRST, SECOND = range(5)


def written(folder: Path, change: Callable[[list[Dataset]], None]) -> Report:
    """What is found in a file set of two images whose records were changed, no value to another length."""
    files = FileSet()
    for number in (1, 2):
        made = slides.ct()
        made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = f"2.25.880{number}"
        made.InstanceNumber = number
        files.add(made)
    files.write(folder)
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):  # its own temporary folder
        del files
    directory = dcmread(folder / "DICOMDIR")
    change(list(directory.DirectoryRecordSequence))
    directory.save_as(folder / "DICOMDIR")
    return CHECKER.check(folder)


def told(report: Report) -> list[tuple[str, str]]:
    return [(one.rule, one.path) for one in report.findings]


def put(number: int, keyword: str, value: str) -> Callable[[list[Dataset]], None]:
    def change(records: list[Dataset]) -> None:
        records[number][keyword].value = value

    return change


def test_records_that_agree(tmp_path: Path) -> None:
    report = written(tmp_path, lambda records: None)
    assert told(report) == []
    assert report.outcomes["DIR007"]["pass"] == 1


@pytest.mark.parametrize(
    ("number", "keyword", "value"),
    [
        (SECOND, "ReferencedSOPInstanceUIDInFile", "2.25.8807"),
        (SECOND, "ReferencedSOPClassUIDInFile", "1.2.840.10008.5.1.4.1.1.4"),
        (FIRST, "ReferencedTransferSyntaxUIDInFile", "1.2.840.10008.1.2.5"),
        (SERIES, "Modality", "MR"),
    ],
)
def test_a_record_that_contradicts_its_file(tmp_path: Path, number: int, keyword: str, value: str) -> None:
    assert told(written(tmp_path, put(number, keyword, value))) == [
        ("DIR007", f"DirectoryRecordSequence[{number}].{keyword}")
    ]


@pytest.mark.parametrize(
    ("number", "keyword"),
    [(PATIENT, "PatientID"), (STUDY, "StudyInstanceUID"), (SERIES, "SeriesInstanceUID")],
)
def test_a_record_above_that_contradicts_all_files(tmp_path: Path, number: int, keyword: str) -> None:
    def change(records: list[Dataset]) -> None:
        value = str(records[number][keyword].value)
        records[number][keyword].value = value[:-1] + ("1" if value[-1] != "1" else "2")

    report = written(tmp_path, change)
    assert told(report) == [("DIR007", f"DirectoryRecordSequence[{number}].{keyword}")]
    assert "1 other file" in report.findings[0].message


def test_a_record_that_is_not_in_use_is_not_held_against_its_file(tmp_path: Path) -> None:
    def change(records: list[Dataset]) -> None:
        records[SECOND].RecordInUseFlag = 0
        records[SECOND].ReferencedSOPInstanceUIDInFile = "2.25.8807"

    assert told(written(tmp_path, change)) == []
