"""A value that cannot be used is one finding, whatever others make of it; where nobody tells of it, they do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydicom.dataset import Dataset, FileDataset
from support import general, reports, slides
from support.slides import put

from dcmlint import Checker

_Make = Callable[[], FileDataset]


def _found(data: FileDataset, **settings: Any) -> set[tuple[str, str]]:
    report = Checker("dicom", **settings).check(slides.to_bytes(data))
    return {(one.rule, one.path) for one in report.findings if one.severity != "info"}


def _new(make: _Make, values: dict[str, object], **settings: Any) -> list[str]:
    """The rules of the findings that other values add."""
    before, after = make(), make()
    for path, value in values.items():
        put(after, path, value)
    return sorted(rule for rule, _ in _found(after, **settings) - _found(before, **settings))


_PAIRS: list[tuple[_Make, dict[str, object], str, str]] = [
    # The value, and who tells of it; who else reads it
    (general.enhanced_ct, {"NumberOfFrames": b"2147483648"}, "VR122", "FG006"),
    (general.enhanced_ct, {"NumberOfFrames": b"2\\2 "}, "ELM004", "FG006"),
    (general.ct, {"SamplesPerPixel": b"\1\0\1\0"}, "ELM004", "PIX002"),
    (general.ct, {"HighBit": b"\x0b\0\x0b\0"}, "ELM004", "GEO002"),
    (general.ct, {"ImageType": b"ORIGINAL"}, "ELM004", "CT001"),
    (slides.full_native, {"ImageType": b"BOGUS "}, "WSI001", "WSI002"),
    (slides.full_native, {"NumberOfFrames": b"20\\20 "}, "ELM004", "TILE003"),
    (slides.full_native, {"NumberOfOpticalPaths": b"\1\0\0\0\1\0\0\0"}, "ELM004", "TILE004"),
    (general.ct, {"PatientSex": b"f "}, "VR003", "MOD009"),
    (general.ct, {"PhotometricInterpretation": b"monochrome2 "}, "VR003", "MOD009"),
    (slides.full_native, {"ContainerTypeCodeSequence[0].CodeValue": b"4334\t600"}, "VR136", "COD007"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "values", "cause", "other"), _PAIRS)
def test_a_value_that_cannot_be_used_is_one_finding(
    make: _Make, values: dict[str, object], cause: str, other: str
) -> None:
    assert _new(make, values) == [cause]


@pytest.mark.parametrize(("make", "values", "cause", "other"), _PAIRS)
def test_what_follows_is_told_where_the_cause_is_not(
    make: _Make, values: dict[str, object], cause: str, other: str
) -> None:
    assert other in _new(make, values, ignore=(cause,))
    assert _new(make, values, select=(other,)) == [other]


@pytest.mark.parametrize(
    ("make", "values", "rules"),
    [
        # Each by itself
        (general.enhanced_ct, {"NumberOfFrames": "3"}, ["FG006"]),
        (general.ct, {"SamplesPerPixel": 3}, ["PIX002"]),
        (general.ct, {"HighBit": 15}, ["GEO002"]),
        (slides.full_native, {"NumberOfFrames": "19"}, ["TILE003"]),
        # Two defects that have nothing to do with each other
        (general.enhanced_ct, {"NumberOfFrames": "3", "InstanceNumber": b"99999999999 "}, ["FG006", "VR122"]),
        (general.ct, {"PatientSex": b"f ", "BodyPartExamined": b"head"}, ["VR003", "VR003"]),
        # A wrong first value says nothing of how many there are
        (general.ct, {"ImageType": b"PRIMARY\\ORIGINAL"}, ["CT001", "MOD009"]),
        # Its length says nothing of whether it is there
        (general.ct, {"PatientSex": b"fff ", "PatientName": slides.ABSENT}, ["MOD003", "VR003"]),
    ],
)
def test_independent_defects_are_one_finding_each(
    make: _Make, values: dict[str, object], rules: list[str]
) -> None:
    assert _new(make, values) == rules


def test_a_lesser_finding_hides_no_error() -> None:
    """Of a warning about a value an error about it does not follow."""
    values: dict[str, object] = {"PatientSex": b"f "}
    assert _new(general.ct, values, severity={"VR003": "warning"}) == ["MOD009", "VR003"]


def test_of_many_items_only_those_are_silent_whose_value_is_wrong() -> None:
    made = general.enhanced_ct()
    for number in range(2):
        put(
            made,
            f"PerFrameFunctionalGroupsSequence[{number}].FrameContentSequence[0].DimensionIndexValues",
            [1],
        )
    frames = "PerFrameFunctionalGroupsSequence[{}].FrameContentSequence[0].DimensionIndexValues"
    both = {path for rule, path in _found(made) if rule == "FG011"}
    put(made, frames.format(0), b"\1\0")
    one = {path for rule, path in _found(made) if rule == "FG011"}
    assert both
    assert frames.format(0) not in one


def _listed(uid: bytes, listed: bytes) -> FileDataset:
    made = slides.annotations_of(slides.full_native())
    put(made, "ReferencedImageSequence[0].ReferencedSOPInstanceUID", uid)
    put(made, "ReferencedSeriesSequence[0].ReferencedInstanceSequence[0].ReferencedSOPInstanceUID", listed)
    return made


def test_a_bad_uid_that_is_used_in_several_places_is_understood() -> None:
    """It is compared like any other; one that stands in one place only may be any UID."""

    def unlisted(made: FileDataset) -> bool:
        return "IOD021" in {rule for rule, _ in _found(made)}

    assert not unlisted(_listed(b"1.02.3", b"1.02.3"))
    assert unlisted(_listed(b"1.2.3\0", b"1.2.4\0"))


def _plan() -> FileDataset:
    made = general.ct()
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.481.5"
    beam, setup, group, reference = Dataset(), Dataset(), Dataset(), Dataset()
    beam.BeamNumber, beam.ReferencedPatientSetupNumber = "1", "1"
    setup.PatientSetupNumber, reference.ReferencedBeamNumber = "1", "1"
    group.ReferencedBeamSequence = [reference]
    made.BeamSequence, made.PatientSetupSequence, made.FractionGroupSequence = [beam], [setup], [group]
    return made


@pytest.mark.parametrize(
    ("make", "values", "cause", "other"),
    [
        (_plan, {"BeamSequence[0].BeamNumber": b"1.0 "}, "VR121", "RT004"),
        (slides.sparse_native, {"DimensionOrganizationSequence[0].DimensionOrganizationUID": b"1.02.3"}, "VR125", "FG017"),
        (general.ct, {"SpecificCharacterSet": b"a-a "}, "CHR001", "VR003"),
        (general.ct, {"TimezoneOffsetFromUTC": b"a\tb "}, "IOD258", "VR136"),
    ],
)  # fmt: skip
def test_a_list_with_a_value_that_cannot_be_used_is_not_searched(
    make: _Make, values: dict[str, object], cause: str, other: str
) -> None:
    assert _new(make, values) == [cause]
    assert other in _new(make, values, ignore=(cause,))


def test_another_list_of_the_same_rule_is_still_searched() -> None:
    values: dict[str, object] = {
        "BeamSequence[0].BeamNumber": b"1.0 ",
        "BeamSequence[0].ReferencedPatientSetupNumber": "7",
    }
    assert _new(_plan, values) == ["RT004", "VR121"]


def test_a_space_that_makes_the_length_odd_is_one_finding() -> None:
    assert _new(general.ct, {"StudyDate": b"20200101 "}) == ["ENC004"]
    assert _new(general.ct, {"StudyDate": b"2020010 "}) == ["VR109"]


def test_a_bad_uid_of_the_instance_is_told_once() -> None:
    made = general.ct()
    before = _found(made)
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = "1.02.3"
    assert sorted(_found(made) - before) == [("VR125", "SOPInstanceUID")]
    made.file_meta.MediaStorageSOPInstanceUID = "1.03.3"
    assert ("VR125", "MediaStorageSOPInstanceUID") in _found(made)


_NAME = "ContentSequence[0].ConceptNameCodeSequence[0]."


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ({_NAME + "CodingSchemeDesignator": slides.ABSENT}, "MOD004"),
        ({_NAME + "CodingSchemeDesignator": b""}, "MOD005"),
        ({_NAME + "CodeValue": b"Other "}, "SR101"),  # a code that DCM does not define
        ({_NAME + "CodeValue": b"12\t05 "}, "SR101"),
    ],
)
def test_a_content_item_whose_name_is_no_code_is_one_finding(values: dict[str, object], rule: str) -> None:
    assert _new(reports.ct_dose, values) == [rule]
    assert "SR101" in _new(reports.ct_dose, values, select=("SR101",))


def test_functional_groups_that_cannot_be_read_lack_nothing() -> None:
    made = general.enhanced_ct()
    before = _found(made)
    del made["PerFrameFunctionalGroupsSequence"]
    made.add_new(0x52009230, "LO", "text")
    made["PerFrameFunctionalGroupsSequence"].VR = "LO"
    assert "FG101" not in {rule for rule, _ in _found(made) - before}
    assert "ELM002" in {rule for rule, _ in _found(made)}
