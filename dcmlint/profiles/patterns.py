"""Regular expressions in the manner of .NET, as a scanner's administration page takes them.

A subset is translated: characters, classes, ``\\d \\w \\s`` and their opposites (ASCII, where .NET would also
take other scripts' digits and letters), groups, named groups, alternatives, anchors and quantifiers; in
replacements ``$1``, ``${1}``, ``${name}``, ``$&`` and ``$$``.  What .NET would understand differently is an
error, and patterns pass the same safety check as those of rules (`dcmlint.expr.patterns`).
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from dcmlint.expr.patterns import MAX_PATTERN, MAX_SUBJECT, PatternError, safe_pattern

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_COUNT = re.compile(r"\{(\d{1,4})(?:(,)(\d{1,4})?)?\}")
_REFERENCE = re.compile(
    r"\$(?:(?P<dollar>\$)|(?P<whole>&)|(?P<number>\d+)|\{(?P<name>[^{}]*)\}|(?P<other>[`'+_]))"
)


class DotNetPattern(msgspec.Struct, frozen=True):
    """A pattern that was translated.

    ``safe``: the same without captures, in the syntax of `matches()`; ``python``: with captures, for `re`;
    ``groups``: what a replacement calls a group (number as .NET counts, or name) to the number in ``python``;
    ``shortest``: the fewest characters that it takes.
    """

    text: str
    safe: str
    python: str
    groups: dict[str, int]
    shortest: int


@lru_cache(maxsize=256)
def translate(text: str) -> DotNetPattern:
    """Translate a .NET pattern.  Raises PatternError with what differs, or what could run away."""
    if len(text) > MAX_PATTERN:
        raise PatternError(f"the pattern has {len(text)} characters, at most {MAX_PATTERN} are allowed", 0)
    reader = _Reader(text)
    shortest = reader.choice(0)
    if reader.at < len(text):
        raise PatternError("a ) without its (", reader.at)
    safe = "".join(reader.safe)
    safe_pattern(safe)
    # .NET counts the groups without names first, then those with names.
    groups = {str(number): place for number, place in enumerate(reader.plain, 1)}
    for number, (name, place) in enumerate(reader.named.items(), len(reader.plain) + 1):
        groups[name] = groups[str(number)] = place
    return DotNetPattern(text, safe, "".join(reader.python), groups, shortest)


def found(pattern: DotNetPattern, text: str) -> str | None:
    """The first part of a text that the pattern takes; None without one, or beyond 256 characters."""
    if len(text) > MAX_SUBJECT:
        return None
    match = re.compile(pattern.python, re.ASCII).search(text)
    return None if match is None else match[0]


def replaced(pattern: DotNetPattern, text: str, substitution: str) -> str:
    """The text with every match replaced, as .NET does it; a reference without a group stands for itself."""
    if len(text) > MAX_SUBJECT:
        return text

    def write(match: re.Match[str]) -> str:
        def reference(one: re.Match[str]) -> str:
            if one["dollar"]:
                return "$"
            if one["whole"]:
                return match[0]
            place = pattern.groups.get(one["number"] or one["name"] or "", None)
            if place is None:
                return match[0] if (one["number"] or one["name"]) == "0" else one[0]
            return match[place] or ""

        return _REFERENCE.sub(reference, substitution)

    return re.compile(pattern.python, re.ASCII).sub(write, text)


def substitution_problems(substitution: str, pattern: DotNetPattern | None) -> list[str]:
    """What is wrong with a replacement: signs that are not understood, references without their group."""
    problems = []
    for one in _REFERENCE.finditer(substitution):
        if one["other"]:
            problems.append(f"{one[0]} is not supported: $1, ${{1}}, ${{name}}, $& and $$ are")
            continue
        name = one["number"] or one["name"]
        if name is None or name == "0":
            continue
        if pattern is None:
            problems.append(f"{one[0]} stands for a group, but there is no pattern")
        elif name not in pattern.groups:
            count = len(pattern.groups)
            problems.append(
                f"{one[0]} stands for a group that the pattern {'does not have' if count else 'has none of'}"
            )
    return problems


class _Reader:
    """A position in a pattern, and what was passed, written twice: for the safety check and for Python."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.safe: list[str] = []
        self.python: list[str] = []
        self.plain: list[int] = []
        self.named: dict[str, int] = {}
        self.count = 0

    def _both(self, text: str) -> None:
        self.safe.append(text)
        self.python.append(text)

    def choice(self, depth: int) -> int:
        """Read alternatives; returns the fewest characters taken."""
        if depth > 16:
            raise PatternError("groups are nested more than 16 deep", self.at)
        shortest = self.sequence(depth)
        while self.text.startswith("|", self.at):
            self._both("|")
            self.at += 1
            shortest = min(shortest, self.sequence(depth))
        return shortest

    def sequence(self, depth: int) -> int:
        total = 0
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            width = self.one(depth)
            total += width * self.times()
        return total

    def times(self) -> int:
        """Read a quantifier, if there is one; returns the fewest turns."""
        char = self.text[self.at : self.at + 1]
        least = 1
        if char and char in "?*+":
            least = 1 if char == "+" else 0
            self._both(char)
            self.at += 1
        elif char == "{":
            count = _COUNT.match(self.text, self.at)
            if count is None:
                return 1  # a brace that stands for itself is read next
            least = int(count[1])
            self._both(count[0])
            self.at = count.end()
        else:
            return 1
        if self.text.startswith("?", self.at):
            self._both("?")
            self.at += 1
        return least

    def one(self, depth: int) -> int:
        """Read one character, class, anchor or group; returns its width."""
        char = self.text[self.at]
        if char == "(":
            return self.group(depth)
        if char == "[":
            return self.bracket()
        if char == "\\":
            return self.escape()
        if char in "*+?":
            raise PatternError("there is nothing to repeat", self.at)
        self.at += 1
        if char == "$":
            # .NET's $ also stands before a last line feed; values hold none.
            self.safe.append("$")
            self.python.append(r"\Z")
            return 0
        if char == "^":
            self._both("^")
            return 0
        self._both("\\" + char if char in "{}]" else char)
        return 1

    def group(self, depth: int) -> int:
        start = self.at
        rest = self.text[start + 1 :]
        self.safe.append("(?:")
        if rest.startswith("?:"):
            self.python.append("(?:")
            self.at += 3
        elif rest.startswith(("?<=", "?<!", "?=", "?!")):
            raise PatternError("looking around is not supported", start)
        elif rest.startswith(("?<", "?'")):
            end = ">" if rest[1] == "<" else "'"
            name = rest[2:].partition(end)[0]
            if not _NAME.fullmatch(name) or not rest[2 + len(name) :].startswith(end):
                raise PatternError(
                    "a group's name is letters, digits and _; balancing groups are not supported", start
                )
            if name in self.named:
                raise PatternError(
                    f"two groups are called {name}: .NET keeps the last, which is not supported", start
                )
            self.count += 1
            self.named[name] = self.count
            self.python.append("(")
            self.at += 4 + len(name)
        elif rest.startswith("?"):
            raise PatternError(f"(?{rest[1:2]} is not supported: only (, (?: and (?<name>", start)
        else:
            self.count += 1
            self.plain.append(self.count)
            self.python.append("(")
            self.at += 1
        shortest = self.choice(depth + 1)
        if not self.text.startswith(")", self.at):
            raise PatternError("a ( without its )", start)
        self._both(")")
        self.at += 1
        return shortest

    def escape(self) -> int:
        char = self.text[self.at + 1 : self.at + 2]
        if not char:
            raise PatternError("the pattern ends with a backslash", self.at)
        if char.isdigit() or char == "k":
            raise PatternError("references to groups within a pattern are not supported", self.at)
        if char.isalpha() and char not in "dDwWsSnrtfv":
            raise PatternError(
                f"\\{char} is not supported: \\d \\w \\s \\D \\W \\S \\n \\r \\t \\f \\v, or a sign", self.at
            )
        self._both("\\" + char)
        self.at += 2
        return 1

    def bracket(self) -> int:
        start = self.at
        self._both("[")
        self.at += 1
        if self.text.startswith("^", self.at):
            self._both("^")
            self.at += 1
        first = True
        while first or not self.text.startswith("]", self.at):
            char = self.text[self.at : self.at + 1]
            if not char:
                raise PatternError("a [ without its ]", start)
            if char == "-" and self.text.startswith("-[", self.at):
                raise PatternError("classes minus classes are not supported", self.at)
            if char == "\\":
                self.escape()
            else:
                self.at += 1
                last = char == "-" and self.text.startswith("]", self.at)
                self._both("\\" + char if char in "[]&~|^" or last or (first and char == "-") else char)
            first = False
        self._both("]")
        self.at += 1
        return 1


__all__ = ["DotNetPattern", "PatternError", "found", "replaced", "substitution_problems", "translate"]
