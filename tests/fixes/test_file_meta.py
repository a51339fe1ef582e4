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
    assert "TransferSyntaxUID Explicit VR Little Endian" in operation.value
    text = "{use: ct, file.MediaStorageSOPClassUID: 1.2.840.10008.5.1.4.1.1.4}"
    operation = planned(made(text)).changes[0].operation
    assert operation.old == "MediaStorageSOPClassUID MR Image"
    assert operation.value == "MediaStorageSOPClassUID CT Image"
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


BIG, DEFLATED = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"


@pytest.mark.parametrize(
    ("stated", "written", "use"),
    [
        (EXPLICIT, IMPLICIT, "ct"),
        (IMPLICIT, EXPLICIT, "ct"),
        (DEFLATED, EXPLICIT, "ct"),
        (BASELINE, IMPLICIT, "ct"),
        (EXPLICIT, BIG, "sr"),
        (BIG, EXPLICIT, "sr"),
        (BIG, IMPLICIT, "sr"),
    ],
)
def test_a_wrong_syntax_gives_way_to_the_one_that_is_written(stated: str, written: str, use: str) -> None:
    text = f"{{use: {use}, encoding: {{transfer_syntax: {stated}, written_as: {written}}}}}"
    done = planned(made(text))
    assert "META107" in {change.rule for change in done.changes}
    assert result(done) == made(f"{{use: {use}, encoding: {{transfer_syntax: {written}}}}}")
    assert planned(result(done)).data is None


@pytest.mark.parametrize(
    ("dataset", "reason"),
    [
        (f"use: ct, encoding: {{transfer_syntax: {BIG}, written_as: {EXPLICIT}}}", "byte order"),
        (f"use: ct, encoding: {{transfer_syntax: {EXPLICIT}, written_as: {BIG}}}", "byte order"),
        (f"use: ct, encoding: {{transfer_syntax: {BASELINE}, written_as: {IMPLICIT}}}, Rows: 12", "native"),
        (f"use: wsi-jpeg, encoding: {{written_as: {IMPLICIT}}}", "--from"),
    ],
)
def test_a_wrong_syntax_stays_where_the_pixels_prove_no_other(dataset: str, reason: str) -> None:
    done = planned(made(f"{{{dataset}}}"))
    assert done.data is None
    assert reason in done.refused


UNKNOWN_VR = 'file.MediaStorageSOPClassUID: !vr [ZZ, !raw "1.2.840.10008.5.1.4.1.1.2\\0"]'


@pytest.mark.parametrize("length", ['"12"', "!absent "])
@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
def test_elements_that_are_read_one_by_one_prove_where_the_group_ends(length: str, syntax: str) -> None:
    encoding = f"encoding: {{transfer_syntax: {syntax}}}"
    done = planned(
        made(f"{{use: ct, {UNKNOWN_VR}, file.FileMetaInformationGroupLength: {length}, {encoding}}}")
    )
    assert result(done) == made(f"{{use: ct, {encoding}}}")


@pytest.mark.parametrize(
    "more",
    [
        'AccessionNumber: !vr [ZZ, !raw "EX-17 "]',  # the data set does not read to its end
        "bytes: {truncate: -40}",
        '"file.(0002,0077)": !vr [ZZ, !raw "EX-17 "]',
    ],
)
def test_without_such_a_proof_nothing_is_changed(more: str) -> None:
    length = 'file.FileMetaInformationGroupLength: "12"'
    done = planned(made(f"{{use: ct, {UNKNOWN_VR}, {length}, {more}}}"))
    assert done.data is None
    assert done.refused
