"""The template of a structured report, and how the document keeps to it."""

from __future__ import annotations

import msgspec

from dcmlint.facts.registry import Facts, facts
from dcmlint.facts.report.content import Content, content_items
from dcmlint.facts.report.template_match import Issue, Matcher
from dcmlint.standard import documents
from dcmlint.standard.tags import SOPClassUID


class TemplateUse(msgspec.Struct, frozen=True, kw_only=True):
    """How a document keeps to its template.

    ``identifier``: the root template, "" where the document declares none and its class settles none
    ``declared``: the root template of the standard that the document declares, "" without one
    ``covered``: whether the whole template was held against the document
    ``uncovered``: the templates that were not, by identifier
    ``parts``: the templates that only parts which declare them were held against, where the root's is not covered
    """

    identifier: str
    declared: str
    covered: bool
    uncovered: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    issues: tuple[object, ...] = ()


def template_issues(facts: Facts) -> tuple[Issue, ...]:
    """What is wrong with a document against its template, in the order of the document; () without a template."""
    use = facts.of(TemplateUse)
    return () if use is None else use.issues  # type: ignore[return-value]


@facts("template", TemplateUse)
def template(facts: Facts) -> TemplateUse | None:
    """The root template of a document and what is wrong against it; absent for instances without content."""
    items = content_items(facts)
    content = facts.of(Content)
    if not items or content is None:
        return None
    root = items[0]
    tables = documents.load()
    sop_class = facts.instance.dataset.text(SOPClassUID)
    resource, declared = root.template
    foreign = resource not in ("", "DCMR")
    identifier = declared if foreign else documents.ROOT_TEMPLATES.get(sop_class, declared)
    found = None if foreign else tables.template(identifier)
    matcher = Matcher(tables, tables.constraints(sop_class))
    if not content.complete or found is None or not found.covered:
        issues = matcher.parts(root) if content.complete else []
        matcher.uncovered |= {identifier} if identifier else set()
    else:
        issues = matcher.document(root, found)
    uncovered = tuple(sorted(matcher.uncovered))
    return TemplateUse(
        identifier=identifier, declared="" if foreign else declared, covered=bool(identifier) and not uncovered, uncovered=uncovered,
        parts=tuple(sorted(matcher.covered)), issues=tuple(issues),
    )  # fmt: skip
