"""The lexer: text to tokens, each with its span."""

from __future__ import annotations

import re
from typing import Final

from dcmlint.expr.source import Source

NAME, KEYWORD, NUMBER, TEXT, OPERATOR, CONSTANT, END = range(7)
Token = tuple[int, object, int, int]  # kind, value, start, end

MAX_SOURCE: Final = 4096  # characters

# Every position is white space, a token, the end or a character that belongs nowhere, so that each match
# begins where the one before ended.  Possessive: a comment must not be given back as tokens.
_TOKEN = re.compile(
    r"""[ \t\r\n]*+(?>//[^\n]*+[ \t\r\n]*+)*+(?:
      ([A-Za-z_][A-Za-z0-9_]*+)(?!["'])                          # 1 name
    | (&&|\|\||[=!<>]=|[<>!+\-*/%?:.,()\[\]])                    # 2 operator
    | (["'])                                                     # 3 a text begins
    | ([0-9]++\.[0-9]++(?:[eE][+-]?[0-9]++)?|[0-9]++[eE][+-]?[0-9]++)  # 4 real
    | (0[xX][0-9A-Fa-f]++|[0-9]++)                               # 5 integer
    | [rR](["'])                                                 # 6 a raw text begins
    | (\Z)                                                       # 7 end
    | (.)                                                        # 8 nothing of ours
    )""",
    re.VERBOSE | re.DOTALL,
)
_BODY = {quote: re.compile(rf"((?:[^\\\n{quote}]|\\[^\n])*+){quote}") for quote in "\"'"}
_RAW_BODY = {quote: re.compile(rf"([^\n{quote}]*+){quote}") for quote in "\"'"}
_ESCAPE = re.compile(
    r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([0-3][0-7]{2})|(.))", re.DOTALL
)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_ESCAPED |= {char: char for char in "\\\"'`?"}
_CONSTANTS = {"true": True, "false": False, "null": None}
_WORDS = {"and": "&&", "or": "||", "not": "!", "True": "true", "False": "false", "None": "null"}
_HINTS = {
    "=": "equality is ==",
    "&": "and is &&",
    "|": "or is ||",
    "{": "there are no maps in the language",
    "}": "there are no maps in the language",
    "^": "there is no such operator",
    ";": "one expression ends with its text",
}
# CEL's integers have 64 bits; a longer literal is a slip.
_LARGEST: Final = 2**63


def tokenize(source: Source) -> list[Token]:
    """The tokens of a text, the last one of kind END; RuleError where a character belongs to none."""
    text = source.text
    if len(text) > MAX_SOURCE:
        raise source.error(0, f"the expression has {len(text)} characters, at most {MAX_SOURCE} are allowed")
    tokens: list[Token] = []
    add = tokens.append
    match = _TOKEN.match
    at = 0
    while True:
        found = match(text, at)
        assert found is not None  # group 8 takes what nothing else does
        group = found.lastindex
        assert group is not None
        start, at = found.span(group)
        value = found[group]
        if group == 1:
            if value == "in":
                add((OPERATOR, value, start, at))
            elif value in _CONSTANTS:
                add((CONSTANT, _CONSTANTS[value], start, at))
            elif value in _WORDS:
                raise source.error(start, f"{value} is not a word of the language", f"write {_WORDS[value]}")
            else:
                add((KEYWORD if value[0] < "a" and value[0] != "_" else NAME, value, start, at))
        elif group == 2:
            add((OPERATOR, value, start, at))
        elif group == 3:
            body = _BODY[value].match(text, at)
            if body is None:
                raise source.error(start, "the text has no end", f"close it with {value} on the same line")
            add((TEXT, _unescape(source, body[1], at) if "\\" in body[1] else body[1], start, body.end()))
            at = body.end()
        elif group == 5:
            number = int(value, 16) if value[1:2] in ("x", "X") else int(value)
            if number > _LARGEST:
                raise source.error(start, "the number is too large", "at most 2^63")
            add((NUMBER, number, start, at))
        elif group == 4:
            real = float(value)
            if real > 1e308:
                raise source.error(start, "the number is too large", "at most 1e308")
            add((NUMBER, real, start, at))
        elif group == 6:
            body = _RAW_BODY[value].match(text, at)
            if body is None:
                raise source.error(
                    start - 1, "the text has no end", f"close it with {value} on the same line"
                )
            add((TEXT, body[1], start - 1, body.end()))
            at = body.end()
        elif group == 7:
            add((END, "", start, at))
            return tokens
        else:
            shown = value if value.isprintable() else f"U+{ord(value):04X}"
            raise source.error(start, f"{shown} has no meaning here", _HINTS.get(value, ""))


def _unescape(source: Source, body: str, offset: int) -> str:
    """The characters that a text with escapes stands for."""

    def one(found: re.Match[str]) -> str:
        code = found[1] or found[2] or found[3]
        if code or found[4]:
            point = int(code, 16) if code else int(found[4], 8)
            if point > 0x10FFFF or 0xD800 <= point <= 0xDFFF:
                raise source.error(offset + found.start(), f"{found[0]} is not a character")
            return chr(point)
        char = _ESCAPED.get(found[5])
        if char is None:
            hint = 'write \\\\ for a backslash, or a raw text: r"..."'
            raise source.error(offset + found.start(), f"\\{found[5]} is not an escape", hint)
        return char

    return _ESCAPE.sub(one, body)
