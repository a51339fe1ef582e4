"""File Meta Information that is absent, or does not state the transfer syntax."""

from __future__ import annotations

import io
from pathlib import Path

import pydicom
import pytest
from support.repairs import checker, made

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.engine.session import Task
from dcmlint.fixes.choice import Choice
from dcmlint.fixes.plan import Planned, plan
from dcmlint.fixes.supplied import Supplied

IMPLICIT, EXPLICIT, BASELINE = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.50"


def planned(data: bytes, supplied: str = "") -> Planned:
    person = Supplied(by="Anna Muster", origin="values.yaml", values={}, transfer_syntax=supplied)
    choice = Choice(supplied=person if supplied else None)
    return plan(checker(), Task("a.dcm", True), WholeBuffer(data), choice)


def result(done: Planned) -> bytes:
    assert done.data is not None, done.refused or done.refusals
    return done.data[0 : len(done.data)]


@pytest.mark.parametrize("lost", ["drop_meta: true", "drop_meta: true, drop_preamble: true"])
@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
def test_a_data_set_alone_proves_an_uncompressed_syntax(syntax: str, lost: str) -> None:
    bare = made(f"{{use: ct, encoding: {{transfer_syntax: {syntax}, {lost}}}}}")
    done = planned(bare)
    file = pydicom.dcmread(io.BytesIO(result(done)))
    assert file.file_meta.TransferSyntaxUID == syntax
    assert file.file_meta.MediaStorageSOPClassUID == file.SOPClassUID
    assert file.file_meta.MediaStorageSOPInstanceUID == file.SOPInstanceUID
    assert result(done).endswith(bare.removeprefix(bytes(128) + b"DICM"))
    assert done.after is not None
    assert not done.after.findings
    assert planned(result(done)).data is None


def test_the_diff_names_what_is_new_in_the_group() -> None:
    operation = planned(made("{use: ct, encoding: {drop_meta: true}}")).changes[0].operation
    assert (operation.kind, operation.old) == ("set", "")
    assert f"TransferSyntaxUID {EXPLICIT}" in operation.value
    text = "{use: ct, file.MediaStorageSOPClassUID: 1.2.840.10008.5.1.4.1.1.4}"
    operation = planned(made(text)).changes[0].operation
    assert operation.old == "MediaStorageSOPClassUID 1.2.840.10008.5.1.4.1.1.4"
    assert operation.value == "MediaStorageSOPClassUID 1.2.840.10008.5.1.4.1.1.2"
    operation = planned(made('{use: ct, file.FileMetaInformationGroupLength: "12"}')).changes[0].operation
    assert (operation.kind, operation.value) == ("encode", "")


def test_other_repairs_follow_when_the_syntax_is_stated() -> None:
    done = planned(made('{use: ct, PatientID: !raw "EX-17", encoding: {drop_meta: true}}'))
    assert {change.rule for change in done.changes} == {"META102", "ENC004"}


def test_big_endian_is_proven_too() -> None:
    big = "1.2.840.10008.1.2.2"
    done = planned(made(f"{{use: ct, encoding: {{transfer_syntax: {big}, drop_meta: true}}}}"))
    file = pydicom.dcmread(io.BytesIO(result(done)))
    assert file.file_meta.TransferSyntaxUID == big
    assert file.Modality == "CT"


@pytest.mark.parametrize("lost", ["encoding: {drop_meta: true}", "file.TransferSyntaxUID: !absent "])
def test_compressed_pixels_prove_nothing_and_a_person_may_say_it(lost: str) -> None:
    bare = made(f"{{use: wsi-jpeg, {lost}}}")
    assert "--from" in planned(bare).refused
    done = planned(bare, BASELINE)
    file = pydicom.dcmread(io.BytesIO(result(done)))
    assert file.file_meta.TransferSyntaxUID == BASELINE
    assert "TransferSyntaxUID" in file.ContributingEquipmentSequence[0].ContributionDescription


@pytest.mark.parametrize(
    ("dataset", "uid", "said"),
    [
        ("use: wsi-jpeg", EXPLICIT, "encapsulated in one"),
        ("use: ct", IMPLICIT, "another VR encoding"),
        ("use: ct", BASELINE, "encapsulated in one"),
        ("use: ct", "1.2.3", "not a transfer syntax"),
        ("use: ct", "1.2.840.10008.1.2.1.99", "not a transfer syntax"),
        ("use: wsi-jpeg", "1.2.840.10008.1.2.4.90", "would fail"),
    ],
)
def test_what_a_person_says_must_agree_with_the_bytes(dataset: str, uid: str, said: str) -> None:
    done = planned(made(f"{{{dataset}, encoding: {{drop_meta: true}}}}"), uid)
    assert done.data is None
    assert said in done.refused


def test_a_syntax_that_is_stated_stays() -> None:
    assert planned(made("{use: ct}"), IMPLICIT).data is None


def test_no_syntax_is_taken_from_a_profile(tmp_path: Path) -> None:
    from dcmlint.fixes.supplied import read_supplied

    profile = tmp_path / "p.yaml"
    profile.write_text(
        "id: p\nversion: '1'\narea: LAB\ntitle: P\nextends: [dicom]\nattributes:\n"
        "  - {attribute: Manufacturer, presence: always, values: [ACME]}\n"
        f"  - {{attribute: TransferSyntaxUID, presence: always, values: [{EXPLICIT}]}}\n"
    )
    assert read_supplied(str(profile)).names == ("Manufacturer",)
