"""Aperio iQC: which slides it takes, and its table of ports."""

from __future__ import annotations

import struct
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from profile_slides import IQC, checked, found, gt450, said
from support.writing import to_bytes

from dcmlint.api import check
from dcmlint.profiles.resolve import resolve_profile

STAIN = (
    "SpecimenDescriptionSequence[0].SpecimenPreparationSequence[3].SpecimenPreparationStepContentItemSequence"
)


def stained(*codes: tuple[str, str, str]) -> Any:
    """A slide whose staining step names these substances."""
    made = gt450()
    step = made.SpecimenDescriptionSequence[0].SpecimenPreparationSequence[3]
    contents = step.SpecimenPreparationStepContentItemSequence
    names = [one for one in contents if one.ConceptNameCodeSequence[0].CodeValue == "424361007"]
    assert len(names) == 2
    for one, code in zip(names, codes, strict=False):
        value = one.ConceptCodeSequence[0]
        value.CodeValue, value.CodingSchemeDesignator, value.CodeMeaning = code
    for one in names[len(codes) :]:
        contents.remove(one)
    return made


H = ("12710003", "SCT", "hematoxylin stain")
E = ("36879007", "SCT", "water soluble eosin stain")
KI67 = ("KI67", "99LAB", "Antibody to Ki-67")
LOCAL = ("X17", "99LAB", "Something local")
PAS = ("255808002", "SCT", "periodic acid Schiff stain")


def outcome(report: Any, rule: str) -> str:
    return next(kind for kind, count in report.outcomes[rule].items() if count)


def test_a_slide_that_is_eligible_is_silent() -> None:
    report = checked(gt450(), IQC)
    assert said(report) == []
    assert outcome(report, "IQC002") == "pass"


@pytest.mark.parametrize(
    ("codes", "wanted"),
    [
        ((H, E), "pass"), ((H, KI67), "pass"), ((PAS, H), "fail"), ((PAS,), "fail"), ((H,), "undecided"),
        ((H, ("X1", "99LAB", "Masson trichrome, no IHC")), "fail"), ((H, ("X1", "99LAB", "Papanicolaou")), "fail"),
        ((E, ("X1", "99LAB", "anti-IgG FITC, immunofluorescence")), "fail"), ((H, ("X1", "99LAB", "DAB, anti-CD3")), "pass"),
        ((H, LOCAL), "undecided"), ((E,), "undecided"), ((), "undecided"),
        ((H, ("X1", "99LAB", "Congo red")), "fail"), ((H, ("X1", "99LAB", "Alcian blue, H&E")), "fail"), ((H, ("X1", "99LAB", "HER2 FISH")), "fail"),
        ((("X1", "99LAB", "H&E, no IHC"),), "pass"), ((H, ("X1", "99LAB", "IHC Ki-67, non-fluorescent")), "pass"), ((("X1", "99LAB", "HE"),), "pass"),
        ((("X1", "99LAB", "trichrome without H&E"),), "fail"), ((("X1", "99LAB", "Elastica van Gieson"),), "fail"),
    ],
)  # fmt: skip
def test_stains(codes: tuple[tuple[str, str, str], ...], wanted: str) -> None:
    report = checked(to_bytes(stained(*codes)), IQC)
    assert outcome(report, "IQC002") == wanted
    if not codes:
        assert "no stain" in report.undecided["IQC002"].popitem()[0]


@pytest.mark.parametrize(
    ("light", "wanted"),
    [
        (("111743", "Epifluorescence illumination"), "fail"), (("111745", "Darkfield illumination"), "fail"),
        (("111741", "Transmission illumination"), "pass"), (("111744", "Brightfield illumination"), "pass"),
    ],
)  # fmt: skip
def test_brightfield(light: tuple[str, str], wanted: str) -> None:
    made = stained(H, KI67)
    code = made.OpticalPathSequence[0].IlluminationTypeCodeSequence[0]
    code.CodeValue, code.CodeMeaning = light
    assert outcome(checked(to_bytes(made), IQC), "IQC002") == wanted


def test_another_scanner_and_another_object() -> None:
    from support import slides

    assert "IQC001" in found(checked(gt450({"ManufacturerModelName": "Other"}), IQC))
    assert not found(checked(gt450({"ManufacturerModelName": "Other"}), "wsi"), "error", "warning")
    assert "IQC901" in found(checked(to_bytes(slides.ct()), IQC))


def test_all_eight_rows_of_the_port_table() -> None:
    """Port, protocol, source, destination, as the guide gives them."""
    rows = {one.port: one for one in resolve_profile(IQC).endpoints}
    assert {
        port: (row.protocol, row.source, row.destination, row.tls_minimum, row.smb_minimum)
        for port, row in rows.items()
    } == {
        "104": ("dicom-tls", "scanner", "sam", "1.2", ""),
        "139": ("smb", "converter", "share", "", "3"),
        "443": ("https", "dashboard", "sam", "1.2", ""),
        "445": ("smb", "converter", "share", "", "3"),
        "2762": ("dicom-tls", "scanner", "sam", "1.2", ""),
        "5761": ("amqps", "iqc", "sam", "1.2", ""),
        "8443": ("https", "iqc", "browser", "1.2", ""),
        "8444": ("https", "iqc", "sam", "1.2", ""),
    }
    assert len(resolve_profile(IQC).endpoints) == 8
    for row in rows.values():
        assert row.listens, row.name
        if row.tls_minimum:
            assert row.certificate.required
            assert row.certificate.self_signed == "warning"
            assert "procure" in row.certificate.advice


