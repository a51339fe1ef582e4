"""Compiled expressions: each node of the tree with its type and the closure that evaluates it."""

from __future__ import annotations

from typing import Any

import msgspec

from dcmlint.expr.syntax import Node
from dcmlint.expr.three_valued import Run, truth
from dcmlint.expr.types import Type


class Code(msgspec.Struct, frozen=True):
    """A node that can be evaluated.

    ``text``: how it reads.  ``leaf``: it is a name (an attribute, a value of one, a fact, a let).
    ``clean``: it gives only True, False, UNKNOWN or Missing.  ``tags``: of a leaf, whose values it may give.
    ``tag``: an attribute read from the scope itself.  ``slot``: the loop variable that a leaf begins with,
    or that a macro sets.
    """

    node: Node
    type: Type
    run: Run
    text: str
    parts: tuple[Code, ...] = ()
    leaf: bool = False
    clean: bool = False
    tags: tuple[int, ...] = ()
    tag: int | None = None
    slot: int = 0


def condition(code: Code) -> Run:
    """The closure of a node that stands for a truth value."""
    if code.clean:
        return code.run
    run, text = code.run, code.text

    def evaluate(scope: Any, lets: Any, frame: Any) -> object:
        value = run(scope, lets, frame)
        return value if value is True or value is False else truth(value, text)

    return evaluate
