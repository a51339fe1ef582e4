"""DICOMvert 2.0: a slide that conforms is silent, and every row of the table is found when it is broken."""

from __future__ import annotations

from typing import Any

import pytest
from profile_slides import DICOMVERT, checked, dicomvert, found, said
from pydicom.dataset import Dataset
from support.writing import ABSENT, put, to_bytes

from dcmlint import standard
from dcmlint.profiles.attributes import PlacedRow, placed_rows, tag_of
from dcmlint.profiles.load import find_profile
from dcmlint.profiles.parameters import in_list, parameter_values

PROFILE = find_profile(DICOMVERT).profile
ROWS = list(placed_rows(PROFILE))
VALUES = parameter_values(PROFILE.parameters, {})
_NUMBERS = frozenset({"DS", "FD", "FL", "IS", "SL", "UL", "US"})
# Legal in the standard, and not what the statement says.
LEGAL: dict[str, dict[str, Any]] = {
    "DVT001": {"SpecificCharacterSet": "ISO_IR 192"},
    "DVT002": {"ImageType": ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
               "SharedFunctionalGroupsSequence[0].WholeSlideMicroscopyImageFrameTypeSequence[0].FrameType":
               ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]},
    "DVT005": {"StudyDate": None}, "DVT009": {"StudyTime": None}, "DVT012": {"AccessionNumber": None},
    "DVT015": {"ReferringPhysicianName": None}, "DVT018": {"PatientName": None}, "DVT019": {"PatientID": None},
    "DVT020": {"PatientBirthDate": None}, "DVT021": {"PatientSex": None}, "DVT027": {"StudyID": None},
    "DVT028": {"SeriesNumber": "7"}, "DVT030": {"PatientOrientation": ["L", "P"]},
    "DVT069": {"FocusMethod": "MANUAL"},
    "DVT082": {"OpticalPathSequence[0].IlluminationColorCodeSequence[0].CodingSchemeDesignator": "SCT",
               "OpticalPathSequence[0].IlluminationColorCodeSequence[0].CodeValue": "414298005"},
    "DVT074": {"OpticalPathSequence[0].IlluminationTypeCodeSequence[0].CodeValue": "111741",
               "OpticalPathSequence[0].IlluminationTypeCodeSequence[0].CodeMeaning": "Transmission illumination"},
}  # fmt: skip


@pytest.mark.parametrize("rule", LEGAL)
def test_what_the_standard_allows_is_found_by_this_profile_only(rule: str) -> None:
    slide = to_bytes(dicomvert(LEGAL[rule]))
    assert rule in found(checked(slide, DICOMVERT), "error", "warning")
    assert not found(checked(slide, "wsi"), "error", "warning").keys() - {"OPT010"}


def test_an_optical_path_told_frame_by_frame() -> None:
    """Where the identification stands is left open by the standard, and not by the statement."""
    slide = dicomvert()
    shared = slide.SharedFunctionalGroupsSequence[0]
    for frame in slide.PerFrameFunctionalGroupsSequence:
        frame.OpticalPathIdentificationSequence = shared.OpticalPathIdentificationSequence
    del shared.OpticalPathIdentificationSequence
    data = to_bytes(slide)
    assert "DVT088" in found(checked(data, DICOMVERT))
    assert not found(checked(data, "wsi"), "error", "warning").keys() - {"OPT010"}


def path_in(placed: PlacedRow) -> str:
    return ".".join((*(f"{parent}[0]" for parent in placed.parents), placed.row.attribute))


def broken(placed: PlacedRow) -> list[tuple[str, Dataset | bytes]]:
    """Slides with one defect each: the attribute is absent, has another value, or another VR."""
    row = placed.row
    path = path_in(placed)
    entry = standard.load().dictionary.entry(tag_of(row.attribute) or 0)
    assert entry is not None
    made: list[tuple[str, Dataset | bytes]] = []
    if row.presence == "always":
        made.append(("absent", dicomvert({path: ABSENT})))
    if row.values:
        listed = in_list(row.values, VALUES)
        vr = entry.vr
        if vr == "AT":
            wrong: Any = 0x00280010
        elif vr in _NUMBERS:
            wrong = int(listed[0]) // 2
        else:
            wrong = (
                ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
                if "\\" in listed[0]
                else other(row.attribute, listed[0])
            )
        made.append(("another value", dicomvert({path: wrong})))
    if row.attribute == "PixelData":
        return [("absent", dicomvert({path: ABSENT}))]
    if not made:
        # Whatever the presence: the VR is the dictionary's.  The row speaks, not the generic rule.
        made.append(("another VR", with_vr(path, "UT" if entry.vr != "UT" else "LO")))
    return made


