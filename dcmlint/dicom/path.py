"""DICOM paths: `OpticalPathSequence[0].ICCProfile`, `(0009,[ACME 1.0],01)`, `(0009,1001)`.

Items are 0-based.  A step without an index names the element itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from dcmlint import standard
from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.items import Group, indices


class Step(msgspec.Struct, frozen=True):
    """One step of a path: a tag (0 when only creator and byte are known) and the item gone into, if any."""

    tag: int
    index: int | None = None
    creator: str | None = None


def name_of(tag: int, creator: str | None = None) -> str:
    """What a path calls an element: its keyword, or its tag when it has none."""
    group = tag >> 16
    if group & 1 and tag & 0xFFFF > 0xFF:
        if creator:
            return f"({group:04X},[{creator.replace(']', '_')}],{tag & 0xFF:02X})"
    elif not group & 1:
        entry = standard.load().dictionary.entry(tag)
        if entry is not None and entry.keyword:
            # Repeating groups, and retired group lengths, share a keyword: the tag tells them apart.
            repeating = (
                group & 0xFF00 in (0x5000, 0x6000) and group & 0xFF
            ) or entry.keyword == "GroupLength"
            return f"({group:04X},{tag & 0xFFFF:04X})" if repeating else entry.keyword
    return f"({group:04X},{tag & 0xFFFF:04X})"


def path_of(level: Dataset, tag: int = 0, groups: Sequence[Group] = (), numbers: Sequence[int] = ()) -> str:
    """The path of an element of a level, or of the level itself when ``tag`` is 0.

    ``groups`` (outermost first) stand for many items: ``numbers`` says which item of each is meant.
    """
    parts: list[str] = []
    if tag:
        parts.append(name_of(tag, level.creator(tag) if (tag >> 16) & 1 else None))
    current = level
    while current.parent is not None:
        parent = current.parent
        own = current.parent_tag
        creator = parent.creator(own) if (own >> 16) & 1 else None
        index = current.index
        for group, number in zip(groups, numbers, strict=True):
            if group.template is current:
                index = int(number)
        parts.append(f"{name_of(own, creator)}[{index}]")
        current = parent
    return ".".join(reversed(parts))


def paths_of(level: Dataset, tag: int, groups: Sequence[Group], most: int) -> tuple[str, ...]:
    """The paths of the first places for which a level stands."""
    return tuple(path_of(level, tag, groups, some) for some in indices(groups, most))


def keyword_path(level: Dataset, tag: int = 0) -> str:
    """The path without item indices: what collapses findings and finds rows."""
    return re.sub(r"\[\d+\]", "", path_of(level, tag))


_STEP = re.compile(
    r"""(?: (?P<keyword>[A-Za-z][A-Za-z0-9]*)
          | \((?P<group>[0-9A-Fa-f]{4}),(?P<element>[0-9A-Fa-f]{4})\)
          | \((?P<pgroup>[0-9A-Fa-f]{4}),\[(?P<creator>[^\]]+)\],(?P<byte>[0-9A-Fa-f]{2})\)
        ) (?:\[(?P<index>\d+|\*)\])? (?:\.|$)""",
    re.VERBOSE,
)

ALL_ITEMS = -1


@standard.per_edition(4096)
def parse_path(text: str) -> tuple[Step, ...]:
    """The steps of a path; ``[*]`` gives the index `ALL_ITEMS`.

    Raises ValueError with what is wrong and where.
    """
    steps: list[Step] = []
    position = 0
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise ValueError(f"{text!r} is not a DICOM path at character {position + 1}")
        index = match["index"]
        number = None if index is None else ALL_ITEMS if index == "*" else int(index)
        if match["keyword"]:
            entry = standard.load().dictionary.by_keyword(match["keyword"])
            if entry is None:
                raise ValueError(f"{match['keyword']!r} is not a keyword of the data dictionary")
            steps.append(Step(entry.tag, number))
        elif match["group"]:
            steps.append(Step(int(match["group"] + match["element"], 16), number))
        else:
            tag = int(match["pgroup"], 16) << 16 | int(match["byte"], 16)
            steps.append(Step(tag, number, match["creator"]))
        position = match.end()
    if not steps:
        raise ValueError("an empty path")
    return tuple(steps)


def tag_text(tag: int) -> str:
    """(gggg,eeee)."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
