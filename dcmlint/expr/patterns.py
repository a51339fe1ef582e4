"""Regular expressions, of rules, of profiles and of the settings of scanners: one dialect, which cannot run away.

The syntax is read here, and only what is understood passes: characters, classes, ``\\d \\w \\s`` and their
opposites (ASCII), ``.``, groups, also with names, ``|``, ``^ $`` and ``? * + {m,n}``.  What passes means the same in Python
and in .NET, whose expressions scanners take.  Refused are references to groups, looking around, flags, classes minus
classes, loops within loops unless each turn has a clear end (``(\\.[0-9]+)*`` has, ``(a+)+`` has not), and more than two
loops that can take each other's characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NoReturn

import msgspec

MAX_PATTERN: Final = 256  # characters
MAX_SUBJECT: Final = 256  # characters of the text that are looked at
_MAX_REPEAT: Final = 256
_MAX_CHOICES: Final = 2
_MAX_GROUPS: Final = 16  # nested
_UNROLLED: Final = 8  # turns of a loop that are looked at one by one
_COUNT: Final = re.compile(r"\{([0-9]+)(?:(,)([0-9]+)?)?\}")
_GROUP_NAME: Final = re.compile(r"\(\?(?:<([A-Za-z_][A-Za-z0-9_]*)>|'([A-Za-z_][A-Za-z0-9_]*)')")

# Sets of characters: the ASCII ones, and one stand-in for all others.
_OTHER: Final = 128
_ALL: Final = frozenset(range(129))
_DIGITS = frozenset(range(48, 58))
_WORD = _DIGITS | frozenset(range(65, 91)) | frozenset(range(97, 123)) | {95}
_SPACE = frozenset(map(ord, " \t\n\r\f\v"))
_CLASSES = {"d": _DIGITS, "D": _ALL - _DIGITS, "w": _WORD, "W": _ALL - _WORD, "s": _SPACE, "S": _ALL - _SPACE}
_CONTROLS = {"n": 10, "r": 13, "t": 9, "f": 12, "v": 11}
_NOTHING: frozenset[int] = frozenset()


class PatternError(ValueError):
    """A pattern that is wrong or refused; ``offset`` is the place in the pattern."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class _Piece(msgspec.Struct):
    """A part of a pattern, and what backtracking could do with it.

    ``first``: what it can begin with.  ``tail``: characters that it can take or leave to what follows.
    ``choices``: how many places in it can be cut in more than one way; each costs a power of the text.
    """

    first: frozenset[int] = _NOTHING
    empty: bool = True
    tail: frozenset[int] = _NOTHING
    choices: int = 0
    ends: bool = False  # holds $
    shortest: int = 0  # the fewest characters that it takes


class Pattern(msgspec.Struct, frozen=True):
    """A pattern that passed.

    ``regex``: it as Python writes it, ``search``: the same, bound; ``ends``: it holds $; ``degree``: the time for a text of n
    characters grows with at most n to this power; ``shortest``: the fewest characters that it takes; ``groups``: what a
    replacement calls a group (number as .NET counts, or name) to its number in ``regex``.
    """

    regex: re.Pattern[str]
    search: Callable[[str], re.Match[str] | None]
    ends: bool
    degree: int
    shortest: int
    groups: dict[str, int]


@lru_cache(maxsize=256)
def safe_pattern(text: str) -> Pattern:
    """Compile a pattern, or refuse it with PatternError."""
    if len(text) > MAX_PATTERN:
        raise PatternError(f"the pattern has {len(text)} characters, at most {MAX_PATTERN} are allowed", 0)
    reader = _Reader(text)
    piece = reader.choice(0)
    if reader.at < len(text):
        raise PatternError("a ) without its (", reader.at)
    start = 0 if text.startswith("^") and not reader.forked else 1
    if piece.choices + start > _MAX_CHOICES:
        raise PatternError(
            "the pattern can run away: too many loops can take each other's characters; begin it with ^, "
            "or name the characters instead of .",
            0,
        )
    try:
        compiled = re.compile("".join(reader.written), re.ASCII)
    except (re.error, OverflowError) as problem:
        raise PatternError(f"the pattern is wrong: {problem}", 0) from None
    # .NET counts the groups without names first, then those with names.
    groups = {str(number): place for number, place in enumerate(reader.plain, 1)}
    for number, (name, place) in enumerate(reader.named.items(), len(reader.plain) + 1):
        groups[name] = groups[str(number)] = place
    degree = piece.choices + start + 1
    return Pattern(compiled, compiled.search, piece.ends, degree, piece.shortest, groups)


