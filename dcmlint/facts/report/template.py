"""The template of a structured report, and how the document keeps to it."""

from __future__ import annotations

import msgspec

from dcmlint.facts.registry import Facts, facts
from dcmlint.facts.report.content import Content, ContentItem, content_items
from dcmlint.facts.report.template_match import Issue, Matcher
from dcmlint.standard import documents
from dcmlint.standard.tags import SOPClassUID
from dcmlint.standard.uids import KeyObjectSelectionDocumentStorage

# PS3.3 A.35.4.3.1.1: the class settles the template
_OF_CLASS = {KeyObjectSelectionDocumentStorage: "2010"}


class TemplateUse(msgspec.Struct, frozen=True, kw_only=True):
    """How a document keeps to its template.

    ``identifier``: the root template, "" where the document declares none and its class settles none
    ``covered``: whether the whole template was held against the document
    ``uncovered``: the templates that were not, by identifier
    """

    identifier: str
    covered: bool
    uncovered: tuple[str, ...] = ()
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
    sop_class = facts.instance.dataset.text(SOPClassUID)
    identifier, resource = _identifier(root, sop_class)
    if not identifier:
        return TemplateUse(identifier="", covered=False)
    tables = documents.load()
    found = tables.template(identifier)
    if resource not in ("", "DCMR") or found is None or not found.covered or not content.complete:
        return TemplateUse(identifier=identifier, covered=False, uncovered=(identifier,))
    matcher = Matcher(tables, tables.constraints(sop_class))
    issues = matcher.document(root, found)
    uncovered = tuple(sorted(matcher.uncovered))
    return TemplateUse(
        identifier=identifier, covered=not uncovered, uncovered=uncovered, issues=tuple(issues)
    )


def _identifier(root: ContentItem, sop_class: str) -> tuple[str, str]:
    """The identifier and the mapping resource of the root template."""
    resource, declared = root.template
    if declared:
        return declared, resource
    return _OF_CLASS.get(sop_class, ""), ""
