"""Value types and relationships of content items against what their IOD permits (PS3.3 A.35, C.17.3.2)."""

from __future__ import annotations

from collections.abc import Iterator

from dcmlint.facts.report.content import ContentItem, content_items
from dcmlint.rules.builtin_functions.structured_report.values import own_attributes
from dcmlint.rules.functions import (
    NotApplicable,
    Problem,
    RuleContext,
    Undecided,
    attributes,
    rule_function,
)
from dcmlint.standard import documents
from dcmlint.standard.documents import ContentConstraints
from dcmlint.standard.tags import (
    ConceptNameCodeSequence,
    ContentSequence,
    ReferencedContentItemIdentifier,
    RelationshipType,
    SOPClassUID,
    ValueType,
)

# PS3.3 C.17.3.2.1, Table C.17.3-7; TABLE is newer than the lists of most IODs, so that it is doubted nowhere.
_VALUE_TYPES = frozenset(
    {"TEXT", "NUM", "CODE", "DATETIME", "DATE", "TIME", "UIDREF", "PNAME", "COMPOSITE", "IMAGE", "WAVEFORM",
     "SCOORD", "SCOORD3D", "TCOORD", "CONTAINER"}
)  # fmt: skip
# PS3.3 Table C.17.3-8
_RELATIONSHIPS = frozenset(
    {"CONTAINS", "HAS PROPERTIES", "HAS OBS CONTEXT", "HAS ACQ CONTEXT", "INFERRED FROM", "SELECTED FROM",
     "HAS CONCEPT MOD"}
)  # fmt: skip


def _document(context: RuleContext) -> tuple[ContentItem, ...]:
    items = content_items(context.facts)
    if len(items) < 2:
        raise NotApplicable
    return items


def _constraints(context: RuleContext) -> ContentConstraints:
    found = documents.load().constraints(context.dataset.text(SOPClassUID))
    if found is None:
        raise Undecided("the tables do not have the relationships of this IOD")
    return found


@rule_function("content-value-types")
def value_types(context: RuleContext) -> Iterator[Problem]:
    """SR002: content items whose value type the IOD does not permit."""
    items = _document(context)
    permitted = _constraints(context).value_types()
    for item in items:
        kind = item.value_type
        if kind in _VALUE_TYPES and kind not in permitted:
            yield Problem(
                message=f"a content item with the Value Type {kind} is not permitted in this IOD", level=item.dataset,
                tag=ValueType, found=kind, want=", ".join(sorted(permitted)),
            )  # fmt: skip


@rule_function("content-relationships")
def relationships(context: RuleContext) -> Iterator[Problem]:
    """SR003: relationships by value that the IOD does not permit between two value types."""
    items = _document(context)
    constraints = _constraints(context)
    permitted = constraints.value_types()
    for item in items[1:]:
        source = item.parent
        if source is items[0] and source.value_type != "CONTAINER":
            continue  # SR006
        if source is None or item.by_reference or item.relationship not in _RELATIONSHIPS:
            continue
        if not {source.value_type, item.value_type} <= permitted:
            continue  # SR002, or a value that is none
        if item.value_type not in constraints.targets(source.value_type, item.relationship):
            yield _not_permitted(constraints, source, item.relationship, item.value_type, item, "")


@rule_function("content-by-reference")
def by_reference(context: RuleContext) -> Iterator[Problem]:
    """SR004: relationships by reference that the IOD does not permit."""
    items = _document(context)
    references = [item for item in items if item.by_reference]
    if not references:
        raise NotApplicable
    constraints = _constraints(context)
    for item in references:
        source, target = item.parent, item.target
        if source is None or target is None or item.relationship not in _RELATIONSHIPS:
            continue
        if not constraints.by_reference:
            yield Problem(
                message="by-reference relationships are not permitted in this IOD", level=item.dataset,
                tag=ReferencedContentItemIdentifier, want="the content item itself",
            )  # fmt: skip
        elif target.value_type not in constraints.referenced(source.value_type, item.relationship):
            kinds = {source.value_type, target.value_type}
            if kinds <= constraints.value_types():
                yield _not_permitted(
                    constraints, source, item.relationship, target.value_type, item, " by reference"
                )


