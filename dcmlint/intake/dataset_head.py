"""The first elements of a data set, as far as they tell class, instance and encoding, and no further.

For what an association promises about a data set (its class and instance, its transfer syntax); what is
in it is for the strict reader to say.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Literal

import msgspec

from dcmlint.intake import part10
from dcmlint.standard.tags import SOPClassUID, SOPInstanceUID, StudyInstanceUID

_READ = 1 << 16
_MAX_ELEMENTS = 1024  # those in sequences too
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD  # PS3.5 Table 7.5-3

Encoding = Literal["explicit little", "implicit little", "explicit big", "deflated or unknown", "empty"]

# PS3.5 7.1.2: VRs with a length of four bytes after two reserved ones
_LONG = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))


class DatasetHead(msgspec.Struct, frozen=True, kw_only=True):
    """What the first elements say; ``group2`` is set where File Meta elements were sent along. ``study`` is empty
    where it does not stand among the first elements."""

    encoding: Encoding
    sop_class: str = ""
    sop_instance: str = ""
    study: str = ""
    group2: bool = False


def read_dataset_head(path: Path) -> DatasetHead:
    """The head of the data set in a Part 10 file; raises ``OSError`` where it cannot be read.

    A received file's own File Meta Information comes from the command: the data set begins after it.
    """
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        head = os.read(fd, _READ)
    finally:
        os.close(fd)
    offset = part10.dataset_offset(head)
    return parse_dataset_head(head[offset:] if 0 <= offset <= len(head) else b"")


def parse_dataset_head(data: bytes) -> DatasetHead:
    """The head of a data set, from its first bytes (PS3.5 7.1); never raises."""
    if data.startswith(bytes(128) + b"DICM"):
        # A whole file was sent as the data set (PS3.10 7.1); what follows is group 0002, explicit little.
        data = data[part10.PREAMBLE_BYTES :]
    encoding = _encoding(data)
    if encoding in ("deflated or unknown", "empty"):
        return DatasetHead(encoding=encoding)
    order = ">" if encoding == "explicit big" else "<"
    explicit = encoding != "implicit little"
    values: dict[int, str] = {}
    group2 = False
    offset = depth = 0
    for _ in range(_MAX_ELEMENTS):
        if offset + 8 > len(data):
            break
        group, element = struct.unpack_from(f"{order}HH", data, offset)
        vr = data[offset + 4 : offset + 6]
        tag = group << 16 | element
        if explicit and vr in _LONG and group != 0xFFFE:
            if offset + 12 > len(data):
                break
            (length,) = struct.unpack_from(f"{order}I", data, offset + 8)
            start = offset + 12
        elif explicit and group != 0xFFFE:
            (length,) = struct.unpack_from(f"{order}H", data, offset + 6)
            start = offset + 8
        else:
            (length,) = struct.unpack_from(f"{order}I", data, offset + 4)
            start = offset + 8
        if tag in (_ITEM_END, _SEQUENCE_END):
            depth -= 1
            offset = start
            continue
        if (depth == 0 and tag > StudyInstanceUID) or (length == _UNDEFINED and vr == b"UN"):
            break
        if length == _UNDEFINED:  # a sequence or an item: what is in it is stepped over
            depth += 1
            offset = start
            continue
        group2 = group2 or group == 0x0002
        if (
            depth == 0
            and tag in (SOPClassUID, SOPInstanceUID, StudyInstanceUID)
            and length <= min(256, len(data) - start)
        ):
            values[tag] = data[start : start + length].decode("latin-1").rstrip("\0 ")
        offset = start + length
    return DatasetHead(
        encoding=encoding,
        sop_class=values.get(SOPClassUID, ""),
        sop_instance=values.get(SOPInstanceUID, ""),
        study=values.get(StudyInstanceUID, ""),
        group2=group2,
    )


def _encoding(data: bytes) -> Encoding:
    """By the first element: its group is small, and either a VR or a length follows its tag."""
    if len(data) < 8:
        return "empty" if not data else "deflated or unknown"
    little, big = struct.unpack_from("<H", data)[0], struct.unpack_from(">H", data)[0]
    explicit = data[4:6].isalpha() and data[4:6].isupper()
    # The first group of a data set is 0002 (wrongly) or 0008, rarely one a little higher.
    if explicit:
        return "explicit big" if big < little else "explicit little"
    if little <= 0x0020 and struct.unpack_from("<I", data, 4)[0] < 1 << 20:
        return "implicit little"
    return "deflated or unknown"
