"""One rule on one scope: its outcome, and what a finding says."""

from __future__ import annotations

from typing import Any

import msgspec

from dcmlint.engine.maker import FindingMaker
from dcmlint.expr import UNKNOWN, Missing
from dcmlint.findings.finding import RANK, OutcomeKind, Severity
from dcmlint.findings.problem import Problem
from dcmlint.rules.compile import CompiledRule


class Verdict(msgspec.Struct, frozen=True):
    """The outcome of a rule; ``reason`` says why it stayed undecided; ``lets`` are the values of its lets."""

    outcome: OutcomeKind
    reason: str = ""
    lets: dict[str, object] = {}


_UNKNOWN = Verdict("undecided", "its condition cannot be determined from the file")
_NOT_APPLICABLE = Verdict("not_applicable")


def applies(compiled: CompiledRule, scope: Any) -> Verdict:
    """Whether the rule applies to the scope: an outcome of "pass" means that it does."""
    lets: dict[str, object] = {}
    when = compiled.when
    # A `when` that needs no let spares the work of computing them.
    first = when is not None and not when.lets
    verdict: object = when(scope, lets) if when is not None and first else True
    if verdict is True:
        for name, let in compiled.lets:
            lets[name] = let(scope, lets)
        if when is not None and not first:
            verdict = when(scope, lets)
    if verdict is UNKNOWN:
        return _UNKNOWN
    return Verdict("pass", "", lets) if verdict is True else _NOT_APPLICABLE


def evaluate(compiled: CompiledRule, scope: Any) -> Verdict:
    """Hold an expression rule against a scope."""
    applied = applies(compiled, scope)
    if applied.outcome != "pass":
        return applied
    assert compiled.assertion is not None
    verdict = compiled.assertion(scope, applied.lets)
    if verdict is True:
        return applied
    if verdict is False:
        return Verdict("fail", "", applied.lets)
    if isinstance(verdict, Missing):
        return Verdict("undecided", ", ".join(verdict.names) + " missing", applied.lets)
    return Verdict("undecided", "it cannot be determined from the file", applied.lets)


def lowered(compiled: CompiledRule, scope: Any, lets: dict[str, object], severity: Severity) -> Severity:
    """The severity of a finding after the rule's downgrades."""
    for when, lower in compiled.downgrade:
        if when(scope, lets) is True and RANK[lower] < RANK[severity]:
            severity = lower
    return severity


def failure(
    compiled: CompiledRule, scope: Any, lets: dict[str, object], severity: Severity, maker: FindingMaker,
    *, found: object = None, tag: int = 0,
) -> Problem:  # fmt: skip
    """What an expression that is false says: its message, and the operands that made it so.

    ``found`` is the value of the attribute ``tag`` that the rule is about, where the rule does not say better.
    """
    assert compiled.assertion is not None
    said = "" if compiled.is_ is None else compiled.is_.render(scope, lets, maker.show)
    hidden = set(lets)
    # Where it fails is said as places: their numbers tell nothing.
    operands = [one for one in compiled.assertion.because(scope, lets) if one.text != compiled.rule.places]
    if not said and found is not None:
        hidden.add(maker.keyword(tag))
    shown = said or ("" if found is None else maker.show(found, tag or None))
    return Problem(
        message=compiled.rule.title
        if compiled.message is None
        else compiled.message.render(scope, lets, maker.show),
        want="" if compiled.want is None else compiled.want.render(scope, lets, maker.show),
        said=said,
        found=found,
        because=maker.operands(operands, hidden, shown),
        severity=lowered(compiled, scope, lets, severity),
    )
