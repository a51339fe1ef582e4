"""Rules about plain numbers, each attribute for itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dcmlint.dicom.items import all_places
from dcmlint.dicom.path import name_of, parse_path
from dcmlint.facts.frame.frame_columns import FrameColumns
from dcmlint.facts.shape import Shape
from dcmlint.findings.finding import OutcomeKind
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, applies_with, rule_function
from dcmlint.standard.tags import PixelMeasuresSequence, SharedFunctionalGroupsSequence, SpacingBetweenSlices


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


@rule_function("positive-values-anywhere")
def positive_values_anywhere(context: RuleContext, attributes: Sequence[str]) -> Iterator[Problem]:
    """The same at all levels: the attribute that is wrong is named, and where it stands."""
    tags = [parse_path(attribute)[0].tag for attribute in attributes]
    found = False
    for place in all_places(context.dataset, frozenset(tags)):
        for tag in tags:
            if tag not in place.level:
                continue
            numbers = [one for one in place.level.values(tag) if isinstance(one, int | float)]
            found = found or bool(numbers)
            if not all(one > 0 for one in numbers):
                yield Problem(
                    level=place.level, tag=tag, groups=place.groups, found=place.level.values(tag),
                    want="numbers greater than 0", message=f"{name_of(tag)} is not greater than zero",
                )  # fmt: skip
    if not found:
        raise NotApplicable


def _without(shape: Shape, parameters: Mapping[str, Any]) -> OutcomeKind | None:
    tags = {parse_path(attribute)[0].tag for attribute in parameters["attributes"]}
    return "not_applicable" if shape.anywhere.isdisjoint(tags) else None


@rule_function("not-negative-anywhere", _without)
def not_negative_anywhere(context: RuleContext, attributes: Sequence[str]) -> Iterator[Problem]:
    """One problem for each of the attributes, at any level, with a number below zero."""
    tags = frozenset(parse_path(attribute)[0].tag for attribute in attributes)
    found = False
    for place in all_places(context.dataset, tags):
        for tag in tags.intersection(place.level.elements):
            numbers = [one for one in place.level.values(tag) if isinstance(one, int | float)]
            found = found or bool(numbers)
            if any(one < 0 for one in numbers):
                yield Problem(
                    level=place.level, tag=tag, groups=place.groups, found=place.level.values(tag), want="0 or more",
                    message=f"{name_of(tag)} is negative",
                )  # fmt: skip
    if not found:
        raise NotApplicable


@rule_function("spacing-not-negative", applies_with(SpacingBetweenSlices))
def spacing_not_negative(context: RuleContext) -> Iterator[Problem]:
    """GEO009: a negative Spacing Between Slices, of the image or of its Pixel Measures."""
    dataset = context.dataset
    shared = [
        item
        for groups in dataset.items(SharedFunctionalGroupsSequence)[:1]
        for item in groups.items(PixelMeasuresSequence)[:1]
    ]
    any_ = False
    for level in (dataset, *shared):
        value = level.value(SpacingBetweenSlices)
        if isinstance(value, int | float):
            any_ = True
            if value < 0:
                yield _negative(value, level=level)
    columns = FrameColumns(dataset)
    if columns.count:
        import numpy as np

        values = columns.numbers((PixelMeasuresSequence, SpacingBetweenSlices))
        any_ = any_ or not bool(np.isnan(values).all())
        frames = np.flatnonzero(values < 0)
        if len(frames):
            path = "PerFrameFunctionalGroupsSequence[*].PixelMeasuresSequence[0].SpacingBetweenSlices"
            yield _negative(float(values[frames[0]]), path=path, items=frames)
    if not any_:
        raise NotApplicable


def _negative(value: float, **where: Any) -> Problem:
    return Problem(
        tag=SpacingBetweenSlices,
        found=value,
        want="0 or more",
        message="Spacing Between Slices is negative",
        **where,
    )
