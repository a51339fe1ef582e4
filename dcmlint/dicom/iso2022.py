"""Text with code extension techniques (ISO/IEC 2022) as DICOM uses them: PS3.5 6.1.2.4 and 6.1.2.5."""

from __future__ import annotations

import re
from collections.abc import Callable

# The sets that the G0 element (bytes below 128) can hold; the rest hold one byte a character.
KANJI = "jis x 0208"
SUPPLEMENTARY_KANJI = "jis x 0212"
ASCII = "ascii"
ROMAJI = "romaji"
# JIS X 0201 katakana in G1: the upper half of Shift JIS's single bytes.
KATAKANA = "katakana"

# Escape sequence → (0 for G0 or 1 for G1, the set, ISO-IR number of the term that declares it).
# PS3.3 Tables C.12-3 and C.12-4.
ESCAPES: dict[bytes, tuple[int, str, int]] = {
    b"\x1b(B": (0, ASCII, 6),
    b"\x1b(J": (0, ROMAJI, 13),
    b"\x1b$B": (0, KANJI, 87),
    b"\x1b$(D": (0, SUPPLEMENTARY_KANJI, 159),
    b"\x1b)I": (1, KATAKANA, 13),
    b"\x1b-A": (1, "iso8859-1", 100),
    b"\x1b-B": (1, "iso8859-2", 101),
    b"\x1b-C": (1, "iso8859-3", 109),
    b"\x1b-D": (1, "iso8859-4", 110),
    b"\x1b-L": (1, "iso8859-5", 144),
    b"\x1b-G": (1, "iso8859-6", 127),
    b"\x1b-F": (1, "iso8859-7", 126),
    b"\x1b-H": (1, "iso8859-8", 138),
    b"\x1b-M": (1, "iso8859-9", 148),
    b"\x1b-b": (1, "iso8859-15", 203),
    b"\x1b-T": (1, "tis-620", 166),
    b"\x1b$)C": (1, "euc_kr", 149),
    b"\x1b$)A": (1, "gb2312", 58),
}

# ESC, intermediate bytes, a final byte (ISO/IEC 2022), or a stray ESC; bytes of the right half;
# bytes of the left half.
_TOKENS = re.compile(rb"(\x1b(?:[ -/]{1,3}[0-~])?)|([\x80-\xff]+)|([\x00-\x1a\x1c-\x7f]+)")
_DOUBLE_RUNS = re.compile(rb"([!-~]+)|([\x00- \x7f]+)")
_TO_RIGHT_HALF = bytes(b | 0x80 for b in range(256))

# What puts value 1 of Specific Character Set back in force. PS3.5 6.1.2.5.3
_TEXT_DELIMITERS = frozenset(b"\t\n\f\r")
_DELIMITERS = {
    "PN": _TEXT_DELIMITERS | frozenset(b"\\^="),
    "LO": _TEXT_DELIMITERS | frozenset(b"\\"),
    "SH": _TEXT_DELIMITERS | frozenset(b"\\"),
    "UC": _TEXT_DELIMITERS | frozenset(b"\\"),
}


def decode_katakana(raw: bytes, errors: str = "strict") -> str:
    """Decode JIS X 0201 (katakana in the upper half); undefined bytes raise or become U+FFFD."""
    # Shift JIS would take some of these bytes for the first of a pair: JIS X 0201 has A1 to DF only.
    out = []
    for byte in raw:
        if byte < 0x80:
            out.append(chr(byte))
        elif 0xA1 <= byte <= 0xDF:
            out.append(chr(0xFF61 + byte - 0xA1))
        elif errors == "strict":
            raise UnicodeDecodeError("jis_x_0201", raw, 0, len(raw), "byte outside JIS X 0201")
        else:
            out.append("\ufffd")
    return "".join(out)


def decode_strictly(raw: bytes, codec: str) -> tuple[str, bool]:
    """Decode with ``codec``, U+FFFD for what it does not have; say whether all could be decoded."""
    try:
        return (decode_katakana(raw) if codec == KATAKANA else raw.decode(codec)), True
    except UnicodeDecodeError:
        text = decode_katakana(raw, "replace") if codec == KATAKANA else raw.decode(codec, "replace")
        return text, False


