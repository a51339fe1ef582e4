"""Aperio GT 450 DX: every setting of the scanner's page is found when the file does not keep to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from profile_slides import GT450, checked, found, gt450, gt450_label, said
from support.writing import ABSENT, to_bytes

from dcmlint.api import check
from dcmlint.errors import ProfileError
from dcmlint.profiles.load import find_profile
from dcmlint.profiles.resolve import resolve_profile

PROFILE = find_profile(GT450).profile

# A laboratory's settings, and a slide that keeps to all of them.
LAB: dict[str, Any] = {
    "image_output_format": "DICOM",
    "slide_id_format": r"^EX\d{2}-\d+-[A-Z]\d+-\d+$",
    "case_id_format": r"^EX\d{2}-\d+$",
    "case_id_attribute": "AccessionNumber",
    "dimension_organization_type": "Full",
    "require_barcode_id": "true",
    "barcode_value_identifier": r"\d{6}",
    "barcode_value_modifier": r"^(\d{2})(\d{4})$",
    "barcode_value_substitution_format": "$1/$2".replace("/", "."),
    "image_filename_format": "{IMAGEID}-{BARCODEID}",
}
NAME = "42-24.0017.dcm"


def lab(changes: dict[str, Any] | None = None, *, name: str = NAME, **settings: Any) -> dict[str, str]:
    return found(checked(gt450(changes), GT450, name=name, parameters={**LAB, **settings}))


@pytest.mark.parametrize("sparse", [False, True])
def test_a_slide_that_conforms_is_silent(sparse: bool) -> None:
    organization = "Sparse" if sparse else "Full"
    for slide in (gt450(sparse=sparse), gt450(sparse=sparse, level=1)):
        report = checked(
            slide, GT450, name=NAME, parameters={**LAB, "dimension_organization_type": organization}
        )
        assert said(report) == []
        assert not [rule for rule in found(report) if rule.startswith("GTX")], "no hint either"


def test_a_whole_slide_that_conforms_is_silent(tmp_path: Path) -> None:
    for number, part in enumerate((gt450(), gt450(level=1), gt450_label())):
        (tmp_path / f"{number}-24.0017.dcm").write_bytes(to_bytes(part))
    report = check(tmp_path, profile=GT450, parameters=LAB)
    assert [finding.rule for finding in report.findings if finding.rule.startswith("GTX")] == []
    assert report.outcomes["GTX005"]["pass"] == 1


def test_nothing_is_checked_that_was_not_set() -> None:
    report = checked(gt450({"ContainerIdentifier": "whatever"}), GT450, name="anything.dcm")
    assert not found(report, "error", "warning")
    resolved = resolve_profile(GT450)
    assert {one.what for one in resolved.not_checked} == {
        *(f"GTX{number:03}" for number in range(1, 10)), "endpoint image-file-share",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "parameter", "value", "changes"),
    [
        ("GTX001", "image_output_format", "SVS", {}),
        ("GTX002", "dimension_organization_type", "Sparse", {}),
        ("GTX003", "slide_id_format", r"^\d{6}$", {}),
        ("GTX003", "slide_id_attribute", "PatientID", {}),
        ("GTX004", "case_id_format", r"^\d{6}$", {}),
        ("GTX004", "case_id_attribute", "PatientID", {}),
        ("GTX006", "barcode_value_identifier", r"\d{7}", {}),
        ("GTX006", "barcode_attribute", "PatientID", {}),
        ("GTX007", "barcode_value_modifier", r"X(\d)", {}),
        ("GTX008", "barcode_value_substitution_format", "$1-$2", {}),
        ("GTX008", "image_filename_format", "{BARCODEID}_{IMAGEID}", {}),
        ("GTX008", "image_id_attribute", "InstanceNumber", {}),
        ("GTX008", "barcode_recorded", "modified", {}),
        # The same parameters, and a file that differs
        ("GTX003", "", "", {"ContainerIdentifier": "240017"}),
        ("GTX004", "", "", {"AccessionNumber": "240017"}),
        ("GTX006", "", "", {"BarcodeValue": "X-24-A"}),
        ("GTX008", "", "", {"BarcodeValue": "X-240018-A"}),
        ("GTX002", "", "", {"DimensionOrganizationType": "TILED_SPARSE"}),
    ],
)
def test_every_setting_is_found(rule: str, parameter: str, value: str, changes: dict[str, Any]) -> None:
    assert rule in lab(changes, **({parameter: value} if parameter else {}))
    assert rule not in lab()


def test_legal_slides_are_found_by_this_profile_only() -> None:
    for changes in (
        {"ContainerIdentifier": "240017"},
        {"AccessionNumber": "240017"},
        {"BarcodeValue": "X-240018-A"},
    ):
        slide = to_bytes(gt450(changes))
        assert not found(checked(slide, "wsi", name=NAME), "error", "warning")
        assert found(checked(slide, GT450, name=NAME, parameters=LAB), "error")


@pytest.mark.parametrize(
    ("label", "wanted"),
    [({}, "pass"), ({"BarcodeValue": None, "LabelText": None}, "fail"), (None, "undecided")],
)
def test_a_bar_code_that_is_required(label: dict[str, Any] | None, wanted: str, tmp_path: Path) -> None:
    bare = {"BarcodeValue": ABSENT, "LabelText": ABSENT}
    parts = [gt450(bare)] if label is None else [gt450(bare), gt450_label(label)]
    for number, part in enumerate(parts):
        (tmp_path / f"{number}.dcm").write_bytes(to_bytes(part))
    report = check(tmp_path, profile=GT450, parameters={"require_barcode_id": "true"})
    assert report.outcomes["GTX005"][wanted] == 1
    assert "GTX005" not in check(tmp_path, profile=GT450).outcomes
    assert (
        check(tmp_path, profile=GT450, parameters={"require_barcode_id": "false"}).outcomes["GTX005"]["fail"]
        == 0
    )


def test_full_and_sparse_are_held_to_the_standard() -> None:
    # The guide's sentences on FULL and SPARSE are the standard's own.
    short = gt450({"NumberOfFrames": "3"})
    assert "TILE003" in found(
        checked(short, GT450, parameters={"dimension_organization_type": "Full"}), "error"
    )
    gone = gt450({"PerFrameFunctionalGroupsSequence[1].PlanePositionSlideSequence": ABSENT}, sparse=True)
    report = checked(gone, GT450, parameters={"dimension_organization_type": "Sparse"})
    assert {"TILE007", "FG007"} & set(found(report, "error"))


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("GTX104", {"SOPInstanceUID": "1.2.3.4"}),
    ],
)
def test_hints_are_information(rule: str, changes: dict[str, Any]) -> None:
    assert found(checked(gt450(changes), GT450))[rule] == "info"


def test_more_hints() -> None:
    from support import slides

    other = slides.volume(slides.Scan(name="hints", tile=32, codec="native"))
    report = found(checked(other, GT450))
    assert report["GTX102"] == report["GTX103"] == "info"


def test_endpoints_take_the_page_s_values() -> None:
    (host,) = resolve_profile(GT450).endpoints
    assert (host.port, host.called_ae, host.protocol, host.tls_minimum) == (
        "2762",
        "SVS_STORE_SCP",
        "dicom-tls",
        "1.2",
    )
    assert host.offers[0].sop_class == "1.2.840.10008.5.1.4.1.1.77.1.6"
    given = {
        "hostname": "archive",
        "port": "4444",
        "title": "OTHER",
        "file_location": r"\\files\slides",
        "transfer": "both",
    }
    host, share = resolve_profile(GT450, given).endpoints
    assert (host.host, host.port, host.called_ae) == ("archive", "4444", "OTHER")
    assert (share.protocol, share.port) == ("smb", "445")
    assert [one.name for one in resolve_profile(GT450, {**given, "transfer": "share"}).endpoints] == [
        "image-file-share"
    ]
    assert [one.name for one in resolve_profile(GT450, {**given, "transfer": "C-STORE"}).endpoints] == [
        "dicom-image-host"
    ]


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("slide_id_format", "(?<=x)y", "looking around"),
        ("slide_id_format", "(a+)+$", "run away"),
        ("slide_id_format", "a\\p{L}", "\\p"),
        ("slide_id_format", "(", "without its"),
        ("dimension_organization_type", "Tiled", "Full, Sparse"),
        ("port", "many", "not a number"),
        ("require_barcode_id", "perhaps", "neither true nor false"),
        ("slide_id_attribute", "ContainerIdentifer", "not a keyword"),
        ("slide_id_formt", "x", "did you mean slide_id_format"),
    ],
)
def test_settings_that_cannot_be(name: str, value: str, says: str) -> None:
    with pytest.raises(ProfileError, match=says.replace("\\", "\\\\")):
        resolve_profile(GT450, {name: value})


def test_every_parameter_is_on_the_page_or_says_that_the_guide_is_silent() -> None:
    shown = [name for name, parameter in PROFILE.parameters.items() if parameter.shown_as]
    assert len(shown) == 13, "the thirteen settings of the picture"
    for name in set(PROFILE.parameters) - set(shown) - {"transfer"}:
        assert "guide does not state" in PROFILE.parameters[name].help


@pytest.mark.parametrize(
    ("version", "wanted"),
    [
        ("1.2", "pass"),
        ("1.10.0", "pass"),
        ("v1.1", "fail"),
        ("1.1-b", "fail"),
        ("0.9", "fail"),
        ("build 7", "undecided"),
    ],
)
def test_the_release(version: str, wanted: str) -> None:
    outcomes = checked(gt450({"SoftwareVersions": version}), GT450).outcomes["GTX011"]
    assert [kind for kind, count in outcomes.items() if count] == [wanted]


def test_a_file_name_is_shown_beside_the_one_expected() -> None:
    report = checked(
        gt450(), GT450, name="A-240018.dcm",
        parameters={"image_filename_format": "{IMAGEID}-{BARCODEID}", "barcode_value_identifier": r"\d{6}"},
    )  # fmt: skip
    (finding,) = [one for one in report.findings if one.rule == "GTX008"]
    assert (finding.is_, finding.want) == ("A-999999", "{IMAGEID}-{BARCODEID}, here *-999999")
