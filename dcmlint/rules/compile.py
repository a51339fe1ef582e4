"""A rule made ready to run: its expressions compiled, its function found.  Done once, when a plan needs it."""

from __future__ import annotations

from typing import Any

from dcmlint import standard
from dcmlint.dicom.path import parse_path
from dcmlint.errors import RuleError
from dcmlint.expr import UNKNOWN, Expression, Message, SourceRef, compile_expression, parse_message
from dcmlint.expr.types import Type
from dcmlint.findings.finding import Severity
from dcmlint.rules.functions import RuleFunction, function_named, function_names, typed_parameters
from dcmlint.rules.model import Rule, RuleSource
from dcmlint.rules.names import RULE_NAMES
from dcmlint.rules.scope import DatasetScope, idle


class CompiledRule:
    """The expressions and the function of one rule.

    ``needs``: attributes of which one must be there for the rule to apply; empty: nothing is known of that.
    ``reads``: all attributes on whose values the outcome, or what a finding says, may depend.
    """

    __slots__ = (
        "arguments",
        "at",
        "claim",
        "downgrade",
        "function",
        "is_",
        "lets",
        "message",
        "needs",
        "places",
        "reads",
        "rule",
        "want",
        "when",
    )

    def __init__(self, source: RuleSource) -> None:
        rule = self.rule = source.rule
        known: dict[str, Type | Expression] = {}

        def expression(text: str, key: str) -> Expression:
            line, column = source.marks.get(f"$.{key}", (0, 0))
            return compile_expression(text, RULE_NAMES, SourceRef(source.file, line, column), known)

        def message(text: str, key: str) -> Message | None:
            if not text:
                return None
            line, column = source.marks.get(f"$.{key}", (0, 0))
            return parse_message(text, RULE_NAMES, known, SourceRef(source.file, line, column))

        self.lets: list[tuple[str, Expression]] = []
        for name, text in rule.let.items():
            compiled = expression(text, f"let.{name}")
            self.lets.append((name, compiled))
            # The expression itself: so that redaction and `because` see through a let.
            known[name] = compiled
        self.when = expression(rule.when, "when") if rule.when else None
        without = idle(self.when, DatasetScope)
        applies = without is None or without is True or without is UNKNOWN
        self.needs = frozenset() if applies or self.when is None else self.when.attributes
        self.claim = expression(rule.assert_, "assert") if rule.assert_ else None
        self.places = expression(rule.places, "places") if rule.places else None
        self.downgrade: list[tuple[Expression, Severity]] = [
            (expression(one.when, f"downgrade[{i}].when"), one.severity)
            for i, one in enumerate(rule.downgrade)
        ]
        self.message = message(rule.message, "message") if rule.kind == "expression" else None
        self.is_ = message(rule.is_, "is")
        self.want = message(rule.want, "want") if rule.kind == "expression" else None
        self.at = rule.at
        self.reads = self._reads()
        self.function: RuleFunction | None = None
        self.arguments: dict[str, Any] = {}
        if rule.kind == "function":
            self.function = function_named(rule.function)
            if self.function is None:
                raise RuleError(
                    f"no function is registered as {rule.function!r}", source.file,
                    *source.marks.get("$.function", (0, 0)), hint=f"known: {', '.join(function_names())}",
                )  # fmt: skip
            try:
                self.arguments = typed_parameters(self.function, rule.parameters)
            except ValueError as problem:
                raise RuleError(
                    f"the function {rule.function}: {problem}", source.file,
                    *(source.marks.get("$.parameters") or source.marks.get("$.function", (0, 0))),
                ) from None  # fmt: skip

    def _reads(self) -> frozenset[int]:
        expressions = [let for _, let in self.lets] + [when for when, _ in self.downgrade]
        expressions += [one for one in (self.when, self.claim, self.places) if one is not None]
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


def compiled(source: RuleSource) -> CompiledRule:
    """The compiled rule, made when first asked for.  Raises RuleError with file, line and column."""
    found: CompiledRule | None = source.__dict__.get("compiled")
    if found is None:
        found = source.__dict__["compiled"] = CompiledRule(source)
    return found


def sop_classes_of(rule: Rule) -> frozenset[str]:
    """The SOP Class UIDs to which a rule applies; empty: to all.

    Raises RuleError for a keyword that PS3.6 does not have.
    """
    result = set()
    for word in rule.applies.sop_class:
        if word[0].isdigit():
            result.add(word)
            continue
        uid = _sop_class_keywords().get(word)
        if uid is None:
            raise RuleError(f"{rule.id}: {word!r} is not an SOP Class keyword")
        result.add(uid)
    return frozenset(result)


@standard.per_edition()
def _sop_class_keywords() -> dict[str, str]:
    return {entry.keyword: entry.uid for entry in standard.load().uids() if entry.keyword}
