"""The profile of the connectathon against its gate, dciodvfy with ``-profile WG26SP2025``, mutant by mutant.

A mutant is a slide or a bulk annotation with one attribute absent, empty or of another value. What dciodvfy reports
with the profile and not without it is what the profile demands; dcmlint must report it, and its own profile nothing more.
"""

from __future__ import annotations

import copy
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset, FileDataset
from support import slides
from support.derived import annotations_of
from support.writing import ABSENT, changed, to_bytes

from dcmlint.api import Checker
from dcmlint.compare.peers import dciodvfy_program, run_dciodvfy

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(dciodvfy_program() is None, reason="dciodvfy is not installed"),
]

GATE = ("-profile", "WG26SP2025")
SPECIMEN = "SpecimenDescriptionSequence[0]"
STEP = f"{SPECIMEN}.SpecimenPreparationSequence[0]"
Verdict = set[tuple[str, str]]
"""Pairs of tag (8 hexadecimal digits) and severity."""


@cache
def _bases() -> dict[str, FileDataset]:
    scan = slides.Scan(name="wg26")
    level = slides.volume(scan)
    return {
        "volume": level,
        "label": slides.label(scan),
        "overview": slides.overview(scan),
        "thumbnail": slides.thumbnail(scan),
        "annotations": annotations_of(level),
    }


@cache
def _checker(profile: str) -> Checker:
    return Checker(profile, fail_on=None)


def _of_gate(path: Path) -> Verdict:
    """What dciodvfy says with the profile only."""
    plain, gate = run_dciodvfy(str(path)), run_dciodvfy(str(path), *GATE)
    assert plain is not None
    assert gate is not None
    return {(one.tag, one.severity) for one in gate if one not in plain}


def _of_dcmlint(data: bytes, profile: str) -> set[tuple[str, str, str]]:
    """Tag, severity and rule of each error and warning."""
    found = _checker(profile).check(data).findings
    return {
        (one.tag.strip("()").replace(",", "").upper(), one.severity, one.rule)
        for one in found
        if one.severity != "info"
    }


def _verdicts(data: bytes, folder: Path) -> tuple[Verdict, Verdict, Verdict]:
    """What the gate says only, what dcmlint says in all, and what it says only because of the profile."""
    path = folder / "mutant.dcm"
    path.write_bytes(data)
    every, plain = _of_dcmlint(data, "wg26-2025"), _of_dcmlint(data, "wsi")
    return (
        _of_gate(path),
        {(tag, severity) for tag, severity, _ in every},
        {(tag, severity) for tag, severity, _ in every - plain},
    )


# Of the base, the path and the value that is put there.
DEMANDED: list[tuple[str, str, Any]] = [
    *((base, f"{SPECIMEN}.{keyword}", value)
      for base in ("volume", "label", "overview", "thumbnail")
      for keyword in ("SpecimenTypeCodeSequence", "PrimaryAnatomicStructureSequence", "SpecimenPreparationSequence")
      for value in (ABSENT, [])),
    *(("volume", f"{STEP}.SpecimenPreparationStepContentItemSequence", value) for value in (ABSENT, [])),
    *((base, "SpecimenDescriptionSequence", value) for base in ("volume", "label") for value in (ABSENT, [])),
    *(("volume", "DimensionOrganizationType", value) for value in ("TILED_SPARSE", "3D")),
    *(("volume", "TotalPixelMatrixFocalPlanes", value) for value in (0, 2, 3, ABSENT)),
    *(("volume", "ConcatenationUID", value) for value in ("2.25.1", "")),
    *((base, "AcquisitionUID", ABSENT) for base in ("volume", "label", "overview", "thumbnail")),
    *((base, "PyramidUID", ABSENT) for base in ("volume", "thumbnail")),
    *(("annotations", "AnnotationCoordinateType", value) for value in ("3D", ABSENT, "")),
]  # fmt: skip

