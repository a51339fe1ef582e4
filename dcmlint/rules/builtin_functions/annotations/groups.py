"""The annotation groups that rules look at."""

from __future__ import annotations

from dcmlint.facts.header.annotation_groups import Group, annotation_groups
from dcmlint.rules.functions import NotApplicable, RuleContext


def groups(context: RuleContext) -> list[Group]:
    """The annotation groups; `NotApplicable` without any."""
    found = annotation_groups(context.dataset)
    if not found:
        raise NotApplicable
    return found
