"""The syntax tree, as parsed: no names are resolved, no types are known."""

from __future__ import annotations

from typing import Final

import msgspec

MAX_DEPTH: Final = 64


class Node(msgspec.Struct, frozen=True):
    """Any node: the span of its text, and the depth of the tree below it (a leaf has 1)."""

    start: int
    end: int
    depth: int


class Literal(Node, frozen=True):
    """A number, a text, true, false or null."""

    value: object


class Name(Node, frozen=True):
    """A snake_case name: ``want``, or the head of a dotted one."""

    name: str


class Keyword(Node, frozen=True):
    """The keyword of an attribute, bare or of a target: ``Rows``, ``x.Rows``, ``root.Rows``."""

    target: Node | None
    name: str


class TagRead(Node, frozen=True):
    """``tag("0009,1001")``: an attribute, or its number where it is compared with a tag."""

    target: Node | None
    tag: int


class Member(Node, frozen=True):
    """A dotted snake_case name: ``tiling.columns``."""

    target: Node
    name: str


class Index(Node, frozen=True):
    """``Sequence[0]``."""

    target: Node
    index: Node


class Call(Node, frozen=True):
    """``f(a, b)``; ``head`` is the end of the function's name."""

    name: str
    arguments: tuple[Node, ...]


class Macro(Node, frozen=True):
    """``xs.all(x, p)``."""

    target: Node
    name: str
    variable: str
    body: Node


class ListOf(Node, frozen=True):
    """``[a, b]``."""

    items: tuple[Node, ...]


class Unary(Node, frozen=True):
    """``!a`` or ``-a``."""

    operator: str
    operand: Node


class Binary(Node, frozen=True):
    """A comparison, ``in`` or arithmetic."""

    operator: str
    left: Node
    right: Node


class Logical(Node, frozen=True):
    """``a && b && c`` or ``a || b``: a whole chain is one node."""

    operator: str
    parts: tuple[Node, ...]


class Choice(Node, frozen=True):
    """``condition ? then : otherwise``."""

    condition: Node
    then: Node
    otherwise: Node
