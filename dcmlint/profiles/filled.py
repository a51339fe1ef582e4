"""A profile with the values of its parameters in place.

This is done here, once, before anything is made of a profile: rows, rules, lists and endpoints know no parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from dcmlint.errors import ProfileError
from dcmlint.profiles.model import AttributeRow, Profile, ProfileSource
from dcmlint.profiles.parameters import (
    UnsetParameter,
    Values,
    in_expression,
    in_list,
    in_message,
    in_text,
    used_parameters,
)
from dcmlint.rules.model import Downgrade, Rule

_PARTS = (
    "applies", "attributes", "transfer_syntaxes", "sop_classes", "file_names", "limits", "endpoints", "own_rules", "overrides",
)  # fmt: skip
_ROW_EXPRESSIONS = frozenset({"presence", "when", "assert_"})
_RULE_EXPRESSIONS = frozenset({"when", "assert_", "at", "places", "each", "let"})
_MESSAGES = frozenset({"message", "is_", "want"})
_LISTS = frozenset({"values", "code", "transfer_syntaxes", "sop_classes"})  # a text alone is a list of one
# What is compared with the value of an attribute.
_DEMANDS = (
    "values", "assert_", "pattern", "minimum", "maximum", "longest", "not_before", "not_after", "code", "context_group", "values_from",
)  # fmt: skip


def filled(source: ProfileSource, values: Values) -> ProfileSource:
    """The profile with values in place of parameters; ``written`` of it is what its file says.

    What names a parameter without a value is in ``unset``: a text is empty then, a list too, and a condition is as it was
    written.  Raises ProfileError, with its place, for a parameter that there is not.
    """
    filler = _Filler(source, values)
    profile = source.as_written
    if not _names_parameters(profile):
        return msgspec.structs.replace(source, profile=profile, written=profile)
    parts = {key: filler.part(getattr(profile, key), f"$.{key}", profile, key) for key in _PARTS}
    assumed = frozenset(
        mark for row, mark in _rows(profile.attributes, "$.attributes") if _assumed(row, values)
    )
    return msgspec.structs.replace(
        source,
        profile=msgspec.structs.replace(profile, **parts),
        written=profile,
        unset=filler.unset,
        assumed=assumed,
    )


class _Filler:
    """Fills parts of a profile, and notes by its path what lacks a value."""

    def __init__(self, source: ProfileSource, values: Values) -> None:
        self._source, self._values = source, values
        self.unset: dict[str, str] = {}

    def part(self, value: Any, path: str, owner: object, key: str) -> Any:
        """A part at a path: the field ``key`` of the struct ``owner``, or something within it."""
        if isinstance(value, msgspec.Struct):
            if not _names_parameters(value):
                return value
            fields = {
                field: self.part(getattr(value, field), f"{path}.{name}", value, field)
                for field, name in zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True)
                if field != "examples"
            }
            return msgspec.structs.replace(value, **fields)
        if isinstance(value, str) or (
            isinstance(value, (tuple, list)) and value and all(isinstance(one, str) for one in value)
        ):
            return self._text(value, path, owner, key)
        if isinstance(value, dict):
            return {name: self.part(one, f"{path}.{name}", owner, key) for name, one in value.items()}
        if isinstance(value, (tuple, list)):
            return type(value)(
                self.part(one, f"{path}[{number}]", owner, key) for number, one in enumerate(value)
            )
        return value

    def _text(self, value: Any, path: str, owner: object, key: str) -> Any:
        """A text or a list of texts, by what the field holds."""
        try:
            if not isinstance(value, str):
                return type(value)(in_list(tuple(value), self._values))
            if not value:
                return value
            if (isinstance(owner, AttributeRow) and key in _ROW_EXPRESSIONS) or (
                isinstance(owner, (Rule, Downgrade)) and key in _RULE_EXPRESSIONS
            ):
                return in_expression(value, self._values)
            if isinstance(owner, (AttributeRow, Rule)) and key in _MESSAGES:
                return in_message(value, self._values)
            if key in _LISTS and isinstance(owner, (AttributeRow, Profile)):
                return in_list(value, self._values)
            return in_text(value, self._values)
        except UnsetParameter as unset:
            self.unset[path] = str(unset)
            kept = isinstance(owner, (Rule, Downgrade)) or key in ("presence", "when")
            return value if kept else "" if isinstance(value, str) and key not in _LISTS else ()
        except ProfileError as mistake:
            place = self._source.place(path)
            raise ProfileError(mistake.message, self._source.file, *place, mistake.hint) from None


def _names_parameters(value: msgspec.Struct) -> bool:
    return b"param." in msgspec.json.encode(value)


def _rows(rows: tuple[AttributeRow, ...], mark: str) -> Iterator[tuple[AttributeRow, str]]:
    for number, row in enumerate(rows):
        place = f"{mark}[{number}]"
        yield row, place
        yield from _rows(row.items, f"{place}.items")


def _assumed(row: AttributeRow, values: Values) -> bool:
    """Whether a row compares only with parameters that are assumed."""
    texts = (getattr(row, key) for key in _DEMANDS)
    named = [
        name
        for text in texts
        for one in ((text,) if isinstance(text, str) else text)
        for name in used_parameters(one)
    ]
    return bool(named) and all(name in values and values[name].assumed for name in named)
