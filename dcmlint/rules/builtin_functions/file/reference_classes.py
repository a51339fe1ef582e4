"""References of one instance against each other (SOP Instance Reference Macro, PS3.3 Table 10-11)."""

from __future__ import annotations

from collections.abc import Iterator

from dcmlint.dicom.path import name_of
from dcmlint.facts.report.content import Content
from dcmlint.facts.run.referenced import References
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, rule_function
from dcmlint.standard.classes import class_name


@rule_function("references-of-one-class")
def one_class(context: RuleContext) -> Iterator[Problem]:
    """REF004: instances that an instance refers to with two SOP Classes; those of documents are SR012's."""
    referred = context.facts.of(References)
    if referred is None or not referred.instances or context.facts.of(Content) is not None:
        raise NotApplicable
    classes: dict[str, str] = {}
    told: set[str] = set()
    for one in referred.instances:
        uid, sop_class = one.sop_instance, one.sop_class
        first = classes.setdefault(uid, sop_class) if sop_class else ""
        if sop_class and sop_class != first and uid not in told:
            told.add(uid)
            yield Problem(
                message=f"one instance is referenced as {class_name(first)} and as {class_name(sop_class)}",
                path=name_of(one.through), want=f"one SOP Class in all references to {uid}",
            )  # fmt: skip
