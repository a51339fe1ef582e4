"""A draft of a profile from sample files: what is always there, which values, which syntaxes, how regular.

What identifies somebody does not get into the draft: of names, dates, identifiers and free text only that they are there,
and the shape that all of them share.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from dcmlint import standard
from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.instance import Instance
from dcmlint.plural import number_of
from dcmlint.standard.tags import PixelData

_DEEPEST = 4
_MOST_VALUES = 4
_MOST_ITEMS = 64  # of one sequence in one file; what is beyond looks like what came before
_VALUED = frozenset({"CS", "US"})
_NAMED = frozenset({"Manufacturer", "ManufacturerModelName"})
_SHAPED = frozenset({"SH", "LO"})
_SHAPES = 200  # distinct values that are looked at for a shape


class _Level:
    """What was seen of the items at one place: how many, and of each attribute how often, how often empty, and values."""

    def __init__(self) -> None:
        self.count = 0
        self.seen: dict[int, int] = {}
        self.empty: set[int] = set()
        self.values: dict[int, set[str]] = {}
        self.below: dict[int, _Level] = {}

    def add(self, dataset: Dataset, depth: int) -> None:
        self.count += 1
        for element in dataset:
            tag = element.tag
            entry = standard.load().dictionary.entry(tag)
            if tag >> 16 & 1 or entry is None or not entry.keyword or tag == PixelData:
                continue
            self.seen[tag] = self.seen.get(tag, 0) + 1
            if element.items is not None or entry.vr == "SQ":
                items = dataset.items(tag)
                if not len(items):
                    self.empty.add(tag)
                elif depth < _DEEPEST:
                    below = self.below.setdefault(tag, _Level())
                    for number, item in enumerate(items):
                        if number == _MOST_ITEMS:
                            break
                        below.add(item, depth + 1)
                continue
            if entry.vr not in _VALUED | _SHAPED:
                if element.end == element.start:
                    self.empty.add(tag)
                continue
            values = dataset.values(tag)
            if not values or all(value in (None, "") for value in values):
                self.empty.add(tag)
            elif len(self.values.setdefault(tag, set())) <= _SHAPES:
                self.values[tag].add("\\".join(str(value) for value in values))


class Samples:
    """Instances, seen one by one; `profile` then writes the draft."""

    def __init__(self) -> None:
        self._top = _Level()
        self._classes: dict[str, None] = {}
        self._syntaxes: dict[str, None] = {}

    @property
    def count(self) -> int:
        """How many instances were seen."""
        return self._top.count

    def add(self, instance: Instance) -> None:
        """Look at one instance."""
        self._top.add(instance.dataset, 0)
        self._classes.setdefault(instance.sop_class)
        self._syntaxes.setdefault(instance.dataset.context.syntax.uid)

    def profile(self, name: str, area: str) -> str:
        """The draft as YAML."""
        lines = [
            f"# Assumed: inferred from {number_of(self.count, 'file')}. What samples have in common is no promise: read every line,",
            "# and leave out what happens to be so.",
            f"id: {name}", 'version: "0"', f"title: What {self.count} sample files have in common", f"area: {area}", "extends: [wsi]",
            *_listed("sop_classes", self._classes), *_listed("transfer_syntaxes", self._syntaxes), "attributes:",
            *_rows(self._top, "  "),
        ]  # fmt: skip
        return "\n".join(lines) + "\n"


def _listed(key: str, uids: Iterable[str]) -> list[str]:
    names = []
    for uid in uids:
        entry = standard.load().uid(uid)
        names.append(entry.keyword if entry is not None and entry.keyword else uid)
    return (
        [f"{key}: [{', '.join(json.dumps(one) if one[:1].isdigit() else one for one in names)}]"]
        if all(names) and names
        else []
    )


def _rows(level: _Level, indent: str) -> Iterator[str]:
    for tag in sorted(level.seen):
        entry = standard.load().dictionary.entry(tag)
        assert entry is not None
        always = level.seen[tag] == level.count
        below = level.below.get(tag)
        inner = list(_rows(below, f"{indent}    ")) if below is not None else []
        if not always and not inner:
            continue
        yield f"{indent}- attribute: {entry.keyword}"
        if always:
            yield f"{indent}  presence: always"
            if tag in level.empty:
                yield f"{indent}  empty: allowed"
        values = level.values.get(tag, set())
        if values and (entry.vr in _VALUED or entry.keyword in _NAMED) and len(values) <= _MOST_VALUES:
            yield f"{indent}  values: [{', '.join(json.dumps(one, ensure_ascii=False) for one in sorted(values))}]"
        elif len(values) > 1 and entry.vr in _SHAPED and entry.vm == "1":
            shapes = {shape_of(one) for one in values}
            if len(shapes) == 1:
                yield f"{indent}  pattern: {json.dumps(shapes.pop())}"
        if inner:
            yield f"{indent}  items:"
            yield from inner


def shape_of(text: str) -> str:
    """A pattern of the kinds of characters of a text: AB12-3 is ``^[A-Z]{2}[0-9]{2}-[0-9]$``."""
    parts = []
    for match in re.finditer(r"[A-Z]+|[a-z]+|[0-9]+|.", text, re.DOTALL):
        run = match[0]
        kind = (
            "[A-Z]"
            if "A" <= run[0] <= "Z"
            else "[a-z]"
            if "a" <= run[0] <= "z"
            else "[0-9]"
            if "0" <= run[0] <= "9"
            else re.escape(run)
        )
        parts.append(f"{kind}{{{len(run)}}}" if len(run) > 1 else kind)
    return f"^{''.join(parts)}$"