# What the gate does not ask for beyond the standard.
FREE: list[tuple[str, str, Any]] = [
    *(("volume", keyword, value)
      for keyword in (
          "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "DeviceSerialNumber",
          "SoftwareVersions", "Manufacturer", "ManufacturerModelName", "ContainerIdentifier", "ContainerTypeCodeSequence",
          "LossyImageCompression", "ExtendedDepthOfField", "BurnedInAnnotation", "FrameOfReferenceUID",
      )
      for value in (ABSENT, None)),
    *(("annotations", keyword, value)
      for keyword in (
          "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "AccessionNumber", "DeviceSerialNumber",
          "ReferencedImageSequence", "AnnotationGroupSequence", "ContainerIdentifier",
          "SpecimenDescriptionSequence", "ContentLabel",
      )
      for value in (ABSENT, None)),
    *(("volume", f"{SPECIMEN}.{keyword}", ABSENT)
      for keyword in ("SpecimenIdentifier", "SpecimenUID", "IssuerOfTheSpecimenIdentifierSequence", "SpecimenShortDescription")),
    *(("annotations", f"{SPECIMEN}.{keyword}", ABSENT) for keyword in ("SpecimenTypeCodeSequence", "PrimaryAnatomicStructureSequence")),
    *((base, "AccessionNumber", ABSENT) for base in ("label", "overview")),
    ("annotations", "AnnotationCoordinateType", "4D"),
    ("label", "BarcodeValue", ABSENT),
    ("label", "LabelText", ABSENT),
]  # fmt: skip


def _mutant(base: str, path: str, value: Any) -> bytes:
    data = to_bytes(changed(_bases()[base], {path: value}))
    assert data != to_bytes(_bases()[base])
    return data


@pytest.mark.parametrize("base", ["volume", "label", "overview", "thumbnail", "annotations"])
def test_clean_instances_pass_the_gate_and_the_profile(base: str, tmp_path: Path) -> None:
    gate, _, added = _verdicts(to_bytes(_bases()[base]), tmp_path)
    assert (gate, added) == (set(), set())


@pytest.mark.parametrize(("base", "path", "value"), DEMANDED)
def test_what_the_gate_demands_the_profile_demands(base: str, path: str, value: Any, tmp_path: Path) -> None:
    gate, every, added = _verdicts(_mutant(base, path, value), tmp_path)
    assert gate
    assert gate <= every
    assert added <= gate


@pytest.mark.parametrize(("base", "path", "value"), FREE)
def test_what_the_gate_leaves_free_the_profile_leaves_free(
    base: str, path: str, value: Any, tmp_path: Path
) -> None:
    gate, _, added = _verdicts(_mutant(base, path, value), tmp_path)
    assert (gate, added) == (set(), set())


@pytest.mark.parametrize(("base", "path", "value"), DEMANDED)
def test_one_defect_is_one_finding(base: str, path: str, value: Any) -> None:
    tag = f"{tag_for_keyword(path.split('.')[-1]):08X}"
    rules = {rule for at, _, rule in _of_dcmlint(_mutant(base, path, value), "wg26-2025") if at == tag}
    assert len(rules) == 1


def _two_types(made: Dataset) -> None:
    types = made.SpecimenDescriptionSequence[0].SpecimenTypeCodeSequence
    types.append(copy.deepcopy(types[0]))


def _two_structures(made: Dataset) -> None:
    structures = made.SpecimenDescriptionSequence[0].PrimaryAnatomicStructureSequence
    structures.append(copy.deepcopy(structures[0]))


def _second_specimen_bare(made: Dataset) -> None:
    other = copy.deepcopy(made.SpecimenDescriptionSequence[0])
    del other.SpecimenTypeCodeSequence
    del other.PrimaryAnatomicStructureSequence
    made.SpecimenDescriptionSequence.append(other)


@pytest.mark.parametrize("change", [_two_types, _two_structures, _second_specimen_bare])
def test_items_of_the_specimen(change: Callable[[Dataset], None], tmp_path: Path) -> None:
    made = copy.deepcopy(_bases()["volume"])
    change(made)
    gate, every, added = _verdicts(to_bytes(made), tmp_path)
    assert gate <= every
    assert added <= gate


@pytest.mark.parametrize("value", [ABSENT, ""])
def test_an_image_that_does_not_say_how_it_is_tiled_is_refused(value: Any, tmp_path: Path) -> None:
    gate, _, added = _verdicts(_mutant("volume", "DimensionOrganizationType", value), tmp_path)
    assert gate == set()
    assert added == {("00209311", "error")}


