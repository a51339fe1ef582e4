"""Numbers and UIDs of annotation groups (PS3.3 C.37.1)."""

from __future__ import annotations

from collections.abc import Iterator

from dcmlint.dicom.path import name_of
from dcmlint.rules.builtin_functions.annotations.groups import groups
from dcmlint.rules.functions import Problem, RuleContext, rule_function
from dcmlint.standard.tags import (
    AnnotationGroupNumber,
    AnnotationGroupUID,
    FrameOfReferenceUID,
    ReferencedImageSequence,
    ReferencedSOPInstanceUID,
    SeriesInstanceUID,
    SOPInstanceUID,
    StudyInstanceUID,
)

_OTHERS = (SOPInstanceUID, SeriesInstanceUID, StudyInstanceUID, FrameOfReferenceUID)


@rule_function("annotation-group-numbers")
def group_numbers(context: RuleContext) -> Iterator[Problem]:
    """ANN001: Annotation Group Number counts from 1 in the order of the items."""
    for wanted, group in enumerate(groups(context), 1):
        number = group.item.value(AnnotationGroupNumber)
        if isinstance(number, int) and number != wanted:
            yield Problem(
                message=f"Annotation Group Number is {number} in group {wanted} of the sequence", level=group.item,
                tag=AnnotationGroupNumber, found=number, want=f"{wanted} (groups are numbered from 1 in sequence order)",
            )  # fmt: skip
            return  # each number behind it is off by the same


@rule_function("annotation-group-uids")
def group_uids(context: RuleContext) -> Iterator[Problem]:
    """ANN002: groups of one instance have different Annotation Group UIDs, which are no other UIDs of it."""
    seen: dict[str, int] = {}
    others = {context.dataset.text(tag): tag for tag in _OTHERS}
    for image in context.dataset.items(ReferencedImageSequence):
        others.setdefault(image.text(ReferencedSOPInstanceUID), ReferencedSOPInstanceUID)
    for place, group in enumerate(groups(context)):
        uid = group.item.text(AnnotationGroupUID)
        if not uid:
            continue
        if uid in seen:
            yield Problem(
                message=f"Annotation Group UID is also that of item {seen[uid]}", level=group.item,
                tag=AnnotationGroupUID, found=uid, want="a unique UID for each group",
            )  # fmt: skip
        elif uid in others:
            yield Problem(
                message=f"Annotation Group UID is also {name_of(others[uid])}", level=group.item,
                tag=AnnotationGroupUID, found=uid, want="a UID that identifies nothing else",
            )  # fmt: skip
        seen.setdefault(uid, place)
