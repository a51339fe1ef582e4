"""Functional groups: where the attributes of one frame are to be found (PS3.3 C.7.6.16)."""

from __future__ import annotations

from dcmlint.dicom.dataset import Dataset
from dcmlint.standard.tags import PerFrameFunctionalGroupsSequence, SharedFunctionalGroupsSequence


def groups_of(level: Dataset, tag: int) -> Dataset | None:
    """The functional group that holds ``tag`` for the frame to which ``level`` belongs, or None.

    ``level`` is the item of a functional groups sequence: looked at are the groups in it, then, for a frame's
    own item, the shared ones.
    """
    if (
        level.parent_tag not in (SharedFunctionalGroupsSequence, PerFrameFunctionalGroupsSequence)
        or level.parent is None
    ):
        return None
    found = _within(level, tag)
    if found is None and level.parent_tag == PerFrameFunctionalGroupsSequence:
        for shared in level.parent.items(SharedFunctionalGroupsSequence):
            found = _within(shared, tag)
            break
    return found


def _within(item: Dataset, tag: int) -> Dataset | None:
    for element in item:
        items = element.items
        if items is not None and len(items) and tag in items[0].elements:
            return items[0]
    return None