@pytest.mark.parametrize(
    ("keyword", "one", "other"),
    [
        ("SeriesNumber", "1", "2"),
        ("SeriesDescription", "Colon", "Kidney"),
        ("SeriesTime", "101500", "101501"),
        ("ProtocolName", "Fast", "Slow"),
        ("BodyPartExamined", "COLON", "KIDNEY"),
        ("StudyDescription", "Colon", "Kidney"),
        ("PatientName", "Example^One", "Example^Two"),
        ("DeviceSerialNumber", "1", "2"),
        ("SeriesDescription", "Colon", "Colon"),
        ("StationName", "A", "B"),
        ("OperatorsName", "A^B", "C^D"),
        ("PerformedProcedureStepStartDate", "20240101", "20240102"),
        ("PerformedProcedureStepID", "1", "2"),
        ("PositionReferenceIndicator", "SLIDE_CORNER", "X"),
        ("PatientComments", "a", "b"),
        ("EthnicGroup", "a", "b"),
        ("PatientBirthTime", "101010", "101011"),
        ("SpatialResolution", "1", "2"),
    ],
)
def test_values_that_differ_in_a_series_are_errors_as_dcentvfy_has_it(
    keyword: str, one: str, other: str, tmp_path: Path
) -> None:
    program = Path(str(dciodvfy_program())).with_name("dcentvfy")
    if not program.is_file():
        pytest.skip("dcentvfy is not installed")
    levels = slides.pyramid("jpeg", 2)[:2]
    paths = [str(tmp_path / f"{number}.dcm") for number in range(2)]
    for path, level, value in zip(paths, levels, (one, other), strict=True):
        Path(path).write_bytes(to_bytes(changed(level, {keyword: value})))
    gate = subprocess.run([str(program), *paths], capture_output=True, timeout=60, check=False)
    refused = b"Error" in gate.stdout + gate.stderr
    report = _checker("wg26-2025").check([Path(path) for path in paths])
    assert refused == (one != other)
    about = [
        found for found in report.findings
        if found.path.rpartition(".")[2] == keyword and found.severity != "info"
    ]  # fmt: skip
    assert [found.severity for found in about] == ["error"] * refused, [
        f"{found.rule} {found.message}" for found in about
    ]


def test_an_acquisition_uid_that_is_empty_is_warned_as_one_that_is_missing(tmp_path: Path) -> None:
    """dciodvfy is content with the attribute alone."""
    gate, _, added = _verdicts(_mutant("volume", "AcquisitionUID", None), tmp_path)
    assert gate == set()
    assert added == {("00080017", "warning")}


def test_a_pyramid_uid_that_is_empty_is_an_error_of_the_standard(tmp_path: Path) -> None:
    """PS3.3 Table C.7.11.1-1: Type 1; what the profile wants besides is the same defect. dciodvfy is content with the attribute."""
    gate, every, added = _verdicts(_mutant("volume", "PyramidUID", None), tmp_path)
    assert gate == set()
    assert ("00080019", "error") in every
    assert added == set()


def test_there_are_enough_mutants() -> None:
    assert len(DEMANDED) + len(FREE) >= 60


@pytest.mark.parametrize(
    ("base", "path"),
    [
        ("annotations", "ReferencedSeriesSequence"), ("annotations", "AnnotationGroupSequence[0].AnnotationGroupLabel"),
        ("annotations", "AnnotationGroupSequence[0].GraphicType"), ("annotations", "ReferencedImageSequence"),
        ("annotations", "ContentDate"), ("annotations", "InstanceNumber"), ("label", "ImageType"), ("overview", "OpticalPathSequence"),
        ("thumbnail", "ImagedVolumeWidth"), ("volume", "DimensionOrganizationSequence"), ("volume", "OpticalPathSequence[0].OpticalPathIdentifier"),
        ("volume", f"{SPECIMEN}.SpecimenIdentifier"), ("volume", "SharedFunctionalGroupsSequence[0].PixelMeasuresSequence"),
    ],
)  # fmt: skip
def test_what_the_gate_refuses_in_all_the_profile_refuses(base: str, path: str, tmp_path: Path) -> None:
    data = _mutant(base, path, ABSENT)
    (tmp_path / "m.dcm").write_bytes(data)
    gate = run_dciodvfy(str(tmp_path / "m.dcm"), *GATE)
    assert gate is not None
    refused = any(one.severity == "error" for one in gate)
    assert refused == any(severity == "error" for _, severity, _ in _of_dcmlint(data, "wg26-2025"))
