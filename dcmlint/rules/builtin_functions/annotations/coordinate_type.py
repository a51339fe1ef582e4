"""Annotation Coordinate Type against all that depends on it (PS3.3 Table C.37-1)."""

from __future__ import annotations

from collections.abc import Iterator

from dcmlint.rules.builtin_functions.annotations.groups import groups
from dcmlint.rules.functions import (
    Problem,
    RuleContext,
    attributes,
    rule_function,
)
from dcmlint.standard.tags import (
    AnnotationAppliesToAllZPlanes,
    AnnotationCoordinateType,
    AnnotationGroupSequence,
    FrameOfReferenceUID,
    PixelOriginInterpretation,
    PositionReferenceIndicator,
)

_DEPENDENT = (
    FrameOfReferenceUID, PositionReferenceIndicator, PixelOriginInterpretation, AnnotationGroupSequence,
)  # fmt: skip


@rule_function("annotation-coordinate-type")
def coordinate_type(context: RuleContext) -> Iterator[Problem]:
    """ANN012: a coordinate type that everything else contradicts; what follows from it is not reported."""
    dataset = context.dataset
    made = groups(context)
    planes = {AnnotationAppliesToAllZPlanes in group.item for group in made}
    flat = PixelOriginInterpretation in dataset and planes == {False}
    spatial = PixelOriginInterpretation not in dataset and planes == {True}
    kind = dataset.text(AnnotationCoordinateType)
    wrong = (kind == "3D" and flat and FrameOfReferenceUID not in dataset) or (kind == "2D" and spatial)
    if wrong:
        yield Problem(
            message=f"Annotation Coordinate Type is {kind}, but all attributes are those of {'2D' if flat else '3D'} coordinates",
            level=dataset, tag=AnnotationCoordinateType, found=kind, want="2D" if flat else "3D", causes=attributes(dataset, *_DEPENDENT),
        )  # fmt: skip
