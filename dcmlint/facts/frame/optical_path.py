"""The identifiers of optical paths: PS3.3 C.8.12.5, C.8.12.6.2."""

from __future__ import annotations

import msgspec

from dcmlint.facts.registry import Facts, facts
from dcmlint.standard.tags import OpticalPathIdentifier, OpticalPathSequence


class OpticalPath(msgspec.Struct, frozen=True, kw_only=True):
    """What identifies the items of the Optical Path Sequence.

    ``count``: number of items
    ``identifiers``: the identifier of each item that has one, in their order
    ``repeated``: items (0-based) whose identifier an earlier item has
    ``unidentified``: items (0-based) without an identifier
    """

    count: int
    identifiers: tuple[str, ...]
    repeated: tuple[int, ...]
    unidentified: tuple[int, ...]


@facts("optical_path", OpticalPath, possible=lambda shape: shape.has(OpticalPathSequence))
def optical_path(facts: Facts) -> OpticalPath | None:
    """The optical paths of an image; absent without an Optical Path Sequence."""
    dataset = facts.instance.dataset
    if OpticalPathSequence not in dataset:
        return None
    found = [item.text(OpticalPathIdentifier) for item in dataset.items(OpticalPathSequence)]
    seen: set[str] = set()
    repeated = []
    for number, identifier in enumerate(found):
        if identifier in seen and identifier:
            repeated.append(number)
        seen.add(identifier)
    return OpticalPath(
        count=len(found), identifiers=tuple(filter(None, found)), repeated=tuple(repeated),
        unidentified=tuple(number for number, identifier in enumerate(found) if not identifier),
    )  # fmt: skip
