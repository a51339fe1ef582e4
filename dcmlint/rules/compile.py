"""A rule made ready to run: its expressions compiled, its function found.  Done once, when a plan needs it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

from dcmlint import standard
from dcmlint.dicom.path import parse_path
from dcmlint.errors import RuleError
from dcmlint.expr import UNKNOWN, Expression, Message, SourceRef, compile_expression, parse_message
from dcmlint.expr.types import Type
from dcmlint.findings.finding import Severity
from dcmlint.rules.functions import RuleFunction, function_named, function_names, typed_parameters
from dcmlint.rules.model import Rule, RuleSource
from dcmlint.rules.names import RULE_NAMES
from dcmlint.rules.scope import DatasetScope, value_when_absent

_PARTS = ("lets", "when", "assertion", "places", "downgrade", "message", "is_", "want", "arguments")


class RestsOn(NamedTuple):
    """Tags that an expression reads.

    ``here``: of the level itself or one around it; ``anywhere``: all; ``counted``: not only to know whether they are
    there; ``compared``: nor only how many values there are.
    """

    here: frozenset[int]
    anywhere: frozenset[int]
    counted: frozenset[int]
    compared: frozenset[int]


class CompiledRule:
    """The expressions and the function of one rule, each compiled when it is first asked for.

    Most instances give most rules no occasion to say anything: their messages, and the assertions of those that do not
    apply, are never needed.  Every attribute raises RuleError with file, line and column; :meth:`whole` compiles all.
    """

    def __init__(self, source: RuleSource) -> None:
        self.rule = source.rule
        self.at = source.rule.at
        self._source = source

    def whole(self) -> CompiledRule:
        """Compile everything now: for rules in which there may be mistakes."""
        for part in _PARTS:
            getattr(self, part)
        return self

    @cached_property
    def lets(self) -> list[tuple[str, Expression]]:
        """The names that the rule gives to values, in order."""
        # The expressions themselves are known to those behind: so that redaction and `because` see through a let.
        known: dict[str, Type | Expression] = {}
        for name, text in self.rule.let.items():
            known[name] = self._compiled(text, f"let.{name}", known)
        return [(name, let) for name, let in known.items() if isinstance(let, Expression)]

    @cached_property
    def when(self) -> Expression | None:
        """When the rule applies; None: always."""
        text = self.rule.when
        lets = any(name in text for name in self.rule.let)
        return self._compiled(text, "when", self._known if lets else {}) if text else None

    @cached_property
    def needs(self) -> frozenset[int]:
        """Attributes of which one must be there for the rule to apply; empty: nothing is known of that."""
        without = value_when_absent(self.when, DatasetScope)
        applies = without is None or without is True or without is UNKNOWN
        return frozenset() if applies or self.when is None else self.when.attributes

    @cached_property
    def assertion(self) -> Expression | None:
        """What must hold; None where a function decides."""
        return self._expression(self.rule.assert_, "assert")

    @cached_property
    def places(self) -> Expression | None:
        """The numbers of the items in which it does not hold."""
        return self._expression(self.rule.places, "places")

    @cached_property
    def downgrade(self) -> list[tuple[Expression, Severity]]:
        """Lesser severities, and when they are those of a finding."""
        return [
            (self._compiled(one.when, f"downgrade[{number}].when", self._known), one.severity)
            for number, one in enumerate(self.rule.downgrade)
        ]

    @cached_property
    def message(self) -> Message | None:
        """What a finding says."""
        return self._message(self.rule.message, "message") if self.rule.kind == "expression" else None

    @cached_property
    def is_(self) -> Message | None:
        """What a finding says was found."""
        return self._message(self.rule.is_, "is")

    @cached_property
    def want(self) -> Message | None:
        """What a finding says was expected."""
        return self._message(self.rule.want, "want") if self.rule.kind == "expression" else None

    @cached_property
    def function(self) -> RuleFunction | None:
        """The function of a rule that has one."""
        rule = self.rule
        if rule.kind != "function":
            return None
        function = function_named(rule.function)
        if function is None:
            raise RuleError(
                f"no function is registered as {rule.function!r}", self._source.file,
                *self._source.marks.get("$.function", (0, 0)), hint=f"known: {', '.join(function_names())}",
            )  # fmt: skip
        return function

    @cached_property
    def arguments(self) -> dict[str, Any]:
        """The parameters of the rule as its function takes them."""
        if self.function is None:
            return {}
        try:
            return typed_parameters(self.function, self.rule.parameters)
        except ValueError as problem:
            marks = self._source.marks
            place = marks.get("$.parameters") or marks.get("$.function", (0, 0))
            message = f"the function {self.rule.function}: {problem}"
            raise RuleError(message, self._source.file, *place) from None

    @cached_property
    def reads(self) -> frozenset[int]:
        """All attributes on whose values the outcome, or what a finding says, may depend; of rules about items."""
        if not self.rule.each:
            return frozenset()
        expressions = [let for _, let in self.lets] + [when for when, _ in self.downgrade]
        expressions += [one for one in (self.when, self.assertion, self.places) if one is not None]
        for message in (self.message, self.is_, self.want):
            if message is not None:
                expressions += [part for part in message.parts if not isinstance(part, str)]
        tags = set().union(*(one.attributes | one.sources for one in expressions))
        if self.at:
            try:
                tags.update(step.tag for step in parse_path(self.at))
            except ValueError:
                pass  # a place in words
        return frozenset(tags)

    @cached_property
    def rests_on(self) -> RestsOn:
        """The attributes on which an expression depends."""
        expressions = [let for _, let in self.lets]
        expressions += [one for one in (self.when, self.assertion, self.places) if one is not None]
        return RestsOn(*(
            frozenset().union(*several)
            for several in (
                [one.attributes for one in expressions], [one.sources for one in expressions],
                [one.counted for one in expressions], [one.compared for one in expressions],
            )
        ))  # fmt: skip

    @cached_property
    def _known(self) -> dict[str, Type | Expression]:
        return dict(self.lets)

    def _where(self, key: str) -> SourceRef:
        return SourceRef(self._source.file, *self._source.marks.get(f"$.{key}", (0, 0)))

    def _compiled(self, text: str, key: str, known: Mapping[str, Type | Expression]) -> Expression:
        return compile_expression(text, RULE_NAMES, self._where(key), known)

    def _expression(self, text: str, key: str) -> Expression | None:
        return self._compiled(text, key, self._known) if text else None

    def _message(self, text: str, key: str) -> Message | None:
        return parse_message(text, RULE_NAMES, self._known, self._where(key)) if text else None


def compiled(source: RuleSource) -> CompiledRule:
    """The compiled rule, kept with its source."""
    found: CompiledRule | None = source.__dict__.get("compiled")
    if found is None:
        found = source.__dict__["compiled"] = CompiledRule(source)
    return found


def sop_classes_of(rule: Rule) -> frozenset[str]:
    """The SOP Class UIDs to which a rule applies; empty: to all.

    Raises RuleError for a keyword that PS3.6 does not have.
    """
    result = set()
    keywords = _sop_class_keywords() if rule.applies.sop_class else {}
    for word in rule.applies.sop_class:
        if word[0].isdigit():
            result.add(word)
            continue
        uid = keywords.get(word)
        if uid is None:
            raise RuleError(f"{rule.id}: {word!r} is not an SOP Class keyword")
        result.add(uid)
    return frozenset(result)


@standard.per_edition()
def _sop_class_keywords() -> dict[str, str]:
    return {entry.keyword: entry.uid for entry in standard.load().uids() if entry.keyword}
