"""Which modules of its IOD an instance uses, and which it uses though it must not: PS3.3 A.1.3."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.path import name_of
from dcmlint.expr import describe
from dcmlint.rules.tables.collector import ProblemCollector
from dcmlint.rules.tables.levels import IodSpec, ModuleSpec, base_of


class Modules(msgspec.Struct, frozen=True, kw_only=True):
    """The modules of an IOD as one data set has them, by their numbers.

    ``active``: in use: mandatory, required by a condition, or started by the data set; ``known_only``: only optional
    attributes of them are there; ``outside``: in use, though their condition does not hold; ``absent``: by table of a
    mandatory module of which nothing is there, that it is absent.
    """

    active: frozenset[int]
    known_only: frozenset[int]
    outside: tuple[ModuleSpec, ...]
    absent: Mapping[str, str]


def modules_in_use(collector: ProblemCollector, spec: IodSpec, dataset: Dataset) -> Modules:
    """The modules in use; conditions that cannot be decided are counted."""
    present = frozenset(dataset.elements)
    scope = collector.scope(dataset)
    active: set[int] = set()
    known_only: set[int] = set()
    outside: list[ModuleSpec] = []
    absent: dict[str, str] = {}
    for number, module in enumerate(spec.modules):
        started = not module.own.isdisjoint(present)
        if not started and module.distinctive:
            for table in module.tables:
                absent[table] = f"the mandatory {module.name} Module is absent"
        stands = collector.stands(module.use)
        if module.usage == "M" and stands:
            active.add(number)
            continue
        verdict: object = None if module.when is None or not stands else module.when(scope, {})
        if module.usage == "C" and verdict is not True and verdict is not False:
            collector.open("module-missing", module.source)
        # A module whose condition is false asks for nothing, unless it may be there all the same: then wholly.
        possible = verdict is not False or module.otherwise == "may"
        if verdict is True or (possible and module.started(present)):
            active.add(number)
        elif started:
            known_only.add(number)
        if verdict is False and started and module.otherwise == "not" and module.reviewed:
            outside.append(module)
    return Modules(
        active=frozenset(active), known_only=frozenset(known_only), outside=tuple(outside), absent=absent
    )


def tell_forbidden(collector: ProblemCollector, module: ModuleSpec, dataset: Dataset) -> None:
    """Tell of a module that is there though its condition does not hold.

    To be asked when the values that decide were looked at: of a wrong one it is not known what it allows.
    """
    first = next(element for element in dataset if element.tag in module.own)
    assert module.when is not None
    if collector.doubtful(dataset, module.when.attributes):
        return
    collector.add(
        "module-forbidden", dataset, first.tag,
        f"{name_of(first.tag)} is present, but the {module.name} Module is not allowed here",
        want=f"present only if {describe(module.when)}", table=module.tables[0] if module.tables else "",
        offset=first.offset, condition=module.when.attributes,
    )  # fmt: skip


def tell_prohibited(collector: ProblemCollector, spec: IodSpec, dataset: Dataset) -> None:
    """Tell once of each module that is there though the IOD excludes it."""
    told: set[str] = set()
    for tag in dataset.elements:
        module = spec.prohibited.get(base_of(tag))
        if module is None or module.name in told:
            continue
        told.add(module.name)
        collector.add(
            "module-prohibited", dataset, tag,
            f"{name_of(tag)} is present, but the {spec.iod.name} IOD excludes the {module.name} Module",
            want="absent", because=f"PS3.3 {module.section}", table=module.table, offset=dataset.elements[tag].offset,
        )  # fmt: skip
