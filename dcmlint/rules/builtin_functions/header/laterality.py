"""Attributes that say of which side of the body an image is, against each other (PS3.3 C.7.3.1, C.7.6.1, C.7.6.16.2.8)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.items import Place, item_places
from dcmlint.dicom.path import name_of
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, applies_with, rule_function
from dcmlint.standard.tags import (
    AnatomicRegionModifierSequence,
    AnatomicRegionSequence,
    CodeValue,
    CodingSchemeDesignator,
    FrameAnatomySequence,
    FrameLaterality,
    ImageLaterality,
    Laterality,
    PerFrameFunctionalGroupsSequence,
    PrimaryAnatomicStructureModifierSequence,
    PrimaryAnatomicStructureSequence,
    SharedFunctionalGroupsSequence,
)

# PS3.16 CID 244: right and left, as SNOMED CT and as SNOMED RT coded them
_SIDES: Final = {
    ("24028007", "SCT"): "R", ("7771000", "SCT"): "L",
    **{(code, scheme): side for code, side in (("G-A100", "R"), ("G-A101", "L")) for scheme in ("SRT", "SNM3", "99SDM")},
}  # fmt: skip
_MODIFIERS: Final = (
    (PrimaryAnatomicStructureSequence, PrimaryAnatomicStructureModifierSequence),
    (AnatomicRegionSequence, AnatomicRegionModifierSequence),
)
_OPPOSITE: Final = {"R": "L", "L": "R"}


@rule_function("laterality", applies_with(Laterality, ImageLaterality, FrameLaterality))
def laterality(context: RuleContext) -> Iterator[Problem]:
    """IOD264: the other side than that of the series, of the coded anatomy, or of both.

    Only right against left counts: B and U may stand beside either where more than one region is coded.
    """
    any_ = False
    for place in _places(context.dataset):
        level = place.level
        stated = [
            (tag, level.text(tag))
            for tag in (Laterality, ImageLaterality, FrameLaterality)
            if level.text(tag) in _OPPOSITE
        ]
        if not stated:
            continue
        any_ = True
        others = [*stated[:1], *_of_anatomy(level)]
        for number, (tag, side) in enumerate(stated):
            for other, said in others[1:] if number == 0 else others:
                if said == _OPPOSITE[side]:
                    yield Problem(
                        message=f"{name_of(tag)} is another side than {name_of(other)}", level=level, groups=place.groups,
                        tag=tag, found=side, wanted=said,
                    )  # fmt: skip
                    break
    if not any_:
        raise NotApplicable


def _places(dataset: Dataset) -> Iterator[Place]:
    """The data set, and what the functional groups say of the anatomy of frames."""
    yield Place(dataset)
    for sequence in (SharedFunctionalGroupsSequence, PerFrameFunctionalGroupsSequence):
        yield from item_places(dataset, (sequence, FrameAnatomySequence), frozenset({FrameAnatomySequence}))


def _of_anatomy(level: Dataset) -> Iterator[tuple[int, str]]:
    """The side that the modifiers of the coded anatomy say, where it is one."""
    for sequence, modifiers in _MODIFIERS:
        sides = {
            _SIDES.get((code.text(CodeValue), code.text(CodingSchemeDesignator)), "")
            for region in level.items(sequence)
            for code in region.items(modifiers)
        } - {""}
        if len(sides) == 1:
            yield modifiers, next(iter(sides))
