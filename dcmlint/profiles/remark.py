"""What `profile check` says of a profile."""

from __future__ import annotations

import msgspec

from dcmlint.findings.finding import Severity
from dcmlint.profiles.model import ProfileSource


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """One remark on a profile.

    ``code`` says what kind it is of, ``row`` the id of the row and ``subject`` the attribute or UID that it is
    about; ``reading``: what the profile says that came of reading it again; ``unusable``: nothing can be checked with the profile.
    """

    code: str
    severity: Severity
    message: str
    file: str
    line: int = 0
    column: int = 0
    row: str = ""
    subject: str = ""
    reading: str = ""
    unusable: bool = False

    @property
    def key(self) -> str:
        """How a profile's readings name it."""
        return f"{self.code} {self.subject}".strip()

    def __str__(self) -> str:
        said = f" (read again: {self.reading})" if self.reading else ""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return (
            f"{place}: {self.severity}[{self.code}] {self.row + ': ' if self.row else ''}{self.message}{said}"
        )


def remark_at(
    source: ProfileSource,
    mark: str,
    code: str,
    severity: Severity,
    message: str,
    row: str = "",
    subject: str = "",
) -> Remark:
    """A remark on what is at a mark (``$.attributes[3].values``) of a profile."""
    line, column = source.place(mark)
    return Remark(
        code=code, severity=severity, message=message, file=source.file, line=line, column=column, row=row, subject=subject,
    )  # fmt: skip
