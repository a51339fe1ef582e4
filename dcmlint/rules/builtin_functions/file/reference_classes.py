"""References of one instance against each other (SOP Instance Reference Macro, PS3.3 Table 10-11)."""

from __future__ import annotations

from collections.abc import Iterator

from dcmlint.dicom.path import name_of
from dcmlint.facts.report.content import Content
from dcmlint.facts.run.referenced import References, contradicted, misplaced, uid_in
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, rule_function
from dcmlint.standard.classes import class_name
from dcmlint.standard.tags import SeriesInstanceUID, StudyInstanceUID


@rule_function("references-of-one-class")
def one_class(context: RuleContext) -> Iterator[Problem]:
    """REF004: instances that an instance refers to with two SOP Classes; those of documents are SR012's."""
    referred = context.facts.of(References)
    if referred is None or not referred.instances or context.facts.of(Content) is not None:
        raise NotApplicable
    told: set[str] = set()
    for place, first in contradicted((one.sop_instance, one.sop_class) for one in referred.instances):
        one = referred.instances[place]
        if one.sop_instance not in told:
            told.add(one.sop_instance)
            yield Problem(
                message=f"one instance is referenced as {class_name(first)} and as {class_name(one.sop_class)}",
                path=name_of(one.through), want=f"one SOP Class in all references to {one.sop_instance}",
            )  # fmt: skip


@rule_function("references-of-one-series")
def one_series(context: RuleContext) -> Iterator[Problem]:
    """REF005: series that an instance places in two studies, its own series among them, and instances in two series."""
    referred = context.facts.of(References)
    if referred is None or not any(one.series or one.study for one in referred.instances):
        raise NotApplicable
    own = (uid_in(context.dataset, SeriesInstanceUID), uid_in(context.dataset, StudyInstanceUID))
    for one, noun, uid, places in misplaced(referred.instances, own):
        yield Problem(
            message=f"one {noun} is referenced in two {places}", path=name_of(one.through),
            want=f"{uid} in the one that it belongs to",
        )  # fmt: skip
