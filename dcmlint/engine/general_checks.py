"""The checks that go through a whole instance (tables, values, encoding), and the rules that speak of what they find."""

from __future__ import annotations

import msgspec

from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.instance import Instance
from dcmlint.dicom.path import path_of
from dcmlint.engine.evaluate import lowered
from dcmlint.engine.instance_findings import InstanceFindings
from dcmlint.engine.maker import Where, lower_of
from dcmlint.engine.placing import Failure, byte, paths_at
from dcmlint.engine.plan import ActiveRule, Plan, has_modality
from dcmlint.engine.runner import Ends
from dcmlint.facts.registry import Facts
from dcmlint.findings.collapse import without_indices
from dcmlint.findings.problem import Problem
from dcmlint.profiles.attributes import ROW
from dcmlint.rules.scope import DatasetScope
from dcmlint.rules.tables.elements import ElementCheck, ValueCache
from dcmlint.rules.tables.encoding import encoding_problems
from dcmlint.rules.tables.walk import TableCheck


class GeneralChecks:
    """What tables, values and encoding say of one instance, taken in as failures of the rules of a plan."""

    def __init__(
        self, instance: Instance, facts: Facts, plan: Plan, findings: InstanceFindings, ends: Ends, group: bool
    ) -> None:  # fmt: skip
        self._instance, self._facts, self._plan, self._group = instance, facts, plan, group
        self._findings, self._ends = findings, ends
        self._known: dict[tuple[object, ...], tuple[ActiveRule, str]] = {}
        self._steps = _Steps()

    def run(self, values: ValueCache) -> TableCheck:
        """Run those of which rules of the plan speak; ``values``: values that are known to be right.

        Gives the tables of the IOD.
        """
        instance, group, kinds = self._instance, self._group, self._plan.kinds
        problems = encoding_problems(instance, group) if "encoding" in kinds else []
        elements = ElementCheck(instance, values, group)
        if "element" in kinds or "value" in kinds:
            elements.run()
        tables = TableCheck(instance, group, elements.problems, self._plan.generic)
        if "table" in kinds:
            tables.run()
        else:
            tables.find_iod()
        for code, count in tables.undecided.items():
            rule = self._plan.generic.get(f"table.{code}")
            if rule is not None:
                self._ends.outcomes[rule.id] = "undecided"
                self._ends.undecided[rule.id] = f"{count} conditions"
        for problem in (*problems, *elements.problems, *tables.problems):
            self._take(problem)
        return tables

    def _take(self, problem: Problem) -> None:
        level = problem.level
        structure: tuple[object, ...] | None = None
        if level is not None and level.parent is not None and not problem.groups and not problem.number:
            steps, numbers = self._steps.to(level)
            if steps is not None and not problem.tag >> 16 & 1:
                structure = (problem.check, problem.tag, steps)
            known = self._known.get(structure) if structure is not None else None
            if known is not None and self._findings.counts_again(*known, numbers, problem):
                self._findings.note(known[0], problem)
                return
        path = path_of(level, problem.tag) if level is not None else ""
        active = self._rule_for(problem, path)
        if active is None:
            return
        self._ends.outcomes[active.id] = "fail"
        self._ends.undecided.pop(active.id, None)
        dataset, meta = self._instance.dataset, self._instance.meta
        if level is None:
            where = Where(offset=byte(problem.offset), count=max(1, problem.count))
            self._findings.add(Failure(active, problem, where, meta or dataset, dataset))
            return
        # A row's lesser severity is for the values that its profile assumes, not for what the standard forbids.
        if active.rule.downgrade and ROW not in active.rule.tags:
            scope = DatasetScope(level, self._facts, meta)
            lets: dict[str, object] = {}
            for name, let in active.compiled.lets:
                lets[name] = let(scope, lets)
            lower = lowered(active.compiled, scope, lets, active.severity)
            problem = msgspec.structs.replace(problem, severity=lower_of(lower, problem.severity))
        elif structure is not None:
            self._known[structure] = active, without_indices(path)
        places = paths_at(level, problem.tag, problem.groups, self._group) if problem.groups else ()
        where = Where(
            places[0] if places else path, problem.tag, byte(problem.offset), places, max(1, problem.count)
        )
        self._findings.add(Failure(active, problem, where, level, dataset, problem.groups))

    def _rule_for(self, problem: Problem, path: str) -> ActiveRule | None:
        """The rule that speaks of what was found: an alias of the attribute, else the general one."""
        plan = self._plan
        if (plan.aliases or plan.silent) and path:
            keywords = without_indices(path) if "[" in path else path
            names = [keywords, "*." + keywords.rpartition(".")[2]]
            if problem.number:
                value = f"value({keywords}, {problem.number})"
                names = [f'{value} == "{problem.found}"', value, *names]
            for name in names:
                active = plan.aliases.get((problem.check, name))
                if active is not None and has_modality(active.rule, self._instance):
                    return active
                if (problem.check, name) in plan.silent:
                    return None
        return plan.generic.get(problem.check)


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
