"""One instance held against a plan: the outcome of every rule, and the findings of those that fail."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property, partial
from itertools import chain, islice

from dcmlint.dicom.instance import Instance
from dcmlint.dicom.items import Place, all_places, item_places
from dcmlint.dicom.path import parse_path
from dcmlint.engine.evaluate import failure
from dcmlint.engine.general_checks import GeneralChecks
from dcmlint.engine.guard import Outcome, guarded
from dcmlint.engine.instance_findings import InstanceFindings
from dcmlint.engine.maker import FindingMaker
from dcmlint.engine.placing import Failure, of_expression, of_problem, place_at
from dcmlint.engine.plan import ActiveRule, Plan, has_modality
from dcmlint.engine.runner import Checked, Ends, Groups, RuleSubject, hold, ordered
from dcmlint.engine.settings import Settings
from dcmlint.facts.registry import FactOptions, Facts
from dcmlint.facts.shape import shape_of, tags_of
from dcmlint.findings.finding import Fix, Subject
from dcmlint.findings.problem import Problem
from dcmlint.findings.redact import hidden_texts
from dcmlint.rules.functions import RuleContext
from dcmlint.rules.scope import DatasetScope
from dcmlint.rules.tables.early_end import note_early_end
from dcmlint.rules.tables.elements import ValueCache

_EVERY = "*"
_MOST_LEVELS = 2000  # in which texts are looked for that findings may not show


class InstanceResult(Checked, frozen=True, kw_only=True):
    """What came of one instance.

    ``outcomes`` holds the rules of the plan that did not simply pass; ``iod``: that of the tables, ``reviewed``:
    whether its conditions were.
    """

    reviewed: bool = True
    iod: str = ""


class InstanceRun(RuleSubject):
    """One instance held against one plan."""

    def __init__(
        self, instance: Instance, file: str, plan: Plan, settings: Settings, values: ValueCache,
    ) -> None:  # fmt: skip
        note_early_end(instance)
        self.instance, self.plan = instance, plan
        self.facts = Facts(instance, FactOptions(
            frames=settings.frames, decode=settings.decode, show_values=settings.show_values))  # fmt: skip
        super().__init__(
            DatasetScope(instance.dataset, self.facts, instance.meta),
            RuleContext(instance, self.facts),
            FindingMaker(Subject("file", file, (file,)), file, settings, partial(_hidden, instance)),
        )
        self._settings, self._values = settings, values
        self._scopes: dict[tuple[str, frozenset[int] | None], Sequence[tuple[DatasetScope, Groups]]] = {}
        self._present = frozenset(instance.dataset.elements)
        self._list = InstanceFindings(
            plan, self.maker, settings.group, partial(_fixes, instance, self.facts, settings, {})
        )

    @property
    def failures(self) -> Sequence[Failure]:
        """What rules found, with the levels concerned; only after `keep_failures`."""
        return self._list.kept or ()

    def keep_failures(self) -> None:
        """Keep each failure, for who repairs them, instead of saying in findings what would."""
        self._list.kept = []

    def run(self) -> InstanceResult:
        """Run everything; a rule that crashes gets the outcome *error*."""
        ends, group = Ends(), self._settings.group
        shape = shape_of(self.instance)
        planned = None if shape is None else self.plan.for_shape(shape)
        if planned is not None:
            ends.outcomes.update(planned.settled)
        checks = GeneralChecks(self.instance, self.facts, self.plan, self._list, ends, group)
        iod = checks.run(self._values).iod
        hold((planned or self.plan).expressions, self, ends)
        hold((planned or self.plan).functions, self, ends)
        for rule in self._list.left_out():
            del ends.outcomes[rule]
        return InstanceResult(
            findings=ordered(self._list.all()), outcomes=ends.outcomes, undecided=ends.undecided,
            reviewed=iod is None or iod.reviewed, iod=iod.name if iod is not None else "",
        )  # fmt: skip

    # -- what rules are held against ----------------------------------------------------------------------

    def concerns(self, active: ActiveRule) -> bool:
        """Not without an attribute that the rule needs, nor for other modalities."""
        needs = active.compiled.needs
        if needs and needs.isdisjoint(self._tags if active.rule.each else self._present):
            return False
        return not active.rule.applies.modality or has_modality(active.rule, self.instance)

    @cached_property
    def _tags(self) -> frozenset[int]:
        """The tags of all levels."""
        return tags_of(self.instance)

    def scopes(self, active: ActiveRule) -> Sequence[tuple[DatasetScope, Groups]]:
        """The levels for which a rule is held, and the items for which each of them stands.

        What has been read of them is kept for the next rule.
        """
        each = active.rule.each
        reads: frozenset[int] | None = active.compiled.reads
        if not each or not self.instance.dataset.context.long:
            reads = frozenset()  # no level stands for others
        elif not self._settings.group:
            reads = None  # each item has findings of its own
        found = self._scopes.get((each, reads))
        if found is None:
            found = self._scopes[each, reads] = self._levels(each, reads)
        return found

    def _levels(self, each: str, reads: frozenset[int] | None) -> Sequence[tuple[DatasetScope, Groups]]:
        dataset, meta = self.instance.dataset, self.instance.meta
        if not each:
            return [(self.scope, ())]
        places: Iterable[Place] = (
            all_places(dataset, reads)
            if each == _EVERY
            else item_places(dataset, [step.tag for step in parse_path(each)], reads)
        )
        return [(DatasetScope(place.level, self.facts, meta), place.groups) for place in places]

    def places(self, active: ActiveRule) -> list[tuple[str, DatasetScope]]:
        """The path of each level for which an expression is held, and the level; none for other kinds of rules."""
        if active.rule.kind != "expression":
            return []
        return [(place_at(scope.dataset, "", None)[2], scope) for scope, _ in self.scopes(active)]

    # -- what becomes of what they find -------------------------------------------------------------------

    def failed(
        self, active: ActiveRule, scope: DatasetScope, lets: dict[str, object], groups: Groups
    ) -> None:
        """Take in that an expression is false, with the value of the attribute that it is about."""
        level, where = of_expression(active, scope, lets, groups, self._settings.group)
        tag = where.tag
        element = level.get(tag) if level is not None and tag else None
        found: object = None
        if element is not None and level is not None and element.items is None and element.fragments is None:
            found = level.values(tag)
        problem = failure(active.compiled, scope, lets, active.severity, self.maker, found=found, tag=tag)
        self._list.add(Failure(active, problem, where, level, scope.dataset, groups))

    def found(self, active: ActiveRule, problem: Problem) -> None:
        """Take in a problem that a function found."""
        dataset = self.instance.dataset
        level, where = of_problem(active, problem, dataset, self._settings.group)
        self._list.add(Failure(active, problem, where, level, dataset, problem.groups))


# Functions, not methods: a run that its own parts refer to would wait for the garbage collector.


def _fixes(
    instance: Instance, facts: Facts, settings: Settings, known: dict[tuple[str, int], bool], failure: Failure
) -> tuple[Fix, ...]:
    """What would repair a failure, at its first place; ``known``: what repairs remember."""
    from dcmlint.rules.repairs import has_repairs

    if not has_repairs(failure.active.source, failure.problem.check):
        return ()  # that of most rules
    fixes: list[Fix] = []

    def propose() -> Outcome:
        from dcmlint.engine.repairs import proposals
        from dcmlint.rules.repairs import RepairContext

        fixes.extend(proposals(RepairContext(instance, facts, known), failure, settings))
        return "pass", ""

    guarded(propose)
    return tuple(fixes)


def _hidden(instance: Instance) -> Iterable[str]:
    """The texts of an instance that no finding may show."""
    places = islice(all_places(instance.dataset, None), _MOST_LEVELS)
    meta = instance.meta
    return hidden_texts(chain(() if meta is None else (meta,), (place.level for place in places)))
