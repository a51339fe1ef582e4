"""Content constraints that PS3.3 states of IODs in the prose of Annex A: a violating and a conforming instance of each."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from pydicom.dataset import Dataset, FileDataset
from support import general, slides

from dcmlint import Checker

CHECKER = Checker("dicom")
ROOT = "1.2.840.10008.5.1.4.1.1."


def item(**attributes: object) -> Dataset:
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def of_class(uid: str, attributes: Mapping[str, object]) -> FileDataset:
    """A data set of a class; what its IOD asks for besides is missing, which is other findings."""
    made = general.sc()
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = ROOT + uid
    for keyword, value in attributes.items():
        if value is None:
            delattr(made, keyword)
        else:
            setattr(made, keyword, value)
    return made


def errors(made: FileDataset) -> set[tuple[str, str]]:
    """Rule and keyword of the errors."""
    report = CHECKER.check(slides.to_bytes(made))
    return {(one.rule, one.path.rpartition(".")[2]) for one in report.findings if one.severity == "error"}


EXCLUDED = [
    ("7.1", {"WindowCenter": "1"}),  # A.8.2.4
    ("7.1", {"OverlayRows": 4}),
    ("7.2", {"OverlayRows": 4}),  # A.8.3.4
    ("7.3", {"OverlayRows": 4}),  # A.8.4.4
    ("7.4", {"WindowWidth": "1"}),  # A.8.5.4
    ("4.1", {"OverlayRows": 4}),  # A.36.2.3.1
    ("4.3", {"VOILUTSequence": [Dataset()]}),  # A.36.4.3.1
    ("2.1", {"WindowCenter": "1"}),  # A.38.1.3.1
    ("12.1.1", {"PresentationLUTSequence": [Dataset()]}),  # A.47.3.1.2
    ("12.2.1", {"WindowCenter": "1"}),  # A.48.3.1.2
    ("77.1.5.4", {"WindowCenter": "1"}),  # A.52.4.2
    ("13.1.1", {"WindowCenter": "1"}),  # A.53.3.1.2
    ("13.1.3", {"RescaleSlope": "1"}),  # A.55.3.1.1
    ("130", {"WindowCenter": "1"}),  # A.56.1.3.1
    ("14.1", {"OverlayRows": 4}),  # A.66.3.1.2
    ("4.4", {"GraphicAnnotationSequence": [Dataset()]}),  # A.71.3.1
    ("30", {"RescaleIntercept": "0"}),  # A.75.4
]


def _with_overlay(attributes: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in attributes.items() if key != "OverlayRows"}


@pytest.mark.parametrize(("uid", "attributes"), EXCLUDED)
def test_what_an_iod_excludes_may_not_be_there(uid: str, attributes: Mapping[str, object]) -> None:
    made = of_class(uid, _with_overlay(attributes))
    if "OverlayRows" in attributes:
        made.add_new(0x60020010, "US", 4)
    assert {rule for rule, _ in errors(made)} >= {"MOD018"}
    assert "MOD018" not in {rule for rule, _ in errors(of_class(uid, {}))}
