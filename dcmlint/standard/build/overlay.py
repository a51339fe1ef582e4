"""The overlay: what people have read, corrected and completed, as YAML files in ``overlay/``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from dcmlint.errors import StandardError
from dcmlint.standard.tables import ValueSet

_ROW_KEYS = {"table", "path", "nth", "when", "otherwise", "values", "type", "items", "since", "until", "hash", "count",
    "numbering", "also"}  # fmt: skip
_INCLUDE_KEYS = {"table", "include", "path", "when", "otherwise", "hash"}
_IOD_KEYS = {
    "iod", "module", "functional_group", "usage", "when", "otherwise", "placement", "reviewed", "since", "until",
    "hash",
}  # fmt: skip
_PROHIBITION_KEYS = {"iod", "prohibited", "section"}


class Patch(msgspec.Struct, frozen=True, kw_only=True):
    """One entry: its place in the file, what it is about, and the keys that it gives."""

    where: str
    given: dict[str, Any]

    def get(self, key: str, default: Any) -> Any:
        """The value given for ``key``, ``default`` where the entry is silent."""
        return self.given.get(key, default)

    @property
    def target(self) -> str:
        """What the entry is about, in words."""
        return ": ".join(
            str(self.given[key])
            for key in ("table", "path", "include", "iod", "module", "functional_group")
            if key in self.given
        )


class Overlay(msgspec.Struct, frozen=True, kw_only=True):
    """All entries, by what they are about. An entry of a row may name the ``nth`` (1-based) of several like it."""

    rows: dict[tuple[str, str], list[Patch]]
    includes: dict[tuple[str, str, str], Patch]
    modules: dict[tuple[str, str], Patch]
    functional_groups: dict[tuple[str, str], Patch]
    iods: dict[str, Patch]
    prohibitions: dict[str, Patch]


def read_overlay(folder: Path) -> tuple[Overlay, list[str]]:
    """The entries of all files in ``folder``, and the mistakes in them."""
    overlay = Overlay(rows={}, includes={}, modules={}, functional_groups={}, iods={}, prohibitions={})
    errors: list[str] = []
    for patch in _patches(folder, errors):
        _sort(overlay, patch, errors)
    return overlay, errors


def _patches(folder: Path, errors: list[str]) -> Iterator[Patch]:
    for path in sorted(folder.glob("*.yaml")):
        try:
            document = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            errors.append(f"{path.name}: cannot be read: {' '.join(str(error).split())}")
            continue
        for node in document.value if isinstance(document, yaml.SequenceNode) else ():
            where = f"{path.name}:{node.start_mark.line + 1}"
            given = _plain(node)
            if isinstance(given, dict):
                yield Patch(where=where, given=given)
            else:
                errors.append(f"{where}: an entry is not a mapping")


def _plain(node: yaml.Node) -> Any:
    """A node as mappings, lists and strings: YAML 1.1 would turn NO and 0010 into other things."""
    if isinstance(node, yaml.MappingNode):
        return {_plain(key): _plain(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item) for item in node.value]
    if node.tag == "tag:yaml.org,2002:null":
        return None
    return node.value


def _sort(overlay: Overlay, patch: Patch, errors: list[str]) -> None:
    given = patch.given
    if "prohibited" in given:
        allowed = _PROHIBITION_KEYS
    else:
        allowed = _INCLUDE_KEYS if "include" in given else _ROW_KEYS if "table" in given else _IOD_KEYS
    if unknown := set(given) - allowed:
        errors.append(f"{patch.where}: unknown key {', '.join(sorted(map(str, unknown)))}")
        return
    if "table" in given and "include" in given:
        overlay.includes[given["table"], given.get("path", ""), given["include"]] = patch
        return
    if "table" in given and "path" in given:
        overlay.rows.setdefault((given["table"], given["path"]), []).append(patch)
        return
    if "iod" in given and "prohibited" in given:
        overlay.prohibitions[given["iod"]] = patch
        return
    for kind, place in (("module", overlay.modules), ("functional_group", overlay.functional_groups)):
        if "iod" in given and kind in given:
            key = (given["iod"], given[kind])
            if key in place:
                errors.append(f"{patch.where}: {patch.target} stands at {place[key].where} already")
            place[key] = patch
            return
    if "iod" in given:
        overlay.iods[given["iod"]] = patch
        return
    errors.append(f"{patch.where}: neither a row (table, path) nor an IOD")


def value_sets(
    given: Any, numeric: bool, where: str, classes: Mapping[str, Sequence[str]]
) -> tuple[ValueSet, ...]:
    """The value sets of an entry: one mapping, a list of them, or None for none.

    A set with ``iods`` holds in the SOP Classes of these IODs, which ``classes`` names by UID. Raises
    :class:`StandardError` for a mapping that is not one, and for an IOD without SOP Class.
    """
    if given is None:
        return ()
    found = []
    for one in given if isinstance(given, list) else [given]:
        try:
            values = tuple(int(value) if numeric else str(value) for value in one["values"])
            kind = one.get("kind", "enumerated")
            found.append(
                msgspec.convert(
                    (kind, int(one.get("position", 0)), values, _condition(one, classes)), ValueSet
                )
            )
        except (KeyError, TypeError, ValueError, msgspec.ValidationError) as error:
            raise StandardError(f"{where}: values are not a value set: {error}") from None
    return tuple(found)


def _condition(one: Mapping[str, Any], classes: Mapping[str, Sequence[str]]) -> str | None:
    """The condition of a value set: the one that it has, in the SOP Classes of its IODs."""
    when: str | None = one.get("when")
    if "iods" not in one:
        return when
    uids = [f'"{uid}"' for iod in one["iods"] for uid in classes[iod]]
    scope = f"root.SOPClassUID == {uids[0]}" if len(uids) == 1 else f"root.SOPClassUID in [{', '.join(uids)}]"
    return f"{scope} && ({when})" if when else scope