# -- SVS ------------------------------------------------------------------------------------------------------------

DESCRIPTION = (
    "Aperio Leica Biosystems GT450 v1.0.1 \r\n512x512 [0,0,512x512] (256x256) JPEG/RGB Q=91|AppMag = 40|"
    "ScanScope ID = SS45002|Filename = 1004487|Barcode = X-240017|MPP = 0.26|Rack = 1"
)


def svs(
    path: Path,
    description: str = DESCRIPTION,
    *,
    tiled: bool = True,
    label: bool = True,
    macro: bool = True,
    big: bool = False,
) -> Path:
    """A TIFF file as Aperio writes it: base, label, macro."""
    tifffile = pytest.importorskip("tifffile")
    picture = np.full((512, 512, 3), 200, np.uint8)
    small = np.full((32, 64, 3), 90, np.uint8)
    with tifffile.TiffWriter(path, bigtiff=big) as file:
        options: dict[str, Any] = {"photometric": "rgb", "metadata": None, "software": False}
        file.write(picture, description=description, **options, **({"tile": (256, 256)} if tiled else {}))
        if label:
            file.write(small, description="Aperio\nlabel 64x32", subfiletype=1, **options)
        if macro:
            file.write(small, description="Aperio\nmacro 64x32", subfiletype=9, **options)
    return path


@pytest.mark.parametrize("big", [False, True])
def test_an_svs_file_that_is_eligible(tmp_path: Path, big: bool) -> None:
    report = check(svs(tmp_path / "a.svs", big=big), profile=IQC)
    assert report.exit_code == 0
    assert {one.rule: one.severity for one in report.findings} == {"IQC105": "info"}
    (finding,) = report.findings
    assert "barcode" in finding.is_
    assert "filename" in finding.is_
    assert "240017" not in str(report.findings), "values are never shown"
    assert report.files[0].title == "Aperio SVS · 3 images"


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        ("IQC100", {"description": "Hamamatsu"}),
        ("IQC101", {"description": DESCRIPTION.replace("GT450", "AT2")}),
        ("IQC102", {"tiled": False}),
        ("IQC103", {"label": False}),
        ("IQC103", {"macro": False}),
        ("IQC104", {"description": DESCRIPTION.replace("|Barcode = X-240017", "")}),
    ],
)
def test_svs_files_that_are_not(tmp_path: Path, rule: str, options: dict[str, Any]) -> None:
    report = check(svs(tmp_path / "a.svs", **options), profile=IQC)
    assert rule in {one.rule for one in report.findings}
    if rule == "IQC100":
        assert {one.rule for one in report.findings} == {"IQC100"}, "of another TIFF nothing else is said"


def test_svs_files_found_in_a_folder_beside_dicom(tmp_path: Path) -> None:
    svs(tmp_path / "a.svs")
    (tmp_path / "b.dcm").write_bytes(to_bytes(gt450()))
    (tmp_path / "notes.txt").write_text("nothing")
    report = check(tmp_path, profile=IQC)
    assert report.summary.checked == 2
    assert report.summary.skipped == 1
    assert check(tmp_path, profile="wsi").summary.checked == 1


def test_another_profile_does_not_take_tiff(tmp_path: Path) -> None:
    report = check(svs(tmp_path / "a.svs"), profile="wsi")
    assert [one.rule for one in report.findings] == ["FILE901"]
    configured = check(
        svs(tmp_path / "b.svs"), profile="aperio-gt450-dx", parameters={"image_output_format": "DICOM"}
    )
    assert [one.rule for one in configured.findings] == ["GTX009"]
    configured = check(
        svs(tmp_path / "c.svs"), profile="aperio-gt450-dx", parameters={"image_output_format": "SVS"}
    )
    assert not configured.findings


def test_without_tifffile_a_tiff_file_is_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = svs(tmp_path / "a.svs")
    monkeypatch.setattr("dcmlint.engine.session.can_read_svs", lambda: False)
    report = check(path, profile=IQC)
    assert report.exit_code == 4
    assert "pip install" in report.findings[0].message


def test_damaged_svs_files_never_crash(tmp_path: Path) -> None:
    good = svs(tmp_path / "a.svs").read_bytes()
    random = Random(7)
    for number in range(60):
        data = bytearray(good[: random.randrange(8, len(good))] if number % 3 == 0 else good)
        for _ in range(random.randrange(1, 6)):
            place = (
                random.randrange(4, min(len(data), 4096))
                if number % 2
                else random.randrange(max(4, len(data) - 1200), len(data))
            )
            data[place] = random.randrange(256)
        path = tmp_path / "damaged.svs"
        path.write_bytes(data)
        report = check(path, profile=IQC)
        assert report.summary.crashed == 0


def test_a_directory_that_points_to_itself(tmp_path: Path) -> None:
    # One entry, then the next directory at the place of the first.
    data = b"II*\0" + struct.pack("<I", 8) + struct.pack("<HHHII", 1, 256, 3, 1, 512) + struct.pack("<I", 8)
    (tmp_path / "loop.tif").write_bytes(data)
    report = check(tmp_path / "loop.tif", profile=IQC)
    assert [one.rule for one in report.findings] == ["IQC100"]
