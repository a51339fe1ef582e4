"""From a dataset to bytes, in any encoding, and from a clean dataset to one with a defect."""

from __future__ import annotations

import copy
import re
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from io import BytesIO
from typing import Any, Literal, TypeVar

import pydicom
from pydicom import config
from pydicom.datadict import dictionary_has_tag, dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.encaps import generate_fragments
from pydicom.filewriter import correct_ambiguous_vr
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID

OffsetTable = Literal["basic", "empty", "extended"]
D = TypeVar("D", bound=Dataset)


class Marker(Enum):
    """A value that stands for what no value can say."""

    ABSENT = "absent"


ABSENT = Marker.ABSENT

# JPEG XL (PS3.5 A.4.15), written as if it were High-Throughput JPEG 2000, whose UID is as long.
_UNKNOWN_TO_PYDICOM = {
    f"1.2.840.10008.1.2.4.{last}": UID("1.2.840.10008.1.2.4.201") for last in (110, 111, 112)
}
_ITEM, _DELIMITER = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"  # PS3.5 7.5, little endian


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (len(data) % 2)


def _pieces(frame: bytes, count: int) -> list[bytes]:
    """``count`` fragments of a frame, all but the last of even length (PS3.5 A.4)."""
    size = max(2, -(-len(frame) // count // 2 * 2))
    return [_padded(frame[start : start + size]) for start in range(0, len(frame), size)] or [b""]


def encapsulate(
    frames: Iterable[bytes], offset_table: OffsetTable = "basic", fragments_per_frame: int = 1
) -> tuple[bytes, bytes, bytes]:
    """The value of Pixel Data with its end, Extended Offset Table and its Lengths (empty if not asked for).

    Offsets count from the first byte after the Basic Offset Table (PS3.5 A.4); lengths are those of the
    items, padding included (PS3.3 C.7.6.3 leaves open which is meant).
    """
    body = b""
    starts: list[int] = []
    lengths: list[int] = []
    for frame in frames:
        starts.append(len(body))
        pieces = _pieces(frame, fragments_per_frame)
        lengths.append(sum(map(len, pieces)))
        for piece in pieces:
            body += _ITEM + struct.pack("<I", len(piece)) + piece
    basic = struct.pack(f"<{len(starts)}I", *starts) if offset_table == "basic" else b""
    extended = offset_table == "extended"
    return (
        _ITEM + struct.pack("<I", len(basic)) + basic + body + _DELIMITER + bytes(4),
        struct.pack(f"<{len(starts)}Q", *starts) if extended else b"",
        struct.pack(f"<{len(lengths)}Q", *lengths) if extended else b"",
    )


def frames_of(dataset: Dataset) -> list[bytes]:
    """The fragments of encapsulated Pixel Data, one for each frame in all clean samples."""
    return list(generate_fragments(_without_table(dataset.PixelData)))


def _without_table(value: bytes) -> bytes:
    (length,) = struct.unpack_from("<I", value, 4)
    return value[8 + length :]


def put_frames(
    dataset: D, frames: Sequence[bytes], offset_table: OffsetTable = "basic", fragments_per_frame: int = 1
) -> D:
    """Store compressed frames in ``dataset`` itself, and return it; Number of Frames stays as it is."""
    value, offsets, lengths = encapsulate(frames, offset_table, fragments_per_frame)
    # pydicom writes the delimiter itself, for every element of undefined length.
    dataset.PixelData = value[:-8]
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    for keyword, table in (("ExtendedOffsetTable", offsets), ("ExtendedOffsetTableLengths", lengths)):
        if table:
            setattr(dataset, keyword, table)
        elif keyword in dataset:
            delattr(dataset, keyword)
    return dataset


def _place(dataset: Dataset, path: str) -> tuple[Dataset, BaseTag]:
    """The dataset that holds the last attribute of ``path``, and that attribute's tag."""
    *parents, last = path.split(".")
    holder = dataset
    for parent in parents:
        found = re.fullmatch(r"(\w+)\[(\d+)\]", parent)
        assert found, f"{parent!r} in {path!r}: want Keyword[item]"
        holder = holder[found[1]].value[int(found[2])]
    if found := re.fullmatch(r"\(?([0-9A-Fa-f]{4}),?([0-9A-Fa-f]{4})\)?", last):
        return holder, Tag(int(found[1], 16), int(found[2], 16))
    tag = tag_for_keyword(last)
    assert tag is not None, f"{last!r} in {path!r} is not in the dictionary"
    return holder, Tag(tag)


def put(dataset: Dataset, path: str, value: Any, vr: str | None = None) -> None:
    """Set the attribute at ``path`` in ``dataset`` itself, right or wrong.

    ``path`` is ``Keyword``, ``(gggg,eeee)``, or either behind ``Sequence[0].``, items 0-based.
    ``ABSENT`` deletes; ``bytes`` are written as they are whatever the VR, their length even or not; so is a
    text for a number (DS, IS), padded to an even length; other values go unchecked. ``vr`` is for where
    another than the dictionary's is wanted, or UN for what it does not know.
    """
    holder, tag = _place(dataset, path)
    if value is ABSENT:
        holder.pop(tag, None)
        return
    vr = vr or _vr_of(holder, tag)
    if isinstance(value, str) and vr in ("DS", "IS"):
        value = value.encode() + b" " * (len(value.encode()) % 2)  # pydicom would want a number
    if isinstance(value, bytes) and vr not in ("OB", "OW", "UN", "OV"):
        holder[tag] = RawDataElement(tag, vr, len(value), value, 0, False, True)
    else:
        holder[tag] = DataElement(tag, vr, value, validation_mode=config.IGNORE)


def _vr_of(holder: Dataset, tag: BaseTag) -> str:
    """The VR that ``tag`` has in ``holder``, or the first that the dictionary offers, or UN."""
    if tag in holder:
        return str(holder.get_item(tag).VR)
    return str(dictionary_VR(tag)).split(" or ")[0] if dictionary_has_tag(tag) else "UN"


def changed(dataset: D, changes: Mapping[str, Any]) -> D:
    """A copy of ``dataset`` with each path of ``changes`` set by ``put``; the original stays clean."""
    made = copy.deepcopy(dataset)
    for path, value in changes.items():
        put(made, path, value)
    return made


def _keep_bytes(dataset: Dataset, syntax: UID) -> None:
    """Make pydicom write raw elements as they are, which it does only for what it has read itself."""
    dataset.set_original_encoding(syntax.is_implicit_VR, syntax.is_little_endian, dataset._character_set)
    for element in dataset.elements():
        if isinstance(element, DataElement) and element.VR == "SQ":
            for part in element.value:
                _keep_bytes(part, syntax)


def _undefine_lengths(dataset: Dataset) -> None:
    for element in dataset.elements():
        if isinstance(element, DataElement) and element.VR == "SQ":
            element.is_undefined_length = True
            for part in element.value:
                part.is_undefined_length_sequence_item = True
                _undefine_lengths(part)


def to_bytes(
    dataset: FileDataset,
    *,
    transfer_syntax: str | None = None,
    undefined_lengths: bool = False,
    offset_table: OffsetTable | None = None,
    fragments_per_frame: int = 1,
    preamble: bytes | None = bytes(128),
    file_meta: bool = True,
) -> bytes:
    """The file, checked for nothing; ``dataset`` is left as it is.

    ``transfer_syntax`` rewrites native data (implicit, explicit, big endian, deflated); it does not
    compress. ``undefined_lengths`` ends each sequence and item by a delimiter instead of a length.
    ``offset_table`` and ``fragments_per_frame`` lay compressed frames out anew. Without ``preamble``, or
    without ``file_meta`` too, what is left begins at the first element.
    """
    made = copy.deepcopy(dataset)
    if offset_table is not None or fragments_per_frame > 1:
        put_frames(made, frames_of(made), offset_table or "basic", fragments_per_frame)
    if undefined_lengths:
        _undefine_lengths(made)
    wanted = syntax = UID(transfer_syntax or made.file_meta.TransferSyntaxUID)
    made.file_meta.TransferSyntaxUID = syntax
    stands_for = _UNKNOWN_TO_PYDICOM.get(syntax)
    if stands_for is not None:
        made.file_meta.TransferSyntaxUID = syntax = stands_for
    if "PixelData" in made and not syntax.is_compressed:
        _store_native(made, syntax)
    made.preamble = preamble
    correct_ambiguous_vr(made, syntax.is_little_endian)
    _keep_bytes(made, syntax)
    if not file_meta:
        del made.file_meta
    out = BytesIO()
    with _unchecked():
        pydicom.dcmwrite(
            out,
            made,
            implicit_vr=None if file_meta else syntax.is_implicit_VR,
            little_endian=None if file_meta else syntax.is_little_endian,
        )
    if stands_for is not None:
        return out.getvalue().replace(stands_for.encode(), str(wanted).encode(), 1)
    return out.getvalue()


def _store_native(dataset: Dataset, syntax: UID) -> None:
    """Give native Pixel Data the VR and the byte order that ``syntax`` asks for (PS3.5 A.1 to A.3)."""
    if syntax.is_implicit_VR or dataset.get("BitsAllocated", 8) > 8:
        dataset["PixelData"].VR = "OW"
    if not syntax.is_little_endian and dataset.get("BitsAllocated", 8) == 16:
        swapped = bytearray(dataset.PixelData)
        swapped[0::2], swapped[1::2] = swapped[1::2], swapped[0::2]
        dataset["PixelData"].value = bytes(swapped)


@contextmanager
def _unchecked() -> Iterator[None]:
    """While it lasts, pydicom writes any value that it is given."""
    before = config.settings.writing_validation_mode
    config.settings.writing_validation_mode = config.IGNORE
    try:
        yield
    finally:
        config.settings.writing_validation_mode = before
