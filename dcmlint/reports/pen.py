"""Drawing lines of text: width in cells, color, links, and what a terminal without Unicode shows."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dcmlint.reports.writer import TextOptions

STYLE = {"error": "1;31", "warning": "1;33", "info": "1;36"}
# The parts of a long word, each with the separator that ends it; and the words of a keyword.
_PART = re.compile(r"[^./\\]*[./\\]+|[^./\\]+")
_HUMP = re.compile(r"[A-Z]+(?![a-z])[,;]?|[A-Z]?[^A-Z]+")
_ASCII = str.maketrans({"·": "-", "…": "...", "–": "-", "×": "x", "→": "->", "µ": "u"})
LABEL = 13  # "computed from"


def cells(text: str) -> int:
    """The columns that a text takes: East Asian characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


class Pen:
    """Draws for one sink."""

    def __init__(self, options: TextOptions) -> None:
        self.options = options
        self.width = min(200, max(40, options.width))

    def out(self, text: str) -> str:
        """The text as the terminal can show it."""
        if self.options.unicode or text.isascii():
            return text
        return text.translate(_ASCII).encode("ascii", "backslashreplace").decode()

    def paint(self, text: str, style: str) -> str:
        """The text in an ANSI style, where color is wanted."""
        return f"\x1b[{style}m{text}\x1b[0m" if self.options.colour and style else text

    def link(self, text: str, address: str) -> str:
        """The text as an OSC 8 link, where the terminal follows links."""
        return f"\x1b]8;;{address}\x1b\\{text}\x1b]8;;\x1b\\" if self.options.links and address else text

    def lines(self, text: str, first: str, rest: str) -> Iterator[str]:
        """Lines that end with a newline, of at most the width."""
        for line in self.wrap(self.out(text), first, rest):
            yield line + "\n"

    def wrap(self, text: str, first: str, rest: str) -> list[str]:
        """Lines of at most the width; a word longer than a line breaks after a period, slash or backslash."""
        lines: list[str] = []
        line, empty = first, True
        room = self.width - max(cells(first), cells(rest))
        for word in text.split():
            parts = list(_broken(word, room))
            for number, part in enumerate(parts):
                gap = "" if empty or number else " "
                if cells(line) + len(gap) + cells(part) > self.width and not empty:
                    lines.append(line)
                    line, empty, gap = rest, True, ""
                while cells(line) + cells(part) > self.width:
                    cut = _fitting(part, self.width - cells(line))
                    lines.append(line + part[:cut])
                    line, part = rest, part[cut:]
                line, empty = line + gap + part, False
        lines.append(line.rstrip())
        return lines


def _broken(word: str, room: int) -> Iterator[str]:
    """A word in the parts between which a line may end."""
    if cells(word) <= room:
        yield word
        return
    for part in _PART.findall(word):
        yield from _HUMP.findall(part) if cells(part) > room and part.isascii() else [part]


def _fitting(text: str, room: int) -> int:
    """The number of characters that fit, at least one."""
    if text.isascii():
        return max(1, room)
    taken = 0
    for number, character in enumerate(text):
        taken += cells(character)
        if taken > room:
            return max(1, number)
    return len(text)
