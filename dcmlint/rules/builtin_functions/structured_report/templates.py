"""Documents against their template (PS3.16 6 and Annex A): one function for each kind of issue that the match found."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dcmlint.facts.report.content import content_items
from dcmlint.facts.report.template import TemplateUse, template_issues
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, Undecided, rule_function
from dcmlint.standard import documents
from dcmlint.standard.tags import ContentSequence, ContentTemplateSequence, SOPClassUID, TemplateIdentifier

_NUMBER = re.compile(r"[1-9][0-9]*")


@rule_function("template-issues")
def issues(context: RuleContext, kinds: list[str]) -> Iterator[Problem]:
    """SR101 to SR106: what is wrong with a document against its template.

    ``kinds``: the kinds of issue that the rule tells ("missing", "repeated", "form", "title", "unknown", "value",
    "group", "units", "graphic").
    """
    use = context.facts.of(TemplateUse)
    if use is None:
        raise NotApplicable
    found = [issue for issue in template_issues(context.facts) if issue.kind in kinds]
    if not found and not use.identifier:
        raise Undecided("the document declares no template")
    if not found and use.identifier in use.uncovered:
        raise Undecided(f"TID {use.identifier} is not covered")
    for issue in found:
        yield Problem(
            message=issue.message, level=issue.level, tag=issue.tag, found=issue.found or None, want=issue.want,
            because=issue.row,
        )  # fmt: skip


@rule_function("template-coverage")
def coverage(context: RuleContext) -> Iterator[Problem]:
    """SR107: documents, or parts of them, that were not held against a template; with the names of the templates."""
    use = context.facts.of(TemplateUse)
    if use is None:
        raise NotApplicable
    tag = ContentTemplateSequence if ContentTemplateSequence in context.dataset else ContentSequence
    only = f", but for parts that declare {_names(use.parts)}" if use.parts else ""
    if not use.identifier:
        yield Problem(
            message=f"the document declares no template: its content was not checked against one{only}",
            tag=tag,
        )
    elif use.uncovered:
        yield Problem(
            message=f"content was not checked against its template: {_names(use.uncovered)}{only}", tag=tag
        )


@rule_function("template-of-iod")
def of_iod(context: RuleContext) -> Iterator[Problem]:
    """SR108: a root template of the standard that is not the one from which the IOD says its documents are made."""
    use = context.facts.of(TemplateUse)
    want = documents.ROOT_TEMPLATES.get(context.dataset.text(SOPClassUID))
    if use is None or want is None or not use.declared:
        raise NotApplicable
    if use.declared != want:
        level = context.dataset.items(ContentTemplateSequence)[0]
        yield Problem(
            message="the template is not that of the IOD",
            level=level,
            tag=TemplateIdentifier,
            found=use.declared,
            want=want,
        )


@rule_function("template-identifier")
def template_identifier(context: RuleContext) -> Iterator[Problem]:
    """SR109: identifiers of templates of the standard that are no number, such as "TID 1500" (PS3.3 C.18.8.1.2)."""
    any_ = False
    for item in content_items(context.facts):
        resource, declared = item.template
        if resource != "DCMR" or not declared:
            continue
        any_ = True
        if not _NUMBER.fullmatch(declared):
            yield Problem(
                message="Template Identifier is not the number of a template", tag=TemplateIdentifier, found=declared,
                level=item.dataset.items(ContentTemplateSequence)[0], want="digits without leading zeros, such as 1500",
            )  # fmt: skip
    if not any_:
        raise NotApplicable


def _names(templates: tuple[str, ...]) -> str:
    return ", ".join(f"TID {name}" for name in templates)
