"""The compiler: a syntax tree to closures, with every name resolved and every type checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from dcmlint.errors import did_you_mean
from dcmlint.expr import forms, operators
from dcmlint.expr.checks import accepts, common, comparable, family, scalar
from dcmlint.expr.code import Code
from dcmlint.expr.functions import FORMS, FunctionSignature, functions, signatures
from dcmlint.expr.macros import macro
from dcmlint.expr.names import NameCompiler
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
    Member,
    Name,
    Node,
    TagRead,
    Unary,
)
from dcmlint.expr.types import ANY, BOOL, ITEM, ITEMS, NULL, NUMBER, SAME, TAG, TEXT, Type, list_of, words
from dcmlint.expr.values import UNKNOWN
from dcmlint.plural import number_of

if TYPE_CHECKING:
    from dcmlint.expr.three_valued import Run

_LITERALS: Mapping[type, Type] = {bool: BOOL, int: NUMBER, float: NUMBER, str: TEXT, type(None): NULL}


def _constant(value: object) -> Run:
    return lambda scope, lets, frame: value


class Compiler(NameCompiler):
    """The compilation of one expression; what it read is collected on the way."""

    __slots__ = ()

    def compile(self, node: Node) -> Code:
        """Compile any node."""
        return _METHODS[type(node)](self, node)

    def literal(self, node: Literal) -> Code:
        """``512``, ``"SM"``, ``true``, ``null``."""
        value = node.value
        kind = _LITERALS[type(value)]
        return Code(node, kind, _constant(value), self.text(node), clean=kind is BOOL)

    def list_of(self, node: ListOf) -> Code:
        """``[a, b]``."""
        return self.listed(node, tuple(self.compile(item) for item in node.items))

    def listed(self, node: ListOf, parts: tuple[Code, ...]) -> Code:
        """A list of compiled elements."""
        for part in parts:
            if part.type.kind in ("items", "item", "bytes"):
                raise self.error(part.node, f"{part.text} is {words(part.type)}: it cannot stand in a list")
        element = common([part.type for part in parts])
        if element is None:
            raise self.error(node, "the elements of a list are all text, or all numbers")
        literals = _literals(parts)
        if literals is not None:
            return Code(node, list_of(element), _constant(literals), self.text(node), parts)
        runs = tuple(part.run for part in parts)

        def evaluate(scope: Any, lets: Any, frame: Any) -> object:
            return [run(scope, lets, frame) for run in runs]

        return Code(node, list_of(element), evaluate, self.text(node), parts)

    def logical(self, node: Logical) -> Code:
        """``&&`` and ``||``."""
        parts = tuple(self.truth(part) for part in node.parts)
        return Code(node, BOOL, operators.logical(node.operator, parts), self.text(node), parts, clean=True)

    def truth(self, node: Node) -> Code:
        """Compile what has to be true or false."""
        code = self.compile(node)
        if code.type.kind not in ("bool", "any"):
            hint = f"write has({code.text}), or compare it" if code.leaf else "compare it with something"
            raise self.error(node, f"{code.text} is {words(code.type)}, not true or false", hint)
        return code

    def choice(self, node: Choice) -> Code:
        """``condition ? then : otherwise``."""
        parts = (self.truth(node.condition), self.compile(node.then), self.compile(node.otherwise))
        one, other = parts[1].type, parts[2].type
        kind = one if one == other else common([one, other])
        if kind is None:
            message = f"{parts[1].text} is {words(one)}, {parts[2].text} is {words(other)}"
            raise self.error(node, message, "a choice is between two of one type")
        truths = kind.kind == "bool"
        return Code(node, kind, operators.choice(parts, truths), self.text(node), parts, clean=truths)

    def unary(self, node: Unary) -> Code:
        """``!a`` and ``-a``."""
        if node.operator == "!":
            part = self.truth(node.operand)
            return Code(node, BOOL, operators.negation(part), self.text(node), (part,), clean=True)
        part = self.number(node.operand)
        return Code(node, NUMBER, operators.opposite(part), self.text(node), (part,))

    def number(self, node: Node) -> Code:
        """Compile what has to be one number."""
        code = self.compile(node)
        self.single(code)
        if family(scalar(code.type)) not in ("number", "any"):
            raise self.error(node, f"{code.text} is {words(code.type)}, not a number")
        return code

    def single(self, code: Code) -> None:
        """Refuse an attribute that has several values by its VM."""
        if code.type.kind == "values" and code.type.at_least > 1:
            hint = f"write value({code.text}, 1), counted from 1, or go through values({code.text})"
            raise self.error(code.node, f"{code.text} has {code.type.at_least} or more values", hint)

    def binary(self, node: Binary) -> Code:
        """Comparisons, ``in`` and arithmetic."""
        symbol = node.operator
        if symbol in ("==", "!="):
            return self.equality(node)
        if symbol == "in":
            return self.membership(node)
        left, right = self.compile(node.left), self.compile(node.right)
        for code in (left, right):
            self.single(code)
            kind = scalar(code.type).kind
            if symbol in ("<", "<=", ">", ">="):
                if kind not in ("number", "tag", "text", "any"):
                    raise self.error(code.node, f"{code.text} is {words(code.type)}: it has no order")
            elif kind not in ("number", "tag", "any") and not (symbol == "+" and kind in ("text", "list")):
                raise self.error(code.node, f"{code.text} is {words(code.type)}, not a number")
        if not comparable(left.type, right.type):
            raise self.unlike(node, left, right)
        if symbol in ("<", "<=", ">", ">="):
            run = operators.order(symbol, left, right)
            return Code(node, BOOL, run, self.text(node), (left, right), clean=True)
        kind_of = common([left.type, right.type]) or ANY
        text = self.text(node)
        run = operators.arithmetic(symbol, left, right, text, self.loops > 0)
        return Code(node, NUMBER if kind_of.kind == "tag" else kind_of, run, text, (left, right))

    def unlike(self, node: Node, left: Code, right: Code) -> Exception:
        """The error for two operands that can never be equal."""
        for one, other in ((left, right), (right, left)):
            if one.type.kind == "bytes":
                hint = "only has(), empty() and size() are for bytes"
                return self.error(one.node, f"{one.text} is bytes: they cannot be compared", hint)
            if one.type.kind in ("items", "item"):
                hint = (
                    f"compare size({one.text}), an attribute of an item, or write {one.text}.exists(x, ...)"
                )
                return self.error(one.node, f"{one.text} is {words(one.type)}: it cannot be compared", hint)
            literal = one.node.value if isinstance(one.node, Literal) else None
            if isinstance(literal, str) and family(scalar(other.type)) == "number":
                hint = "leave out the quotation marks" if literal.strip().isdecimal() else ""
                return self.error(node, f"{other.text} is {words(other.type)}, {one.text} is text", hint)
        message = f"{left.text} is {words(left.type)}, {right.text} is {words(right.type)}"
        return self.error(node, message, "they are never equal")

    def tag_or_read(self, node: Node, other: Code) -> Code:
        """``tag("gggg,eeee")`` beside a tag is that tag; beside anything else it is the attribute's value."""
        if isinstance(node, TagRead) and node.target is None and _of_tags(other.type):
            return Code(node, TAG, _constant(node.tag), self.text(node))
        return self.compile(node)

    def equality(self, node: Binary) -> Code:
        """``==`` and ``!=``."""
        if isinstance(node.left, TagRead):
            right = self.compile(node.right)
            left = self.tag_or_read(node.left, right)
        else:
            left = self.compile(node.left)
            right = self.tag_or_read(node.right, left)
        if not comparable(left.type, right.type):
            raise self.unlike(node, left, right)
        for one, other in ((left, right), (right, left)):
            if isinstance(one.node, Literal) and one.node.value == "" and other.tags:
                hint = f"write empty({other.text}), or {other.text} {node.operator} null"
                raise self.error(one.node, "an attribute is never an empty text: it is null", hint)
        run = operators.equality(left, right, _mixed(left, right), node.operator == "!=")
        return Code(node, BOOL, run, self.text(node), (left, right), clean=True)

    def membership(self, node: Binary) -> Code:
        """``a in b``."""
        constants: tuple[object, ...] | None = None
        if isinstance(node.right, ListOf):
            left = self.compile(node.left)
            parts = tuple(self.tag_or_read(item, left) for item in node.right.items)
            for part in parts:
                if not comparable(left.type, part.type):
                    raise self.unlike(part.node, left, part)
            right = self.listed(node.right, parts)
            literals = _literals(parts)
            constants = None if literals is None else tuple(literals)
        else:
            right = self.compile(node.right)
            left = self.tag_or_read(node.left, right)
            if right.type.kind not in ("list", "values", "any"):
                hint = "write contains(text, part)" if right.type.kind == "text" else ""
                raise self.error(node.right, f"{right.text} is {words(right.type)}, not a list", hint)
            element = right.type.element
            if element is not None and not comparable(left.type, element):
                raise self.unlike(node, left, right)
        run = operators.membership(left, right, constants, _mixed(left, right), self.loops > 0)
        return Code(node, BOOL, run, self.text(node), (left, right), clean=True)

    def macro(self, node: Macro) -> Code:
        """``xs.all(x, p)`` and its like."""
        target = self.compile(node.target)
        kind = target.type
        if kind.kind not in ("items", "list", "values", "any"):
            hint = "it has one value" if target.tags else ""
            raise self.error(node.target, f"{target.text} is {words(kind)}, not a list or a sequence", hint)
        variable = node.variable
        if variable in self.variables or variable in self.lets or variable in ("root", "up", "file"):
            raise self.error(
                node, f"{variable} is a name already", "choose another name for what is gone through"
            )
        element = ITEM if kind.kind == "items" else kind.element or ANY
        self.slots += 1
        slot = self.slots
        self.variables[variable] = (slot, element)
        self.loops += 1
        body = self.compile(node.body) if node.name == "map" else self.truth(node.body)
        self.loops -= 1
        del self.variables[variable]
        if node.name == "filter":
            result = ITEMS if kind.kind == "items" else list_of(element)
        elif node.name == "map":
            result = list_of(scalar(body.type))
        else:
            result = BOOL
        run = macro(node.name, target, body, variable, slot)
        return Code(node, result, run, self.text(node), (target, body), clean=result is BOOL, slot=slot)

    def call(self, node: Call) -> Code:
        """A function, or one of the forms that are written like functions."""
        form = _FORMS.get(node.name)
        if form is not None:
            return form(self, node)
        known = signatures(node.name)
        if not known:
            near = did_you_mean(node.name, [*functions(), *FORMS])
            raise self.error(node, f"there is no function {node.name}", near)
        arguments = tuple(self.compile(argument) for argument in node.arguments)
        fitting = [each for each in known if _fits(each, arguments)]
        if not fitting:
            raise self.misfit(node, known, arguments)
        results = {_result(each, arguments) for each in fitting}
        result = results.pop() if len(results) == 1 else ANY
        run = forms.calling(tuple(fitting), arguments, self.text(node), self.loops > 0)
        return Code(node, result, run, self.text(node), arguments)

    def misfit(
        self, node: Call, known: tuple[FunctionSignature, ...], arguments: tuple[Code, ...]
    ) -> Exception:
        """The error for arguments that no signature takes."""
        usages = " or ".join(forms.usage(each) for each in known)
        for each in known:
            if len(arguments) == len(each.parameters):
                for parameter, argument in zip(each.parameters, arguments, strict=True):
                    if not accepts(parameter, argument.type):
                        self.single(argument)
                        if len(known) == 1:
                            message = f"{argument.text} is {words(argument.type)}, not {words(parameter)}"
                            return self.error(argument.node, message, usages)
        if any(len(arguments) == len(each.parameters) or each.variadic for each in known):
            given = ", ".join(words(argument.type) for argument in arguments)
            return self.error(node, f"{node.name}() does not take {given or 'nothing'}", usages)
        count = len(arguments)
        return self.error(node, f"{node.name}() is given {number_of(count, 'argument')}", usages)


