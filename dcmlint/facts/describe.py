"""The facts in words: what a group means, its fields with their types, for the command and the documentation."""

from __future__ import annotations

import typing
from collections.abc import Iterable

import msgspec

from dcmlint.expr.types import Type
from dcmlint.facts.registry import fact_names, fact_type, groups


class FactField(msgspec.Struct, frozen=True):
    """A fact: its name within the group, the type that expressions see, and what it means."""

    name: str
    type: str
    doc: str


class FactPage(msgspec.Struct, frozen=True):
    """A group of facts: what it means, and its fields in their order."""

    name: str
    doc: str
    fields: tuple[FactField, ...]


def fact_pages() -> tuple[FactPage, ...]:
    """All groups, by name."""
    fields: dict[str, list[FactField]] = {}
    for name in fact_names():
        group, _, field = name.partition(".")
        found = fact_type(name)
        assert found is not None, name
        doc = found.doc or _of_property(groups()[group].struct, field)
        fields.setdefault(group, []).append(FactField(field, _type(found.type), doc))
    return tuple(
        FactPage(name, _one_line(group.doc), tuple(fields.get(name, ())))
        for name, group in sorted(groups().items())
    )


def pages_named(name: str) -> tuple[FactPage, ...]:
    """The group of this name, the one fact ``group.field``, or those that have the word in a name or a meaning."""
    pages = fact_pages()
    group, _, field = name.partition(".")
    for page in pages:
        if page.name == group and (not field or any(one.name == field for one in page.fields)):
            kept = tuple(one for one in page.fields if not field or one.name == field)
            return (msgspec.structs.replace(page, fields=kept),)
    word = name.lower()
    found = []
    for page in pages:
        kept = tuple(one for one in page.fields if word in f"{page.name}.{one.name} {one.doc}".lower())
        if kept:
            found.append(msgspec.structs.replace(page, fields=kept))
    return tuple(found)


def as_text(pages: Iterable[FactPage]) -> str:
    """The pages for a terminal."""
    lines = []
    for page in pages:
        lines += ["", page.name + (f": {page.doc}" if page.doc else "")]
        lines += [f"  {page.name}.{field.name} ({field.type}){_after(field.doc)}" for field in page.fields]
    return "\n".join(lines[1:])


def as_markdown(pages: Iterable[FactPage]) -> str:
    """The page of the documentation."""
    lines = []
    for page in pages:
        lines += ["", f"## {page.name}", "", page.doc, "", "| fact | type | meaning |", "|---|---|---|"]
        lines += [
            f"| `{page.name}.{field.name}` | {field.type} | {field.doc.replace('|', chr(92) + '|')} |"
            for field in page.fields
        ]
    return "\n".join(lines) + "\n"


def _after(doc: str) -> str:
    return f": {doc}" if doc else ""


def _type(kind: Type) -> str:
    return str(kind)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _of_property(struct: object, field: str) -> str:
    found = typing.cast("object", getattr(struct, field, None))
    return _one_line(found.__doc__ or "") if isinstance(found, property) else ""
