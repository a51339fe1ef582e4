"""Conditions in words, as findings say them: ``value 3 of ImageType is VOLUME``."""

from __future__ import annotations

import msgspec

from dcmlint.expr.code import Code
from dcmlint.expr.expression import Expression
from dcmlint.expr.syntax import (
    Binary,
    Call,
    Choice,
    Index,
    Keyword,
    ListOf,
    Literal,
    Logical,
    Macro,
    Name,
    TagRead,
    Unary,
)
from dcmlint.standard.names import uid_name

_COMPARED = {
    "==": ("is", "is not"),
    "!=": ("is not", "is"),
    "<": ("is less than", "is not less than"),
    "<=": ("is at most", "is not at most"),
    ">": ("is more than", "is not more than"),
    ">=": ("is at least", "is not at least"),
}
_SAID = {
    "starts_with": ("starts with", "does not start with"),
    "ends_with": ("ends with", "does not end with"),
    "contains": ("contains", "does not contain"),
    "matches": ("matches", "does not match"),
}
_EACH = {
    ("all", False): "in every {one} of {of}, {body}",
    ("all", True): "not in every {one} of {of}, {body}",
    ("exists", False): "in at least one {one} of {of}, {body}",
    ("exists", True): "in no {one} of {of}, {body}",
    ("exists_one", False): "in exactly one {one} of {of}, {body}",
    ("exists_one", True): "not in exactly one {one} of {of}, {body}",
}
_LISTED = 6  # values of a list that are named
_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "%": 2}


def describe(expression: Expression, present: str = "") -> str:
    """The words for a condition; for any other expression, the words for its value.

    ``present``: the keyword of an attribute of which the reader knows that it is there.
    """
    code = expression.code
    if present:
        known = _given(code, present)
        code = code if isinstance(known, bool) else known
    return _condition(code, False, "") if code.type.kind == "bool" else _noun(code, "")


def _given(code: Code, present: str) -> Code | bool:
    """A condition without what it asks of the presence of an attribute that is there."""
    node = code.node
    if isinstance(node, Call) and node.name == "has":
        asked = node.arguments[0]
        return True if isinstance(asked, Keyword) and asked.target is None and asked.name == present else code
    if isinstance(node, Unary) and node.operator == "!":
        known = _given(code.parts[0], present)
        return not known if isinstance(known, bool) else code
    if not isinstance(node, Logical):
        return code
    settles = node.operator == "||"  # the value of a part that is the value of the whole
    parts = [_given(part, present) for part in code.parts]
    if any(part is settles for part in parts):
        return settles
    left = tuple(part for part in parts if isinstance(part, Code))
    if not left:
        return not settles
    return left[0] if len(left) == 1 else msgspec.structs.replace(code, parts=left)


def _condition(code: Code, negated: bool, variable: str) -> str:
    """A clause; ``variable`` is the loop variable whose item the clause is about."""
    node = code.node
    if isinstance(node, Unary):
        return _condition(code.parts[0], not negated, variable)
    if isinstance(node, Logical):
        # Not (a and b) is: not a, or not b.
        word = "and" if (node.operator == "&&") is not negated else "or"
        return f" {word} ".join(_clause(part, negated, variable, word) for part in code.parts)
    if isinstance(node, Binary):
        return _compared(code, node, negated, variable)
    if isinstance(node, Macro):
        return _each(code, node, negated, variable)
    if isinstance(node, Call):
        return _called(code, node, negated, variable)
    if isinstance(node, Choice):
        first, then, otherwise = code.parts
        words = (_condition(part, negated, variable) for part in (then, otherwise))
        return "if {}, {}, else {}".format(_condition(first, False, variable), *words)
    if isinstance(node, Literal):
        return "always" if node.value is not negated else "never"
    return f"{_noun(code, variable)} is {'false' if negated else 'true'}"


def _clause(part: Code, negated: bool, variable: str, word: str) -> str:
    """A part of an and or an or, in brackets where the words alone would mislead."""
    said = _condition(part, negated, variable)
    inner = part
    while isinstance(inner.node, Unary):
        inner, negated = inner.parts[0], not negated
    if isinstance(inner.node, Logical):
        inner_word = "and" if (inner.node.operator == "&&") is not negated else "or"
        return said if inner_word == word else f"({said})"
    return (
        f"({said})"
        if isinstance(inner.node, (Choice, Macro)) or (word == "and" and _says_or(inner, negated))
        else said
    )


def _says_or(code: Code, negated: bool) -> bool:
    """Whether a clause holds an "or" that would seem to go on over the next "and"."""
    node = code.node
    if isinstance(node, Binary) and isinstance(node.right, ListOf):
        return len(node.right.items) > 1
    return isinstance(node, Call) and node.name == "empty" and not negated