def _literals(parts: tuple[Code, ...]) -> list[object] | None:
    """The values of elements that are all written in the rule; None if one has to be evaluated."""
    values = [part.node.value for part in parts if isinstance(part.node, Literal)]
    return values if len(values) == len(parts) else None


def _fits(signature: FunctionSignature, arguments: tuple[Code, ...]) -> bool:
    parameters = signature.parameters
    if signature.variadic and len(arguments) >= len(parameters):
        parameters += parameters[-1:] * (len(arguments) - len(parameters))
    if len(parameters) != len(arguments):
        return False
    return all(accepts(wanted, given.type) for wanted, given in zip(parameters, arguments, strict=True))


def _result(signature: FunctionSignature, arguments: tuple[Code, ...]) -> Type:
    if signature.result != SAME:
        return signature.result
    given = arguments[0].type
    return list_of(given.element) if given.element is not None else given


def _of_tags(kind: Type) -> bool:
    return kind.kind == "tag" or (kind.element is not None and kind.element.kind == "tag")


def _mixed(left: Code, right: Code) -> object:
    """What values of two kinds give: where both types are known, a file that has another is damaged."""
    for code in (left, right):
        if scalar(code.type).kind == "any" or (code.type.element or code.type).kind == "any":
            return False
    return UNKNOWN


_METHODS: dict[type, Callable[[Compiler, Any], Code]] = {
    Keyword: Compiler.keyword,
    Literal: Compiler.literal,
    Binary: Compiler.binary,
    Logical: Compiler.logical,
    Call: Compiler.call,
    Unary: Compiler.unary,
    Name: Compiler.name,
    Member: Compiler.member,
    Index: Compiler.index,
    Macro: Compiler.macro,
    ListOf: Compiler.list_of,
    Choice: Compiler.choice,
    TagRead: Compiler.tag_read,
}
_FORMS: dict[str, Callable[[Compiler, Call], Code]] = {
    "has": forms.has,
    "empty": forms.empty,
    "value": forms.value,
    "values": forms.values,
    "size": forms.size,
    "matches": forms.matches,
    "tag_of": forms.tag_of,
    "unknown": forms.unknown,
}
