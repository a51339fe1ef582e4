"""Measurements of annotations: a value for each, or for those that a list names (PS3.3 C.37.1)."""

from __future__ import annotations

from collections.abc import Iterator

from dcmlint.dicom.dataset import Dataset
from dcmlint.facts.header.annotation_groups import Group
from dcmlint.rules.builtin_functions.annotations.coordinates import given
from dcmlint.rules.builtin_functions.annotations.groups import groups
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, rule_function
from dcmlint.standard.tags import (
    AnnotationIndexList,
    FloatingPointValues,
    MeasurementsSequence,
    MeasurementValuesSequence,
)

_MOST = 1 << 30


@rule_function("annotation-measurements")
def measurements(context: RuleContext) -> Iterator[Problem]:
    """ANN007: as many values as annotations, or as indices; indices that name annotations, each once."""
    looked_at = False
    for group in groups(context):
        items = [
            item
            for measurement in group.item.items(MeasurementsSequence)
            for item in measurement.items(MeasurementValuesSequence)
        ]
        looked_at = looked_at or bool(items)
        counts = _counts(group) if items else ()
        for item in items if counts else ():
            yield from _values(item, counts)
    if not looked_at:
        raise NotApplicable


def _counts(group: Group) -> tuple[int, ...]:
    """How many annotations there are, by the data and as stated: where the two differ, ANN006 says so."""
    found = given(group)
    counts = (found[0] if found is not None else None, group.stated)
    return tuple(dict.fromkeys(count for count in counts if isinstance(count, int)))


def _values(item: Dataset, counts: tuple[int, ...]) -> Iterator[Problem]:
    import numpy as np

    element = item.get(FloatingPointValues)
    if element is None or element.length % 4:
        return
    count, total = element.length // 4, max(counts)
    listed = item.get(AnnotationIndexList)
    if listed is None:
        if count not in counts:
            yield Problem(
                message=f"{count} measured values for {counts[0]} annotations", level=item, tag=FloatingPointValues,
                said=f"{count} values", want=f"{counts[0]} values, or an Annotation Index List of the annotations that have a value",
            )  # fmt: skip
        return
    if not listed.is_plain or listed.length % 4 or not 0 < listed.length <= _MOST:
        return
    if listed.length // 4 != count:
        yield Problem(
            message=f"{count} measured values for {listed.length // 4} listed annotations", level=item,
            tag=AnnotationIndexList, said=f"{listed.length // 4} indices", want=f"{count} indices",
        )  # fmt: skip
    order = "<" if item.context.little else ">"
    indices = np.frombuffer(item.raw(AnnotationIndexList), f"{order}u4")
    outside = np.flatnonzero((indices < 1) | (indices > total))
    if outside.size:
        yield Problem(
            message=f"index {indices[outside[0]]} is out of range: there are {total} annotations", level=item,
            tag=AnnotationIndexList, said=str(indices[outside[0]]), want=f"1 to {total}",
        )  # fmt: skip
    elif np.unique(indices).size != indices.size:
        yield Problem(
            message="Annotation Index List contains an annotation twice", level=item, tag=AnnotationIndexList,
            said=f"{indices.size - np.unique(indices).size} repeated", want="each annotation once",
        )  # fmt: skip


@rule_function("annotation-measurements-finite")
def finite(context: RuleContext) -> Iterator[Problem]:
    """ANN010: measured values are finite numbers."""
    import numpy as np

    looked_at = False
    for group in groups(context):
        for measurement in group.item.items(MeasurementsSequence):
            for item in measurement.items(MeasurementValuesSequence):
                element = item.get(FloatingPointValues)
                if element is None or not element.is_plain or element.length % 4:
                    continue
                if element.length > _MOST:
                    continue
                looked_at = True
                order = "<" if item.context.little else ">"
                values = np.frombuffer(item.raw(FloatingPointValues), f"{order}f4")
                strange = np.flatnonzero(~np.isfinite(values))
                if strange.size:
                    yield Problem(
                        message=f"{strange.size} of {values.size} measured values are not finite, first value "
                        f"{int(strange[0]) + 1}",
                        level=item, tag=FloatingPointValues, said=str(values[strange[0]]),
                        want="finite numbers, and an Annotation Index List of the annotations that have one",
                    )  # fmt: skip
    if not looked_at:
        raise NotApplicable
