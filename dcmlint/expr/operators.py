"""Closures for comparisons, logic and arithmetic: the common case in line, the rest in ``meaning``."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Final

from dcmlint.expr.code import Code, condition
from dcmlint.expr.syntax import Literal
from dcmlint.expr.three_valued import (
    MAX_INTEGER,
    Run,
    calculate,
    charge,
    compare,
    contains,
    equal,
    every,
    is_null,
    merge,
    minus,
    negate,
)

_ORDER: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_EXACT: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}


def equality(left: Code, right: Code, mixed: object, negated: bool) -> Run:
    """``==`` and ``!=``; ``mixed`` is the answer for values of two kinds."""
    if isinstance(right.node, Literal) and type(right.node.value) in (str, int, float):
        return _equal_constant(left, right.node.value, mixed, negated)
    if isinstance(left.node, Literal) and type(left.node.value) in (str, int, float):
        return _equal_constant(right, left.node.value, mixed, negated)
    for null, code in ((right, left), (left, right)):
        if isinstance(null.node, Literal) and null.node.value is None:
            return _equal_null(code.run, negated)
    one, other = left.run, right.run
    if "values" in (left.type.kind, right.type.kind) and "list" in (left.type.kind, right.type.kind):
        # One value against a list: a list of one.
        one, other = _as_list(left), _as_list(right)

    def evaluate(scope: Any, lets: Any, frame: Any) -> object:
        a = one(scope, lets, frame)
        b = other(scope, lets, frame)
        kind = type(a)
        if kind is type(b) and (kind is int or kind is float or kind is str):
            return (a == b) is not negated
        return negate(equal(a, b, mixed)) if negated else equal(a, b, mixed)

    return evaluate


def _equal_null(run: Run, negated: bool) -> Run:
    def evaluate(scope: Any, lets: Any, frame: Any) -> object:
        result = is_null(run(scope, lets, frame))
        return negate(result) if negated else result

    return evaluate


def _as_list(code: Code) -> Run:
    if code.type.kind != "values":
        return code.run
    run = code.run

    def evaluate(scope: Any, lets: Any, frame: Any) -> object:
        value = run(scope, lets, frame)
        return None if value is None else every(value)

    return evaluate


def _equal_constant(code: Code, constant: object, mixed: object, negated: bool) -> Run:
    """Equality with a text or a number of the rule: what most conditions are made of."""
    run, tag, positive = code.run, code.tag, not negated
    if type(constant) is str:
        if tag is not None:

            def of_text_attribute(scope: Any, lets: Any, frame: Any) -> object:
                value = scope.attribute(tag)
                if type(value) is str:
                    return (value == constant) is positive
                return equal(value, constant, mixed) if positive else negate(equal(value, constant, mixed))

            return of_text_attribute

        def of_text(scope: Any, lets: Any, frame: Any) -> object:
            value = run(scope, lets, frame)
            if type(value) is str:
                return (value == constant) is positive
            return equal(value, constant, mixed) if positive else negate(equal(value, constant, mixed))

        return of_text

    def of_number(scope: Any, lets: Any, frame: Any) -> object:
        value = run(scope, lets, frame)
        kind = type(value)
        if kind is int or kind is float:
            return (value == constant) is positive
        return equal(value, constant, mixed) if positive else negate(equal(value, constant, mixed))

    return of_number


def order(symbol: str, left: Code, right: Code) -> Run:
    """``<  <=  >  >=``."""
    one, other, compared, names = left.run, right.run, _ORDER[symbol], (left.text, right.text)

    def evaluate(scope: Any, lets: Any, frame: Any) -> object:
        a = one(scope, lets, frame)
        b = other(scope, lets, frame)
        kind, kind_b = type(a), type(b)
        if (kind is int or kind is float) and (kind_b is int or kind_b is float):
            return compared(a, b)
        return compare(compared, a, b, names)

    return evaluate


def membership(
    left: Code, right: Code, constants: tuple[object, ...] | None, mixed: object, loop: bool
) -> Run:
    """``in``; ``constants`` are the elements of a list of texts, or of numbers, written in the rule."""
    one, other, tag = left.run, right.run, left.tag
    if constants:
        wanted = frozenset(constants)
        if all(type(constant) is str for constant in constants):
            if tag is not None:

                def attribute_among_texts(scope: Any, lets: Any, frame: Any) -> object:
                    value = scope.attribute(tag)
                    return value in wanted if type(value) is str else contains(constants, value, mixed)

                return attribute_among_texts

            def among_texts(scope: Any, lets: Any, frame: Any) -> object:
                value = one(scope, lets, frame)
                return value in wanted if type(value) is str else contains(constants, value, mixed)

            return among_texts
        if all(type(constant) in (int, float) for constant in constants):

            def among_numbers(scope: Any, lets: Any, frame: Any) -> object:
                value = one(scope, lets, frame)
                kind = type(value)
                return value in wanted if kind is int or kind is float else contains(constants, value, mixed)

            return among_numbers

    def evaluate(scope: Any, lets: Any, frame: Any) -> object:
        value = one(scope, lets, frame)
        items = other(scope, lets, frame)
        if loop:
            charge(frame, items)
        return contains(items, value, mixed)

    return evaluate


def logical(symbol: str, parts: tuple[Code, ...]) -> Run:
    """``&&`` and ``||`` after Kleene: the part that decides ends the evaluation, wherever it stands."""
    runs = tuple(condition(part) for part in parts)
    deciding = symbol == "||"
    neutral = not deciding
    if len(runs) == 2:
        first, second = runs

        def pair(scope: Any, lets: Any, frame: Any) -> object:
            left = first(scope, lets, frame)
            if left is deciding:
                return left
            right = second(scope, lets, frame)
            if left is neutral or right is deciding:
                return right
            return left if right is neutral else merge(left, right)

        return pair

    def evaluate(scope: Any, lets: Any, frame: Any) -> object:
        result: object = neutral
        for run in runs:
            value = run(scope, lets, frame)
            if value is neutral:
                continue
            if value is deciding:
                return value
            result = value if result is neutral else merge(result, value)
        return result

    return evaluate


def negation(part: Code) -> Run:
    """``!``."""
    run = condition(part)

    def evaluate(scope: Any, lets: Any, frame: Any) -> object:
        value = run(scope, lets, frame)
        if value is True:
            return False
        return True if value is False else value

    return evaluate


def choice(parts: tuple[Code, ...], truths: bool) -> Run:
    """``condition ? then : otherwise``; UNKNOWN and Missing of the condition are the result."""
    decide, then, otherwise = condition(parts[0]), parts[1].run, parts[2].run
    if truths:
        then, otherwise = condition(parts[1]), condition(parts[2])

    def evaluate(scope: Any, lets: Any, frame: Any) -> object:
        value = decide(scope, lets, frame)
        if value is True:
            return then(scope, lets, frame)
        return otherwise(scope, lets, frame) if value is False else value

    return evaluate


def opposite(part: Code) -> Run:
    """The sign of a number changed."""
    run, text = part.run, part.text

    def evaluate(scope: Any, lets: Any, frame: Any) -> object:
        value = run(scope, lets, frame)
        return -value if type(value) is int or type(value) is float else minus(value, text)

    return evaluate


def arithmetic(symbol: str, left: Code, right: Code, text: str, loop: bool) -> Run:
    """``+ - * / %``."""
    one, other, names = left.run, right.run, (left.text, right.text)
    numbers = left.type.kind == "number" and right.type.kind == "number"
    if symbol == "/":

        def divide(scope: Any, lets: Any, frame: Any) -> object:
            a: Any = one(scope, lets, frame)
            b: Any = other(scope, lets, frame)
            kind, kind_b = type(a), type(b)
            if (kind is float or kind is int) and (kind_b is float or kind_b is int) and b:
                try:
                    return a / b
                except OverflowError:
                    pass  # an integer beyond all floats
            return calculate("/", a, b, names, text)

        return divide
    if symbol == "%":

        def remainder(scope: Any, lets: Any, frame: Any) -> object:
            a = one(scope, lets, frame)
            b = other(scope, lets, frame)
            if type(a) is int and type(b) is int and a >= 0 and b > 0:
                return a % b
            return calculate("%", a, b, names, text)

        return remainder
    exact = _EXACT[symbol]

    def evaluate(scope: Any, lets: Any, frame: Any) -> object:
        a = one(scope, lets, frame)
        b = other(scope, lets, frame)
        kind = type(a)
        if kind is type(b):
            if kind is int:
                result = exact(a, b)
                if -MAX_INTEGER < result < MAX_INTEGER:
                    return result
            elif kind is float:
                return exact(a, b)
        elif (kind is int and type(b) is float) or (kind is float and type(b) is int):
            try:
                return exact(a, b)
            except OverflowError:
                pass  # an integer beyond all floats
        if loop and not numbers:
            charge(frame, a)
            charge(frame, b)
        return calculate(symbol, a, b, names, text)

    return evaluate
