"""What `profile check` says of a profile."""

from __future__ import annotations

import msgspec

from dcmlint.findings.finding import Severity


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """One remark on a profile.

    ``code`` says what kind it is of, ``row`` the id of the row and ``subject`` the attribute or UID that it is
    about; ``reading``: what the profile says that came of reading it again.
    """

    code: str
    severity: Severity
    message: str
    file: str
    line: int = 0
    row: str = ""
    subject: str = ""
    reading: str = ""

    @property
    def key(self) -> str:
        """How a profile's readings name it."""
        return f"{self.code} {self.subject}".strip()

    def __str__(self) -> str:
        said = f" (read again: {self.reading})" if self.reading else ""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return (
            f"{place}: {self.severity}[{self.code}] {self.row + ': ' if self.row else ''}{self.message}{said}"
        )
