"""Comparing the compiled dictionary with one that others have made: what differs goes into the report of a build."""

from __future__ import annotations

from collections.abc import Iterable

from dcmlint.standard.dictionary import Dictionary, Entry


def dictionary_differences(dictionary: Dictionary) -> list[str]:
    """Notes on elements whose VR, VM or state differs from pydicom's dictionary, and how many it does not know."""
    from pydicom.datadict import DicomDictionary

    notes: list[str] = []
    missing = 0
    for entry in _entries(dictionary):
        other = DicomDictionary.get(entry.tag)
        if other is None:
            missing += 1
            continue
        vr, vm, _, retired, keyword = other
        here = (entry.vr, entry.vm, entry.retired, entry.keyword)
        there = (
            "" if vr == "NONE" else vr.replace(" or ", "/"),
            vm.removesuffix(" or 1"),
            bool(retired),
            keyword,
        )
        if here != there:
            notes.append(f"dictionary: {entry.tag:08X} is {here} here and {there} in pydicom")
    return [*notes, f"dictionary: {missing} elements are not in pydicom"]


def _entries(dictionary: Dictionary) -> Iterable[Entry]:
    found = (dictionary.by_keyword(keyword) for keyword in dictionary.keywords())
    # The lowest tag of a pattern with x may belong to an element of its own.
    return (entry for entry in found if entry is not None and entry == dictionary.entry(entry.tag))