def other(keyword: str, value: str) -> str:
    return {
        "YES": "NO",
        "NO": "YES",
        "AUTO": "MANUAL",
        "VOLUME": "DISTORTED",
        "ISO_IR 100": "ISO_IR 192",
    }.get(value, "OTHER")


def with_vr(path: str, vr: str) -> Dataset:
    made = dicomvert()
    put(made, path, b"1 ", vr)
    return made


def test_the_table_of_section_5_is_whole() -> None:
    assert len(ROWS) == 99
    assert [placed.id for placed in ROWS] == [f"DVT{number:03}" for number in range(1, 100)]
    top = [placed for placed in ROWS if not placed.parents]
    assert len(top) == 65, "34 rows stand within sequences"
    assert all(
        placed.row.section == "5" and placed.row.says and placed.row.tag and placed.row.vr for placed in ROWS
    )


def test_a_slide_that_conforms_is_silent() -> None:
    report = checked(dicomvert(), DICOMVERT)
    assert said(report) == []
    assert not report.undecided


def test_a_slide_that_conforms_keeps_to_the_standard_too() -> None:
    # SRT is what the statement promises, and what the standard has retired.
    assert set(found(checked(dicomvert(), "wsi"), "error", "warning")) == {"OPT010"}


@pytest.mark.parametrize("placed", ROWS, ids=lambda placed: f"{placed.id}-{placed.path}")
def test_every_row_is_found_when_it_is_broken(placed: PlacedRow) -> None:
    for what, slide in broken(placed):
        report = checked(slide, DICOMVERT)
        assert placed.id in found(report), (what, said(report))
        if what == "absent" and placed.row.vr != "SQ":
            # One defect, one finding: where the standard asks for the attribute too, the row speaks for both.
            here = [
                one.rule for one in report.findings
                if one.severity != "info" and one.path.endswith(placed.row.attribute) and one.path.count(".") == len(placed.parents)
            ]  # fmt: skip
            assert here.count(placed.id) == 1
            assert not [rule for rule in here if rule.startswith("MOD")], here
        if what == "another VR":
            assert found(checked(slide, "wsi"), "error"), "the standard is broken too"


