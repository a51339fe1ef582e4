"""What a person supplies: values that no file proves, from a file of values or from a profile.

```yaml
by: Anna Muster, Example Pathology
values:
  Manufacturer: ACME
  OpticalPathSequence[*].IlluminationWaveLength: "550"
replace: [Manufacturer]
```

A value goes where the attribute is absent or empty, and with ``replace`` also where it has another one.
``TransferSyntaxUID`` is taken only for files that do not state theirs, and only if their bytes agree with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.edits import Edit, SetItems
from dcmlint.dicom.encode import Draft, DraftElement, written_vr
from dcmlint.dicom.instance import Instance
from dcmlint.dicom.path import ALL_ITEMS, Step, parse_path
from dcmlint.errors import ConfigError
from dcmlint.profiles.resolve import resolve_profile
from dcmlint.rules.example_values import value_bytes
from dcmlint.rules.repairs import Refused, set_values
from dcmlint.rules.yaml_source import Source, Tagged, read_yaml
from dcmlint.standard.tags import PixelData, SOPInstanceUID

_SYNTAX = "TransferSyntaxUID"
# What --from cannot give: it is told by other options, or by nobody.
_NOT_SUPPLIED = {
    SOPInstanceUID: "a new SOP Instance UID is made by --new-uids",
    PixelData: "pixels are never written",
}


class Values(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of values: ``by`` says whose they are."""

    by: str
    values: dict[str, Any]
    replace: tuple[str, ...] = ()


class Supplied(msgspec.Struct, frozen=True, kw_only=True):
    """Values by DICOM path, whose they are, and the paths at which they replace others; ``origin`` is the file.

    ``transfer_syntax``: of files that do not state theirs, "" if nobody says.
    """

    by: str
    origin: str
    values: dict[str, Any]
    replace: frozenset[str] = frozenset()
    transfer_syntax: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The paths of all that is supplied."""
        return (*((_SYNTAX,) if self.transfer_syntax else ()), *self.values)

    def edits(self, instance: Instance) -> Iterator[tuple[str, tuple[Edit, ...], str]]:
        """For each path that is not as it should be: the path, the edits, or why there are none."""
        for path, value in self.values.items():
            steps = parse_path(path)
            try:
                edits = tuple(
                    edit
                    for level in _levels(instance.dataset, steps[:-1])
                    for edit in self._at(level, steps[-1].tag, value, path in self.replace)
                )
            except Refused as reason:
                yield path, (), str(reason)
            else:
                if edits:
                    yield path, edits, ""

    def _at(self, level: Dataset, tag: int, value: Any, replaces: bool) -> Iterator[Edit]:
        element = level.get(tag)
        if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
            if element is None or element.items is None or not len(element.items):
                yield SetItems(level=level, tag=tag, items=tuple(_draft(one) for one in value))
            return
        if level.values(tag) and not replaces:
            return
        if element is not None and (element.items is not None or element.fragments is not None):
            raise Refused("a sequence takes a list of items")
        values = tuple(value) if isinstance(value, list) else (value,)
        edit = set_values(level, tag, tuple(str(one) for one in values))
        (field,) = edit.parts
        if element is None or level.raw(tag) != field:
            yield edit


def _levels(level: Dataset, steps: tuple[Step, ...]) -> Iterator[Dataset]:
    if not steps:
        yield level
        return
    items = level.items(steps[0].tag)
    index = steps[0].index
    if index is None or index == ALL_ITEMS:
        for item in items:
            yield from _levels(item, steps[1:])
    elif index < len(items):
        yield from _levels(items[index], steps[1:])
    else:
        raise Refused("there is no such item")


def _draft(value: Mapping[str, Any]) -> Draft:
    """An item of keywords and values.  Raises `Refused`."""
    elements = []
    for path, one in value.items():
        tag = parse_path(path)[0].tag
        if isinstance(one, list) and one and all(isinstance(item, Mapping) for item in one):
            elements.append(DraftElement(tag, "SQ", [_draft(item) for item in one]))
            continue
        vr = written_vr(tag)
        try:
            elements.append(DraftElement(tag, vr, value_bytes(vr, one)))
        except (ValueError, UnicodeEncodeError) as problem:
            raise Refused(f"{path}: {problem}") from None
    return Draft(elements)


def read_supplied(name: str) -> Supplied:
    """A file of values, or a profile, of which each row with one value that is always there is taken.

    Raises `ConfigError` with its place, or what a profile raises.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml") and path.is_file():
        source = read_yaml(path, name, ConfigError)
        if isinstance(source.value, dict) and "values" in source.value:
            return _checked(_typed(source, name), source, name)
    return _of_profile(name)


def _typed(source: Source, name: str) -> Values:
    from dcmlint.rules.yaml_source import typed

    found = typed(source, Values, ConfigError)
    if not found.by.strip():
        raise ConfigError("by must say whose values these are", name, *source.marks.get("$.by", (0, 0)))
    return found


def _checked(values: Values, source: Source, name: str) -> Supplied:
    for path, value in values.values.items():
        place = source.marks.get(f"$.values.{path}", (0, 0))
        try:
            steps = parse_path(path)
        except ValueError as problem:
            raise ConfigError(str(problem), name, *place) from None
        if path == _SYNTAX and isinstance(value, str):
            continue
        reason = _NOT_SUPPLIED.get(steps[-1].tag) or (
            "group 0002 is made by itself" if steps[-1].tag >> 16 == 2 else ""
        )
        if reason or isinstance(value, Tagged):
            raise ConfigError(
                f"{path}: {reason or 'a value is text, a list of texts, or a list of items'}", name, *place
            )
    for path in values.replace:
        wrong = "" if path in values.values else f"{path} has no value above"
        if path == _SYNTAX:
            wrong = "the transfer syntax that a file states is how it is written: no value changes that"
        if wrong:
            raise ConfigError(f"replace: {wrong}", name, *source.marks.get("$.replace", (0, 0)))
    given = {path: value for path, value in values.values.items() if path != _SYNTAX}
    syntax = values.values.get(_SYNTAX, "")
    return Supplied(
        by=values.by, origin=name, values=given, replace=frozenset(values.replace), transfer_syntax=syntax
    )


def _of_profile(name: str) -> Supplied:
    resolved = resolve_profile(name, {})
    values: dict[str, Any] = {}
    for row in (row for source in resolved.chain for row in source.profile.attributes):
        one = (row.values,) if isinstance(row.values, str) else row.values
        certain = not (row.when or row.sop_class or row.items or row.pattern or row.assert_)
        plain = len(one) == 1 and bool(one[0]) and not set("{}$") & set(one[0])  # no parameter
        if row.presence.lower() == "always" and certain and plain and row.attribute != _SYNTAX:
            values[row.attribute] = one[0].split("\\")
    if not values:
        raise ConfigError("no row of this profile says which value an attribute has, and no other", name)
    return Supplied(by=f"profile {name}", origin=name, values=values)
