"""The value of a known attribute that is written as UN is held to the VR and the VM of the dictionary (PS3.5 6.2.2)."""

from __future__ import annotations

import pytest
from support.repairs import made

import dcmlint

# For each VR an attribute, a value that it allows, and one that it does not.
VALUES = [
    ("StationAETitle", "AE", "ARCHIVE1", "A\tB "),
    ("PatientAge", "AS", "032Y", "32 years"),
    ("Modality", "CS", "CT", "ct"),
    ("StudyDate", "DA", "20240229", "20240230"),
    ("SliceThickness", "DS", "1.5 ", "1,5 "),
    ("AcquisitionDateTime", "DT", "20240229", "202413  "),
    ("SeriesNumber", "IS", "12", "1.5 "),
    ("StationName", "SH", "ROOM 1", "a station with a long name"),
    ("StudyTime", "TM", "1200", "2560"),
    ("StudyInstanceUID", "UI", "1.2.3\0", "1.02.3"),
    ("PixelSpacing", "DS", "1\\1 ", "1\\1\\1 "),
    ("SamplesPerPixel", "US", "\1\0", "\1\0\1\0"),
    ("PatientName", "PN", "A^B ", "A=B=C=D "),
]


def rules(attribute: str, vr: str, value: str) -> set[str]:
    report = dcmlint.check_bytes(
        made(f"{{use: ct, {attribute}: !vr [{vr}, !hex {value.encode().hex()}]}}"), profile="dicom"
    )
    return {finding.rule for finding in report.findings if attribute in finding.path}


@pytest.mark.parametrize(("attribute", "vr", "good", "bad"), VALUES)
def test_a_value_as_un_is_looked_at(attribute: str, vr: str, good: str, bad: str) -> None:
    told = rules(attribute, vr, bad)
    assert told
    assert rules(attribute, "UN", bad) == {*told, "ELM003"}
    assert rules(attribute, "UN", good) == {"ELM003"}


def test_what_is_too_long_for_its_vr_is_counted() -> None:
    values = "1\\" * 40_000 + "1 "
    assert rules("PixelSpacing", "UN", values) == {"ELM004"}
