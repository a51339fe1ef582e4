"""Runs a plan on one instance: outcomes for every rule, findings for those that fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import chain, islice
from typing import Any

import msgspec

from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.instance import Instance
from dcmlint.dicom.items import Group, Place, all_places, count_of, item_places
from dcmlint.dicom.path import ALL_ITEMS, parse_path, path_of, paths_of
from dcmlint.engine.evaluate import applies, evaluate, failure, lowered
from dcmlint.engine.guard import Outcome, guarded
from dcmlint.engine.maker import FindingMaker, Where, lower_of
from dcmlint.engine.plan import ActiveRule, Plan
from dcmlint.engine.settings import Settings
from dcmlint.facts.registry import FactOptions, Facts
from dcmlint.facts.shape import shape_of, tags_of
from dcmlint.findings.collapse import SHOWN_PLACES, Repeats, collapse, without_indices
from dcmlint.findings.finding import (
    RANK,
    Finding,
    Fix,
    OutcomeKind,
    Subject,
)
from dcmlint.findings.problem import Problem
from dcmlint.findings.redact import hidden_texts
from dcmlint.profiles.attributes import ROW
from dcmlint.rules.functions import RuleContext
from dcmlint.rules.scope import DatasetScope
from dcmlint.rules.tables.elements import ElementCheck, ValueCache
from dcmlint.rules.tables.encoding import encoding_problems
from dcmlint.rules.tables.walk import TableCheck
from dcmlint.standard.tags import Modality

Groups = tuple[Group, ...]

# Findings of one rule for one file that are listed, joined over items or each by itself; more are counted.
MAX_FINDINGS = 1000
MAX_FINDINGS_APART = 10_000

_EVERY = "*"
_MOST_LEVELS = 2000  # in which texts are looked for that findings may not show
_ORDER = {"not_applicable": 0, "pass": 1, "undecided": 2, "fail": 3, "error": 4}


class Failure(msgspec.Struct, frozen=True):
    """One problem of a rule, and where it was met.

    ``level`` and ``where.tag``: the element concerned, None where there is none; ``scope``: the level for which an
    expression was evaluated; ``groups``: the items for which these levels stand.
    """

    active: ActiveRule
    problem: Problem
    where: Where
    level: Dataset | None
    scope: Dataset
    groups: Groups = ()


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one instance.

    ``outcomes`` holds the rules of the plan that did not simply pass; ``undecided`` says why some stayed open.
    """

    findings: tuple[Finding, ...]
    outcomes: dict[str, OutcomeKind]
    undecided: dict[str, str]
    reviewed: bool = True
    iod: str = ""


