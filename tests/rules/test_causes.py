"""One defect is one finding, and defects that do not depend on each other are one each."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from pydicom.dataset import FileDataset
from support import general, slides

from dcmlint import Checker

CHECKER = Checker("dicom")


def _new(make: object, change: object) -> list[str]:
    """The errors and warnings that a change adds."""
    before, after = make(), make()  # type: ignore[operator]
    change(after)  # type: ignore[operator]
    known, found = (
        [
            (one.rule, one.path)
            for one in CHECKER.check(slides.to_bytes(made)).findings
            if one.severity != "info"
        ]
        for made in (before, after)
    )
    return sorted(rule for rule, path in found if (rule, path) not in known)


@pytest.mark.parametrize(
    ("values", "rules"),
    [
        ({"BitsStored": 60000}, ["GEO002"]),
        ({"HighBit": 15}, ["GEO002"]),
        ({"BitsStored": 10, "HighBit": 9}, ["MOD009"]),  # consistent, but not what CT allows
        ({"BitsStored": 60000, "PatientSex": "X"}, ["GEO002", "MOD009"]),
        ({"BitsAllocated": 8}, ["PIX043"]),
        ({"PhotometricInterpretation": "RGB"}, ["PIX002"]),
        (
            {"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3},
            ["MOD009", "MOD009"],
        ),  # consistent
    ],
)
def test_bits_that_contradict_each_other_are_one_finding(
    values: Mapping[str, object], rules: list[str]
) -> None:
    def change(made: FileDataset) -> None:
        for keyword, value in values.items():
            setattr(made, keyword, value)

    assert _new(general.ct, change) == rules


def _annotations() -> FileDataset:
    return slides.annotations_of(slides.full_native())


def _empty_list(made: FileDataset) -> None:
    made.ReferencedSeriesSequence = []


def _empty_list_and_label(made: FileDataset) -> None:
    _empty_list(made)
    made.ContentLabel = "not a label"


def test_an_empty_list_of_references_is_one_finding() -> None:
    assert _new(_annotations, _empty_list) == ["MOD005"]
    both = _new(_annotations, _empty_list_and_label)
    assert both.count("MOD005") == 1
    assert len(both) == 2


@pytest.mark.parametrize(
    ("make", "values", "cause", "other"),
    [
        (general.ct, {"PhotometricInterpretation": "RGB"}, "PIX002", "MOD009"),
        (slides.full_j2k_lossless, {"PhotometricInterpretation": "MONOCHROME2"}, "PIX002", "PIX010"),
        (general.enhanced_ct, {"DimensionOrganizationType": "BOGUS_TERM", "DimensionIndexSequence": slides.ABSENT},
         "FG010", "MOD010"),
    ],
)  # fmt: skip
def test_one_value_that_contradicts_several_is_one_finding(
    make: object, values: Mapping[str, object], cause: str, other: str
) -> None:
    def change(made: FileDataset) -> None:
        for path, value in values.items():
            slides.put(made, path, value)

    assert _new(make, change) == [cause]
    made = make()  # type: ignore[operator]
    change(made)
    report = Checker("dicom", ignore=(cause,)).check(slides.to_bytes(made))
    assert other in {one.rule for one in report.findings}
