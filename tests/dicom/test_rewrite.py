"""The writer: what is not edited is copied, and only the lengths around an edit follow."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pydicom
import pytest
from support.repairs import made

from dcmlint.dicom.buffers import WholeBuffer, open_file
from dcmlint.dicom.edits import AppendItem, Drop, Edit, Recode, Remove, Rename, SetItems, SetValue, Sort, text
from dcmlint.dicom.encode import Draft, DraftElement
from dcmlint.dicom.instance import Instance, read_instance
from dcmlint.dicom.pieces import PieceBuffer, Pieces
from dcmlint.dicom.rewrite import CannotWriteError, rewrite
from dcmlint.dicom.spans import Span
from dcmlint.standard.tags import PatientID, PixelData, Rows, TransferSyntaxUID

PYDICOM = Path(pydicom.__file__).parent / "data" / "test_files"
ENCODINGS = {
    "explicit": "1.2.840.10008.1.2.1",
    "implicit": "1.2.840.10008.1.2",
    "big endian": "1.2.840.10008.1.2.2",
    "deflated": "1.2.840.10008.1.2.1.99",
}
PatientName, RequestAttributesSequence = 0x00100010, 0x00400275
REQUESTED = 0x00401001  # Requested Procedure ID


def instance_of(data: bytes) -> Instance:
    instance = read_instance(WholeBuffer(data))
    assert instance is not None
    return instance


def written(instance: Instance, *edits: Edit) -> bytes:
    pieces = PieceBuffer(instance.buffer, rewrite(instance, edits))
    return pieces[0 : len(pieces)]


def sc(encoding: str, more: str = "", undefined: bool = False) -> bytes:
    how = f"transfer_syntax: {ENCODINGS[encoding]}{', undefined_lengths: true' if undefined else ''}{more}"
    return made(
        f"{{use: sc, RequestAttributesSequence: [{{RequestedProcedureID: EX-17}}], encoding: {{{how}}}}}"
    )


@pytest.mark.parametrize("path", sorted(PYDICOM.glob("*.dcm")), ids=lambda path: path.name)
def test_without_edits_a_file_is_itself(path: Path) -> None:
    instance = read_instance(open_file(path))
    if instance is not None:
        assert written(instance) == path.read_bytes()


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_longer_value_in_an_item_moves_the_lengths_around_it(encoding: str, undefined: bool) -> None:
    instance = instance_of(sc(encoding, undefined=undefined))
    item = instance.dataset.items(RequestAttributesSequence)[0]
    data = written(instance, SetValue(level=item, tag=REQUESTED, vr="SH", parts=(b"EX-17-LONGER",)))
    again = instance_of(data)
    assert not again.oddities
    assert again.dataset.items(RequestAttributesSequence)[0].text(REQUESTED) == "EX-17-LONGER"
    before = pydicom.dcmread(io.BytesIO(sc(encoding, undefined=undefined)))
    after = pydicom.dcmread(io.BytesIO(data))
    after.RequestAttributesSequence[0].RequestedProcedureID = "EX-17"
    assert after == before


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_items_are_appended_and_made(encoding: str) -> None:
    instance = instance_of(sc(encoding))
    new = Draft([DraftElement(REQUESTED, "SH", text("SH", b"EX-2"))])
    both = written(instance, AppendItem(level=instance.dataset, tag=RequestAttributesSequence, item=new))
    items = instance_of(both).dataset.items(RequestAttributesSequence)
    assert [item.text(REQUESTED) for item in items] == ["EX-17", "EX-2"]
    one = written(instance, SetItems(level=instance.dataset, tag=RequestAttributesSequence, items=(new,)))
    assert [item.text(REQUESTED) for item in instance_of(one).dataset.items(RequestAttributesSequence)] == [
        "EX-2"
    ]
    assert not instance_of(both).oddities + instance_of(one).oddities


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_is_removed_or_renamed_keeps_the_order(encoding: str) -> None:
    instance = instance_of(sc(encoding))
    name = instance.dataset.raw(PatientName)
    data = written(
        instance,
        Remove(level=instance.dataset, tag=PatientID),
        Rename(level=instance.dataset, tag=PatientName, to=0x00400009),
    )
    again = instance_of(data)
    assert PatientID not in again.dataset
    assert PatientName not in again.dataset
    assert again.dataset.raw(0x00400009) == name
    assert not again.oddities


def test_retired_group_lengths_and_the_meta_group_length_follow() -> None:
    instance = instance_of(made("{use: ct, encoding: {group_lengths: true}}"))
    meta = instance.meta
    assert meta is not None
    uid = text("UI", b"1.2.840.10008.1.2.1.12345")
    data = written(
        instance,
        SetValue(level=instance.dataset, tag=PatientID, vr="LO", parts=(b"A LONGER ID ",)),
        SetValue(level=meta, tag=TransferSyntaxUID, vr="UI", parts=(uid,)),
    )
    again = instance_of(data)
    assert not any(oddity.code == "meta-group-length" for oddity in again.oddities)
    group = [element for element in again.dataset if element.tag >> 16 == 0x0010]
    (size,) = struct.unpack("<I", again.dataset.raw(0x00100000))
    assert size == group[-1].end - group[0].end


def test_bytes_are_dropped_and_levels_sorted() -> None:
    data = made("{use: ct, encoding: {last: [PatientSex]}, bytes: {append: 000000}}")
    instance = instance_of(data)
    cut = Drop(level=instance.dataset, start=len(data) - 3, end=len(data))
    assert written(instance, cut, Sort(level=instance.dataset)) == made("{use: ct}")


def test_a_header_is_written_anew() -> None:
    data = made(
        "{use: sc, RequestAttributesSequence: [{RequestedProcedureID: EX-17}],"
        " bytes: {find: 4000 7502 5351 0000, replace: 4000 7502 5351 2020}}"
    )
    instance = instance_of(data)
    assert written(instance, Recode(level=instance.dataset, tag=RequestAttributesSequence)) == sc("explicit")


def test_pixel_data_are_one_span() -> None:
    instance = instance_of(made("{use: wsi-jpeg}"))
    edit = SetValue(level=instance.dataset, tag=PatientID, vr="LO", parts=(b"A LONGER ID ",))
    parts = rewrite(instance, [edit]).parts
    pixels = instance.dataset.get(PixelData)
    assert pixels is not None
    assert any(
        isinstance(part, Span) and part.start <= pixels.offset < pixels.end <= part.end for part in parts
    )
    assert sum(len(part) for part in parts if isinstance(part, bytes)) < 64


@pytest.mark.parametrize(
    ("vr", "size", "said"), [("LO", 1 << 16, "length field"), ("ZZ", 2, "not a VR|no VR")]
)
def test_what_cannot_be_written_is_refused(vr: str, size: int, said: str) -> None:
    instance = instance_of(made("{use: ct}"))
    with pytest.raises(CannotWriteError, match=said):
        rewrite(instance, [SetValue(level=instance.dataset, tag=Rows, vr=vr, parts=(bytes(size),))])


def test_pieces_of_pieces_are_those_of_the_source() -> None:
    source = WholeBuffer(bytes(range(256)))
    once = PieceBuffer(source, Pieces([Span(0, 100), b"abc", Span(100, 256)]))
    twice = PieceBuffer(once, Pieces([b"x", Span(98, 105), Span(200, 259)]))
    assert twice.source is source
    assert twice[0 : len(twice)] == b"x" + once[98:105] + once[200:259]
    assert twice[3:6] == (b"x" + once[98:105])[3:6]
    for position in range(len(twice)):
        window, base = twice.window(position)
        assert bytes(window[position - base : position - base + 16]) == twice[position : position + 16]