ASSUMED = {
    "character_set": ("DVT001", "ISO_IR 192", {"SpecificCharacterSet": "ISO_IR 192"}),
    "patient_orientation_filled": ("DVT030", "true", {"PatientOrientation": ["L", "P"]}),
    "tile_rows": ("DVT041", "256", {"Rows": 256}),
    "tile_columns": ("DVT042", "256", {"Columns": 256}),
    "illumination_type_code": ("DVT074", "111741", {"OpticalPathSequence[0].IlluminationTypeCodeSequence[0].CodeValue": "111741"}),
    "illumination_type_scheme": (
        "DVT075", "99LAB", {"OpticalPathSequence[0].IlluminationTypeCodeSequence[0].CodingSchemeDesignator": "99LAB"},
    ),
    "illumination_type_meaning": (
        "DVT076", "Bright", {"OpticalPathSequence[0].IlluminationTypeCodeSequence[0].CodeMeaning": "Bright"},
    ),
    "illumination_color_code": (
        "DVT081", "414298005", {"OpticalPathSequence[0].IlluminationColorCodeSequence[0].CodeValue": "414298005"},
    ),
    "illumination_color_scheme": (
        "DVT082", "SCT", {"OpticalPathSequence[0].IlluminationColorCodeSequence[0].CodingSchemeDesignator": "SCT"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ASSUMED)
def test_what_holds_by_default_is_a_warning_until_it_is_set(name: str) -> None:
    rule, value, changes = ASSUMED[name]
    slide = to_bytes(dicomvert(changes))
    assert found(checked(slide, DICOMVERT))[rule] == "warning"
    # Set to what the file has: silent.  Set to what the statement says: an error.
    assert rule not in found(checked(slide, DICOMVERT, parameters={name: value}))
    default = PROFILE.parameters[name].default
    assert found(checked(slide, DICOMVERT, parameters={name: default}))[rule] == "error"


def test_every_parameter_has_its_test() -> None:
    network = {"ae_title", "called_ae_title", "host", "port"}
    assert set(PROFILE.parameters) == set(ASSUMED) | network | {"sop_classes"}


def test_other_sop_classes_are_refused_unless_they_are_named() -> None:
    from support import slides

    ct = to_bytes(slides.ct())
    assert "DVT901" in found(checked(ct, DICOMVERT))
    allowed = {"sop_classes": "VLWholeSlideMicroscopyImageStorage,CTImageStorage"}
    report = found(checked(ct, DICOMVERT, parameters=allowed))
    assert "DVT901" not in report
    assert "DVT041" in report, "rows that hold for every instance hold for it"
    assert "DVT055" not in report, "rows for whole slides do not"


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("DVT013", {"Modality": "GM"}),
        ("DVT028", {"SeriesNumber": "2"}),
        ("DVT037", {"SamplesPerPixel": 1}),
        ("DVT002", {"ImageType": ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]}),
    ],
)
def test_what_follows_from_another_value(rule: str, changes: dict[str, Any]) -> None:
    assert rule in found(checked(dicomvert(changes), DICOMVERT))


def test_transfer_syntaxes_that_are_not_stated() -> None:
    listed = in_list(PROFILE.transfer_syntaxes, VALUES)
    assert len(listed) == 25
    assert len(set(listed)) == 25
    slide = dicomvert()
    slide.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.201"  # HTJ2K lossless
    assert "DVT902" in found(checked(slide, DICOMVERT))
    assert "DVT902" not in found(checked(dicomvert(), DICOMVERT))


def test_another_color_profile() -> None:
    from support import slides

    scanner = slides.volume(slides.Scan(name="dicomvert icc")).OpticalPathSequence[0].ICCProfile
    assert "DVT102" in found(checked(dicomvert({"OpticalPathSequence[0].ICCProfile": scanner}), DICOMVERT))


def test_numbers_of_a_series(tmp_path: Any) -> None:
    from dcmlint.api import check

    for case, numbers, level in (
        ("good", (1, 2), None),
        ("twice", (1, 1), "error"),
        ("gap", (1, 3), "warning"),
    ):
        folder = tmp_path / case
        folder.mkdir()
        for index, number in enumerate(numbers):
            slide = dicomvert(
                {
                    "InstanceNumber": str(number),
                    "SOPInstanceUID": f"1.2.826.0.1.{index + 1}.{case == 'gap':d}",
                }
            )
            slide.file_meta.MediaStorageSOPInstanceUID = slide.SOPInstanceUID
            (folder / f"{index}.dcm").write_bytes(to_bytes(slide))
        rules = {f.rule: f.severity for f in check(folder, profile=DICOMVERT).findings}
        assert rules.get("DVT101") == level, case


def test_the_endpoint_is_what_section_4_says() -> None:
    from dcmlint.profiles.resolve import resolve_profile

    (endpoint,) = resolve_profile(DICOMVERT).endpoints
    assert endpoint.calling_ae == "THT-Client"
    assert endpoint.port == ""
    (offer,) = endpoint.offers
    assert offer.sop_class == "1.2.840.10008.5.1.4.1.1.77.1.6"
    assert len(offer.transfer_syntaxes) == 25
    assert offer.transfer_syntaxes[0] == "1.2.840.10008.1.2"
    given = {"host": "pacs.example", "port": "11112", "called_ae_title": "ARCHIVE", "ae_title": "CONVERTER"}
    (endpoint,) = resolve_profile(DICOMVERT, given).endpoints
    assert (endpoint.host, endpoint.port, endpoint.called_ae, endpoint.calling_ae) == (
        "pacs.example",
        "11112",
        "ARCHIVE",
        "CONVERTER",
    )
