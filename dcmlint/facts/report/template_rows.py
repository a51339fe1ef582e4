"""The rows of one level of a template, included templates among them, and how well a content item fits a row."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from dcmlint.facts.report.content import Code, ContentItem
from dcmlint.standard.coding import in_group, same_code
from dcmlint.standard.documents import DocumentTables
from dcmlint.standard.templates import Condition, Requirement, Template, TemplateInclude, TemplateRow

_MOST_DEEP = 12


class Link(msgspec.Struct, frozen=True, eq=False):
    """One include on the way to a row: ``above`` is the include that it stands in itself."""

    template: str
    requirement: Requirement
    when: Condition | None
    most: int
    above: Link | None = None

    def __hash__(self) -> int:
        return id(self)


class Slot(msgspec.Struct, frozen=True, eq=False):
    """A row as it counts at one level: with the relationship and the include that it came by."""

    row: TemplateRow
    template: Template
    relationship: str
    by_reference: bool
    link: Link | None = None

    @property
    def links(self) -> list[Link]:
        """The includes through which the row came, the innermost first."""
        found: list[Link] = []
        link = self.link
        while link is not None:
            found.append(link)
            link = link.above
        return found

    @property
    def most(self) -> int:
        """How often the row may occur at this level; 0 for any number."""
        product = self.row.most
        for link in self.links:
            product *= link.most
        return product

    @property
    def label(self) -> str:
        """The row's place: "TID 1410 row 5"."""
        return f"TID {identifier(self.template.identifier)} row {self.row.number}"

    @property
    def name(self) -> str:
        """What the row asks for, in words."""
        name = self.row.name or (f"of CID {self.row.concept_group}" if self.row.concept_group else "")
        return f"{self.row.value_type} {name}".strip()


def identifier(name: str) -> str:
    """The number of a template; the tables have some of them in parts with a suffix ("300CommonContent")."""
    digits = name[: len(name) - len(name.lstrip("0123456789"))]
    return digits or name


class Rows(msgspec.Struct, frozen=True):
    """The slots of one level. ``uncovered``: included templates that are not covered, so that more may stand here."""

    slots: tuple[Slot, ...]
    uncovered: frozenset[str]


def flatten(
    tables: DocumentTables, template: Template, rows: Sequence[TemplateRow | TemplateInclude], relationship: str = "",
    link: Link | None = None, by_reference: bool = False,
) -> Rows:  # fmt: skip
    """The slots that ``rows`` of ``template`` make, with those of included templates."""
    slots: list[Slot] = []
    uncovered: set[str] = set()
    for row in rows:
        if isinstance(row, TemplateRow):
            slots.append(
                Slot(row, template, row.relationship or relationship, row.by_reference or by_reference, link)
            )
            continue
        included = tables.template(row.template)
        if included is None or not included.covered:
            uncovered.add(identifier(row.template))
            continue
        here = Link(row.template, row.requirement, row.when, row.most, link)
        above = Slot(TemplateRow("", ""), template, "", False, link).links
        if len(above) >= _MOST_DEEP or any(one.template == row.template for one in above):
            continue
        below = flatten(
            tables, included, included.rows, row.relationship or relationship, here,
            row.by_reference or by_reference,
        )  # fmt: skip
        slots += below.slots
        uncovered |= below.uncovered
    return Rows(tuple(slots), frozenset(uncovered))


def concept_fit(tables: DocumentTables, row: TemplateRow, concept: Code | None) -> int:
    """How well a concept name fits a row: 3 its code, 2 of its group, 1 any would do, 0 not at all."""
    if row.concepts:
        return 3 if concept is not None and same_code(concept.key, row.concepts) else 0
    if row.concept_group and concept is not None:
        inside = in_group(row.concept_group, concept.key)
        if inside:
            return 2
        if inside is False and tables.fixed_group(row.concept_group) is not None:
            return 0
    return 1


def fits(slot: Slot, child: ContentItem) -> bool:
    """Whether a child has the relationship and the value type of a slot."""
    target = child.target if child.target is not None else child
    return target.value_type == slot.row.value_type and slot.relationship in ("", child.relationship)
