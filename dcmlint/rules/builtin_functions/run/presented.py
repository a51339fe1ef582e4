"""Presentation states against their images, and references to segments, where what they refer to was checked too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dcmlint.facts.run.kept import references_of
from dcmlint.rules.functions import NotApplicable, Problem, rule_function
from dcmlint.rules.slide_functions import SlideContext
from dcmlint.standard.classes import DOCUMENTS, class_name
from dcmlint.standard.tags import ReferencedImageSequence
from dcmlint.standard.uids import (
    BlendingSoftcopyPresentationStateStorage,
    ColorSoftcopyPresentationStateStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    PseudoColorSoftcopyPresentationStateStorage,
    SegmentationStorage,
    SurfaceSegmentationStorage,
    XAXRFGrayscaleSoftcopyPresentationStateStorage,
)

# Whether the images are color, and how certain that is. PS3.3 A.33.1.1, A.33.2.1, A.33.6.1; PS3.4 N.2.3, N.2.4: pseudo-color
# and blending begin with the grayscale transformations.
_COLOR: Final = {
    GrayscaleSoftcopyPresentationStateStorage: (False, ""),
    XAXRFGrayscaleSoftcopyPresentationStateStorage: (False, ""),
    ColorSoftcopyPresentationStateStorage: (True, "warning"),
    PseudoColorSoftcopyPresentationStateStorage: (False, "warning"),
    BlendingSoftcopyPresentationStateStorage: (False, "warning"),
}
# Segments of a label map may be numbered from 0. PS3.3 C.8.20.2.1, C.8.20.4, C.8.23.1
_FROM_1: Final = frozenset({SegmentationStorage, SurfaceSegmentationStorage})
_NOUN: Final = {True: "a color image", False: "a grayscale image"}
_WANT: Final = {True: "color images", False: "images of MONOCHROME1 or MONOCHROME2"}


@rule_function("presented-colors")
def presented_colors(context: SlideContext) -> Iterator[Problem]:
    """PST010: grayscale presentation states of color images, and color presentation states of grayscale images."""
    any_ = False
    for part in context.parts:
        wanted, severity = _COLOR.get(part.kept.sop_class, (None, ""))
        if wanted is None:
            continue
        for reference in references_of(part.kept).instances:
            # The relationship names the series; other references to images do not.
            if reference.through != ReferencedImageSequence or not reference.series:
                continue
            images = context.index.named(reference.sop_instance)
            color = images[0].kept.size.color if images and images[0].kept.size is not None else None
            if color is None:
                continue
            any_ = True
            if color is not wanted:
                yield Problem(
                    message=f"{class_name(part.kept.sop_class)} refers to {_NOUN[color]}", found=_NOUN[color],
                    want=_WANT[wanted], files=(part.path, images[0].path), severity=severity,
                )  # fmt: skip
                break
    if not any_:
        raise NotApplicable


@rule_function("segments-exist")
def segments_exist(context: SlideContext) -> Iterator[Problem]:
    """DRV015: the segments that an object refers to are segments of the segmentation."""
    any_ = False
    for part in context.parts:
        references = references_of(part.kept)
        counted = {one.sop_instance for one in references.instances if one.sop_class in _FROM_1}
        # Of a document, SR013 reports a segment 0.
        told = {0} if part.kept.sop_class.startswith(DOCUMENTS) else set()
        for uid, numbers in references.segments.items():
            segmentations = context.index.named(uid)
            known = segmentations[0].kept.segments if segmentations else ()
            lost = sorted(set(numbers) - set(known) - told)
            if not known and uid in counted and 0 in lost:
                any_ = True
                yield Problem(
                    message="segment 0 is referred to; segments are numbered from 1", found=0, want="1 or more",
                    files=(part.path,),
                )  # fmt: skip
            if not known:
                continue
            any_ = True
            if lost:
                yield Problem(
                    message=f"segment {lost[0]} is referred to, but the segmentation does not have it", found=lost[0],
                    want=_listed(known), files=(part.path, segmentations[0].path),
                )  # fmt: skip
    if not any_:
        raise NotApplicable


def _listed(numbers: tuple[int, ...]) -> str:
    ordered = sorted(numbers)
    if ordered == list(range(ordered[0], ordered[-1] + 1)) and len(ordered) > 1:
        return f"{ordered[0]} to {ordered[-1]}"
    return ", ".join(map(str, ordered[:8])) + (" and others" if len(ordered) > 8 else "")
