"""Preparation steps, optical paths of frames, and what de-identification should have taken away."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from support import slides
from support.modules import code, item

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.dicom.instance import read_instance
from dcmlint.facts.registry import Facts
from dcmlint.rules.builtin_functions.moments import is_before
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, Undecided, function_named


def problems(name: str, made: Any, **parameters: Any) -> list[Problem]:
    instance = read_instance(WholeBuffer(slides.to_bytes(made)))
    assert instance is not None
    function = function_named(name)
    assert function is not None
    return list(function(RuleContext(instance, Facts(instance)), **parameters))


@pytest.mark.parametrize(
    ("moment", "other", "before"),
    [
        ("20240311", "20240312", True),
        ("20240312", "20240311", False),
        ("202403", "20240312", False),
        ("202402", "20240312", True),
        ("20240312100000", "20240312", False),
        ("20240312100000.5", "20240312100000.7", False),
        ("20240312100000+0000", "20240312100000", False),
        ("20240312100000+0200", "20240312090000+0000", True),
        ("20240312100000+0000", "20240312100000-0500", True),
        ("20240312100000-0500", "20240312100000+0000", False),
        ("20240312+0200", "20240313+0000", False),
        ("20241340100000+0200", "20240312100000+0000", False),
        ("99991231235959-1200", "20240312100000+0000", False),
        ("nonsense", "20240312", False),
        ("", "20240312", False),
        ("２０２４", "2025", False),
    ],
)
def test_which_of_two_moments_is_earlier(moment: str, other: str, before: bool) -> None:
    assert is_before(moment, other) is before


def test_the_zone_of_the_instance_holds_where_a_value_has_none() -> None:
    assert is_before("20240312100000", "20240312093000+0000", "+0100") is True
    assert is_before("20240312100000", "20240312093000+0000", "") is False


def test_steps_are_compared_with_the_last_that_is_in_order() -> None:
    made = slides.full_jpeg()
    steps = made.SpecimenDescriptionSequence[0].SpecimenPreparationSequence
    steps.append(steps.pop(0))
    assert len(problems("steps-in-order-of-time", made)) == 1


def test_parents() -> None:
    made = slides.full_jpeg()
    steps = made.SpecimenDescriptionSequence[0].SpecimenPreparationSequence
    assert problems("sampling-parents", made) == []
    steps[2].SpecimenPreparationStepContentItemSequence[4].TextValue = "ANOTHER"
    assert len(problems("sampling-parents", made)) == 1
    # the first step's parent has no step of its own: nothing to compare with
    made.SpecimenDescriptionSequence[0].SpecimenPreparationSequence = [steps[2]]
    with pytest.raises(NotApplicable):
        problems("sampling-parents", made)


def sparse(frames: int) -> Any:
    """A sparse image with ``frames`` items, alternating between two optical paths; two items are their own."""
    made = slides.sparse_z_two_paths()
    some = made.PerFrameFunctionalGroupsSequence[0]
    kinds = []
    for identifier in ("1", "2 b"):
        kinds.append(copy.deepcopy(some))
        kinds[-1].OpticalPathIdentificationSequence = [item(OpticalPathIdentifier=identifier)]
    groups = [kinds[number % 2] for number in range(frames)]
    for number in (frames // 2, frames - 1):
        groups[number] = copy.deepcopy(groups[number])
    made.PerFrameFunctionalGroupsSequence = groups
    made.OpticalPathSequence[1].OpticalPathIdentifier = "2 b"
    return made


@pytest.mark.parametrize("frames", [6, 1100])
def test_optical_paths_of_frames(frames: int) -> None:
    made = sparse(frames)
    long = read_instance(WholeBuffer(slides.to_bytes(made)))
    assert long is not None
    assert hasattr(long.dataset.items(0x52009230), "shapes") == (frames > 1000)
    assert problems("optical-paths-of-frames", made) == []
    third = copy.deepcopy(made.OpticalPathSequence[0])
    third.OpticalPathIdentifier = "3 and a long one"
    made.OpticalPathSequence.append(third)
    assert [one.found for one in problems("optical-paths-of-frames", made)] == ["3 and a long one"]
    made.PerFrameFunctionalGroupsSequence[-1].OpticalPathIdentificationSequence = [
        item(OpticalPathIdentifier="3 and a long one")
    ]
    assert problems("optical-paths-of-frames", made) == []
    del made.PerFrameFunctionalGroupsSequence[frames // 2].OpticalPathIdentificationSequence
    with pytest.raises(Undecided):
        problems("optical-paths-of-frames", made)


def deidentified(*codes: str) -> Any:
    made = slides.label()
    made.PatientIdentityRemoved = "YES"
    made.DeidentificationMethodCodeSequence = [code((one, "DCM", "x")) for one in codes]
    return made


def test_text_of_the_label_after_deidentification() -> None:
    attributes = ["BarcodeValue", "LabelText"]
    both = problems("left-after-deidentification", deidentified("113100"), attributes=attributes)
    assert [one.severity for one in both] == ["", ""]
    weaker = problems("left-after-deidentification", deidentified("113101"), attributes=attributes)
    assert [one.severity for one in weaker] == ["warning", "warning"]
    # the Clean Descriptors Option speaks of Label Text, not of the bar code
    cleaned = problems("left-after-deidentification", deidentified("113100", "113105"), attributes=attributes)
    assert len(cleaned) == 1
    with pytest.raises(NotApplicable):
        problems("left-after-deidentification", slides.label(), attributes=attributes)


@pytest.mark.parametrize(
    ("identifier", "original"),
    [
        ("S24-12345", True), ("SP22-001-A1", True), ("x S24-12345-A", True), ("EX24-17-A1-1", True),
        ("TRIAL-02-0001-01Z", False), ("0007", False), ("C3L-00001-21", False), ("ANON24", False),
        ("2.25.24-12", False), ("HTA9_1_123", False),
    ],
)  # fmt: skip
def test_identifiers_that_look_original(identifier: str, original: bool) -> None:
    made = deidentified("113100", "113105")
    made.AccessionNumber = made.PatientID = ""
    made.ContainerIdentifier = identifier
    specimen = made.SpecimenDescriptionSequence[0]
    specimen.SpecimenIdentifier = "x"
    specimen.SpecimenPreparationSequence = []
    found = problems("original-specimen-identity", made)
    assert [one.tag for one in found] == ([0x00400512] if original else [])


def test_no_value_stands_in_a_message() -> None:
    made = deidentified("113100")
    made.ImageComments = "Aperio Image Library v11|User = jane.doe|Filename = S24-1.svs|Barcode = 4711"
    found = [
        *problems("original-specimen-identity", made),
        *problems("svs-header", made),
        *problems("left-after-deidentification", made, attributes=["BarcodeValue", "LabelText"]),
    ]
    assert len(found) > 3
    for one in found:
        said = f"{one.message} {one.want} {one.because}"
        assert not any(word in said for word in ("jane", "S24", "4711", "EX24"))


def test_private_elements_are_counted_at_all_levels() -> None:
    made = deidentified("113100")
    for level in (made, made.SpecimenDescriptionSequence[0]):
        block = level.private_block(0x0009, "ACME 1.0", create=True)
        block.add_new(0x01, "LO", "a")
        block.add_new(0x02, "LO", "b")
    (found,) = problems("private-after-deidentification", made)
    assert "4 private elements" in found.message
    assert problems("private-after-deidentification", deidentified("113100", "113111")) == []


def test_wavelengths() -> None:
    made = slides.mono()
    path = made.OpticalPathSequence[0]
    path.LightPathFilterPassThroughWavelength = 405
    path.LightPathFilterPassBand = [400, 410]
    assert problems("wavelengths-in-nanometres", made) == []
    path.LightPathFilterPassBand = [410, 400]
    path.IlluminationWaveLength = float("nan")
    assert len(problems("wavelengths-in-nanometres", made)) == 2


def test_codes_of_the_method_may_stand_in_its_text() -> None:
    made = deidentified()
    made.DeidentificationMethod = "DCM:113100/113105/113111"
    made.private_block(0x0009, "ACME 1.0", create=True).add_new(0x01, "LO", "a")
    assert problems("private-after-deidentification", made) == []
    found = problems("left-after-deidentification", made, attributes=["BarcodeValue", "LabelText"])
    assert [one.severity for one in found] == [""]


def test_the_basic_profile_and_the_options_that_are_declared() -> None:
    made = deidentified("113100")
    made.PatientComments, made.StudyDescription, made.PatientAge = "seen", "biopsy", "030Y"
    made.ChannelLabel = "new in the table"
    made.SpecimenDescriptionSequence[0].PatientComments = "again"

    def left(*codes: str) -> set[int]:
        made.DeidentificationMethodCodeSequence = [code((one, "DCM", "x")) for one in codes]
        return {one.tag for one in problems("removed-by-basic-profile", made)}

    comments, description, age = 0x00104000, 0x00081030, 0x00101010
    assert left("113100") >= {comments, description, age}
    assert 0x003A0203 not in left("113100")  # a newer row is not demanded
    assert age not in left("113100", "113108")
    assert {comments, description}.isdisjoint(left("113100", "113105"))
    told = problems("removed-by-basic-profile", made, told=["PatientAge"])
    assert age not in {one.tag for one in told}
    with pytest.raises(NotApplicable):
        left("113105")
