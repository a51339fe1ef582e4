"""Messages with placeholders: ``{NumberOfFrames} frames, but {want} tiles``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from dcmlint.expr.code import Code
from dcmlint.expr.expression import Expression, compile_source
from dcmlint.expr.source import ALONE, Source, SourceRef
from dcmlint.expr.syntax import Choice, Literal
from dcmlint.expr.three_valued import plain
from dcmlint.expr.types import Names, Type
from dcmlint.expr.values import ABSENT, UNKNOWN, Lets, Missing, Scope
from dcmlint.plural import number_of

Show = Callable[[object, int | None], str]
_MAX_MESSAGE = 4096  # characters


class Message(msgspec.Struct, frozen=True):
    """A text with expressions in it; ``parts`` are the two in order."""

    text: str
    parts: tuple[str | Expression, ...]
    attributes: frozenset[int]
    facts: frozenset[str]
    lets: frozenset[str]

    def render(self, scope: Scope, lets: Lets, show: Show) -> str:
        """The text with values in place of the placeholders.

        ``show(value, tag)`` writes a value that comes from the attribute ``tag`` (None: from none), and
        may redact it.  What is absent, empty, missing or unknown is said in words.
        """
        return "".join(
            part if isinstance(part, str) else shown(part(scope, lets), _sources(part), show)
            for part in self.parts
        )


def _sources(part: Expression) -> tuple[int, ...]:
    """The attributes whose values a placeholder may show: none where it chooses between texts of the message itself."""
    return () if _is_wording(part.code) else tuple(sorted(part.sources))


def _is_wording(code: Code) -> bool:
    if isinstance(code.node, Choice):
        return all(_is_wording(branch) for branch in code.parts[1:])
    return isinstance(code.node, Literal)


def shown(value: object, tags: tuple[int, ...], show: Show) -> str:
    """Write a value that comes from several attributes; if one of them asks for redaction, it gets it."""
    value = plain(value)
    if value is ABSENT:
        return "(absent)"
    if value is None:
        return "(empty)"
    if value is UNKNOWN:
        return "(unknown)"
    if isinstance(value, Missing):
        return "(missing)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return f"({len(value)} bytes)"
    if hasattr(value, "attribute"):
        return "(an item)"
    if not isinstance(value, (str, int, float)):
        length = len(value) if hasattr(value, "__len__") else 0
        if not isinstance(value, (list, tuple)) or (length and hasattr(value[0], "attribute")):
            return f"({number_of(length, 'item')})"
    if not tags:
        return show(value, None)
    if len(tags) == 1:
        return show(value, tags[0])
    openly = show(value, None)
    return next((text for tag in tags if (text := show(value, tag)) != openly), openly)


def parse_message(
    text: str,
    names: Names,
    lets: Mapping[str, Type | Expression] | None = None,
    where: SourceRef = ALONE,
) -> Message:
    """Compile a message: ``{expression}`` is a placeholder, ``{{`` and ``}}`` are braces.

    RuleError with the place within the message for a brace without its other half, or a wrong expression.
    """
    source = Source(text, where)
    if len(text) > _MAX_MESSAGE:
        raise source.error(0, f"the message has {len(text)} characters, at most {_MAX_MESSAGE} are allowed")
    parts: list[str | Expression] = []
    plain_text: list[str] = []
    at = 0
    while at < len(text):
        char = text[at]
        if char in "{}" and text.startswith(char * 2, at):
            plain_text.append(char)
            at += 2
        elif char == "}":
            raise source.error(at, "a } without its {", "write }} for the character")
        elif char == "{":
            end = _closing(source, at)
            if plain_text:
                parts.append("".join(plain_text))
                plain_text.clear()
            parts.append(compile_source(source.inner(at + 1, end), names, lets or {}))
            at = end + 1
        else:
            plain_text.append(char)
            at += 1
    if plain_text:
        parts.append("".join(plain_text))
    read = [part for part in parts if isinstance(part, Expression)]
    return Message(
        text,
        tuple(parts),
        frozenset().union(*(part.attributes for part in read)),
        frozenset().union(*(part.facts for part in read)),
        frozenset().union(*(part.lets for part in read)),
    )


def _closing(source: Source, start: int) -> int:
    """The brace that closes a placeholder; braces within texts do not count."""
    text, quote, at = source.text, "", start + 1
    while at < len(text):
        char = text[at]
        if quote:
            if char == "\\":
                at += 1
            elif char == quote:
                quote = ""
        elif char in "\"'":
            quote = char
        elif char == "}":
            return at
        at += 1
    raise source.error(start, "a { without its }", "write {{ for the character")
