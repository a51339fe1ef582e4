"""Values of examples: from the text of a rule file to the bytes of an element of some VR.

PS3.5 6.2.  Text is written as it stands, right or wrong, and padded to an even length; only what no element
could hold is a mistake.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from typing import Any

from dcmlint import standard
from dcmlint.dicom.charsets import Charset
from dcmlint.rules.yaml_source import Tagged

# struct's letter for the VRs that hold numbers (PS3.5 6.2)
_NUMBERS = {
    "US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q", "FL": "f", "FD": "d",
    "OW": "H", "OL": "I", "OV": "Q", "OF": "f", "OD": "d",
}  # fmt: skip
_TEXT = frozenset(
    {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"}
)
_TAG = re.compile(r"\(?([0-9A-Fa-f]{4}),?([0-9A-Fa-f]{4})\)?")


def value_bytes(vr: str, value: Any, charset: Charset | None = None) -> bytes:
    """The value field for text, a list of texts, or ``!empty``, ``!hex``, ``!raw``.

    Text of several values may also be written with backslashes.  Numbers of binary VRs are packed in little
    endian.  Raises ValueError with what is wrong.
    """
    if isinstance(value, Tagged):
        return _tagged(value)
    if isinstance(value, dict):
        raise ValueError(f"an element of VR {vr} takes no items")
    values = [value] if isinstance(value, str) else list(value)
    if not all(isinstance(one, str) for one in values):
        raise ValueError(f"an element of VR {vr} takes text, or a list of texts")
    if vr == "SQ":
        raise ValueError("a sequence takes a list of items, or !empty")
    if vr in _TEXT:
        data = _encoded("\\".join(values), charset)
        return data + (b"\0" if vr == "UI" else b" ") * (len(data) & 1)
    if vr == "AT":
        return b"".join(_tag_bytes(one) for text in values for one in text.split("\\"))
    letter = _NUMBERS.get(vr)
    if letter is None:
        raise ValueError(f"an element of VR {vr} takes bytes: !hex or !raw")
    return b"".join(_packed(letter, one) for text in values for one in text.split("\\"))


def hex_bytes(text: Any) -> bytes:
    """Bytes written as hexadecimal digits; blanks do not count.  Raises ValueError."""
    try:
        return bytes.fromhex(str(text))
    except ValueError:
        raise ValueError(f"{text!r} is not hexadecimal") from None


def integer(text: Any) -> int:
    """A whole number, decimal or 0x.  Raises ValueError."""
    try:
        return int(text, 16) if re.match(r"-?0[xX]", text) else int(text)
    except (TypeError, ValueError):
        raise ValueError(f"{text!r} is not a whole number") from None


def integers(value: Any) -> list[int]:
    """A list of whole numbers.  Raises ValueError."""
    if not isinstance(value, list):
        raise ValueError(f"{value!r} is not a list of numbers")
    return [integer(one) for one in value]


def _tagged(value: Tagged) -> bytes:
    if value.tag == "empty":
        return b""
    if value.tag == "hex":
        return hex_bytes(value.value)
    if value.tag == "raw":
        try:
            return str(value.value).encode("latin-1")
        except UnicodeEncodeError:
            raise ValueError("!raw takes characters up to \\xFF, one for each byte") from None
    raise ValueError(f"!{value.tag} is no value: !absent, !empty, !hex, !raw, !vr, !copy")


def _encoded(text: str, charset: Charset | None) -> bytes:
    if text.isascii():
        return text.encode("ascii")
    codec = charset.codec if charset is not None else ""
    try:
        return text.encode(codec or "ascii")
    except (UnicodeEncodeError, LookupError):
        raise ValueError(
            "the character set of the data set does not have these characters: use !raw or !hex"
        ) from None


def _packed(letter: str, text: str) -> bytes:
    try:
        number: int | float = float(text) if letter in "fd" else integer(text)
        return struct.pack("<" + letter, number)
    except (ValueError, OverflowError, struct.error):
        raise ValueError(f"{text!r} is not a number that fits: use !raw or !hex for what is not") from None


def _tag_bytes(text: str) -> bytes:
    match = _TAG.fullmatch(text)
    if match is not None:
        return struct.pack("<HH", int(match[1], 16), int(match[2], 16))
    entry = standard.load().dictionary.by_keyword(text)
    if entry is None:
        raise ValueError(f"{text!r} is not a tag and no keyword")
    return struct.pack("<HH", entry.tag >> 16, entry.tag & 0xFFFF)


def patched(data: bytes, edits: Any) -> bytes:
    """The bytes after edits, one after the other.

    ``{at: 0x10, hex: ..}`` overwrites, ``{at: .., insert: ..}`` inserts, ``{find: .., replace: ..}`` replaces
    what must be found once (or the ``nth`` time), ``{append: .., times: n}`` appends, ``{truncate: n}`` keeps
    the first n bytes, or drops the last when n is negative.  Raises ValueError.
    """
    for edit in edits if isinstance(edits, list) else [edits]:
        if not isinstance(edit, dict):
            raise ValueError("an edit of bytes is a mapping: at, find, append, truncate")
        data = _patch(data, edit)
    return data


def _patch(data: bytes, edit: dict[str, Any]) -> bytes:
    keys = set(edit)
    if keys == {"at", "hex"}:
        at, new = _position(edit["at"], data), hex_bytes(edit["hex"])
        return data[:at] + new + data[at + len(new) :]
    if keys == {"at", "insert"}:
        at = _position(edit["at"], data)
        return data[:at] + hex_bytes(edit["insert"]) + data[at:]
    if keys - {"nth"} == {"find", "replace"}:
        old, new = hex_bytes(edit["find"]), hex_bytes(edit["replace"])
        places = _places(data, old)
        nth = integer(edit.get("nth", "1"))
        if not 1 <= nth <= len(places) or ("nth" not in edit and len(places) > 1):
            raise ValueError(f"{edit['find']} is found {len(places)} times")
        at = places[nth - 1]
        return data[:at] + new + data[at + len(old) :]
    if keys - {"times"} == {"append"}:
        return data + hex_bytes(edit["append"]) * min(integer(edit.get("times", "1")), 1 << 20)
    if keys == {"truncate"}:
        return data[: integer(edit["truncate"])]
    raise ValueError(
        f"no edit of bytes has {', '.join(sorted(keys))}: at and hex or insert, find and replace, append, truncate"
    )


def _position(text: Any, data: bytes) -> int:
    at = integer(text)
    if not -len(data) <= at <= len(data):
        raise ValueError(f"{text} lies outside the {len(data)} bytes")
    return at if at >= 0 else at + len(data)


def _places(data: bytes, wanted: bytes) -> Sequence[int]:
    places: list[int] = []
    at = data.find(wanted) if wanted else -1
    while at >= 0 and len(places) < 1000:
        places.append(at)
        at = data.find(wanted, at + 1)
    return places
