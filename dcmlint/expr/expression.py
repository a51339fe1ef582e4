"""A compiled expression, and what can be asked of it beside its value."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

import msgspec

from dcmlint.expr.code import Code
from dcmlint.expr.compiler import Compiler
from dcmlint.expr.macros import STEPS, place, relabel, source_of
from dcmlint.expr.parser import parse
from dcmlint.expr.source import ALONE, Source, SourceRef
from dcmlint.expr.syntax import Binary, Call, Choice, Logical, Macro, Name, Unary
from dcmlint.expr.three_valued import OutOfStepsError, Run, spend, truth
from dcmlint.expr.types import Names, Type
from dcmlint.expr.values import UNKNOWN, Frame, Lets, Operand, Scope

_NO_LETS: Final[Lets] = {}
_MAX_LETS = 8  # lets of lets that "because" looks into


class Expression(msgspec.Struct, frozen=True):
    """An expression that can be evaluated on any number of scopes.

    ``attributes``: tags read from the scope itself (bare names and ``up.``).  ``sources``: every tag whose
    value may reach the result, at any level.  ``facts`` and ``lets``: the names that it reads.
    """

    source: str
    type: Type
    attributes: frozenset[int]
    facts: frozenset[str]
    lets: frozenset[str]
    sources: frozenset[int]
    code: Code
    expanded: Mapping[str, Expression]
    run: Run
    slots: int

    def __call__(self, scope: Scope, lets: Lets = _NO_LETS) -> object:
        """Evaluate: True, False, UNKNOWN or Missing for a condition; else a value, which may be ABSENT.

        ``lets`` holds a value for each name in ``self.lets``.
        """
        if not self.slots:
            return self.run(scope, lets, None)
        try:
            return self.run(scope, lets, _frame(self.slots))
        except OutOfStepsError:
            return UNKNOWN

    def because(self, scope: Scope, lets: Lets = _NO_LETS) -> tuple[Operand, ...]:
        """The named operands of the comparisons that made it false, in order, each once.

        Of an expression that is no condition: all its named operands.  A let that was compiled with its
        expression is followed by the operands of that.
        """
        found: dict[str, Operand] = {}
        try:
            self._follow(found, scope, lets, 0)
        except OutOfStepsError:
            pass  # what was found until then is still true
        return tuple(found.values())

    def clauses(
        self, scope: Scope, lets: Lets = _NO_LETS
    ) -> Iterator[tuple[str, object, tuple[Operand, ...]]]:
        """Each part of a conjunction, else the whole: its words, its value, its named operands.

        For who follows an evaluation: lets are operands like others.
        """
        whole = self.code
        conjunction = isinstance(whole.node, Logical) and whole.node.operator == "&&"
        for part in whole.parts if conjunction else (whole,):
            found: dict[str, Operand] = {}
            tracer = _Tracer(self, found, scope, lets, _MAX_LETS)
            try:
                value = tracer.value(part)
                tracer.leaves(part)
            except OutOfStepsError:
                value = UNKNOWN
            yield part.text, value, tuple(found.values())

    def _follow(
        self, found: dict[str, Operand], scope: Scope, lets: Lets, level: int, wanted: bool = False
    ) -> None:
        tracer = _Tracer(self, found, scope, lets, level)
        if self.type.kind == "bool":
            tracer.follow(self.code, wanted)
        else:
            tracer.leaves(self.code)

    @property
    def counted(self) -> frozenset[int]:
        """The tags of `sources` of which more matters than whether they are there."""
        return frozenset(tag for code in _leaves_without(self.code, ("has", "empty")) for tag in code.tags)

    @property
    def compared(self) -> frozenset[int]:
        """Those of `counted` of which more matters than how many values there are."""
        return frozenset(
            tag for code in _leaves_without(self.code, ("has", "empty", "size")) for tag in code.tags
        )

    def primary(self) -> int | None:
        """The tag that is most likely meant when a rule does not say where: one that is compared, if any."""
        compared = asked = levels = None
        for code, in_comparison in _leaves(self.code, False):
            tag = _head(code)
            if tag is not None and in_comparison and compared is None:
                compared = tag
            elif tag is not None and asked is None:
                asked = tag
            elif levels is None and code.tags:
                levels = code.tags[0]
        if compared is not None:
            return compared
        return asked if asked is not None else levels


def _frame(slots: int) -> Frame:
    return [STEPS, *[None] * slots]


def compile_expression(
    source: str,
    names: Names,
    where: SourceRef = ALONE,
    lets: Mapping[str, Type | Expression] | None = None,
) -> Expression:
    """Compile an expression, or raise RuleError with file, line, column and what to write instead.

    ``lets`` gives the type of each let in scope, or better its Expression, so that "because" can look
    into it and redaction knows where its value comes from.
    """
    return compile_source(Source(source, where), names, lets or {})


def compile_source(source: Source, names: Names, lets: Mapping[str, Type | Expression]) -> Expression:
    """Compile an expression that is a part of a larger text."""
    compiler = Compiler(source, names, lets)
    code = compiler.compile(parse(source))
    run = code.run
    if code.type.kind == "bool" and not code.clean:
        run = _condition(run, code.text)
    expanded = {name: let for name in compiler.read_lets if isinstance(let := lets[name], Expression)}
    return Expression(
        source.text,
        code.type,
        frozenset(compiler.attributes),
        frozenset(compiler.facts),
        frozenset(compiler.read_lets),
        frozenset(compiler.sources),
        code,
        expanded,
        run,
        compiler.slots,
    )


def _condition(run: Run, text: str) -> Run:
    return lambda scope, lets, frame: truth(run(scope, lets, frame), text)


def _head(code: Code) -> int | None:
    """The tag that a path begins with in the scope."""
    while code.tag is None and code.leaf and code.parts:
        code = code.parts[0]
    return code.tag


def _leaves(code: Code, compared: bool) -> Iterator[tuple[Code, bool]]:
    """The named leaves of a tree, in order, and whether each stands in a comparison."""
    if code.leaf:
        yield code, compared
    else:
        compared = compared or isinstance(code.node, Binary)
        for part in code.parts:
            yield from _leaves(part, compared)


def _leaves_without(code: Code, functions: Collection[str]) -> Iterator[Code]:
    """The named leaves of a tree, without the arguments of functions."""
    if code.leaf:
        yield code
    elif not isinstance(code.node, Call) or code.node.name not in functions:
        for part in code.parts:
            yield from _leaves_without(part, functions)


class _Tracer:
    """Finds what decided one evaluation."""

    __slots__ = ("expression", "found", "frame", "labels", "lets", "level", "scope")

    def __init__(
        self, expression: Expression, found: dict[str, Operand], scope: Scope, lets: Lets, level: int
    ) -> None:
        self.expression, self.found, self.scope, self.lets, self.level = expression, found, scope, lets, level
        self.frame: Frame = _frame(expression.slots)
        self.labels: dict[str, str] = {}

    def value(self, code: Code) -> object:
        return code.run(self.scope, self.lets, self.frame)

    def follow(self, code: Code, wanted: bool) -> None:
        """Add the operands that made a condition ``wanted``."""
        node = code.node
        if isinstance(node, Logical):
            deciding = node.operator == "||"
            if wanted is deciding:
                # The first part that decides, as in the evaluation.
                for part in code.parts:
                    if self.value(part) is wanted:
                        self.follow(part, wanted)
                        return
            for part in code.parts:
                self.follow(part, wanted)
        elif isinstance(node, Unary) and node.operator == "!":
            self.follow(code.parts[0], not wanted)
        elif isinstance(node, Choice):
            chosen = self.value(code.parts[0])
            if chosen is True or chosen is False:
                self.follow(code.parts[1 if chosen else 2], wanted)
            else:
                self.leaves(code.parts[0])
        elif isinstance(node, Macro) and node.name in ("all", "exists"):
            self.element(code, node, wanted)
        else:
            self.leaves(code, wanted)

    def element(self, code: Code, node: Macro, wanted: bool) -> None:
        """Go to the element of a loop that decided it; if none did, say how many there are."""
        target, body = code.parts
        values: Any = source_of(target)(self.value(target))
        if wanted is (node.name == "exists") and hasattr(values, "__getitem__"):
            for index, value in enumerate(values):
                spend(self.frame, 1)
                self.frame[code.slot] = value
                if self.value(body) is wanted:
                    self.labels[node.variable] = self.label(place(target, index))
                    self.follow(body, wanted)
                    return
        self.target(target)

    def target(self, target: Code) -> None:
        """Add what a loop goes through: items by their number, values as they are."""
        if target.type.kind != "items":
            self.leaves(target)
            return
        values = source_of(target)(self.value(target))
        count = len(values) if hasattr(values, "__len__") else values
        self.add(Operand(f"size({self.label(target.text)})", count))

    def leaves(self, code: Code, wanted: bool = False) -> None:
        """Add all named operands below a node."""
        node = code.node
        if isinstance(node, Macro):
            self.target(code.parts[0])
        elif code.leaf:
            if code.type.kind == "items":
                self.target(code)
                return
            self.add(Operand(self.label(code.text), self.value(code), code.tags))
            for part in code.parts[1:]:
                self.leaves(part)  # the number of a value or an item
            let = (
                self.expression.expanded.get(node.name) if isinstance(node, Name) and not code.slot else None
            )
            if let is not None and self.level < _MAX_LETS:
                let._follow(self.found, self.scope, self.lets, self.level + 1, wanted)
        elif isinstance(node, Choice):
            chosen = self.value(code.parts[0])
            self.leaves(code.parts[0])
            if chosen is True or chosen is False:
                self.leaves(code.parts[1 if chosen else 2])
        else:
            for part in code.parts:
                self.leaves(part)

    def label(self, text: str) -> str:
        """A name with loop variables replaced by the place that they stand for."""
        head, separator, rest = text.partition(" of ") if text.startswith("value ") else ("", "", text)
        for variable, label in self.labels.items():
            changed = relabel(rest, variable, label)
            if changed != rest:
                return head + separator + changed
        return text

    def add(self, operand: Operand) -> None:
        """Add an operand once."""
        self.found.setdefault(operand.text, operand)
