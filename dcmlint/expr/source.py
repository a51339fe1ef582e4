"""Where the text of an expression stands, and errors that point into it."""

from __future__ import annotations

from typing import Final

import msgspec

from dcmlint.errors import RuleError


class SourceRef(msgspec.Struct, frozen=True):
    """Where a text begins: file, line and column, 1-based; line 0 when the place is not known."""

    file: str = ""
    line: int = 1
    column: int = 1


ALONE: Final = SourceRef()  # a text of its own


class Source(msgspec.Struct, frozen=True):
    """The text of an expression and where it stands."""

    text: str
    where: SourceRef = ALONE

    def error(self, offset: int, message: str, hint: str = "") -> RuleError:
        """The error at an offset of the text, with file, line and column."""
        where = self.where
        if where.line <= 0:
            return RuleError(message, where.file, hint=hint)
        line_start = self.text.rfind("\n", 0, offset) + 1
        line = where.line + self.text.count("\n", 0, offset)
        # The lines of a YAML block share their indentation, so the column of the first holds for all.
        return RuleError(message, where.file, line, where.column + offset - line_start, hint)

    def inner(self, start: int, end: int) -> Source:
        """A part of the text as a source of its own, whose errors keep their place in the whole."""
        where = self.where
        if where.line > 0:
            line_start = self.text.rfind("\n", 0, start) + 1
            line = where.line + self.text.count("\n", 0, start)
            where = SourceRef(where.file, line, where.column + start - line_start)
        return Source(self.text[start:end], where)
