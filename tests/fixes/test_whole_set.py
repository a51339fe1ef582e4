"""UIDs that change in several files of a run."""

from __future__ import annotations

import io
from pathlib import Path

import pydicom
import pytest
from support.repairs import made

from dcmlint.cli.app import run

UID = "2.25.7501"


def fixed(folder: Path, out: Path, *options: str) -> dict[str, pydicom.Dataset]:
    assert run(["fix", str(folder), "--isolated", "--out", str(out), "--all", *options]) == 0
    return {path.name: pydicom.dcmread(path) for path in sorted(out.iterdir())}


def test_references_follow_a_new_uid_across_the_set(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "image.dcm").write_bytes(
        made(
            f'{{use: ct, SOPInstanceUID: {UID}, file.MediaStorageSOPInstanceUID: {UID}, PatientID: !raw "EX-17"}}'
        )
    )
    reference = f"[{{ReferencedSOPClassUID: 1.2.840.10008.5.1.4.1.1.2, ReferencedSOPInstanceUID: {UID}}}]"
    (folder / "refers.dcm").write_bytes(made(f"{{use: sc, ReferencedImageSequence: {reference}}}"))
    (folder / "other.dcm").write_bytes(made("{use: mr}"))
    files = fixed(folder, tmp_path / "out", "-p", "dicom", "--new-uids")
    new = files["image.dcm"].SOPInstanceUID
    assert new != UID
    assert new.startswith("2.25.")
    assert files["image.dcm"].file_meta.MediaStorageSOPInstanceUID == new
    assert files["refers.dcm"].ReferencedImageSequence[0].ReferencedSOPInstanceUID == new
    # What refers to it has changed, and is another instance too.
    old = pydicom.dcmread(folder / "refers.dcm").SOPInstanceUID
    assert files["refers.dcm"].SOPInstanceUID != old
    assert (tmp_path / "out" / "other.dcm").read_bytes() == (folder / "other.dcm").read_bytes()
    again = fixed(tmp_path / "out", tmp_path / "again", "-p", "dicom", "--new-uids")
    assert again["image.dcm"].SOPInstanceUID == new
    # The same repair of the same file gives the same UID.
    assert fixed(folder, tmp_path / "twice", "-p", "dicom", "--new-uids")["image.dcm"].SOPInstanceUID == new


def referring(own: str, to: str, more: str = "") -> bytes:
    """A secondary capture that refers to an instance."""
    reference = f"[{{ReferencedSOPClassUID: 1.2.840.10008.5.1.4.1.1.2, ReferencedSOPInstanceUID: {to}}}]"
    uids = f"SOPInstanceUID: {own}, file.MediaStorageSOPInstanceUID: {own}"
    return made(f"{{use: sc, {uids}, ReferencedImageSequence: {reference}{more}}}")


def test_what_must_not_change_keeps_its_uid_and_the_references_to_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    uids = f"SOPInstanceUID: {UID}, file.MediaStorageSOPInstanceUID: {UID}"
    (folder / "image.dcm").write_bytes(made(f'{{use: ct, {uids}, PatientID: !raw "EX-17"}}'))
    signed = referring("2.25.88", UID, ", DigitalSignaturesSequence: [{MACIDNumber: '1'}]")
    (folder / "signed.dcm").write_bytes(signed)
    (folder / "to-signed.dcm").write_bytes(referring("2.25.99", "2.25.88"))
    asked = ["fix", str(folder), "--isolated", "-p", "dicom", "--out", str(tmp_path / "out"), "--new-uids"]
    assert run(asked) == 4
    assert "signed.dcm: not changed: it is signed" in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["image.dcm"]


def test_a_private_element_without_a_vr_is_a_reference_if_it_is_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    uids = f"SOPInstanceUID: {UID}, file.MediaStorageSOPInstanceUID: {UID}"
    (folder / "image.dcm").write_bytes(made(f'{{use: ct, {uids}, PatientID: !raw "EX-17"}}'))
    private = f'"(0009,0010)": ACME, "(0009,1001)": !vr [UI, {UID}], "(0009,1002)": !vr [LO, "see {UID}"]'
    (folder / "refers.dcm").write_bytes(
        made(f"{{use: sc, {private}, encoding: {{transfer_syntax: 1.2.840.10008.1.2}}}}")
    )
    files = fixed(folder, tmp_path / "out", "-p", "dicom", "--new-uids")
    new = files["image.dcm"].SOPInstanceUID
    assert files["refers.dcm"][0x00091001].value.rstrip(b"\0") == str(new).encode()
    assert UID.encode() in files["refers.dcm"][0x00091002].value


def test_leading_zeros_go_from_references_too(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "image.dcm").write_bytes(
        made("{use: ct, SOPInstanceUID: 2.25.0075, file.MediaStorageSOPInstanceUID: 2.25.0075}")
    )
    reference = "[{ReferencedSOPClassUID: 1.2.840.10008.5.1.4.1.1.2, ReferencedSOPInstanceUID: 2.25.0075}]"
    (folder / "refers.dcm").write_bytes(made(f"{{use: sc, ReferencedImageSequence: {reference}}}"))
    files = fixed(folder, tmp_path / "out", "-p", "dicom", "--unsafe-fixes")
    assert (
        files["image.dcm"].SOPInstanceUID
        == files["image.dcm"].file_meta.MediaStorageSOPInstanceUID
        == "2.25.75"
    )
    assert files["refers.dcm"].ReferencedImageSequence[0].ReferencedSOPInstanceUID == "2.25.75"


def levels(folder: Path, **changes: str) -> None:
    folder.mkdir()
    for number in range(3):
        more = changes.get(f"level{number}", "")
        (folder / f"{number}.dcm").write_bytes(made(f"{{use: wsi-level-{number}{more}}}"))


def test_levels_of_one_geometry_get_one_frame_of_reference(tmp_path: Path) -> None:
    levels(tmp_path / "in", level2=", FrameOfReferenceUID: 2.25.7101")
    base = pydicom.dcmread(tmp_path / "in" / "0.dcm").FrameOfReferenceUID
    files = fixed(tmp_path / "in", tmp_path / "out", "--unsafe-fixes", "--select", "PYR001")
    assert {file.FrameOfReferenceUID for file in files.values()} == {base}
    safe = fixed(tmp_path / "in", tmp_path / "safe", "--select", "PYR001")
    assert safe["2.dcm"].FrameOfReferenceUID == "2.25.7101"


def test_levels_of_another_geometry_keep_theirs(tmp_path: Path) -> None:
    origin = "'TotalPixelMatrixOriginSequence[0].XOffsetInSlideCoordinateSystem': '3'"
    levels(tmp_path / "in", level2=f", FrameOfReferenceUID: 2.25.7101, {origin}")
    files = fixed(tmp_path / "in", tmp_path / "out", "--unsafe-fixes", "--select", "PYR001")
    assert files["2.dcm"].FrameOfReferenceUID == "2.25.7101"


def test_pixels_are_those_that_were_there(tmp_path: Path) -> None:
    data = made('{use: wsi-jpeg, PatientID: !raw "EX-17", bot: !hex 00000000}')
    (tmp_path / "a.dcm").write_bytes(data)
    (file,) = fixed(tmp_path / "a.dcm", tmp_path / "out", "-p", "dicom").values()
    # With the wrong table pydicom reads one frame: without a table it counts the fragments.
    before = pydicom.dcmread(io.BytesIO(made("{use: wsi-jpeg, bot: !empty }")))
    assert (file.pixel_array == before.pixel_array).all()
