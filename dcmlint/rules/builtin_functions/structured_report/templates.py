"""Documents against their template (PS3.16 6 and Annex A): one function for each kind of issue that the match found."""

from __future__ import annotations

from collections.abc import Iterator

from dcmlint.facts.report.template import TemplateUse, template_issues
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, Undecided, rule_function
from dcmlint.standard.tags import ContentSequence, ContentTemplateSequence


@rule_function("template-issues")
def issues(context: RuleContext, kinds: list[str]) -> Iterator[Problem]:
    """SR101 to SR106: what is wrong with a document against its template.

    ``kinds``: the kinds of issue that the rule tells ("missing", "repeated", "form", "title", "unknown", "value",
    "group", "units", "graphic").
    """
    use = context.facts.of(TemplateUse)
    if use is None:
        raise NotApplicable
    if not use.identifier:
        raise Undecided("the document declares no template")
    if use.identifier in use.uncovered:
        raise Undecided(f"TID {use.identifier} is not covered")
    for issue in template_issues(context.facts):
        if issue.kind in kinds:
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
    if not use.identifier:
        yield Problem(
            message="the document declares no template: its content was not checked against one",
            tag=ContentTemplateSequence if ContentTemplateSequence in context.dataset else ContentSequence,
        )  # fmt: skip
    elif use.uncovered:
        names = ", ".join(f"TID {name}" for name in use.uncovered)
        yield Problem(
            message=f"content was not checked against its template: {names}", tag=ContentTemplateSequence
        )