class InstanceRun:
    """One instance held against one plan."""

    def __init__(
        self, instance: Instance, file: str, plan: Plan, settings: Settings, values: ValueCache,
    ) -> None:  # fmt: skip
        self.instance, self.file, self.plan, self.settings = instance, file, plan, settings
        self.facts = Facts(instance, FactOptions(
            frames=settings.frames, decode=settings.decode, show_values=settings.show_values))  # fmt: skip
        self.findings: list[Finding] = []
        self.outcomes: dict[str, OutcomeKind] = {}
        self.undecided: dict[str, str] = {}
        self._values = values
        self._by_each: dict[tuple[str, frozenset[int] | None], Sequence[tuple[DatasetScope, Groups]]] = {}
        self._context = RuleContext(instance, self.facts)
        self._present = frozenset(instance.dataset.elements)
        self._listed: dict[str, set[str]] = {}
        self._beyond: dict[ActiveRule, int] = {}
        self._repeats = Repeats()
        self._known: dict[tuple[object, ...], tuple[ActiveRule, str]] = {}
        self._steps = _Steps()
        self._maker = FindingMaker(Subject("file", file, (file,)), file, settings, self._hidden)
        self.failures: list[Failure] | None = None  # kept where somebody sets a list

    def _hidden(self) -> Iterable[str]:
        """The texts of the instance that no finding may show."""
        places = islice(all_places(self.instance.dataset, None), _MOST_LEVELS)
        meta = self.instance.meta
        return hidden_texts(chain(() if meta is None else (meta,), (place.level for place in places)))

    def run(self) -> Checked:
        """Run everything; a rule that crashes gets the outcome *error*."""
        shape = shape_of(self.instance)
        planned = None if shape is None else self.plan.for_shape(shape)
        if planned is not None:
            self.outcomes.update(planned.settled)
        tables = self._generic()
        for active in (planned or self.plan).expressions:
            self._hold(active, self._expression)
        for active in (planned or self.plan).functions:
            self._hold(active, self._function)
        self._leave_out_explained()
        self._tell_beyond()
        self.findings = self._repeats.added_to(self.findings)
        findings = collapse(self.findings, self.plan.once) if self.settings.group else tuple(self.findings)
        ordered = sorted(findings, key=lambda f: (-RANK[f.severity], f.rule, f.offset or 0, f.path))
        iod = tables.iod
        return Checked(
            findings=tuple(ordered), outcomes=self.outcomes, undecided=self.undecided,
            reviewed=iod is None or iod.reviewed, iod=iod.name if iod is not None else "",
        )  # fmt: skip

    def _leave_out_explained(self) -> None:
        """Leave out findings that follow from another one at the same place: one defect, one finding."""
        explains = self.plan.explains
        if explains.keys().isdisjoint(finding.rule for finding in self.findings):
            return
        explained = {
            (other, finding.path) for finding in self.findings for other in explains.get(finding.rule, ())
        }
        dropped = {finding.rule for finding in self.findings if (finding.rule, finding.path) in explained}
        self.findings = [
            finding for finding in self.findings if (finding.rule, finding.path) not in explained
        ]
        for rule in dropped.difference(finding.rule for finding in self.findings):
            del self.outcomes[rule]

    def _hold(self, active: ActiveRule, run: Callable[[ActiveRule], Outcome]) -> None:
        needs = active.compiled.needs
        if needs and needs.isdisjoint(self._tags if active.rule.each else self._present):
            self.outcomes.setdefault(active.id, "not_applicable")
            return
        if not self._has_modality(active):
            self.outcomes[active.id] = "not_applicable"
            return
        outcome, reason = guarded(run, active)
        # An alias that has failed already says nothing new by what else it finds.
        if outcome != "pass" and active.id not in self.outcomes:
            self.outcomes[active.id] = outcome
            if reason:
                self.undecided[active.id] = reason

    def _has_modality(self, active: ActiveRule) -> bool:
        """Whether the rule is about instances of this modality."""
        modalities = active.rule.applies.modality
        return not modalities or self.instance.dataset.text(Modality) in modalities

    @cached_property
    def _tags(self) -> frozenset[int]:
        """The tags of all levels."""
        return tags_of(self.instance)

    # -- generic checks ---------------------------------------------------------------------------------

    def _generic(self) -> TableCheck:
        generic = self.plan.generic
        together = self.settings.group
        tables = TableCheck(self.instance, together)
        problems = encoding_problems(self.instance, together)
        elements = ElementCheck(self.instance, self._values, together)
        elements.run()
        problems += elements.problems
        tables.run()
        problems += tables.problems
        for code, count in tables.undecided.items():
            rule = generic.get(f"table.{code}")
            if rule is not None:
                self.outcomes[rule.id] = "undecided"
                self.undecided[rule.id] = f"{count} conditions"
        for problem in problems:
            self._generic_problem(problem)
        return tables

    def _generic_problem(self, problem: Problem) -> None:
        level = problem.level
        structure = None
        within = level is not None and level.parent is not None and self.failures is None
        if level is not None and within and not problem.groups and not problem.number:
            steps, numbers = self._steps.to(level)
            structure = (
                None if steps is None or problem.tag >> 16 & 1 else (problem.check, problem.tag, steps)
            )
            known = self._known.get(structure) if structure is not None else None
            if known is not None:
                speaks, place = known
                rank = RANK[lower_of(speaks.severity, problem.severity)]
                if self._repeats.counts_again(speaks.id, place, numbers, rank, max(1, problem.count)):
                    return
        path = path_of(level, problem.tag) if level is not None else ""
        active = self._rule_for(problem, path)
        if active is None:
            return
        self.outcomes[active.id] = "fail"
        self.undecided.pop(active.id, None)
        if level is None:
            self._add(active, problem, Where(offset=_byte(problem.offset), count=max(1, problem.count)),
                      self.instance.meta or self.instance.dataset)  # fmt: skip
            return
        # A row's lesser severity is for the values that its profile assumes, not for what the standard forbids.
        if active.rule.downgrade and ROW not in active.rule.tags:
            scope = DatasetScope(level, self.facts, self.instance.meta)
            lets: dict[str, object] = {}
            for name, let in active.compiled.lets:
                lets[name] = let(scope, lets)
            lower = lowered(active.compiled, scope, lets, active.severity)
            problem = msgspec.structs.replace(problem, severity=lower_of(lower, problem.severity))
        elif structure is not None:
            self._known[structure] = active, without_indices(path)
        places = self._paths(level, problem.tag, problem.groups) if problem.groups else ()
        self._add(active, problem, Where(
            places[0] if places else path, problem.tag, _byte(problem.offset),
            places, max(1, problem.count),
        ), level, groups=problem.groups)  # fmt: skip

    def _rule_for(self, problem: Problem, path: str) -> ActiveRule | None:
        """The rule that speaks of what a generic check found: an alias of the attribute, else the general one."""
        plan = self.plan
        if (plan.aliases or plan.silent) and path:
            keywords = without_indices(path) if "[" in path else path
            names = [keywords, "*." + keywords.rpartition(".")[2]]
            if problem.number:
                value = f"value({keywords}, {problem.number})"
                names = [f'{value} == "{problem.found}"', value, *names]
            for name in names:
                active = plan.aliases.get((problem.check, name))
                if active is not None and self._has_modality(active):
                    return active
                if (problem.check, name) in plan.silent:
                    return None
        return plan.generic.get(problem.check)

    # -- expressions ------------------------------------------------------------------------------------

    def _expression(self, active: ActiveRule) -> Outcome:
        worst: Outcome = ("not_applicable", "")
        for scope, groups in self._scopes(active.rule.each, active.compiled.reads):
            verdict = evaluate(active.compiled, scope)
            if verdict.outcome == "fail":
                self._fail(active, scope, verdict.lets, groups)
            if _ORDER[verdict.outcome] > _ORDER[worst[0]]:
                worst = (verdict.outcome, verdict.reason)
        return worst

    def scopes(self, active: ActiveRule) -> list[tuple[str, DatasetScope]]:
        """The path of each level for which an expression is held, and the level; none for other kinds of rules."""
        if active.rule.kind != "expression":
            return []
        levels = self._scopes(active.rule.each, active.compiled.reads)
        return [(_place(scope.dataset, "", None)[2], scope) for scope, _ in levels]

    def _scopes(self, each: str, reads: frozenset[int] | None) -> Sequence[tuple[DatasetScope, Groups]]:
        """The levels for which a rule is held, and the items for which each of them stands.

        What has been read of them is kept for the next rule.
        """
        if not each or not self.instance.dataset.context.long:
            reads = frozenset()  # no level stands for others
        elif not self.settings.group:
            reads = None  # each item has findings of its own
        found = self._by_each.get((each, reads))
        if found is None:
            dataset, facts, meta = self.instance.dataset, self.facts, self.instance.meta
            places: Iterable[Place] = (Place(dataset),)
            if each == _EVERY:
                places = all_places(dataset, reads)
            elif each:
                places = item_places(dataset, [step.tag for step in parse_path(each)], reads)
            found = [(DatasetScope(place.level, facts, meta), place.groups) for place in places]
            self._by_each[each, reads] = found
        return found

    def _paths(self, level: Dataset, tag: int, groups: Groups) -> tuple[str, ...]:
        """The paths of the places for which a level stands: the first few, or all where findings are not grouped."""
        most = SHOWN_PLACES if self.settings.group else max(len(group.numbers) for group in groups)
        return paths_of(level, tag, groups, most)

    def _fail(self, active: ActiveRule, scope: DatasetScope, lets: dict[str, object], groups: Groups) -> None:
        compiled, rule = active.compiled, active.rule
        assert compiled.claim is not None
        level, tag, path = _place(scope.dataset, rule.at, compiled.claim.primary())
        places: tuple[str, ...] = ()
        count = 1
        if compiled.places is not None:
            numbers: Any = compiled.places(scope, lets)
            if hasattr(numbers, "__len__"):
                count = len(numbers)
                if "[*]" in rule.at:
                    places = _numbered(rule.at, numbers, self.settings.group)
                    if places:
                        # Value and offset are those of the first place, not of the first item.
                        level, _, _ = _place(scope.dataset, places[0], None)
                        path = places[0]
        if groups and level is not None and not places:
            places = self._paths(level, tag, groups)
            path = places[0]
            count = count_of(groups)
        element = level.get(tag) if level is not None and tag else None
        found: object = None
        if element is not None and level is not None and element.items is None and element.fragments is None:
            found = level.values(tag)
        problem = failure(compiled, scope, lets, active.severity, self._maker, found=found, tag=tag)
        # An attribute that is absent has no place; a level has one of its own.
        offset = (
            element.offset if element is not None else level.offset if level is not None and not tag else None
        )
        where = Where(path, tag, offset, places, max(1, count))
        self._add(active, problem, where, level, scope.dataset, groups)

    # -- functions --------------------------------------------------------------------------------------

    def _function(self, active: ActiveRule) -> Outcome:
        compiled = active.compiled
        if compiled.when is not None:
            begun = applies(compiled, self._scopes("", frozenset())[0][0])
            if begun.outcome != "pass":
                return begun.outcome, begun.reason
        assert compiled.function is not None
        problems = list(compiled.function(self._context, **active.rule.parameters))
        for problem in problems:
            self._problem(active, problem)
        return ("fail" if problems else "pass"), ""

    def _problem(self, active: ActiveRule, problem: Problem) -> None:
        level, tag, path = problem.level, problem.tag, problem.path
        items: Sequence[int] = problem.items if hasattr(problem.items, "__len__") else []
        places: tuple[str, ...] = ()
        if level is None and not path:
            level, tag, path = _place(self.instance.dataset, active.rule.at, tag or None)
        elif level is not None:
            places = self._paths(level, tag, problem.groups) if problem.groups else ()
            path = places[0] if places else path_of(level, tag)
        elif path:
            first = int(items[0]) if len(items) else 0
            found_level, found_tag, _ = _place(self.instance.dataset, path.replace("[*]", f"[{first}]"), None)
            level, tag = found_level, tag or found_tag
        element = level.get(tag) if level is not None and tag else None
        if "[*]" in path:
            places = _numbered(path, items, self.settings.group)
            path = places[0] if places else path.replace("[*]", "")
        offset = element.offset if element is not None else None
        count = problem.count or len(items) or (count_of(problem.groups) if problem.groups else 1)
        self._add(active, problem, Where(
            path, tag, _byte(problem.offset) if problem.offset >= 0 else offset, places, count,
        ), level, groups=problem.groups)  # fmt: skip

    def _add(
        self, active: ActiveRule, problem: Problem, where: Where, level: Dataset | None = None,
        scope: Dataset | None = None, groups: Groups = (),
    ) -> None:  # fmt: skip
        """Take in what a rule found; ``level``: where, ``scope``: for what an expression was evaluated."""
        scope = self.instance.dataset if scope is None else scope
        failure = Failure(active, problem, where, level, scope, groups)
        if self.failures is not None:
            self.failures.append(failure)
        group = self.settings.group
        listed = self._listed.setdefault(active.id, set())
        # Repeats at other items are one finding; where they are not joined, each place is one.
        place = without_indices(where.path) if group and "[" in where.path else where.path
        if place not in listed and len(listed) >= (MAX_FINDINGS if group else MAX_FINDINGS_APART):
            self._beyond[active] = self._beyond.get(active, 0) + where.count
            return
        listed.add(place)
        if place is not where.path and active.id not in self.plan.bound and not where.places:
            rank = RANK[lower_of(active.severity, problem.severity)]
            if self._repeats.counts(self.findings, active.id, place, where.path, rank, where.count):
                return
        if self.failures is None and not problem.fixes:
            problem = self._with_fixes(failure)
        self.findings.extend(self._maker.make(active, problem, where))

    def _with_fixes(self, failure: Failure) -> Problem:
        """The problem with what would repair it, at its first place."""
        fixes: list[Fix] = []
        guarded(self._propose, failure, fixes)
        return msgspec.structs.replace(failure.problem, fixes=tuple(fixes)) if fixes else failure.problem

    def _propose(self, failure: Failure, fixes: list[Fix]) -> Outcome:
        from dcmlint.engine.repairs import proposals

        fixes += proposals(self.instance, self.facts, failure, self.settings)
        return "pass", ""

    def _tell_beyond(self) -> None:
        """Say how many more findings of a rule there are than are listed."""
        for active, count in self._beyond.items():
            message = f"{count} more findings of this rule in this file are not listed"
            self.findings.extend(self._maker.make(active, Problem(message=message), Where(count=count)))


