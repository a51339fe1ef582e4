"""SR templates (PS3.16 Annex A) as they are stored: rows, includes, and conditions as trees."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Requirement = Literal["M", "MC", "U", "UC"]  # PS3.16 6.1.7

Condition = list[Any]
"""A condition as a tree, evaluated with the item that the row stands below.

``["and"|"or", ...]``, ``["not", x]``; ``["count", path, operator, number]`` compares the number of items that a path
leads to; ``["more", path, path]`` whether the number of one item is above that of another. A path is
``[ups, [[value type, test], ...]]``: so many levels up (-1: anywhere in the document), then a step for each level
downwards. A value type is that of an item by value, or "REFERENCE". A test is None or a tree of ``["and"|"or", ...]``,
``["not", x]``, ``["concept"|"value", value, scheme]`` (scheme "" for any) and ``["relationship", name]``.
"""


class TemplateRow(msgspec.Struct, frozen=True, array_like=True, tag_field="_kind", tag=0):
    """One content item of a template.

    ``relationship`` is empty where the include gives it; ``by_reference`` marks R- relationships. ``concepts`` are the
    codes that the concept name may have, ``concept_group`` the context group it is of (0: none); both empty: any
    concept. ``most`` 0 is any number. ``values`` and ``units`` are the fixed codes; ``value_group``, ``units_group`` the
    context groups with their binding ("B", "D", "E").
    """

    number: str
    value_type: str
    relationship: str = ""
    by_reference: bool = False
    concepts: list[tuple[str, str]] = []
    name: str = ""
    concept_group: int = 0
    least: int = 1
    most: int = 1
    requirement: Requirement = "U"
    when: Condition | None = None
    values: list[tuple[str, str]] = []
    value_group: int = 0
    value_binding: str = ""
    units: list[tuple[str, str]] = []
    units_group: int = 0
    units_binding: str = ""
    graphic_types: list[str] = []
    rows: list[TemplateRow | TemplateInclude] = []


class TemplateInclude(msgspec.Struct, frozen=True, array_like=True, tag_field="_kind", tag=1):
    """A template that another one includes at this place; fields as of :class:`TemplateRow`."""

    number: str
    template: str
    relationship: str = ""
    most: int = 1
    requirement: Requirement = "U"
    when: Condition | None = None
    by_reference: bool = False


class Template(msgspec.Struct, frozen=True, array_like=True):
    """One template. ``covered``: its rows were read against the standard, so that findings can be made of them."""

    identifier: str
    name: str
    extensible: bool
    rows: list[TemplateRow | TemplateInclude]
    covered: bool = False
