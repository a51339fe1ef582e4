"""What the settings of a scanner do with a text: find a pattern in it, and replace what the pattern takes.

The patterns are those of rules (`dcmlint.expr.patterns`).  Replacements are those of .NET: ``$1``, ``${1}``, ``${name}``, ``$&``
and ``$$``.
"""

from __future__ import annotations

import re

from dcmlint.expr.patterns import MAX_SUBJECT, Pattern

_REFERENCE = re.compile(
    r"\$(?:(?P<dollar>\$)|(?P<whole>&)|(?P<number>\d+)|\{(?P<name>[^{}]*)\}|(?P<other>[`'+_]))"
)


def found(pattern: Pattern, text: str) -> str | None:
    """The first part of a text that the pattern takes; None without one, or beyond 256 characters."""
    if len(text) > MAX_SUBJECT:
        return None
    match = pattern.search(text)
    return None if match is None else match[0]


def replaced(pattern: Pattern, text: str, substitution: str) -> str:
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

    return pattern.regex.sub(write, text)


def substitution_problems(substitution: str, pattern: Pattern | None) -> list[str]:
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
