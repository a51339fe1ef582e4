"""Where the elements of a level go on, and what is given up where they do not.

A wrong length, or bytes that were lost or overwritten, make a reader take the middle of a value for an element.  Such
an "element" has a VR that is none, or a tag that nobody knows; what decides is whether another one begins behind it.
PS3.5 clause 7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dcmlint import standard
from dcmlint.dicom.dataset import UNDEFINED, Dataset
from dcmlint.dicom.headers import BIG, LITTLE, VRS
from dcmlint.standard.tags import Item, ItemDelimitationItem, SequenceDelimitationItem

if TYPE_CHECKING:
    from dcmlint.dicom.tokens import Reader

_UPPER = frozenset(range(0x41, 0x5B))
_DELIMITERS = frozenset({Item, ItemDelimitationItem, SequenceDelimitationItem})


class Form(NamedTuple):
    """One way to read the header of an element: the oddity that it is, the VR, the length and where the value starts."""

    code: str
    vr: str
    length: int
    start: int


def unusual(reader: Reader, level: Dataset, tag: int, offset: int, end: int) -> Form | None:
    """How an element of an explicit level is written whose VR is none (an unknown VR, or no VR); None: as no element.

    Of the ways to read its header that one holds behind whose value another element begins.
    """
    window, base = reader.buffer.window(offset)
    at = offset - base
    structs = LITTLE if level.little else BIG
    _, _, letters, short = structs[0].unpack_from(window, at)
    without = Form(
        "implicit-in-explicit", reader.vr_of(tag), structs[1].unpack_from(window, at)[2], offset + 8
    )
    upper = letters[0] in _UPPER and letters[1] in _UPPER
    if not upper and not is_known(level, tag):
        return None
    vr = letters.decode("ascii") if upper else "UN"
    forms = [Form("unknown-vr", vr, short, offset + 8)]
    if not short and offset + 12 <= end:
        # PS3.5 6.2: VRs added later have the long form.
        forms.insert(0, Form("unknown-vr", vr, structs[2].unpack_from(window, at + 8)[0], offset + 12))
    forms.insert(len(forms) if upper else 0, without)
    return next((form for form in forms if _fits(reader, level, tag, form, end)), None)


def _fits(reader: Reader, level: Dataset, tag: int, form: Form, end: int) -> bool:
    if form.length == UNDEFINED:
        return tag_at(reader, level, form.start, end) in (Item, SequenceDelimitationItem)
    return begins(reader, level, form.start + form.length, end, tag)


def tag_at(reader: Reader, level: Dataset, position: int, end: int) -> int:
    """The tag that stands at a byte, -1 where a header has no room any more."""
    if end - position < 8:
        return -1
    window, base = reader.buffer.window(position)
    group, number, _ = (LITTLE if level.little else BIG)[1].unpack_from(window, position - base)
    return int(group << 16 | number)


def begins(reader: Reader, level: Dataset, position: int, end: int, after: int) -> bool:
    """Whether at ``position`` the level ends, or a later element begins than that with the tag ``after``."""
    if position > end:
        return False
    if end - position < 8:
        return position == end or not any(reader.buffer[position:end])
    tag = tag_at(reader, level, position, end)
    if tag >> 16 == 0xFFFE:
        return tag in _DELIMITERS
    window, base = reader.buffer.window(position)
    structs = LITTLE if level.little else BIG
    if level.explicit and structs[0].unpack_from(window, position - base)[2] in VRS:
        return True
    length = structs[1].unpack_from(window, position - base)[2]
    # Where one element is unknown, its neighbors may be: those of a private block, or of a newer edition.
    known = is_known(level, tag) or (not level.explicit and tag >> 16 == after >> 16)
    return known and tag > after and (length <= end - position - 8 or length == UNDEFINED)


def is_known(level: Dataset, tag: int) -> bool:
    """Whether an attribute of the dictionary, or of a private block that the level reserves, has the tag."""
    if tag & 0x10000:
        block = tag >> 8 & 0xFF
        return 0x10 <= tag & 0xFFFF <= 0xFF or (block >= 0x10 and (tag & 0xFFFF0000) | block in level)
    return tag & 0xFFFF == 0 or standard.load().dictionary.entry(tag) is not None


def give_up(reader: Reader, level: Dataset, offset: int) -> None:
    """Stop at a byte at which no element begins; what was read last is not what it seems.

    The last attribute that is known, and what was taken for elements behind it, is left out: its length may be wrong,
    so that its value is no value, and it may hold elements that then would be called missing.
    """
    elements = level.elements
    last = None
    while elements:
        _, last = elements.popitem()
        if last.vr != "UN" or is_known(level, last.tag):
            break
    start = last.offset if last is not None else offset
    root = level.root
    reader.oddities[:] = [
        one
        for one in reader.oddities
        if one.offset < start or one.level is None or one.level.root is not root
    ]
    length = (
        "" if last is None else "an undefined length" if last.length == UNDEFINED else f"{last.length} bytes"
    )
    tag = last.tag if last is not None else 0
    reader.halt("structure-lost", start, level, tag, length, f"an element at byte 0x{offset:X}")
