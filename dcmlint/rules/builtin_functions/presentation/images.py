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
    ReferencedWaveformSequence,
    SoftcopyVOILUTSequence,
)

# Which way columns and rows of the image run from the first corner to the last one, by clockwise rotation
_TURNED = {0: (1, 1), 90: (1, -1), 180: (-1, -1), 270: (-1, 1)}
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
                    told.add(uid)
                    yield Problem(
                        message="one image is referenced with two SOP Classes", level=image, tag=ReferencedSOPClassUID,
                        found=sop_class, wanted=known[uid],
                    )  # fmt: skip
                elif image.values(ReferencedFrameNumber) and has_module(sop_class, FRAMES) is False:
                    yield _without_frames(image, sop_class)


def _without_frames(image: Dataset, sop_class: str) -> Problem:
    return Problem(
        message=f"a frame is referenced, but instances of {class_name(sop_class)} are not multi-frame", level=image,
        tag=ReferencedFrameNumber, found=image.values(ReferencedFrameNumber), want="absent",
    )  # fmt: skip


@rule_function("presented-classes")
def presented_classes(context: RuleContext) -> Iterator[Problem]:
    """PST011: images, or waveforms, of one series with different SOP Classes (PS3.3 C.11.11, C.39.1)."""
    any_ = False
    for level in (context.dataset, *context.dataset.items(BlendingSequence)):
        for series in level.items(ReferencedSeriesSequence):
            for tag, what in ((ReferencedImageSequence, "images"), (ReferencedWaveformSequence, "waveforms")):
                first = ""
                for one in series.items(tag):
                    sop_class = one.text(ReferencedSOPClassUID)
                    any_ = any_ or bool(sop_class)
                    if first and sop_class and sop_class != first:
                        yield Problem(
                            message=f"the presentation state lists {what} of different SOP Classes in one series",
                            level=one, tag=ReferencedSOPClassUID, found=sop_class, wanted=first,
                        )  # fmt: skip
                        break
                    first = first or sop_class
    if not any_:
        raise NotApplicable


@rule_function("displayed-area-for-each")
def displayed_area_for_each(context: RuleContext) -> Iterator[Problem]:
    """PST012: an image, or a frame, of the presentation state for which there is no displayed area (PS3.3 C.10.4).

    Of an image that is listed without frames, an area for some of them is enough: how many there are is not known.
    """
    areas = context.dataset.items(DisplayedAreaSelectionSequence)
    if not areas or not context.dataset.items(ReferencedSeriesSequence):
        raise NotApplicable
    covered: dict[str, set[object]] = {}
    for area in areas:
        images = area.items(ReferencedImageSequence)
        if not images:
            return  # an area for all images
        for image in images:
            covered.setdefault(image.text(ReferencedSOPInstanceUID), set()).update(
                image.values(ReferencedFrameNumber) or (None,)
            )
    for image in _listed(context.dataset):
        uid, frames = image.text(ReferencedSOPInstanceUID), image.values(ReferencedFrameNumber)
        if not uid:
            continue
        parts = covered.get(uid)
        if parts is None:
            yield Problem(
                message="the presentation state has no displayed area for an image that it lists", level=image,
                tag=ReferencedSOPInstanceUID, found=uid, want="an item of Displayed Area Selection Sequence for it",
            )  # fmt: skip
        elif None not in parts and not parts.issuperset(frames):
            missing = tuple(frame for frame in frames if frame not in parts)
            yield Problem(
                message="the presentation state has no displayed area for a frame that it lists", level=image,
                tag=ReferencedFrameNumber, found=missing, want="an item of Displayed Area Selection Sequence for it",
            )  # fmt: skip


@rule_function("displayed-area")
def displayed_area(context: RuleContext) -> Iterator[Problem]:
    """PST005: displayed areas whose bottom right hand corner, as displayed, is above or left of the top left hand corner.

    The corners are those of the displayed area after rotation and flip, in columns and rows of the image before (PS3.3
    C.10.4): turned by 180 degrees the first one has the highest column and row.  Of turned images it is a warning.
    """
    areas = context.dataset.items(DisplayedAreaSelectionSequence)
    if not areas:
        raise NotApplicable
    rotation = context.dataset.value(ImageRotation) or 0
    flipped = context.dataset.text(ImageHorizontalFlip) == "Y"
    signs = _TURNED.get(rotation) if isinstance(rotation, int) else None
    if signs is None or (rotation and ImageHorizontalFlip not in context.dataset):
        raise NotApplicable  # a rotation that is none, or half of a transformation: reported as such
    across, down = signs
    if flipped:
        across, down = (-across, down) if rotation in (0, 180) else (across, -down)
    turned = rotation != 0 or flipped
    for area in areas:
        first, last = (
            area.values(tag) for tag in (DisplayedAreaTopLeftHandCorner, DisplayedAreaBottomRightHandCorner)
        )
        numbers = [value for value in (*first, *last) if isinstance(value, int)]
        if len(first) == len(last) == 2 and len(numbers) == 4:
            left, top, right, bottom = numbers
            if (right - left) * across < 0 or (bottom - top) * down < 0:
                yield Problem(
                    message="the bottom right corner of the displayed area is above or left of its top left corner",
                    level=area, tag=DisplayedAreaBottomRightHandCorner, found=last,
                    want=f"{'at most' if across < 0 else 'at least'} {left}, {'at most' if down < 0 else 'at least'} {top}",
                    severity="warning" if turned else "",
                )  # fmt: skip


@rule_function("presented-once")
def presented_once(context: RuleContext) -> Iterator[Problem]:
    """PST007: two displayed areas, or two VOI transformations, for one image or frame (PS3.3 C.10.4, C.11.8)."""
    levels = {
        tag: context.dataset.items(tag) for tag in (DisplayedAreaSelectionSequence, SoftcopyVOILUTSequence)
    }
    if not any(levels.values()):
        raise NotApplicable
    for items in levels.values():
        seen: set[tuple[str, object]] = set()
        for item in items:
            images = item.items(ReferencedImageSequence)
            parts: set[tuple[str, object]] = {
                (image.text(ReferencedSOPInstanceUID), frame)
                for image in images
                for frame in (image.values(ReferencedFrameNumber) or (None,))
            }
            if not images:
                parts = {("", None)}  # all images
            if parts & seen:
                yield Problem(
                    message="an item for an image, or a frame, that an earlier item is for", level=item,
                    tag=ReferencedImageSequence if images else 0, want="one item for each image or frame",
                )  # fmt: skip
            seen |= parts