class _Steps:
    """The tags of the path to a level, which are the same for all items of a sequence, and the indices of its items."""

    __slots__ = ("_level", "_numbers", "_tags")

    def __init__(self) -> None:
        self._level: Dataset | None = None
        self._tags: tuple[int, ...] | None = ()
        self._numbers: tuple[int, ...] = ()

    def to(self, level: Dataset) -> tuple[tuple[int, ...] | None, tuple[int, ...]]:
        """Tags, from the inside out, and indices; no tags where a private element is among them: its path has its creator."""
        if level is self._level:  # what is wrong in one level is told together
            return self._tags, self._numbers
        self._level = level
        tags: list[int] = []
        numbers: list[int] = []
        while level.parent is not None:
            tags.append(level.parent_tag)
            numbers.append(level.index)
            level = level.parent
        private = any(tag >> 16 & 1 for tag in tags)
        self._tags, self._numbers = None if private else tuple(tags), tuple(reversed(numbers))
        return self._tags, self._numbers


def _byte(offset: int) -> int | None:
    return offset if offset >= 0 else None


def _numbered(path: str, numbers: Any, group: bool) -> tuple[str, ...]:
    """A path with ``[*]`` for each of the numbers: the first few, or all when findings are not grouped."""
    few = numbers[:SHOWN_PLACES] if group else numbers
    return tuple(path.replace("[*]", f"[{int(number)}]", 1) for number in few)


def _place(dataset: Dataset, at: str, primary: int | None) -> tuple[Dataset | None, int, str]:
    """Where a finding stands: the level, the tag and the path, from a rule's ``at`` or the tag it compares."""
    if not at:
        return (
            (dataset, primary or 0, path_of(dataset, primary or 0))
            if primary or dataset.parent
            else (None, 0, "")
        )
    try:
        steps = parse_path(at)
    except ValueError:
        return None, 0, at
    level, tag = dataset, 0
    for number, step in enumerate(steps):
        tag = step.tag
        if step.index is None or (number == len(steps) - 1 and step.index is None):
            break
        items = level.items(tag)
        index = 0 if step.index == ALL_ITEMS else step.index
        if index >= len(items):
            return None, steps[-1].tag, at
        level, tag = items[index], 0
    return level, tag, path_of(level, tag) if "[*]" not in at else at
