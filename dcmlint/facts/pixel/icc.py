"""The ICC profiles of optical paths: header and tag table only, for a profile may have thirteen megabytes.

ICC.1 clause 7.2 (header) and 7.3 (tag table); PS3.3 C.8.12.5.1.4 and C.11.15.1.1.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

import msgspec

from dcmlint.dicom.dataset import Dataset, Element
from dcmlint.facts.registry import Facts, facts
from dcmlint.standard.tags import (
    ColorSpace,
    ICCProfile,
    OpticalPathSequence,
    PaletteColorLookupTableSequence,
    PhotometricInterpretation,
)

_HEADER = 128  # ICC.1 7.2
_ENTRY = 12  # ICC.1 7.3.1: signature, offset and size of a tag
_MAX_TAGS = 256
_MAX_DESCRIPTION = 512
# ICC.1 9.2: the tags of a matrix with curves, and the table that every other input profile has
_MATRIX = frozenset({"rXYZ", "gXYZ", "bXYZ", "rTRC", "gTRC", "bTRC"})
_TABLE = "A2B0"
# ICC.1 8.2: what profiles of every class but device links have
_REQUIRED = ("desc", "cprt", "wtpt")
# ICC.1 9.2: the types of data that a tag may have, those of version 2 among them
_XYZ, _CURVE = (b"XYZ ",), (b"curv", b"para")
_TYPES = {
    "desc": (b"desc", b"mluc"), "cprt": (b"text", b"mluc"), "wtpt": _XYZ, "rXYZ": _XYZ, "gXYZ": _XYZ, "bXYZ": _XYZ,
    "rTRC": _CURVE, "gTRC": _CURVE, "bTRC": _CURVE, _TABLE: (b"mft1", b"mft2", b"mAB "),
}  # fmt: skip
_LAST_VERSION = 4  # version 5 is another standard, ICC.2
# Words of a description that name a well-known color space (PS3.3 C.11.15.1.2); the first that fits counts.
_WELL_KNOWN = (("adobergb", "ADOBERGB"), ("romm", "ROMMRGB"), ("prophoto", "ROMMRGB"), ("srgb", "SRGB"),
               ("iec6196621", "SRGB"))  # fmt: skip
_TERMS = frozenset(term for _, term in _WELL_KNOWN)


class IccProfile(msgspec.Struct, frozen=True, kw_only=True):
    """One profile: ``item`` is the item (0-based) of the Optical Path Sequence that has it.

    ``length`` is that of the value, ``problem`` what is wrong with header or tag table ("" for nothing: only
    then the other fields say something), ``tag_problem`` what is wrong with its tags. ``name`` is the well-known color space that the description names.
    """

    item: int
    length: int
    problem: str = ""
    device_class: str = ""
    space: str = ""
    pcs: str = ""
    intent: int = 0
    tags: frozenset[str] = frozenset()
    tag_problem: str = ""
    name: str = ""

    @property
    def transform(self) -> str:
        """How it turns device values into the connection space (PS3.3 C.11.15.1.1, ICC.1 8.3)."""
        if _TABLE in self.tags:
            return "table"
        # A matrix gives XYZ; another space than these two is a matter of its own.
        return "matrix" if self.pcs != "Lab" and self.tags >= _MATRIX else "none"


class Icc(msgspec.Struct, frozen=True, kw_only=True):
    """What the ICC profiles of the optical paths say of themselves; items are 0-based.

    ``count``: profiles that hold any bytes
    ``longest``: bytes of the longest profile
    ``malformed``: items whose profile has no sound header or tag table
    ``problem``: what is wrong with the first of these
    ``classes``: profile or device class of each sound profile, without its padding ("scnr")
    ``spaces``: data color space of each sound profile ("RGB")
    ``connection_spaces``: profile connection space of each sound profile ("XYZ" or "Lab")
    ``transforms``: how each sound profile for RGB gets to its connection space: table, matrix or none
    ``intents``: rendering intent of each sound profile
    ``names``: the well-known color space that each sound profile's description names, "" for none
    ``not_input``: items whose profile is of another class than scnr
    ``not_rgb``: items whose profile is for another color space than RGB
    ``not_pcs``: items whose profile connects to another space than XYZ and Lab
    ``without_transform``: items whose RGB profile has neither A2B0 nor matrix and curves
    ``unsound``: items whose profile lacks a tag that every profile has, or has one of another type of data
    ``tag_problem``: what is wrong with the tags of the first of these
    ``not_perceptual``: items whose profile has another rendering intent than perceptual
    ``stock``: items with a profile that describes sRGB instead of a device
    ``contradicted``: items whose Color Space names another well-known space than their profile
    """

    count: int
    longest: int
    malformed: tuple[int, ...]
    problem: str
    classes: tuple[str, ...]
    spaces: tuple[str, ...]
    connection_spaces: tuple[str, ...]
    transforms: tuple[str, ...]
    intents: tuple[int, ...]
    names: tuple[str, ...]
    not_input: tuple[int, ...]
    not_rgb: tuple[int, ...]
    not_pcs: tuple[int, ...]
    without_transform: tuple[int, ...]
    unsound: tuple[int, ...]
    tag_problem: str
    not_perceptual: tuple[int, ...]
    stock: tuple[int, ...]
    contradicted: tuple[int, ...]


@facts("icc", Icc, possible=lambda shape: shape.has(OpticalPathSequence))
def icc(facts: Facts) -> Icc | None:
    """The ICC profiles of the Optical Path Sequence; absent where no item has one that could be read.

    What a profile says matters only where there are colors: those of single channels without a palette,
    which must have none (PS3.3 Table C.8.12.5-1), are passed over.
    """
    dataset = facts.instance.dataset
    paths = dataset.items(OpticalPathSequence)
    single = dataset.text(PhotometricInterpretation) == "MONOCHROME2"
    found = [
        profile
        for number, path in enumerate(paths)
        if not (single and PaletteColorLookupTableSequence not in path)
        and (profile := profile_of(path, number)) is not None
    ]
    if not found:
        return None
    broken = [one for one in found if one.problem]
    sound = [one for one in found if not one.problem]
    stated = {one.item: paths[one.item].text(ColorSpace) for one in sound}
    return Icc(
        count=len(found),
        longest=max(one.length for one in found),
        malformed=tuple(one.item for one in broken),
        problem=broken[0].problem if broken else "",
        classes=tuple(one.device_class for one in sound),
        spaces=tuple(one.space for one in sound),
        connection_spaces=tuple(one.pcs for one in sound),
        transforms=tuple(one.transform for one in sound if one.space == "RGB"),
        intents=tuple(one.intent for one in sound),
        names=tuple(one.name for one in sound),
        not_input=tuple(one.item for one in sound if one.device_class != "scnr"),
        not_rgb=tuple(one.item for one in sound if one.space != "RGB"),
        not_pcs=tuple(one.item for one in sound if one.pcs not in ("XYZ", "Lab")),
        without_transform=tuple(one.item for one in sound if one.space == "RGB" and one.transform == "none"),
        unsound=tuple(one.item for one in sound if one.tag_problem),
        tag_problem=next((one.tag_problem for one in sound if one.tag_problem), ""),
        not_perceptual=tuple(one.item for one in sound if one.intent != 0),
        stock=tuple(one.item for one in sound if one.name == "SRGB"),
        contradicted=tuple(
            one.item
            for one in sound
            if one.name and stated[one.item] in _TERMS and stated[one.item] != one.name
        ),
    )


def profile_of(path: Dataset, item: int) -> IccProfile | None:
    """The profile of one optical path; None where there is none, it is empty, or was cut off by damage."""
    element = path.get(ICCProfile)
    if element is None or not element.is_plain or not element.length:
        return None
    length = element.length
    head = path.context.buffer[element.start : element.start + _HEADER + 4 + _ENTRY * _MAX_TAGS]
    problem, entries = _tag_table(head, length)
    if problem:
        return IccProfile(item=item, length=length, problem=problem)
    return IccProfile(
        item=item,
        length=length,
        device_class=_signature(head[12:16]),
        space=_signature(head[16:20]),
        pcs=_signature(head[20:24]),
        intent=int.from_bytes(head[66:68], "big"),  # ICC.1 7.2.15: the upper two bytes shall be zero
        tags=frozenset(entries),
        tag_problem="" if head[8] > _LAST_VERSION else _tag_problem(path, element, entries),
        name=_well_known(_description(path, element, entries.get("desc"))),
    )


def _tag_table(head: bytes, length: int) -> tuple[str, dict[str, tuple[int, int]]]:
    """What is wrong with header or tag table ("" for nothing), and offset and size of the first tags."""
    nothing: dict[str, tuple[int, int]] = {}
    if length < _HEADER + 4:
        return f"{length} bytes are less than a header and a tag count", nothing
    if head[36:40] != b"acsp":
        return "the header has no signature acsp", nothing
    size = int.from_bytes(head[:4], "big")
    if not size <= length <= size + 1:
        return f"the header speaks of {size} bytes, the value has {length}", nothing
    count = int.from_bytes(head[_HEADER : _HEADER + 4], "big")
    if _HEADER + 4 + _ENTRY * count > size:
        return f"a table of {count} tags does not fit into {size} bytes", nothing
    entries: dict[str, tuple[int, int]] = {}
    for number in range(min(count, _MAX_TAGS)):
        at = _HEADER + 4 + _ENTRY * number
        signature, offset, extent = struct.unpack(">4sII", head[at : at + _ENTRY])
        if offset < _HEADER or offset + extent > size:
            return f"tag {number + 1} lies outside the profile", nothing
        entries.setdefault(_signature(signature), (offset, extent))
    return "", entries


def _tag_problem(path: Dataset, element: Element, entries: Mapping[str, tuple[int, int]]) -> str:
    """What is wrong with the tags of a profile: one that each has is missing, or has data of another type."""
    missing = [tag for tag in _REQUIRED if tag not in entries]
    if missing:
        return f"tag {' and '.join(missing)} is missing"
    for tag, types in _TYPES.items():
        if tag in entries:
            start = element.start + entries[tag][0]
            found = path.context.buffer[start : start + 4]
            if found not in types:
                return f"tag {tag} has data of type {_signature(found)!r}"
    return ""


def _signature(raw: bytes) -> str:
    """Four bytes as text; what is not printable ASCII is written as hexadecimal digits."""
    text = raw.decode("latin-1")
    return text.rstrip(" ") if text.isascii() and text.isprintable() else raw.hex().upper()


def _description(path: Dataset, element: Element, place: tuple[int, int] | None) -> str:
    """The beginning of the profile's description: textDescriptionType of version 2, or multi-localized text."""
    if place is None:
        return ""
    start = element.start + place[0]
    raw = path.context.buffer[start : min(start + place[1], start + _MAX_DESCRIPTION, element.end)]
    if raw[:4] == b"desc":
        return raw[12:].split(b"\0", 1)[0].decode("latin-1")
    if raw[:4] == b"mluc" and len(raw) >= 28:
        extent, offset = struct.unpack(">II", raw[20:28])
        return raw[offset : offset + extent].decode("utf-16-be", "replace") if offset < len(raw) else ""
    return ""


def _well_known(description: str) -> str:
    letters = "".join(character for character in description.lower() if character.isalnum())
    return next((term for word, term in _WELL_KNOWN if word in letters), "")
