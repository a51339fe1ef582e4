"""Changes of an instance, as values: what is to be other than it was read.

An edit names a level and a tag; nothing is done until `dcmlint.dicom.rewrite` makes new bytes of it.  Value
fields are given in the byte order of their level.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

import msgspec

from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.encode import Draft
from dcmlint.dicom.spans import Part


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """A change at one place: of the element ``tag`` of ``level``, or of the level itself (0)."""

    level: Dataset
    tag: int = 0


class SetValue(Edit, frozen=True, kw_only=True):
    """The element has this VR and value field; it is added where it is absent."""

    vr: str
    parts: tuple[Part, ...] = ()


class SetItems(Edit, frozen=True, kw_only=True):
    """The element is a sequence of these items; it is added where it is absent."""

    items: tuple[Draft, ...] = ()


class AppendItem(Edit, frozen=True, kw_only=True):
    """The sequence has one more item, behind those that it has; it is added where it is absent."""

    item: Draft


class Remove(Edit, frozen=True, kw_only=True):
    """The element is left out."""


class Rename(Edit, frozen=True, kw_only=True):
    """The element gets another tag; its VR and its bytes stay."""

    to: int


class Recode(Edit, frozen=True, kw_only=True):
    """Header and delimiters are written as the standard asks, with the lengths that the bytes have.

    Of an element, or with tag 0 of the item that the level is.  ``vr``: in place of the one that was written.
    """

    vr: str = ""


class Sort(Edit, frozen=True, kw_only=True):
    """The elements of the level ascend by tag."""


class Drop(Edit, frozen=True, kw_only=True):
    """Bytes that are no element are left out; ``tag``: the sequence in which they stand, 0: among the elements."""

    start: int
    end: int


class SetOffsets(Edit, frozen=True, kw_only=True):
    """The Basic Offset Table of encapsulated Pixel Data is this one, 4 bytes a frame; b"": it is empty (PS3.5 A.4)."""

    table: bytes = b""


class PadFragments(Edit, frozen=True, kw_only=True):
    """Each fragment of odd length is one byte longer: by the pad byte behind it, or by a NUL where there is none (PS3.5 A.4)."""


class SetMeta(Edit, frozen=True, kw_only=True):
    """The file meta group holds these elements (without its length), in explicit VR little endian (PS3.10 7.1)."""

    meta: Draft


class AddPreamble(Edit, frozen=True, kw_only=True):
    """The file begins with 128 zero bytes and DICM (PS3.10 7.1)."""


_LETTERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q", "FL": "f", "FD": "d", "OV": "Q"}


def numbers(level: Dataset, vr: str, values: Iterable[float]) -> bytes:
    """Binary numbers as the level has them.  Raises `struct.error` for one that the VR cannot hold."""
    values = tuple(values)
    return struct.pack(f"{'<' if level.little else '>'}{len(values)}{_LETTERS[vr]}", *values)


def text(vr: str, value: bytes) -> bytes:
    """A text value field of even length: UIDs are padded with NUL, all other text with SPACE (PS3.5 6.2, 9.1)."""
    return value + (b"\0" if vr == "UI" else b" ") * (len(value) & 1)