def _compared(code: Code, node: Binary, negated: bool, variable: str) -> str:
    left, right = code.parts
    if (
        isinstance(left.node, Literal)
        and not isinstance(right.node, Literal)
        and node.operator in ("==", "!=")
    ):
        left, right = right, left
    one = _noun(left, variable)
    if node.operator == "in":
        if isinstance(right.node, ListOf):
            values = [_noun(part, variable) for part in right.parts]
            if not values:
                return "always" if negated else "never"
            if len(values) > _LISTED:
                values = [*values[: _LISTED - 1], f"one of {len(values) - _LISTED + 1} others"]
            among = values[0] if len(values) == 1 else f"{', '.join(values[:-1])} or {values[-1]}"
            if negated:
                return f"{one} is {'not' if len(values) == 1 else 'none of'} {among}"
            return f"{one} is {among}"
        return f"{one} is {'not ' * negated}among {_noun(right, variable)}"
    if isinstance(right.node, Literal) and right.node.value is None:
        return f"{one} is {'not ' * (negated is not (node.operator == '!='))}empty"
    return f"{one} {_COMPARED[node.operator][negated]} {_noun(right, variable)}"


def _each(code: Code, node: Macro, negated: bool, variable: str) -> str:
    target, body = code.parts
    one = "item" if target.type.kind == "items" else "value"
    of = _noun(target, variable).removeprefix("the values of ")
    said = _condition(body, False, node.variable)
    return _EACH[node.name, negated].format(one=one, of=of, body=said)


def _called(code: Code, node: Call, negated: bool, variable: str) -> str:
    if node.name == "unknown":
        reason = node.arguments[0]
        assert isinstance(reason, Literal)
        return f"{'not: ' * negated}{reason.value}"
    if node.name == "has":
        return f"{_noun(code.parts[0], variable)} is {'absent' if negated else 'present'}"
    if node.name == "empty":
        return f"{_noun(code.parts[0], variable)} {'has a value' if negated else 'is absent or empty'}"
    if node.name in _SAID:
        pattern = node.arguments[1]
        other = _noun(code.parts[1], variable) if len(code.parts) > 1 else _quoted(pattern)
        return f"{_noun(code.parts[0], variable)} {_SAID[node.name][negated]} {other}"
    said = _noun(code, variable)
    return f"not {said}" if negated else said


def _quoted(node: object) -> str:
    return f'"{node.value}"' if isinstance(node, Literal) else ""


def _noun(code: Code, variable: str) -> str:
    """The words for a value."""
    node = code.node
    if isinstance(node, Literal):
        value = node.value
        if isinstance(value, str):
            if value[:1].isdigit() and (name := uid_name(value)) != value:
                return name
            return value if value and value == value.strip() and "," not in value else f'"{value}"'
        if value is None:
            return "empty"
        return str(value).lower() if isinstance(value, bool) else str(value)
    if isinstance(node, Keyword):
        return _attribute(node, code, variable)
    if isinstance(node, TagRead):
        return f"({node.tag >> 16:04X},{node.tag & 0xFFFF:04X})"
    if isinstance(node, Index):
        return f"{_noun(code.parts[0], variable)}[{_noun(code.parts[1], variable)}]"
    if isinstance(node, Name) and node.name == variable:
        return "it"
    if isinstance(node, Call):
        return _call_noun(code, node, variable)
    if isinstance(node, Binary) and node.operator in _PRECEDENCE:
        left = _factor(code.parts[0], _PRECEDENCE[node.operator], variable)
        # a - (b - c) needs its brackets, (a - b) - c does not.
        right = _factor(code.parts[1], _PRECEDENCE[node.operator] + (node.operator not in "+*"), variable)
        return f"{left} {node.operator} {right}"
    if isinstance(node, ListOf):
        return f"[{', '.join(_noun(part, variable) for part in code.parts)}]"
    if isinstance(node, Unary) and node.operator == "-":
        return f"-{_factor(code.parts[0], 3, variable)}"
    if code.type.kind == "bool" and not code.leaf:
        return f"({_condition(code, False, variable)})"
    return code.text


def _factor(part: Code, binding: int, variable: str) -> str:
    """An operand of arithmetic, in brackets if it binds less than it has to."""
    said = _noun(part, variable)
    symbol = part.node.operator if isinstance(part.node, Binary) else ""
    return f"({said})" if symbol in _PRECEDENCE and _PRECEDENCE[symbol] < binding else said


def _attribute(node: Keyword, code: Code, variable: str) -> str:
    target = node.target
    if target is None:
        return node.name
    if isinstance(target, Name):
        if target.name in (variable, "up"):
            return node.name
        if target.name == "root":
            return f"{node.name} of the data set"
        if target.name == "file":
            return f"{node.name} of the file meta group"
    return f"{_noun(code.parts[0], variable)}.{node.name}" if code.parts else code.text


def _call_noun(code: Code, node: Call, variable: str) -> str:
    if node.name == "value":
        number = _noun(code.parts[1], variable) if len(code.parts) > 1 else code.text.split(" ")[1]
        return f"value {number} of {_noun(code.parts[0], variable)}"
    if node.name == "values":
        return f"the values of {_noun(code.parts[0], variable)}"
    if node.name == "size":
        part = code.parts[0]
        kind = {"items": "number of items", "text": "length", "bytes": "length"}.get(
            part.type.kind, "number of values"
        )
        return f"the {kind} of {_noun(part, variable).removeprefix('the values of ')}"
    if node.name in ("tag_of", "unknown", "has", "empty"):
        argument = node.arguments[0]
        return argument.name if isinstance(argument, Keyword) else code.text
    return f"{node.name}({', '.join(_noun(part, variable) for part in code.parts)})"
