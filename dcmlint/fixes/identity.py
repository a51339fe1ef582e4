"""UIDs that change over a set of files, with everything that refers to them.

Looked for before anything is written: new SOP Instance UIDs of files that change, and of files whose references do.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping

import msgspec

from dcmlint.dicom.dataset import Dataset, Element
from dcmlint.dicom.edits import Edit, SetValue, text
from dcmlint.dicom.instance import Instance
from dcmlint.dicom.items import all_places

Renamed = Mapping[str, str]
# Name space of the UIDs that are made: the same repair of the same instance gives the same UID (PS3.5 B.2).
_SPACE = uuid.UUID("6f0d1b52-6c1e-4b0c-9a27-6d3b7b0f1c55")
_MOST_UIDS = 1_000_000  # of a run
# What an element of an unknown VR has if it holds UIDs: bytes of the value, and their characters (PS3.5 9.1)
_SHORTEST, _LONGEST = 6, 1 << 12
_LIKE_UIDS = re.compile(rb"[0-9]+(?:\.[0-9]+)+(?:\\[0-9]+(?:\.[0-9]+)+)*").fullmatch


def new_uid(old: str, why: str) -> str:
    """A UID made from a UUID, of an instance that was changed in this way (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid5(_SPACE, f'{old} {why}').int}"


def renaming_edits(instance: Instance, renamed: Renamed) -> Iterator[Edit]:
    """The edits that put new UIDs in the place of old ones, wherever an element has nothing but UIDs."""
    if not renamed:
        return
    if instance.meta is not None:
        yield from _of_level(instance.meta, renamed)
    for place in all_places(instance.dataset, None):
        yield from _of_level(place.level, renamed)


def _of_level(level: Dataset, renamed: Renamed) -> Iterator[Edit]:
    for element in level:
        uids = _uids(level, element)
        if not renamed.keys().isdisjoint(uids):
            field = text("UI", "\\".join(renamed.get(uid, uid) for uid in uids).encode("ascii", "replace"))
            yield SetValue(level=level, tag=element.tag, vr=element.vr, parts=(field,))


def _uids(level: Dataset, element: Element) -> tuple[str, ...]:
    """The values of a UI, and what may be some of a VR that nobody knows: a private element in implicit VR."""
    if element.items is not None or element.fragments is not None:
        return ()
    vr = level.value_representation(element)
    if vr == "UI":
        return tuple(str(uid) for uid in level.values(element.tag))
    if vr != "UN" or not _SHORTEST <= element.end - element.start <= _LONGEST:
        return ()
    raw = level.raw(element.tag).rstrip(b"\0 ")
    return tuple(raw.decode("ascii").split("\\")) if _LIKE_UIDS(raw) else ()


class _Seen(msgspec.Struct, frozen=True):
    """What a run has to know of an instance: its UID, whether it changes by itself, the UIDs that it names, and whether
    it may be changed."""

    uid: str
    change: str
    names: frozenset[str]
    may_change: bool


class NewUids:
    """Collects the instances of a set; then `renamed` says which get which SOP Instance UID."""

    def __init__(self) -> None:
        self._seen: list[_Seen] = []

    def add(self, instance: Instance, change: str, may_change: bool) -> None:
        """Take in an instance; ``change``: what is done to it, empty where nothing is; ``may_change``: see `unsure`."""
        own = instance.sop_instance
        names = {
            uid
            for place in all_places(instance.dataset, None)
            for element in place.level
            for uid in _uids(place.level, element)
        }
        self._seen.append(_Seen(own, change, frozenset(names - {own}), may_change))

    def renamed(self) -> dict[str, str]:
        """New UIDs by old ones: of what changes, and of what refers to it, until nothing more does.

        An instance that must not be changed keeps its UID, so that what refers to it still finds it.
        """
        own = {one.uid for one in self._seen if one.uid} - {
            one.uid for one in self._seen if not one.may_change
        }
        made = {one.uid: new_uid(one.uid, one.change) for one in self._seen if one.uid in own and one.change}
        by_name: dict[str, list[str]] = {}
        for one in self._seen:
            for name in one.names & own:
                by_name.setdefault(name, []).append(one.uid)
        left = list(made)
        while left and len(made) < _MOST_UIDS:
            for uid in by_name.get(left.pop(), ()):
                if uid in own and uid not in made:
                    made[uid] = new_uid(uid, "references")
                    left.append(uid)
        return made
