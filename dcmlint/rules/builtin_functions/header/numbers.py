"""Rules about plain numbers, each attribute for itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dcmlint.dicom.path import name_of, parse_path
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, rule_function


@rule_function("positive-values")
def positive_values(context: RuleContext, attributes: Sequence[str]) -> Iterator[Problem]:
    """One problem for each of the attributes (of the main data set) with a number that is not above zero."""
    dataset = context.dataset
    numbers = [
        (tag, value)
        for tag in (parse_path(attribute)[0].tag for attribute in attributes)
        for value in dataset.values(tag)
        if isinstance(value, (int, float))
    ]
    if not numbers:
        raise NotApplicable
    for tag, value in numbers:
        if not value > 0:  # not a number is no size either
            yield Problem(
                level=dataset, tag=tag, found=value, want="more than 0",
                message=f"{name_of(tag)} is not greater than zero",
            )  # fmt: skip
