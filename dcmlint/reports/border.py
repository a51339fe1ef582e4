"""The border: every text that comes from outside passes here before it is printed.

Values, private creators, file and member names may hold anything.  Control characters, bidirectional
controls and invalid characters become ``\\xNN`` or ``\\uNNNN``; newlines never pass.
"""

from __future__ import annotations

import re
import unicodedata

# Controls (C0, C1, DEL), line and paragraph separators, bidirectional controls, zero width and other format
# characters, surrogates, noncharacters, private use.
_SUSPECT = re.compile(r"[^\x20-\x7e]")
_BAD_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
LONGEST = 2000


def printable(text: str, longest: int = LONGEST) -> str:
    """The text with everything that could steer a terminal, a parser or a reader's eye made visible."""
    if len(text) > longest:
        text = text[:longest] + "…"
    if text.isascii() and text.isprintable():
        return text
    return _SUSPECT.sub(_visible, text)


def _visible(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    if unicodedata.category(character) not in _BAD_CATEGORIES:
        return character
    if code < 0x100:
        return f"\\x{code:02X}"
    if 0xDC80 <= code <= 0xDCFF:
        # A byte of a file name that is not UTF-8 (surrogateescape).
        return f"\\x{code - 0xDC00:02X}"
    return f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"


def xml_text(text: str) -> str:
    """Text for XML 1.0: escaped, and free of characters that XML forbids (`printable` comes first)."""
    text = printable(text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