def _decode_pairs(run: bytes, g0: str) -> tuple[str, bool]:
    right = run.translate(_TO_RIGHT_HALF)
    if g0 == SUPPLEMENTARY_KANJI:
        # EUC-JP marks each character of JIS X 0212 with the single shift 8F.
        right = b"".join(b"\x8f" + right[i : i + 2] for i in range(0, len(right), 2))
    return decode_strictly(right, "euc_jp")


def read_extended(
    raw: bytes,
    vr: str,
    g0: str,
    g1: str,
    declared: frozenset[int],
    report: Callable[[str, str], None],
) -> str:
    """Decode a whole value field whose character sets are switched by escape sequences.

    ``g0`` and ``g1`` are the sets that value 1 designates (``g1`` empty: none), ``declared`` the ISO-IR
    numbers of all values. Delimiters stay in the text; a 5C within a character of two bytes is none.
    Each problem is given to ``report`` as code and detail; what cannot be decoded becomes U+FFFD.
    """
    delimiters = _DELIMITERS.get(vr, _TEXT_DELIMITERS)
    first_g0, first_g1 = g0, g1
    # Where a designation was dropped by a delimiter, text is most likely still in the last set used.
    last_g1 = g1 or next((s for e, s, ir in ESCAPES.values() if e == 1 and ir in declared), "")
    out: list[str] = []
    for escape, right, left in _TOKENS.findall(raw):
        if escape:
            designation = ESCAPES.get(escape)
            if designation is None:
                report(
                    "undeclared-escape",
                    "has an escape sequence that does not belong to a DICOM character set",
                )
                out.append("\ufffd" + escape[1:].decode("ascii"))
                continue
            element, name, number = designation
            # ISO-IR 6 comes with every set but JIS X 0201, and returning to it harms nobody.
            if number not in declared and number != 6:
                report("undeclared-escape", f"has the escape sequence of ISO 2022 IR {number}, not declared")
            if element:
                g1 = last_g1 = name
            else:
                g0 = name
        elif right:
            if not g1:
                report("undesignated-text", "has bytes above 127 without a designated character set")
            codec = g1 or last_g1
            text, fine = decode_strictly(right, codec) if codec else ("\ufffd" * len(right), True)
            if not fine:
                report("undecodable-text", "has bytes that are invalid in the designated character set")
            out.append(text)
        elif g0 in (KANJI, SUPPLEMENTARY_KANJI):
            for pairs, other in _DOUBLE_RUNS.findall(left):
                if g0 not in (KANJI, SUPPLEMENTARY_KANJI):
                    out.append((pairs or other).decode("ascii"))
                elif other:
                    out.append(other.decode("ascii"))
                    if not delimiters.isdisjoint(other):
                        report("escape-not-reset", "ends a line in a two-byte character set")
                        g0, g1 = first_g0, first_g1
                else:
                    tail = b""
                    if len(pairs) % 2 and pairs[-1] in delimiters:
                        # One byte too many and a delimiter last: the writer forgot to switch back.
                        report("escape-not-reset", "has a delimiter within a two-byte character set")
                        pairs, tail = pairs[:-1], pairs[-1:]
                        g0_now, g0, g1 = g0, first_g0, first_g1
                    else:
                        g0_now = g0
                    text, fine = _decode_pairs(pairs, g0_now)
                    if not fine:
                        report(
                            "undecodable-text", "has bytes that are invalid in the designated character set"
                        )
                    out.append(text + tail.decode("ascii"))
        else:
            out.append(left.decode("ascii"))
            if not delimiters.isdisjoint(left):
                g0, g1 = first_g0, first_g1
    if g0 in (KANJI, SUPPLEMENTARY_KANJI) and g0 != first_g0:
        report("escape-not-reset", "ends in a two-byte character set")
    return "".join(out)
