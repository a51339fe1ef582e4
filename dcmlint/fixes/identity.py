"""UIDs that change over a set of files, with everything that refers to them.

Looked for before anything is written: new SOP Instance UIDs of files that change, and of files whose references do.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping

import msgspec

from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.edits import Edit, SetValue, text
from dcmlint.dicom.instance import Instance
from dcmlint.dicom.items import all_places

Renamed = Mapping[str, str]
# Name space of the UIDs that are made: the same repair of the same instance gives the same UID (PS3.5 B.2).
_SPACE = uuid.UUID("6f0d1b52-6c1e-4b0c-9a27-6d3b7b0f1c55")
_MOST_UIDS = 1_000_000  # of a run


def new_uid(old: str, why: str) -> str:
    """A UID made from a UUID, of an instance that was changed in this way (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid5(_SPACE, f'{old} {why}').int}"


def renaming_edits(instance: Instance, renamed: Renamed) -> Iterator[Edit]:
    """The edits that put new UIDs in the place of old ones, wherever an element of VR UI has one."""
    if not renamed:
        return
    if instance.meta is not None:
        yield from _of_level(instance.meta, renamed)
    for place in all_places(instance.dataset, None):
        yield from _of_level(place.level, renamed)


def _of_level(level: Dataset, renamed: Renamed) -> Iterator[Edit]:
    for element in level:
        if element.items is not None or level.value_representation(element) != "UI":
            continue
        uids = [str(uid) for uid in level.values(element.tag)]
        if not renamed.keys().isdisjoint(uids):
            field = text("UI", "\\".join(renamed.get(uid, uid) for uid in uids).encode("ascii", "replace"))
            yield SetValue(level=level, tag=element.tag, vr=element.vr, parts=(field,))


class _Seen(msgspec.Struct, frozen=True):
    """What a run has to know of an instance: its UID, whether it changes by itself, and the UIDs that it names."""

    uid: str
    change: str
    names: frozenset[str]


class NewUids:
    """Collects the instances of a set; then `renamed` says which get which SOP Instance UID."""

    def __init__(self) -> None:
        self._seen: list[_Seen] = []

    def add(self, instance: Instance, change: str) -> None:
        """Take in an instance; ``change``: what is done to it, empty where nothing is."""
        own = instance.sop_instance
        names = {
            str(uid)
            for place in all_places(instance.dataset, None)
            for element in place.level
            if element.items is None and place.level.value_representation(element) == "UI"
            for uid in place.level.values(element.tag)
        }
        self._seen.append(_Seen(own, change, frozenset(names - {own})))

    def renamed(self) -> dict[str, str]:
        """New UIDs by old ones: of what changes, and of what refers to it, until nothing more does."""
        own = {one.uid for one in self._seen if one.uid}
        made = {one.uid: new_uid(one.uid, one.change) for one in self._seen if one.uid and one.change}
        by_name: dict[str, list[str]] = {}
        for one in self._seen:
            for name in one.names & own:
                by_name.setdefault(name, []).append(one.uid)
        left = list(made)
        while left and len(made) < _MOST_UIDS:
            for uid in by_name.get(left.pop(), ()):
                if uid and uid not in made:
                    made[uid] = new_uid(uid, "references")
                    left.append(uid)
        return made
