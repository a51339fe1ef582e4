"""The parser: tokens to a syntax tree, by binding power (Pratt).

The grammar is that of CEL without maps, bytes and messages; comparisons do not chain.
"""

from __future__ import annotations

import re
from typing import Final, NoReturn

from dcmlint.errors import did_you_mean
from dcmlint.expr.source import Source
from dcmlint.expr.syntax import (
    MAX_DEPTH,
    Binary,
    Call,
    Choice,
    Index,
    Keyword,
    ListOf,
    Literal,
    Logical,
    Macro,
    Member,
    Name,
    Node,
    TagRead,
    Unary,
)
from dcmlint.expr.tokens import CONSTANT, END, KEYWORD, NAME, NUMBER, OPERATOR, TEXT, tokenize

MACROS: Final = ("all", "exists", "exists_one", "filter", "map")

_POWER = {"?": 1, "||": 2, "&&": 3, "+": 5, "-": 5, "*": 6, "/": 6, "%": 6}
_COMPARISONS = frozenset(("==", "!=", "<", "<=", ">", ">=", "in"))
_POWER |= dict.fromkeys(_COMPARISONS, 4)
_TAG = re.compile(r"\(?([0-9A-Fa-f]{4}),? ?([0-9A-Fa-f]{4})\)?")


def parse(source: Source) -> Node:
    """The syntax tree of an expression; RuleError with its place if it is not one."""
    parser = _Parser(source)
    node = parser.expression(0)
    kind, value, start, _ = parser.tokens[parser.at]
    if kind != END:
        parser.unexpected(kind, value, start)
    return node