class _Reader:
    """A position in a pattern, and what was passed, written for Python."""

    __slots__ = ("at", "forked", "named", "plain", "text", "written")

    def __init__(self, text: str) -> None:
        self.text, self.at, self.forked = text, 0, False
        self.written: list[str] = []
        self.plain: list[int] = []
        self.named: dict[str, int] = {}

    def fail(self, message: str, offset: int | None = None) -> NoReturn:
        raise PatternError(message, self.at if offset is None else offset)

    def choice(self, level: int) -> _Piece:
        """Read ``a|b|c`` up to a bracket or the end."""
        if level > _MAX_GROUPS:
            self.fail(f"groups are nested more than {_MAX_GROUPS} deep")
        whole = self.sequence(level)
        while self.text.startswith("|", self.at):
            self.take(1)
            self.forked = self.forked or level == 0
            other = self.sequence(level)
            # Two ways that begin alike, or a way that takes nothing: both may have to be tried.
            alike = bool(whole.first & other.first) or whole.empty or other.empty
            whole = _Piece(
                whole.first | other.first,
                whole.empty or other.empty,
                _ALL if alike else whole.tail | other.tail,
                max(whole.choices, other.choices) + alike,
                whole.ends or other.ends,
                min(whole.shortest, other.shortest),
            )
        return whole

    def take(self, count: int) -> str:
        """Pass characters and write them as they are."""
        passed = self.text[self.at : self.at + count]
        self.written.append(passed)
        self.at += count
        return passed

    def sequence(self, level: int) -> _Piece:
        """Read pieces that follow each other."""
        pieces: list[_Piece] = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            pieces.append(self.repeated(level))
        whole = _Piece()
        for piece in reversed(pieces):
            # A loop gives characters back in vain if what follows cannot begin with one of them.
            gives = bool(piece.tail & whole.first)
            whole = _Piece(
                piece.first | whole.first if piece.empty else piece.first,
                piece.empty and whole.empty,
                piece.tail | whole.tail if whole.empty else whole.tail,
                piece.choices + whole.choices + gives,
                piece.ends or whole.ends,
                piece.shortest + whole.shortest,
            )
        return whole

    def repeated(self, level: int) -> _Piece:
        """Read a piece and its quantifier."""
        start = self.at
        piece = self.one(level)
        char = self.text[self.at : self.at + 1]
        most: int | None
        if char == "?":
            least, most = 0, 1
            self.take(1)
        elif char == "*" or char == "+":
            least, most = (0 if char == "*" else 1), None
            self.take(1)
        elif _COUNT.match(self.text, self.at):
            least, most = self.counts()
        else:
            return piece
        if piece.empty and not piece.first:
            self.fail("there is nothing to repeat", start)
        # Whether a turn of the loop can leave to the next turn what it could take.
        blurred = bool(piece.tail & piece.first) or piece.empty
        turns = most
        if turns is None or turns > _UNROLLED:
            if blurred or piece.choices:
                self.fail("a loop within a loop can run away", start)
            turns = 1
        looped = _Piece(
            piece.first,
            piece.empty or least == 0,
            piece.tail if most == least else piece.first | piece.tail,
            turns * piece.choices + max(turns - 1, 0) * blurred,
            piece.ends,
            least * piece.shortest,
        )
        return self.lazy(looped, start)

    def lazy(self, piece: _Piece, start: int) -> _Piece:
        """Pass the ? of a lazy quantifier; refuse a second quantifier."""
        if self.text.startswith("?", self.at):
            self.take(1)
        following = self.text[self.at : self.at + 1]
        if (following and following in "*+?") or _COUNT.match(self.text, self.at):
            self.fail("a loop within a loop can run away", start)
        return piece

    def counts(self) -> tuple[int, int | None]:
        """Read ``{m}``, ``{m,}`` or ``{m,n}``."""
        found = _COUNT.match(self.text, self.at)
        assert found is not None
        least = int(found[1])
        most = int(found[3]) if found[3] else None if found[2] else least
        if max(least, most or 0) > _MAX_REPEAT or (most is not None and most < least):
            self.fail(f"a count goes from the lower to the higher, up to {_MAX_REPEAT}")
        self.take(len(found[0]))
        return least, most

    def one(self, level: int) -> _Piece:
        """Read one character, class, anchor or group."""
        char = self.text[self.at]
        if char == "(":
            return self.group(level)
        if char == "[":
            return self.single(self.bracket())
        if char == "\\":
            return self.single(self.escape())
        if char in "*+?" or _COUNT.match(self.text, self.at):
            self.fail("there is nothing to repeat")
        if char == "^":
            self.take(1)
            return _Piece()
        if char == "$":
            # Python's $ also stands before a last line feed.
            self.at += 1
            self.written.append(r"\Z")
            return _Piece(ends=True)
        if char == ".":
            self.take(1)
            return self.single(_ALL - {10})
        if char in "]{}":
            self.at += 1
            self.written.append("\\" + char)
            return self.single(frozenset((ord(char),)))
        self.take(1)
        return self.single(_charset(char))

    @staticmethod
    def single(chars: frozenset[int]) -> _Piece:
        """One character out of a set."""
        return _Piece(chars, False, shortest=1)

    def group(self, level: int) -> _Piece:
        """Read ``(...)``, ``(?:...)``, ``(?<name>...)`` or ``(?'name'...)``."""
        start = self.at
        named = _GROUP_NAME.match(self.text, start)
        if self.text.startswith("(?:", start):
            self.at += 3
            self.written.append("(?:")
        elif named is not None:
            self._count(named[1] or named[2], start)
            self.at += len(named[0])
            self.written.append("(")
        elif self.text.startswith("(?", start):
            self.fail("looking around, flags and other groups are not allowed: only (, (?: and (?<name>")
        else:
            self._count("", start)
            self.take(1)
        piece = self.choice(level + 1)
        if not self.text.startswith(")", self.at):
            self.fail("a ( without its )", start)
        self.take(1)
        return piece

    def _count(self, name: str, start: int) -> None:
        place = len(self.plain) + len(self.named) + 1
        if not name:
            self.plain.append(place)
        elif name in self.named:
            self.fail(f"two groups are called {name}", start)
        else:
            self.named[name] = place

    def escape(self) -> frozenset[int]:
        """Read a backslash and what it escapes."""
        char = self.text[self.at + 1 : self.at + 2]
        if not char:
            self.fail("the pattern ends with a backslash")
        if char in _CLASSES:
            self.take(2)
            return _CLASSES[char]
        if char in _CONTROLS:
            self.take(2)
            return frozenset((_CONTROLS[char],))
        if char.isdigit() or char == "k":
            self.fail("references to groups are not allowed")
        if char.isalpha():
            self.fail(f"\\{char} is not allowed: \\d \\w \\s \\D \\W \\S \\n \\r \\t \\f \\v, or a sign")
        self.take(2)
        return _charset(char)

    def bracket(self) -> frozenset[int]:
        """Read ``[...]``."""
        start = self.at
        self.take(1)
        negated = self.text.startswith("^", self.at)
        if negated:
            self.take(1)
        chars: set[int] = set()
        first = self.at  # where ] stands for itself
        while self.at == first or not self.text.startswith("]", self.at):
            if self.at >= len(self.text):
                self.fail("a [ without its ]", start)
            if self.text.startswith("-[", self.at):
                self.fail("classes minus classes are not allowed; for the characters write \\-\\[")
            low, lows = self.member()
            if self.text.startswith("-", self.at) and self.text[self.at + 1 : self.at + 2] not in ("]", ""):
                self.take(1)
                high, _ = self.member()
                if not low or not high or high < low:
                    self.fail("a range goes from the lower character to the higher", start)
                chars.update(range(min(ord(low), _OTHER), min(ord(high), _OTHER) + 1))
            chars |= lows
        self.take(1)
        # The stand-in for all other characters is on both sides of a negation.
        return (_ALL - chars) | {_OTHER} if negated else frozenset(chars)

    def member(self) -> tuple[str, frozenset[int]]:
        """Read one character or class within brackets: the character (if one), and its set."""
        char = self.text[self.at : self.at + 1]
        if char == "\\":
            before = self.at + 1
            chars = self.escape()
            char = self.text[before : before + 1]
            if char in _CLASSES:
                return "", chars
            return chr(_CONTROLS[char]) if char in _CONTROLS else char, chars
        if char == "[":
            # Python warns of what may become a nested set.
            self.at += 1
            self.written.append(r"\[")
        elif char in "]&~|-" and char:
            self.at += 1
            self.written.append("\\" + char)
        elif char:
            self.take(1)
        else:
            self.fail("a [ without its ]")
        return char, _charset(char)


def _charset(char: str) -> frozenset[int]:
    return frozenset((min(ord(char), _OTHER),))
