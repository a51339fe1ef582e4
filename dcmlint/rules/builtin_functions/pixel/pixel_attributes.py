"""Pixel Data, Float Pixel Data and Double Float Pixel Data exclude each other (PS3.3 C.7.6.24, C.7.6.25)."""

from __future__ import annotations

from collections.abc import Iterator

from dcmlint.dicom.path import name_of
from dcmlint.rules.functions import (
    NotApplicable,
    Problem,
    RuleContext,
    attributes,
    rule_function,
)
from dcmlint.standard.tags import (
    BitsAllocated,
    BitsStored,
    DoubleFloatPixelData,
    FloatPixelData,
    HighBit,
    PerFrameFunctionalGroupsSequence,
    PixelData,
    PixelRepresentation,
    SharedFunctionalGroupsSequence,
)

_PIXELS = (FloatPixelData, DoubleFloatPixelData, PixelData)
# What depends on the kind of pixels: their bits, and mapped values that are integers or not
_DEPENDENT = (
    BitsAllocated, BitsStored, HighBit, PixelRepresentation, SharedFunctionalGroupsSequence,
    PerFrameFunctionalGroupsSequence,
)  # fmt: skip


@rule_function("one-pixel-attribute")
def one_pixel_attribute(context: RuleContext) -> Iterator[Problem]:
    """PIX108: an instance with more than one of the three attributes for pixels."""
    given = [tag for tag in _PIXELS if tag in context.dataset]
    if not given:
        raise NotApplicable
    if len(given) > 1:
        yield Problem(
            message=f"{' and '.join(name_of(tag) for tag in given)} are given", level=context.dataset, tag=given[-1],
            want="one of them", causes=attributes(context.dataset, *_DEPENDENT),
        )  # fmt: skip
