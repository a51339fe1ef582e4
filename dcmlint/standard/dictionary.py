"""The data dictionary: PS3.6 6 and 7, PS3.7 E.1."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec


class Entry(msgspec.Struct, frozen=True):
    """One data element. ``vr`` is as in PS3.6 ("US/SS" where it depends); ``vm`` too ("1", "2-n", "3-3n")."""

    tag: int
    keyword: str
    name: str
    vr: str
    vm: str
    retired: bool = False


class DictionaryColumns(msgspec.Struct, frozen=True, array_like=True):
    """The dictionary as it is stored: parallel columns; VR and VM are indices into their tables.

    ``masks`` are (mask, position) pairs: a position whose tag is the lowest of those that the pattern with ``x``
    stands for, and the mask of the fixed digits. Such positions stand before an element of the same tag.
    """

    tags: list[int]
    keywords: list[str]
    names: list[str]
    vrs: list[int]
    vms: list[int]
    retired: list[int]
    vr_names: list[str]
    vm_names: list[str]
    masks: list[tuple[int, int]]


class Dictionary:
    """The data elements of the standard, by tag and by keyword."""

    __slots__ = ("_by_keyword", "_by_tag", "_columns", "_entries", "_masks", "_retired")

    def __init__(self, columns: DictionaryColumns) -> None:
        self._columns = columns
        self._by_tag = dict(zip(columns.tags, range(len(columns.tags)), strict=True))
        self._masks = [(mask, columns.tags[position], position) for mask, position in columns.masks]
        self._by_keyword: dict[str, int] | None = None
        self._retired = frozenset(columns.retired)
        self._entries: dict[int, Entry | None] = {}

    def entry(self, tag: int) -> Entry | None:
        """The entry of a tag, None for a private or unknown one.

        A tag of a repeating group ((60xx,3000), even groups only: PS3.5 7.6) gives the entry of its pattern with
        ``tag`` as asked for. The group length of any group is known (PS3.5 7.2).
        """
        try:
            return self._entries[tag]
        except KeyError:
            if len(self._entries) > 100_000:  # tags come from strangers' files: never remember without end
                self._entries.clear()
            entry = self._entries[tag] = self._find(tag)
            return entry

    def by_keyword(self, keyword: str) -> Entry | None:
        """The entry of a keyword ("NumberOfFrames"), None without one.

        A keyword of a repeating group gives the entry of its first group.
        """
        if self._by_keyword is None:
            keywords = self._columns.keywords
            self._by_keyword = {keyword: position for position, keyword in enumerate(keywords) if keyword}
        position = self._by_keyword.get(keyword)
        return None if position is None else self._at(position, self._columns.tags[position])

    def keywords(self) -> Iterable[str]:
        """Every keyword, retired ones included, in the order of tags."""
        return (keyword for keyword in self._columns.keywords if keyword)

    def __len__(self) -> int:
        return len(self._columns.tags)

    def _find(self, tag: int) -> Entry | None:
        position = self._by_tag.get(tag)
        if position is not None:
            return self._at(position, tag)
        group = tag >> 16
        if group & 1:
            return None
        for mask, pattern, found in self._masks:
            if tag & mask == pattern:
                return self._at(found, tag)
        if tag & 0xFFFF == 0:
            return Entry(tag, "GroupLength", "Group Length", "UL", "1", retired=True)  # PS3.5 7.2
        return None

    def _at(self, position: int, tag: int) -> Entry:
        columns = self._columns
        return Entry(
            tag,
            columns.keywords[position],
            columns.names[position],
            columns.vr_names[columns.vrs[position]],
            columns.vm_names[columns.vms[position]],
            position in self._retired,
        )
