"""A document held against its template (PS3.16 6): which rows its content items fill, and what is wrong with them.

Where an item may be of several templates, what is wrong in all of them is wrong; an item that declares its template is
of that one. Conditions are three-valued: only those that hold make a row required. Templates that are not covered are
collected and make no issue, nor does what they may hold.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from dcmlint.dicom.dataset import Dataset
from dcmlint.facts.report.content import Code, ContentItem
from dcmlint.facts.report.template_conditions import holds
from dcmlint.facts.report.template_rows import Link, Rows, Slot, concept_fit, fits, flatten, identifier
from dcmlint.facts.report.template_values import value_issues
from dcmlint.plural import number_of
from dcmlint.standard.coding import same_code
from dcmlint.standard.documents import ContentConstraints, DocumentTables
from dcmlint.standard.tags import (
    ConceptNameCodeSequence,
    ContentSequence,
    RelationshipType,
    ValueType,
)
from dcmlint.standard.templates import Template, TemplateInclude

Kind = Literal["missing", "repeated", "form", "unknown", "title", "value", "group", "units", "graphic"]


# Value types whose items must have a concept name by the tables (PS3.3 Table C.17-5)
_NAMED = frozenset({"TEXT", "NUM", "CODE", "DATETIME", "DATE", "TIME", "UIDREF", "PNAME"})


# Templates whose items have one meaning wherever they stand by these relationships (PS3.16 TID 1001, 1204)
_COMMON = ("1001", "1204")
_OF_CONTEXT = frozenset({"HAS OBS CONTEXT", "HAS CONCEPT MOD"})


class Issue(msgspec.Struct, frozen=True, eq=False):
    """One thing that is wrong against a template: where, what was found, what was expected, by which row.

    ``meant``: the items that are in the place of what is missing, but for their concept name.
    """

    kind: Kind
    level: Dataset
    tag: int
    message: str
    found: str
    want: str
    row: str
    meant: tuple[ContentItem, ...] = ()

    @property
    def key(self) -> tuple[str, int, str]:
        """What makes two issues of different templates the same."""
        return self.kind, id(self.level), self.found or self.want


class Matcher:
    """Holds the content items of one document against templates."""

    def __init__(self, tables: DocumentTables, permitted: ContentConstraints | None = None) -> None:
        """``permitted``: the relationships of the IOD; what it forbids is for its rule to say.

        ``uncovered`` are the templates that were met and not held against the document, ``covered`` those that only a
        part of it was held against.
        """
        self.tables, self.permitted = tables, permitted
        self.uncovered: set[str] = set()
        self.covered: set[str] = set()
        self._rows: dict[int, Rows] = {}
        self._common: list[Slot] | None = None
        self._fitting: dict[tuple[int, str, tuple[str, str] | None, str, bool], tuple[list[Slot], int]] = {}
        self._named: dict[tuple[int, tuple[str, str] | None], list[Slot]] = {}
        self._done: dict[tuple[int, int], list[Issue]] = {}

    def document(
        self, root: ContentItem, template: Template, what: str = "the document title"
    ) -> list[Issue]:
        """What is wrong with a document, or a part of it, whose root declares a template."""
        slots = flatten(self.tables, template, template.rows).slots
        first = next((slot for slot in slots if slot.row.value_type == root.value_type), None)
        if first is None:
            return []
        issues = []
        title = root.concept
        unnamed = title is None and ConceptNameCodeSequence in root.like
        if not unnamed and not concept_fit(self.tables, first.row, title):
            issues.append(
                Issue(
                    "title",
                    root.dataset,
                    ConceptNameCodeSequence,
                    f"{what} is not that of the template",
                    f"({title.value}, {title.scheme})" if title is not None else "",
                    _codes(first),
                    first.label,
                )
            )
        return [*issues, *self._item(root, first)]

    def parts(self, item: ContentItem) -> list[Issue]:
        """What is wrong with the parts below an item of no covered template that declare a covered one themselves."""
        issues: list[Issue] = []
        todo = list(reversed(item.children))
        while todo:
            part = todo.pop()
            declared = self._declared(part)
            if declared is None:
                issues += self._context(part)
                todo.extend(reversed(part.children))
            else:
                self.covered.add(identifier(declared.identifier))
                issues += self.document(part, declared, "the concept name")
        return issues

    def _context(self, item: ContentItem) -> list[Issue]:
        """What is wrong with an item of language or observation context, which means the same in every template."""
        if item.by_reference or item.relationship not in _OF_CONTEXT or item.concept is None:
            return []
        if self._common is None:
            found = (self.tables.template(one) for one in _COMMON)
            self._common = [
                slot for one in found if one is not None for slot in flatten(self.tables, one, one.rows).slots
            ]
        meant = [slot for slot in self._common if concept_fit(self.tables, slot.row, item.concept) == 3]
        same_type = [slot for slot in meant if slot.row.value_type == item.value_type]
        if meant and not same_type:
            return [] if self._told_of_iod(item, item) else [_another_type(item, item.value_type, meant)]
        if len(same_type) != 1:
            return []  # no such item, or one of several meanings
        slot = same_type[0]
        return [
            Issue(kind, level, tag, message, found, want, slot.label)  # type: ignore[arg-type]
            for kind, level, tag, message, found, want in value_issues(item, slot.row)
        ]

    def _item(self, item: ContentItem, slot: Slot) -> list[Issue]:
        """What is wrong with an item that fills a slot, and with what it holds."""
        key = (id(item), id(slot.row))
        if key not in self._done:
            self._done[key] = []  # a template that includes itself ends here
            issues = [
                Issue(kind, level, tag, message, found, want, slot.label)  # type: ignore[arg-type]
                for kind, level, tag, message, found, want in value_issues(item, slot.row)
            ]
            self._done[key] = [*issues, *self._children(item, slot)]
        return self._done[key]

    def _level(self, slot: Slot) -> Rows:
        rows = self._rows.get(id(slot.row))
        if rows is None:
            rows = self._rows[id(slot.row)] = flatten(self.tables, slot.template, slot.row.rows)
        return rows

    def _children(self, item: ContentItem, slot: Slot) -> list[Issue]:
        rows = self._level(slot)
        self.uncovered |= rows.uncovered
        issues: list[Issue] = []
        filled: dict[int, list[ContentItem]] = {}
        touched: set[int] = set()
        active: set[Link] = set()
        blamed: set[int] = set()
        unclear: set[int] = set()
        strange: list[ContentItem] = []
        for child in item.children:
            chosen, score = self._chosen(rows, child)
            if not chosen:
                found, meant = self._strange(slot, rows, child)
                issues += found or self._context(child)
                blamed |= meant
                strange.append(child)
                continue
            touched |= {id(one) for one in chosen}
            if len(chosen) == 1:
                filled.setdefault(id(chosen[0]), []).append(child)
            else:
                unclear |= {id(one) for one in chosen}
            if score >= 2:
                active |= set.intersection(*(set(one.links) for one in chosen))
            if not child.by_reference:
                issues += self._alternatives(child, chosen)
        issues += _repeated(rows, filled, unclear)
        return [*issues, *_missing(item, rows, touched, blamed, active, strange)]

    def _chosen(self, rows: Rows, child: ContentItem) -> tuple[list[Slot], int]:
        """The slots of which a child may be, and how well it fits them."""
        best, score = self._all_fitting(rows, child)
        resource, declared = child.template
        if len(best) > 1 and declared and resource == "DCMR":
            named = [slot for slot in best if identifier(slot.template.identifier) == declared]
            best = named or best
        return (self._told_apart(best, child) if len(best) > 1 else best), score

    def _all_fitting(self, rows: Rows, child: ContentItem) -> tuple[list[Slot], int]:
        """The slots that a child fits best, and how well."""
        target = child.target if child.target is not None else child
        key = target.concept.key if target.concept is not None else None
        like = (id(rows), target.value_type, key, child.relationship, child.by_reference)
        if like not in self._fitting:
            self._fitting[like] = self._best(rows, child, target)
        return self._fitting[like]

    def _told_apart(self, slots: list[Slot], child: ContentItem) -> list[Slot]:
        """Of the rows that a child may fill those that are not out of question.

        Out of question is a row of which all includes say by their conditions that the child is another, and one that knows
        only a part of those items of the child that another row knows.
        """
        slots = [slot for slot in slots if not _excludes(slot, child)] or slots
        known = [self._known(slot, child) for slot in slots]
        return [
            slot for slot, own in zip(slots, known, strict=True) if not any(own < other for other in known)
        ]

    def _known(self, slot: Slot, child: ContentItem) -> frozenset[int]:
        """Which of the items of a child have a row below a slot, and no other value than that gives."""
        rows = self._level(slot)
        found = []
        for at, item in enumerate(child.children):
            if any(_allows(one, item) for one in self._all_fitting(rows, item)[0]):
                found.append(at)
        return frozenset(found)

    def _best(self, rows: Rows, child: ContentItem, target: ContentItem) -> tuple[list[Slot], int]:
        best: list[Slot] = []
        score = 0
        for slot in rows.slots:
            if not fits(slot, child) or (slot.by_reference and not child.by_reference):
                continue
            fit = concept_fit(self.tables, slot.row, target.concept)
            if fit > score:
                best, score = [slot], fit
            elif fit and fit == score:
                best.append(slot)
        return best, score

    def _meant(self, rows: Rows, target: ContentItem) -> list[Slot]:
        """The slots whose concept an item has."""
        like = (id(rows), target.concept.key if target.concept is not None else None)
        if like not in self._named:
            self._named[like] = [
                one for one in rows.slots if concept_fit(self.tables, one.row, target.concept) == 3
            ]
        return self._named[like]

    def _alternatives(self, child: ContentItem, chosen: list[Slot]) -> list[Issue]:
        resource, declared = child.template
        if declared and resource and (resource != "DCMR" or not self._knows(declared)):
            self.uncovered.add(declared if resource == "DCMR" else f"{declared} of {resource}")
            return self.parts(child)
        found = [self._item(child, slot) for slot in chosen]
        if not all(found):
            return []
        shared = set.intersection(*({issue.key for issue in issues} for issues in found))
        return [issue for issue in found[0] if issue.key in shared]

    def _knows(self, declared: str) -> bool:
        template = self.tables.template(declared)
        return template is not None and template.covered

    def _strange(self, slot: Slot, rows: Rows, child: ContentItem) -> tuple[list[Issue], set[int]]:
        """What is wrong with a child that fits no slot, and the slots that it was meant for."""
        target = child.target if child.target is not None else child
        meant = self._meant(rows, target)
        declared = self._declared(child)
        if declared is not None and not meant:
            return self.document(child, declared, "the concept name"), set()
        if not meant or child.by_reference or not child.relationship or not target.value_type:
            if (
                target.concept is not None and not meant and self._closed(slot, rows, child.relationship)
                and not self._told_of_iod(child, target)
            ):  # fmt: skip
                return [_not_extensible(slot, child, target.concept)], set()
            # What it lacks or has wrong is told elsewhere; it is no absence of the row that it was meant for.
            return [], {id(one) for one in meant or rows.slots if _close(one, child, target)}
        blamed = {id(one) for one in meant}
        same_type = [one for one in meant if one.row.value_type == target.value_type]
        if self._told_of_iod(child, target):
            return [], blamed
        if not same_type:
            return [_another_type(child, target.value_type, meant)], blamed
        want = " or ".join(sorted({one.relationship for one in same_type}))
        message = f"{same_type[0].row.name} has another relationship than in its template"
        return [
            Issue(
                "form", child.dataset, RelationshipType, message, child.relationship, want, same_type[0].label
            )
        ], blamed

    def _told_of_iod(self, child: ContentItem, target: ContentItem) -> bool:
        """Whether the IOD forbids an item where it stands: the rules of the IOD report that."""
        return (
            self.permitted is not None and child.parent is not None
            and target.value_type not in self.permitted.targets(child.parent.value_type, child.relationship)
        )  # fmt: skip

    def _declared(self, child: ContentItem) -> Template | None:
        """The covered template that an item declares, where it declares one."""
        resource, declared = child.template
        template = self.tables.template(declared) if declared and resource == "DCMR" else None
        return template if template is not None and template.covered else None

    def _closed(self, slot: Slot, rows: Rows, relationship: str) -> bool:
        """Whether no other items may stand at a level by a relationship (PS3.16 6.2.2)."""
        if slot.template.extensible or rows.uncovered:
            return False
        return not any(
            one.template.extensible and one.relationship in ("", relationship) for one in rows.slots
        )


def _allows(slot: Slot, item: ContentItem) -> bool:
    value = item.value
    return not slot.row.values or value is None or same_code(value.key, slot.row.values)


def _excludes(slot: Slot, child: ContentItem) -> bool:
    rows = slot.row.rows
    return bool(rows) and all(
        isinstance(row, TemplateInclude) and row.when is not None and holds(row.when, child) is False
        for row in rows
    )


def _another_type(child: ContentItem, found: str, meant: list[Slot]) -> Issue:
    want = " or ".join(sorted({one.row.value_type for one in meant}))
    message = f"{meant[0].row.name} has another value type than in its template"
    return Issue("form", child.dataset, ValueType, message, found, want, meant[0].label)


def _close(slot: Slot, child: ContentItem, target: ContentItem) -> bool:
    """Whether a child may be meant for a row, but lacks what shows it or has another relationship."""
    same_type = slot.row.value_type == target.value_type
    if not child.relationship:
        return same_type
    if not target.value_type:
        return slot.relationship == child.relationship
    if target.concept is None and slot.relationship == child.relationship:
        # An empty name is told by the tables; a container may go without one, but not where its template names it.
        return same_type and (slot.row.value_type in _NAMED or ConceptNameCodeSequence in target.like)
    return same_type and not slot.row.concepts


def _not_extensible(slot: Slot, child: ContentItem, concept: Code) -> Issue:
    tid = identifier(slot.template.identifier)
    return Issue(
        "unknown", child.dataset, ConceptNameCodeSequence,
        f"a content item that is not in TID {tid}, which is not extensible",
        f"({concept.value}, {concept.scheme})", "a content item of the template", slot.label,
    )  # fmt: skip


def _repeated(rows: Rows, filled: dict[int, list[ContentItem]], unclear: set[int]) -> Iterable[Issue]:
    """The rows that too many items fill, or fewer than there are at least. ``unclear``: rows that further items may fill."""
    for slot in rows.slots:
        items = filled.get(id(slot), [])
        # Rows that name no concept may have others beside them, but coordinates are selected from one image.
        told = slot.row.concepts or slot.relationship == "SELECTED FROM"
        if not items or not told:
            continue
        most = slot.most or _most_of_includes(slot, rows, filled, unclear)
        if most and len(items) > most:
            yield Issue(
                "repeated", items[most].dataset, ConceptNameCodeSequence if slot.row.concepts else ValueType,
                f"{slot.name} occurs {number_of(len(items), 'time')}", number_of(len(items), "time"),
                f"at most {most}", slot.label,
            )  # fmt: skip
        elif len(items) < slot.row.least and id(slot) not in unclear:
            yield Issue(
                "missing", items[0].dataset, ConceptNameCodeSequence,
                f"{slot.name} occurs {number_of(len(items), 'time')}", number_of(len(items), "time"),
                f"at least {slot.row.least}", slot.label,
            )  # fmt: skip


def _most_of_includes(slot: Slot, rows: Rows, filled: dict[int, list[ContentItem]], unclear: set[int]) -> int:
    """How often a row may occur whose template is included any number of times; 0 where that is not known.

    A row that each inclusion has once counts the inclusions: one observer has one name, and one role.
    """
    if not slot.row.most or slot.link is None or slot.row.requirement == "M":
        return 0
    counted = [
        len(filled[id(one)])
        for one in rows.slots
        if one.link is slot.link and one.row.requirement == "M" and one.row.most == 1 and one.row.concepts
        and id(one) in filled and id(one) not in unclear
    ]  # fmt: skip
    return slot.row.most * max(counted) if counted else 0


def _missing(
    item: ContentItem, rows: Rows, touched: set[int], blamed: set[int], active: set[Link],
    strange: list[ContentItem],
) -> list[Issue]:  # fmt: skip
    """The required rows that no child fills; rows that name each other in their conditions count as one."""
    if ContentSequence in item.like and not item.children:
        return []  # a Content Sequence without items: the tables say so
    taken = {_place(slot) for slot in rows.slots if id(slot) in touched or id(slot) in blamed}
    wrong = [slot for slot in rows.slots if id(slot) in blamed]
    wanted: list[Slot] = []
    for slot in rows.slots:
        if id(slot) in touched or _place(slot) in taken or not _required(slot, item, active):
            continue
        if any(_named(slot, one) for one in wrong):
            continue  # the alternative is there, with something else wrong
        if all(_place(slot) != _place(one) for one in wanted):
            wanted.append(slot)
    groups: list[list[Slot]] = []
    for slot in wanted:
        other = next(
            (group for group in groups if any(_named(one, slot) or _named(slot, one) for one in group)), None
        )
        if other is None:
            groups.append([slot])
        else:
            other.append(slot)
    return [
        Issue(
            "missing",
            item.dataset,
            ContentSequence if ContentSequence in item.like else ValueType,
            f"{' or '.join(_full(slot) for slot in group)} is missing",
            "",
            " or ".join(_full(slot) for slot in group),
            group[0].label,
            tuple(child for child in strange if any(_in_place_of(slot, child) for slot in group)),
        )
        for group in groups
    ]


def _in_place_of(slot: Slot, child: ContentItem) -> bool:
    return not child.by_reference and (child.relationship, child.value_type) == (
        slot.relationship, slot.row.value_type,
    )  # fmt: skip


def _full(slot: Slot) -> str:
    return f"{slot.relationship} {slot.name}".strip()


def _place(slot: Slot) -> tuple[str, str, tuple[tuple[str, str], ...], int]:
    return (
        slot.relationship,
        slot.row.value_type,
        tuple(slot.row.concepts),
        slot.row.concept_group,
    )


def _required(slot: Slot, item: ContentItem, active: set[Link]) -> bool:
    if not _asked(slot.row.requirement, slot.row.when, item):
        return False
    # An optional template that is begun is there; what encloses it then is too.
    return all(link in active or _asked(link.requirement, link.when, item) for link in slot.links)


def _asked(requirement: str, when: object, item: ContentItem) -> bool:
    if requirement == "M":
        return True
    return requirement == "MC" and isinstance(when, list) and holds(when, item) is True


def _named(slot: Slot, other: Slot) -> bool:
    """Whether the condition of a row speaks of another row."""
    return isinstance(slot.row.when, list) and _speaks(slot.row.when, other)


def _speaks(tree: list[object], slot: Slot) -> bool:
    if tree and tree[0] == "count":
        path = tree[1]
        assert isinstance(path, list)
        kind, test = path[1][0]
        if kind == slot.row.value_type or (kind == "REFERENCE" and slot.by_reference):
            return test is None or not slot.row.concepts or _names(test, slot)
        return False
    return any(_speaks(one, slot) for one in tree if isinstance(one, list))


def _names(test: list[object], slot: Slot) -> bool:
    if test and test[0] == "concept":
        return any(value == test[1] for value, _ in slot.row.concepts)
    return any(_names(one, slot) for one in test if isinstance(one, list))


def _codes(slot: Slot) -> str:
    if slot.row.concepts:
        return ", ".join(f"({value}, {scheme})" for value, scheme in slot.row.concepts)
    return f"a code of CID {slot.row.concept_group}"
