"""Conditions of template rows, decided for a content item (PS3.16 6.1.8); the trees are those of the compiled tables."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import Any

from dcmlint.facts.report.content import Code, ContentItem
from dcmlint.standard.tags import MeasuredValueSequence, NumericValue
from dcmlint.standard.templates import Condition

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "=": operator.eq, "!=": operator.ne, ">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le,
}  # fmt: skip


def holds(condition: Condition, item: ContentItem) -> bool | None:
    """Whether a condition holds below ``item``; None where that cannot be known."""
    word, *rest = condition
    if word in ("and", "or"):
        return _joined(word, (holds(one, item) for one in rest))
    if word == "not":
        found = holds(rest[0], item)
        return None if found is None else not found
    if word == "count":
        path, compare, number = rest
        return _COMPARE[compare](len(_items(path, item)), number)
    if word == "more":
        one, other = (_number(path, item) for path in rest)
        return None if one is None or other is None else one > other
    return None


def _joined(word: str, terms: Iterable[bool | None]) -> bool | None:
    decisive = word == "or"
    unknown = False
    for term in terms:
        if term is decisive:
            return decisive
        unknown = unknown or term is None
    return None if unknown else not decisive


def _items(path: list[Any], item: ContentItem) -> list[ContentItem]:
    ups, steps = path
    if ups < 0:
        root = item
        for above in item.ancestors():
            root = above
        kind, test = steps[0]
        # The tables keep their trees, and the document is asked the same for each of its items.
        key = (kind, id(test))
        if key not in root.anywhere:
            root.anywhere[key] = [one for one in _all(root) if _is(one, kind, test)]
        current, steps = root.anywhere[key], steps[1:]
    else:
        start: ContentItem | None = item
        for _ in range(ups):
            start = start.parent if start is not None else None
        current = [] if start is None else [start]
        if ups == 1 and steps[0][0] == item.value_type != "CONTAINER":
            # The value type of the item that the row stands below: that item is meant, none beside it.
            current, steps = [item] if _is(item, *steps[0]) else [], steps[1:]
    for kind, test in steps:
        current = [child for one in current for child in one.children if _is(child, kind, test)]
    return current


def _all(root: ContentItem) -> list[ContentItem]:
    found = [root]
    for item in found:
        found.extend(item.children)
    return found


def _is(item: ContentItem, kind: str, test: Any) -> bool:
    own = "REFERENCE" if item.by_reference else item.value_type
    return own == kind and (test is None or _passes(test, item))


def _passes(test: list[Any], item: ContentItem) -> bool:
    word, *rest = test
    if word == "and":
        return all(_passes(one, item) for one in rest)
    if word == "or":
        return any(_passes(one, item) for one in rest)
    if word == "not":
        return not _passes(rest[0], item)
    if word == "relationship":
        return item.relationship == str(rest[0])
    code: Code | None = item.concept if word == "concept" else item.value
    value, scheme = str(rest[0]), str(rest[1])
    return code is not None and value in ("", code.value) and scheme in ("", code.scheme)


def _number(path: list[Any], item: ContentItem) -> float | None:
    found = _items(path, item)
    values = found[0].dataset.items(MeasuredValueSequence) if found else ()
    number = values[0].value(NumericValue) if values else None
    return float(number) if isinstance(number, (int, float)) else None
