"""Images of presentation states: the list of them, what refers to it, and displayed areas (PS3.3 C.10.4, C.11.11)."""

from __future__ import annotations

from collections.abc import Iterator

from dcmlint.dicom.dataset import Dataset
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, rule_function
from dcmlint.standard.classes import FRAMES, PIXELS, class_name, has_module
from dcmlint.standard.tags import (
    BlendingSequence,
    DisplayedAreaBottomRightHandCorner,
    DisplayedAreaSelectionSequence,
    DisplayedAreaTopLeftHandCorner,
    GraphicAnnotationSequence,
    ImageHorizontalFlip,
    ImageRotation,
    ReferencedFrameNumber,
    ReferencedImageSequence,
    ReferencedSeriesSequence,
    ReferencedSOPClassUID,
    ReferencedSOPInstanceUID,
    SoftcopyVOILUTSequence,
)

_USES = (GraphicAnnotationSequence, DisplayedAreaSelectionSequence, SoftcopyVOILUTSequence)


def _listed(dataset: Dataset) -> list[Dataset]:
    """The items of the presentation state relationship, those of blended images too."""
    return [
        image
        for level in (dataset, *dataset.items(BlendingSequence))
        for series in level.items(ReferencedSeriesSequence)
        for image in series.items(ReferencedImageSequence)
    ]


@rule_function("presented-images")
def presented_images(context: RuleContext) -> Iterator[Problem]:
    """PST004: images that the state is not for, objects that are no images, frames of objects without frames."""
    listed = _listed(context.dataset)
    if not listed:
        raise NotApplicable
    known: dict[str, str] = {}
    told: set[str] = set()
    for image in listed:
        uid, sop_class = image.text(ReferencedSOPInstanceUID), image.text(ReferencedSOPClassUID)
        if uid and uid in known:
            yield Problem(
                message="the presentation state lists an image twice", level=image, tag=ReferencedSOPInstanceUID,
                found=uid, want="each image once", severity="warning",
            )  # fmt: skip
        elif sop_class and has_module(sop_class, PIXELS) is False:
            told.add(uid)
            yield Problem(
                message=f"a presentation state of {class_name(sop_class)}, which is not an image", level=image,
                tag=ReferencedSOPClassUID, found=sop_class, want="the SOP Class of an image",
            )  # fmt: skip
        elif image.values(ReferencedFrameNumber) and has_module(sop_class, FRAMES) is False:
            yield _without_frames(image, sop_class)
        known.setdefault(uid, sop_class)
    for use in _USES:
        for level in context.dataset.items(use):
            for image in level.items(ReferencedImageSequence):
                uid, sop_class = image.text(ReferencedSOPInstanceUID), image.text(ReferencedSOPClassUID)
                if not uid or not sop_class or uid in told:
                    continue
                if uid not in known:
                    yield Problem(
                        message="the image is not listed in Referenced Series Sequence", level=image,
                        tag=ReferencedSOPInstanceUID, found=uid, want="an image of the presentation state",
                    )  # fmt: skip
                elif known[uid] and sop_class != known[uid]:
                    yield Problem(
                        message="one image is referenced with two SOP Classes", level=image, tag=ReferencedSOPClassUID,
                        found=sop_class, wanted=known[uid],
                    )  # fmt: skip
                elif image.values(ReferencedFrameNumber) and has_module(sop_class, FRAMES) is False:
                    yield _without_frames(image, sop_class)


def _without_frames(image: Dataset, sop_class: str) -> Problem:
    return Problem(
        message=f"a frame of an object without frames ({class_name(sop_class)})", level=image,
        tag=ReferencedFrameNumber, found=image.values(ReferencedFrameNumber), want="absent",
    )  # fmt: skip


@rule_function("displayed-area")
def displayed_area(context: RuleContext) -> Iterator[Problem]:
    """PST005: displayed areas whose bottom right hand corner is above or left of the top left hand corner."""
    areas = context.dataset.items(DisplayedAreaSelectionSequence)
    turned = (
        context.dataset.value(ImageRotation) not in (None, 0)
        or context.dataset.text(ImageHorizontalFlip) == "Y"
    )
    if not areas or turned:
        raise NotApplicable  # corners are those after rotation and flip
    for area in areas:
        first, last = (
            area.values(tag) for tag in (DisplayedAreaTopLeftHandCorner, DisplayedAreaBottomRightHandCorner)
        )
        numbers = [value for value in (*first, *last) if isinstance(value, int)]
        if len(first) == len(last) == 2 and len(numbers) == 4:
            left, top, right, bottom = numbers
            if right < left or bottom < top:
                yield Problem(
                    message="the bottom right corner of the displayed area is above or left of its top left corner",
                    level=area, tag=DisplayedAreaBottomRightHandCorner, found=last, want=f"at least {left}\\{top}",
                )  # fmt: skip
