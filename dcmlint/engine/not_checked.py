"""What of one instance was not checked, a sentence each: no report looks like more than it is."""

from __future__ import annotations

from collections.abc import Iterator

from dcmlint.engine.run import InstanceRun
from dcmlint.facts.pixel.codestream import CodestreamFacts
from dcmlint.facts.report.content import MOST_ITEMS, Content
from dcmlint.facts.report.template import TemplateUse
from dcmlint.facts.run.referenced import MOST, References


def not_checked(run: InstanceRun, unreviewed: str, unknown_class: str) -> tuple[str, ...]:
    """What was not looked at of an instance that was checked.

    ``unreviewed``: its IOD, if conditions of it were not reviewed; ``unknown_class``: its SOP Class, if no table has it.
    """
    return tuple(_sentences(run, unreviewed, unknown_class))


def _sentences(run: InstanceRun, unreviewed: str, unknown_class: str) -> Iterator[str]:
    if unknown_class:
        yield f"modules and attributes: the tables do not have the SOP Class {unknown_class}"
    if unreviewed:
        yield f"conditions of the IOD {unreviewed} that were not reviewed"
    frames: CodestreamFacts | None = run.facts.computed("codestream")
    if frames is not None and frames.sampled:
        yield f"code streams of {frames.total - frames.examined} of {frames.total} frames"
    content: Content | None = run.facts.computed("content")
    if content is not None and not content.complete:
        yield f"content items beyond the first {MOST_ITEMS}"
    use: TemplateUse | None = run.facts.computed("template")
    if use is not None:
        yield from _content(use)
    references: References | None = run.facts.computed("referenced")
    if references is not None and references.more:
        yield f"references beyond the first {MOST}"
    if run.instance.status == "partial":
        yield "what follows the damage"


def _content(use: TemplateUse) -> Iterator[str]:
    only = " (but for its parts)" if use.parts else ""
    if not use.identifier:
        yield f"content against a template: none is declared{only}"
    elif use.uncovered:
        yield f"content against {', '.join(f'TID {name}' for name in use.uncovered)}{only}"
