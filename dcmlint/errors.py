"""The tree of exceptions.

DcmlintError
├── UsageError              the command line, a setting: exit code 2
│   └── LocatedError        a file that steers dcmlint: which, and where in it
│       ├── ConfigError     a configuration file, or the environment
│       ├── RuleError       a rule file, or an expression in it
│       └── ProfileError    a profile, or a parameter given to it
├── InputError              an input that cannot be opened or listed
└── StandardError           the compiled tables: missing, damaged, or of another build

What a *file* gets wrong is never an exception: it is a finding.
"""

from __future__ import annotations

from collections.abc import Iterable

_ALIKE = str.maketrans("oil", "011")


class DcmlintError(Exception):
    """What dcmlint raises on purpose: the message says what, where, and what to do."""


class UsageError(DcmlintError):
    """The command line or a file that steers dcmlint is wrong; nothing was checked."""


class LocatedError(UsageError):
    """A mistake in a file that steers dcmlint.

    ``line`` and ``column`` are 1-based; 0 means that the place is not known.  ``others``: further mistakes in the same
    file, where they are known.
    """

    others: tuple[LocatedError, ...] = ()

    def __init__(self, message: str, file: str = "", line: int = 0, column: int = 0, hint: str = "") -> None:
        self.message, self.file, self.line, self.column, self.hint = message, file, line, column, hint
        super().__init__(message)

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        text = f"{place}: {self.message}" if place else self.message
        return f"{text} ({self.hint})" if self.hint else text


class ConfigError(LocatedError):
    """A configuration file or an environment variable."""


class RuleError(LocatedError):
    """A rule file, or an expression in it."""


class ProfileError(LocatedError):
    """A profile file, or a parameter given to it."""


class InputError(DcmlintError):
    """An input could not be opened or listed."""


class StandardError(DcmlintError):
    """The compiled tables of the standard are missing, damaged or of another build."""


def _letters(name: str) -> str:
    """A name without what is easily mistaken: case, underscores, O for 0, I and L for 1."""
    return name.replace("_", "").lower().translate(_ALIKE)


def did_you_mean(name: str, candidates: Iterable[str], otherwise: str = "") -> str:
    """``did you mean Rows?`` for the name nearest to a mistyped one, ``otherwise`` when none is near."""
    from difflib import get_close_matches  # only a mistake pays for it

    by_letters: dict[str, str] = {}
    for candidate in candidates:
        by_letters.setdefault(_letters(candidate), candidate)
    letters = _letters(name)
    same = by_letters.get(letters)
    found = [same] if same else [by_letters[near] for near in get_close_matches(letters, by_letters, 1, 0.65)]
    return f"did you mean {found[0]}?" if found else otherwise
