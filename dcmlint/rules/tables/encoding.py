"""The oddities of the reader as problems."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from dcmlint.dicom.dataset import Oddity
from dcmlint.dicom.instance import Instance
from dcmlint.dicom.items import groups_above
from dcmlint.dicom.oddities import ODDITIES
from dcmlint.dicom.path import keyword_path, tag_text
from dcmlint.findings.problem import Problem

_ODD = "odd-length"


def encoding_problems(instance: Instance, together: bool = True) -> list[Problem]:
    """What was odd in the encoding of an instance, fragments of its pixel data apart.

    ``together``: once for items that were read together.
    """
    oddities: list[Oddity] = instance.oddities
    if not together:
        oddities = [one for oddity in oddities for one in _each(oddity)]
    odd = sorted(oddity.offset for oddity in oddities if oddity.code == _ODD)
    return [_problem(oddity) for oddity in oddities if not (len(odd) > 1 and _holds_another(oddity, odd))]


def _holds_another(oddity: Oddity, odd: list[int]) -> bool:
    """Whether a sequence has an odd length because an element in it has one (``odd``: where they begin)."""
    if oddity.code != _ODD or oddity.level is None:
        return False
    element = oddity.level.elements.get(oddity.tag)
    if element is None or element.items is None:
        return False
    return bisect_left(odd, element.start) < bisect_left(odd, element.end)


def _each(oddity: Oddity) -> Iterator[Oddity]:
    """The same for each of the items for which it was recorded once."""
    groups = groups_above(oddity.level) if oddity.count > 1 else ()
    parent = groups[0].template.parent if groups else None
    if not groups or parent is None:
        yield oddity
        return
    path = keyword_path(oddity.level) if oddity.level is not None else ""
    items = parent.items(groups[0].template.parent_tag)
    for number in groups[0].numbers:
        for one in items.odd(int(number)):
            alike = (one.code, one.tag) == (oddity.code, oddity.tag) and one.level is not None
            if alike and one.level is not None and keyword_path(one.level) == path:
                yield one


def _problem(oddity: Oddity) -> Problem:
    text = ODDITIES[oddity.code]
    where = f" at {tag_text(oddity.tag)}" if oddity.tag else ""
    return Problem(
        check=f"encoding.{oddity.code}", level=oddity.level, tag=oddity.tag,
        message=f"{text}{where} (byte {oddity.offset:#x})", said=oddity.found, want=oddity.wanted,
        offset=oddity.offset, groups=groups_above(oddity.level) if oddity.count > 1 else (), count=oddity.count,
    )  # fmt: skip