class _Parser:
    """A position in the tokens of one source."""

    __slots__ = ("at", "level", "source", "tokens")

    def __init__(self, source: Source) -> None:
        self.source, self.tokens, self.at, self.level = source, tokenize(source), 0, 0

    def expression(self, power: int) -> Node:
        """Parse what binds more tightly than ``power``."""
        self.level += 1
        if self.level > MAX_DEPTH:
            self.too_deep(self.tokens[self.at][2])
        start = self.tokens[self.at][2]
        left = self.prefix()
        while True:
            kind, operator, place, _ = self.tokens[self.at]
            if kind != OPERATOR:
                break
            binding = _POWER.get(operator, 0)  # type: ignore[call-overload]  # the value of an operator is its text
            if binding <= power:
                break
            assert isinstance(operator, str)
            self.at += 1
            if binding == 2 or binding == 3:
                parts = [left]
                while True:
                    parts.append(self.expression(binding))
                    kind, following, _, _ = self.tokens[self.at]
                    if following != operator or kind != OPERATOR:
                        break
                    self.at += 1
                end = self.tokens[self.at - 1][3]
                left = Logical(start, end, self.depth(place, *parts), operator, tuple(parts))
            elif binding == 1:
                then = self.expression(0)
                self.take(":", "a choice is written condition ? this : that")
                # Right associative: a ? b : c ? d : e
                otherwise = self.expression(0)
                depth = self.depth(place, left, then, otherwise)
                left = Choice(start, self.tokens[self.at - 1][3], depth, left, then, otherwise)
            else:
                right = self.expression(binding)
                if (
                    binding == 4
                    and self.tokens[self.at][1] in _COMPARISONS
                    and self.tokens[self.at][0] == OPERATOR
                ):
                    hint = "write a < b && b < c"
                    raise self.source.error(self.tokens[self.at][2], "comparisons do not chain", hint)
                depth = self.depth(place, left, right)
                left = Binary(start, self.tokens[self.at - 1][3], depth, operator, left, right)
        self.level -= 1
        return left

    def prefix(self) -> Node:
        """Parse an operand with what stands before and after it."""
        kind, value, start, end = self.tokens[self.at]
        self.at += 1
        node: Node
        if kind == KEYWORD:
            assert isinstance(value, str)
            if self.tokens[self.at][1] == "(" and self.tokens[self.at][0] == OPERATOR:
                hint = f"write {value} without parentheses; functions are written in small letters"
                raise self.source.error(start, f"{value} is an attribute, not a function", hint)
            node = Keyword(start, end, 1, None, value)
        elif kind == NAME:
            assert isinstance(value, str)
            if self.tokens[self.at][1] == "(" and self.tokens[self.at][0] == OPERATOR:
                node = self.tag(start, None) if value == "tag" else self.call(value, start)
            else:
                node = Name(start, end, 1, value)
        elif kind in (TEXT, NUMBER, CONSTANT):
            node = Literal(start, end, 1, value)
        elif kind == OPERATOR and (value == "!" or value == "-"):
            self.level += 1
            if self.level > MAX_DEPTH:
                self.too_deep(start)
            operand = self.prefix()
            self.level -= 1
            number = operand.value if isinstance(operand, Literal) else None
            if value == "-" and isinstance(number, (int, float)) and not isinstance(number, bool):
                return Literal(start, self.tokens[self.at - 1][3], 1, -number)
            return Unary(start, self.tokens[self.at - 1][3], self.depth(start, operand), value, operand)
        elif kind == OPERATOR and value == "(":
            node = self.expression(0)
            self.take(")")
        elif kind == OPERATOR and value == "[":
            items = self.several("]")
            node = ListOf(start, self.tokens[self.at - 1][3], self.depth(start, *items), items)
        else:
            self.at -= 1
            self.unexpected(kind, value, start)
        kind, value, _, _ = self.tokens[self.at]
        return self.postfix(node, start) if kind == OPERATOR and (value == "." or value == "[") else node

    def postfix(self, node: Node, first: int) -> Node:
        """Parse the members, items and macros that follow an operand."""
        while True:
            kind, value, place, _ = self.tokens[self.at]
            if kind != OPERATOR or (value != "." and value != "["):
                return node
            self.at += 1
            if value == "[":
                index = self.expression(0)
                end = self.take("]")
                node = Index(first, end, self.depth(place, node, index), node, index)
                continue
            kind, name, start, end = self.tokens[self.at]
            self.at += 1
            depth = self.depth(place, node)
            if kind == END:
                raise self.source.error(
                    start, "the expression ends after a dot", "a dot is followed by a name"
                )
            called = self.tokens[self.at][1] == "(" and self.tokens[self.at][0] == OPERATOR
            if kind == KEYWORD and not called:
                assert isinstance(name, str)
                node = Keyword(first, end, depth, node, name)
            elif kind == NAME and called:
                assert isinstance(name, str)
                node = self.tag(first, node) if name == "tag" else self.macro(node, name, start, first)
            elif kind == NAME:
                assert isinstance(name, str)
                node = Member(first, end, depth, node, name)
            else:
                hint = "a dot is followed by a keyword, a name, or all, exists, exists_one, filter or map"
                raise self.source.error(start, "a name is wanted after the dot", hint)

    def call(self, name: str, start: int) -> Node:
        """Parse the arguments of a function."""
        self.at += 1
        arguments = self.several(")")
        return Call(start, self.tokens[self.at - 1][3], self.depth(start, *arguments), name, arguments)

    def macro(self, target: Node, name: str, start: int, first: int) -> Node:
        """Parse ``(x, p)`` after the name of a macro."""
        if name not in MACROS:
            hint = did_you_mean(name, MACROS) or f"functions are written {name}(x, ...)"
            raise self.source.error(start, f"there is no .{name}(...)", hint)
        self.at += 1
        usage = f"write .{name}(x, ...) with a name in small letters for x"
        kind, variable, place, _ = self.tokens[self.at]
        if kind != NAME:
            raise self.source.error(place, f".{name}() names what it goes through", usage)
        assert isinstance(variable, str)
        self.at += 1
        self.take(",", usage)
        body = self.expression(0)
        end = self.take(")")
        return Macro(first, end, self.depth(place, target, body), target, name, variable, body)

    def tag(self, start: int, target: Node | None) -> Node:
        """Parse ``("gggg,eeee")`` after ``tag``."""
        kind, value, place, _ = self.tokens[self.at + 1]
        found = _TAG.fullmatch(value) if kind == TEXT and isinstance(value, str) else None
        if found is None:
            hint = 'write tag("0009,1001"): group and element in hexadecimal'
            raise self.source.error(place, "tag() takes the text of one tag", hint)
        self.at += 2
        end = self.take(")")
        depth = 1 if target is None else self.depth(start, target)
        return TagRead(start, end, depth, target, int(found[1] + found[2], 16))

    def several(self, closing: str) -> tuple[Node, ...]:
        """Parse expressions with commas between them, and the bracket that closes them."""
        kind, value, _, _ = self.tokens[self.at]
        if value == closing and kind == OPERATOR:
            self.at += 1
            return ()
        found = [self.expression(0)]
        while True:
            kind, value, _, _ = self.tokens[self.at]
            if value != "," or kind != OPERATOR:
                self.take(closing)
                return tuple(found)
            self.at += 1
            found.append(self.expression(0))

    def take(self, wanted: str, hint: str = "") -> int:
        """Pass the operator that must stand here; give its end."""
        kind, value, start, end = self.tokens[self.at]
        if value != wanted or kind != OPERATOR:
            found = "the expression ends" if kind == END else f"{self.source.text[start:end]} stands"
            raise self.source.error(start, f"{found} where {wanted} is expected", hint)
        self.at += 1
        return end

    def depth(self, place: int, *nodes: Node) -> int:
        """The depth of a node over ``nodes``."""
        deepest = 0
        for node in nodes:
            if node.depth > deepest:
                deepest = node.depth
        if deepest >= MAX_DEPTH:
            self.too_deep(place)
        return deepest + 1

    def too_deep(self, place: int) -> NoReturn:
        """Refuse what would need a deep stack."""
        hint = "put a part of it under `let`"
        raise self.source.error(place, f"the expression is nested more than {MAX_DEPTH} deep", hint)

    def unexpected(self, kind: int, value: object, start: int) -> NoReturn:
        """Refuse the token that stands here."""
        if kind == END:
            empty = not self.source.text.strip()
            raise self.source.error(
                start, "the expression is empty" if empty else "the expression ends too early"
            )
        text = self.source.text[start : self.tokens[self.at][3]]
        raise self.source.error(start, f"{text} is not expected here")