def _not_permitted(
    constraints: ContentConstraints, source: ContentItem, relationship: str, target: str, item: ContentItem, how: str
) -> Problem:  # fmt: skip
    allowed = constraints.by_reference if how else constraints.relationships
    others = [name for name, targets in allowed.get(source.value_type, {}).items() if target in targets]
    return Problem(
        message=f"{source.value_type} {relationship} {target}{how} is not permitted in this IOD",
        level=item.dataset, tag=RelationshipType, found=relationship,
        want=f"one of {', '.join(others)}" if others else f"no {target} below {source.value_type}{how}",
    )  # fmt: skip


@rule_function("content-reference-target")
def reference_target(context: RuleContext) -> Iterator[Problem]:
    """SR005: references that lead to no content item, or to one that encloses them (PS3.3 C.17.3.2.5)."""
    items = content_items(context.facts)
    references = [item for item in items if item.by_reference]
    if not references:
        raise NotApplicable
    complete = context.facts("content.complete") is True
    looping = _loops(references)
    for item in references:
        tag = ReferencedContentItemIdentifier
        if not item.reference:
            continue  # empty: the tables say so
        written = "\\".join(map(str, item.reference))
        if item.target is None:
            if complete:
                yield Problem(
                    message="Referenced Content Item Identifier does not identify a content item", level=item.dataset,
                    tag=tag, found=written, want="the position of a content item, starting with 1",
                )  # fmt: skip
        elif item.target in (item.parent, *item.ancestors()):
            yield Problem(
                message="a content item references its ancestor", level=item.dataset, tag=tag,
                found=written, want="a content item that is not an ancestor",
            )  # fmt: skip
        elif item.target.by_reference:
            yield Problem(
                message="a content item references another reference", level=item.dataset, tag=tag,
                found=written, want="a content item by value",
            )  # fmt: skip
        elif item in looping:
            yield Problem(
                message="references of content items form a loop", level=item.dataset, tag=tag, found=written,
                want="relationships that do not lead back to the content item",
            )  # fmt: skip
        own = next(
            (tag for tag in (ValueType, ConceptNameCodeSequence, ContentSequence) if tag in item.like), 0
        )
        if own:
            yield Problem(
                message="a content item by reference has content of its own", level=item.dataset, tag=own,
                want="only Relationship Type and Referenced Content Item Identifier",
            )  # fmt: skip


def _loops(references: list[ContentItem]) -> list[ContentItem]:
    """Of each loop that leads through several references, the one that closes it in the order of the document."""
    found: list[ContentItem] = []
    # From a reference one comes to its target, and from there to every reference below it.
    below: dict[int, list[ContentItem]] = {}
    for one in references:
        for above in one.ancestors():
            below.setdefault(id(above), []).append(one)
    state: dict[int, bool] = {}  # True while a reference is on the way, False when all behind it is known
    for first in references:
        way = [(first, iter(below.get(id(first.target), [])))] if id(first) not in state else []
        state.setdefault(id(first), True)
        while way:
            item, others = way[-1]
            following = next(others, None)
            if following is None:
                state[id(item)] = False
                way.pop()
            elif id(following) not in state:
                state[id(following)] = True
                way.append((following, iter(below.get(id(following.target), []))))
            elif state[id(following)] and item is not following and item not in found:
                found.append(item)
    return found


@rule_function("content-root")
def root(context: RuleContext) -> Iterator[Problem]:
    """SR006: the root content item is a container (PS3.3 C.17.3)."""
    items = content_items(context.facts)
    if not items:
        raise NotApplicable
    first = items[0]
    if first.value_type in _VALUE_TYPES and first.value_type != "CONTAINER":
        yield Problem(
            message=f"the root content item is a {first.value_type}", level=first.dataset, tag=ValueType,
            found=first.value_type, want="CONTAINER", causes=attributes(first.dataset, *own_attributes(first.value_type, "CONTAINER")),
        )  # fmt: skip
