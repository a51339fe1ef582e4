"""Image Type and what goes with it, against the frames (PS3.3 C.8.16.1, C.8.16.2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.items import all_places
from dcmlint.dicom.path import name_of
from dcmlint.facts.frame.frame_columns import FunctionalGroups
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, applies_with, rule_function
from dcmlint.standard.tags import (
    AcquisitionContrast,
    ComplexImageComponent,
    ConcatenationUID,
    CTImageFrameTypeSequence,
    FrameType,
    ImageType,
    MRImageFrameTypeSequence,
    MRSpectroscopyFrameTypeSequence,
    NumberOfFrames,
    PerFrameFunctionalGroupsSequence,
    PETFrameTypeSequence,
    PixelPresentation,
    SharedFunctionalGroupsSequence,
    VolumeBasedCalculationTechnique,
    VolumetricProperties,
)
from dcmlint.standard.uids import (
    LegacyConvertedEnhancedCTImageStorage,
    LegacyConvertedEnhancedMRImageStorage,
    LegacyConvertedEnhancedPETImageStorage,
)

_GROUPS = (
    CTImageFrameTypeSequence, MRImageFrameTypeSequence, MRSpectroscopyFrameTypeSequence, PETFrameTypeSequence,
)  # fmt: skip
# Attribute of the image, attribute of the frame, and value. Values 2 and 3 of Image Type are never MIXED, and value 3 may
# be another one than that of the frames (PS3.3 C.8.16.1.2, C.8.16.1.3)
_COMPARED = (
    (ImageType, FrameType, 1), (ImageType, FrameType, 4),
    *((tag, tag, 1) for tag in (PixelPresentation, VolumetricProperties, VolumeBasedCalculationTechnique, ComplexImageComponent,
                                AcquisitionContrast)),
)  # fmt: skip
_MIXED = "MIXED"
_CONVERTED = (
    LegacyConvertedEnhancedCTImageStorage, LegacyConvertedEnhancedMRImageStorage, LegacyConvertedEnhancedPETImageStorage,
)  # fmt: skip


@rule_function("image-type-of-frames")
def image_type_of_frames(context: RuleContext) -> Iterator[Problem]:
    """CT006: Image Type, or an attribute that goes with it, is neither what all frames say, nor MIXED where they differ."""
    dataset = context.dataset
    levels = [item for one in dataset.items(SharedFunctionalGroupsSequence)[:1] for item in _frame_types(one)]
    shared = levels[0] if levels else None
    frames = dataset.items(PerFrameFunctionalGroupsSequence)
    compared = frozenset(tag for _, tag, _ in _COMPARED)
    found = [
        (next(_frame_types(group.template), shared), len(group.numbers))
        for group in frames.distinct(compared)
    ]
    groups = context.facts.of(FunctionalGroups)
    if not found or all(level is None for level, _ in found) or groups is None:
        raise NotApplicable
    whole = (
        groups.complete and dataset.value(NumberOfFrames) == len(frames) and ConcatenationUID not in dataset
    )
    for tag, of_frame, number in _COMPARED:
        stated = dataset.value(tag, number)
        values = {None if level is None else level.value(of_frame, number) for level, _ in found}
        if not stated or not values or not values.isdisjoint((None, "")):
            continue  # what is missing is told as such
        name = name_of(tag) if tag != ImageType else f"value {number} of {name_of(tag)}"
        if len(values) > 1 and stated != _MIXED:
            yield Problem(
                message=f"{name} is one value, but the frames differ in it", level=dataset, tag=tag, number=number,
                found=stated, want=_MIXED,
            )  # fmt: skip
        elif len(values) == 1 and whole and stated not in values:
            yield Problem(
                message=f"{name} is not that of all frames", level=dataset, tag=tag, number=number,
                found=stated, wanted=next(iter(values)),
            )  # fmt: skip


@rule_function("image-flavor", applies_with(ImageType, FrameType))
def image_flavor(context: RuleContext) -> Iterator[Problem]:
    """CT007: value 3 of Image Type or Frame Type empty or MIXED, value 4 empty or another than NONE of original pixels.

    Images that were converted from older ones may leave value 4 empty (PS3.3 C.8.16.1.4).
    """
    converted = context.instance.sop_class in _CONVERTED
    any_ = False
    for place in all_places(context.dataset, frozenset({FrameType})):
        for tag in (ImageType, FrameType):
            values = place.level.values(tag)
            if len(values) < 4:
                continue  # told by CT002, and by the multiplicity
            any_ = True
            first, flavor, contrast = values[0], values[2], values[3]
            where: Any = {"level": place.level, "groups": place.groups, "tag": tag}
            if not flavor or (flavor == _MIXED and not converted):
                yield Problem(
                    message=f"value 3 of {name_of(tag)} is {'MIXED' if flavor else 'empty'}", number=3, found=flavor,
                    want="a term that says what was acquired, such as VOLUME", **where,
                )  # fmt: skip
            if not contrast and not converted:
                yield Problem(
                    message=f"value 4 of {name_of(tag)} is empty", number=4, want="NONE, or what was computed", **where,
                )  # fmt: skip
            elif first == "ORIGINAL" and contrast not in ("", "NONE", _MIXED) and not converted:
                yield Problem(
                    message=f"value 4 of {name_of(tag)} is not NONE although value 1 is ORIGINAL", number=4,
                    found=contrast, want="NONE", **where,
                )  # fmt: skip
    if not any_:
        raise NotApplicable


def _frame_types(level: Dataset) -> Iterator[Dataset]:
    for group in _GROUPS:
        yield from level.items(group)[:1]
