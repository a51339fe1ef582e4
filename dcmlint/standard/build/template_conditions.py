"""Reads the conditions of templates: a small part of XPath, as a tree (see ``dcmlint.standard.templates``)."""

from __future__ import annotations

import re
from typing import Any

_TOKEN = re.compile(r"\s*(//|\.\.|!=|>=|<=|[()\[\]/=<>@]|'[^']*'|[A-Za-z_][\w-]*|\d+)")
_STEPS = {
    "container", "text", "code", "num", "datetime", "date", "time", "uidref", "pname", "composite", "image",
    "waveform", "scoord", "scoord3d", "tcoord", "reference",
}  # fmt: skip


class _NotRead(Exception):
    pass


def read_condition(text: str) -> list[Any] | None:
    """The tree of a condition; None where it says something that is not read here."""
    try:
        reader = _Reader(text)
        tree = reader.either(reader.comparison)
        return tree if reader.done else None
    except _NotRead:
        return None


class _Reader:
    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        at = 0
        text = text.strip()
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise _NotRead
            self.tokens.append(found[1])
            at = found.end()
        self.at = 0

    @property
    def done(self) -> bool:
        return self.at == len(self.tokens)

    def peek(self, ahead: int = 0) -> str:
        at = self.at + ahead
        return self.tokens[at] if at < len(self.tokens) else ""

    def take(self, *wanted: str) -> str:
        token = self.peek()
        if wanted and token not in wanted:
            raise _NotRead
        self.at += 1
        return token

    def either(self, operand: Any) -> list[Any]:
        """Operands joined by "or" and "and"."""
        terms = [self._both(operand)]
        while self.peek() == "or":
            self.take()
            terms.append(self._both(operand))
        return terms[0] if len(terms) == 1 else ["or", *terms]

    def _both(self, operand: Any) -> list[Any]:
        terms = [self._one(operand)]
        while self.peek() == "and":
            self.take()
            terms.append(self._one(operand))
        return _codes_joined(terms)

    def _one(self, operand: Any) -> list[Any]:
        if self.peek() == "not":
            self.take()
            return ["not", self._in_brackets(operand)]
        if self.peek() == "(":
            return self._in_brackets(operand)
        found: list[Any] = operand()
        return found

    def _in_brackets(self, operand: Any) -> list[Any]:
        self.take("(")
        found = self.either(operand)
        self.take(")")
        return found

    def comparison(self) -> list[Any]:
        """A path, count(path), perhaps compared with a number, or number(path/value) > number(path/value)."""
        if self.peek() in _STEPS or self.peek() == "//" or (self.peek(), self.peek(2)) == ("..", "code"):
            return ["count", self._path(), ">", 0]
        word = self.take("count", "number")
        self.take("(")
        path = self._path()
        if word == "number":
            self._value()
            self.take(">")
            self.take("number")
            self.take("(")
            other = self._path()
            self._value()
            return ["more", path, other]
        self.take(")")
        if self.peek() not in ("=", "!=", ">", "<", ">=", "<="):
            return ["count", path, ">", 0]
        operator = self.take()
        number = self.take()
        if not number.isdigit():
            raise _NotRead
        return ["count", path, operator, int(number)]

    def _value(self) -> None:
        self.take("/")
        self.take("value")
        self.take(")")

    def _path(self) -> list[Any]:
        ups = 0
        if self.peek() == "//":
            self.take()
            ups = -1
        while self.peek() == "..":
            self.take()
            self.take("/")
            ups += 1
        steps = [self._step()]
        while self.peek() == "/" and self.peek(1) != "value":
            self.take()
            steps.append(self._step())
        return [ups, steps]

    def _step(self) -> list[Any]:
        name = self.take(*_STEPS)
        if self.peek() != "[":
            return [name.upper(), None]
        self.take()
        test = self.either(self._atom)
        self.take("]")
        return [name.upper(), test]

    def _atom(self) -> list[Any]:
        if self.peek() == "@":
            self.take()
            self.take("relationship")
            self.take("=")
            return ["relationship", self._text()]
        what = self.take("concept", "value")
        self.take("/")
        self.take("@")
        part = self.take("cv", "csd")
        operator = self.take("=", "!=")
        text = self._text()
        atom = [what, text, ""] if part == "cv" else [what, "", text]
        return atom if operator == "=" else ["not", atom]

    def _text(self) -> str:
        token = self.take()
        if not token.startswith("'"):
            raise _NotRead
        return token.strip("'")


def _codes_joined(terms: list[Any]) -> list[Any]:
    """Tests of a value and of its scheme as one test of the code: ["concept", value, scheme]."""
    found: list[Any] = []
    for term in terms:
        before = found[-1] if found else ["", "", ""]
        if term[0] in ("concept", "value") and term[0] == before[0] and not term[1] and not before[2]:
            found[-1] = [term[0], before[1], term[2]]
        else:
            found.append(term)
    return found[0] if len(found) == 1 else ["and", *found]
