"""Front end: the DocBook of the standard (``--docbook``), as anyone can download it: part03.xml, part04.xml, part06.xml.

Only PS3.3 is needed; without PS3.4 no SOP Class is known, and without PS3.6 no element and no UID.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import msgspec

from dcmlint.errors import StandardError
from dcmlint.standard.build.source import (
    AttributeLine,
    IncludeLine,
    Source,
    SourceElement,
    SourceIod,
    SourceSopClass,
    SourceTable,
    SourceUse,
    ValueList,
)
from dcmlint.standard.tables import FUNCTIONAL_GROUPS
from dcmlint.standard.terms import UidEntry

_NS = "{http://docbook.org/ns/docbook}"
_ID = "{http://www.w3.org/XML/1998/namespace}id"
_BLOCKS = frozenset({f"{_NS}para", f"{_NS}title", f"{_NS}term"})


class _Cell(msgspec.Struct):
    """One cell of a table: its text a line a paragraph, where it points, and the lists of values in it."""

    text: str
    links: list[str]
    lists: tuple[ValueList, ...]


def read(folder: Path) -> Source:
    """The DocBook in ``folder``; :class:`StandardError` when PS3.3 is not there or is not DocBook."""
    notes: list[str] = []
    book = _parse(folder / "part03.xml")
    subtitle = "".join(book.findtext(f"{_NS}subtitle", "").split("DICOM PS3.3 ")[-1:])
    tables: dict[str, SourceTable] = {}
    iods: dict[str, SourceIod] = {}
    for section, table in _tables(book, ""):
        caption = " ".join("".join(_text(table.find(f"{_NS}caption"))).split())
        name = table.get("label", "")
        if name.startswith("5.4-"):  # PS3.3 5.4 holds examples of tables
            continue
        if re.search(r"(Module|Macro) Attributes$", caption) or _header(table)[:3] == [
            "Attribute Name",
            "Tag",
            "Type",
        ]:
            tables[name] = SourceTable(
                name=name, caption=caption, section=section, lines=tuple(_attribute_lines(name, table, notes))
            )
        elif caption.endswith("IOD Modules"):
            iod = caption.removesuffix(" IOD Modules")
            iods[iod] = SourceIod(name=iod, section=_place(table), modules=tuple(_uses(table)))
    _functional_groups(book, iods, notes)
    return Source(
        edition=subtitle.partition(" ")[0] or "unknown",
        tables=tables,
        iods=iods,
        sop_classes=list(_sop_classes(folder / "part04.xml", book, iods)),
        elements=list(_elements(folder / "part06.xml")),
        uids=list(_uids(folder / "part06.xml")),
        notes=notes,
    )


def _parse(path: Path) -> ElementTree.Element:
    try:
        return ElementTree.parse(path).getroot()
    except OSError as error:
        raise StandardError(f"cannot read {path}: {error.strerror}") from None
    except ElementTree.ParseError as error:
        raise StandardError(f"{path} is not DocBook: {error}") from None


def _tables(node: ElementTree.Element, section: str) -> Iterator[tuple[str, ElementTree.Element]]:
    for child in node:
        if child.tag == f"{_NS}table":
            yield section, child
        elif child.tag in (f"{_NS}section", f"{_NS}chapter"):
            yield from _tables(child, child.get("label", section))


def _header(table: ElementTree.Element) -> list[str]:
    row = table.find(f"{_NS}thead/{_NS}tr")
    return [] if row is None else [_cell(cell).text for cell in row]


def _rows(table: ElementTree.Element) -> Iterator[list[_Cell]]:
    """The rows of a table's body, cells that span rows repeated in each."""
    spans: dict[int, tuple[int, _Cell]] = {}
    for row in table.iterfind(f"{_NS}tbody/{_NS}tr"):
        cells: list[_Cell] = []
        given = iter(row)
        while True:
            column = len(cells)
            if column in spans:
                left, cell = spans.pop(column)
                if left > 1:
                    spans[column] = (left - 1, cell)
                cells.append(cell)
                continue
            node = next(given, None)
            if node is None:
                break
            cell = _cell(node)
            if (rows := int(node.get("rowspan") or 1)) > 1:
                spans[column] = (rows - 1, cell)
            cells.append(cell)
        yield cells


def _cell(node: ElementTree.Element) -> _Cell:
    links = [
        link.get("linkend") or link.get("targetptr") or ""
        for link in node.iter()
        if link.tag in (f"{_NS}xref", f"{_NS}olink")
    ]
    lists = tuple(
        ValueList(
            _line(found.find(f"{_NS}title")),
            tuple(_line(term) for term in found.iterfind(f"{_NS}varlistentry/{_NS}term")),
        )
        for found in node.iter(f"{_NS}variablelist")
    )
    for found in list(node.iter(f"{_NS}variablelist")):
        found.clear()  # its words are no part of the sentences
    text = "".join(_text(node))
    lines = (" ".join(line.split()) for line in text.split("\n\n"))
    return _Cell("\n".join(line for line in lines if line), links, lists)


def _line(node: ElementTree.Element | None) -> str:
    return " ".join("".join(_text(node)).split())


def _text(node: ElementTree.Element | None) -> Iterator[str]:
    """The words of a node; a link to a section or a context group gives its number."""
    if node is None:
        return
    if node.tag == f"{_NS}note":
        return
    if node.tag in (f"{_NS}xref", f"{_NS}olink"):
        target = node.get("linkend") or node.get("targetptr") or ""
        if found := re.fullmatch(r"sect_CID_(\d+)", target):
            yield f"CID {found[1]}"
        elif target.startswith(("sect_", "table_")):
            yield target.replace("sect_", "Section ").replace("table_", "Table ")
    yield (node.text or "").replace("\u200b", "")
    for child in node:
        yield from _text(child)
        yield (child.tail or "").replace("\u200b", "")
    if node.tag in _BLOCKS:
        yield "\n\n"


def _attribute_lines(
    name: str, table: ElementTree.Element, notes: list[str]
) -> Iterator[AttributeLine | IncludeLine]:
    for cells in _rows(table):
        label = cells[0].text
        bare = label.lstrip("> ")
        level = label[: len(label) - len(bare)].count(">")
        if re.match(r"Include\b", bare) or len(cells) < 3:
            targets = [link for link in cells[0].links if link.startswith("table_")]
            usage = "\n".join(cell.text for cell in cells[1:])
            if targets:
                yield IncludeLine(level=level, table=targets[0].removeprefix("table_"), usage=usage)
            elif re.search(r"functional group macros?", bare, re.I):
                yield IncludeLine(level=level, table=FUNCTIONAL_GROUPS, usage=usage)
            elif re.match(r"Include\b", bare):
                notes.append(f"{name}: what is included at level {level} is not a table")
                yield IncludeLine(level=level, table="", usage=usage)
            continue
        address = re.fullmatch(r"\(([0-9A-Fa-fx]{4}),([0-9A-Fa-fx]{4})\)", cells[1].text)
        digits = "" if address is None else (address[1] + address[2]).lower()
        kind, description = (cells[2], cells[3]) if len(cells) > 3 else (None, cells[2])
        yield AttributeLine(
            level=level,
            tag=int(digits.replace("x", "0"), 16) if digits else None,
            name=bare,
            type=kind.text if kind else "",
            text=description.text,
            repeating=digits if "x" in digits else "",
            whole=True,
            lists=description.lists,
        )


def _uses(table: ElementTree.Element) -> Iterator[SourceUse]:
    """The lines of a list of modules (IE, name, section, usage) or of functional groups (name, section, usage)."""
    for cells in _rows(table):
        if len(cells) < 3:
            continue
        name, reference, usage = cells[-3:]
        section = next((link.removeprefix("sect_") for link in reference.links), "")
        found = re.match(r"([MCU])\s*(?:-\s*)?(?![a-z])", usage.text)
        yield SourceUse(
            name=" ".join(name.text.split()),
            section=section,
            usage=found[1] if found else "",
            condition=usage.text[found.end() :].strip() if found else "",
        )


def _functional_groups(book: ElementTree.Element, iods: dict[str, SourceIod], notes: list[str]) -> None:
    """Give each IOD its functional groups: their table has the number of the IOD's own table but for the end."""
    for _, table in _tables(book, ""):
        caption = _line(table.find(f"{_NS}caption"))
        if not caption.endswith("Functional Group Macros"):
            continue
        named = caption.removesuffix(" Functional Group Macros")
        place = [name for name, iod in iods.items() if iod.section == _place(table)]
        if len(place) != 1:
            place = [name for name in place or iods if name == named]
        if len(place) == 1:
            groups = tuple(_uses(table))
            iods[place[0]] = msgspec.structs.replace(iods[place[0]], functional_groups=groups)
        else:
            notes.append(f"{table.get('label', '')}: whose functional groups these are is not clear")


def _place(table: ElementTree.Element) -> str:
    """The section of PS3.3 Annex A that a table belongs to: "A.38" of Table A.38-1."""
    return table.get("label", "").rpartition("-")[0]


def _sop_classes(
    path: Path, book: ElementTree.Element, iods: dict[str, SourceIod]
) -> Iterator[SourceSopClass]:
    if not path.exists():
        return
    by_section = {iod.section: name for name, iod in iods.items()}
    titles = {
        section.get(_ID, ""): _line(section.find(f"{_NS}title")) for section in book.iter(f"{_NS}section")
    }
    for _, table in _tables(_parse(path), ""):
        if table.get("label") != "B.5-1":  # PS3.4 Table B.5-1
            continue
        for cells in _rows(table):
            sections = (
                [link for link in cells[2].links if link.startswith("sect_A.")] if len(cells) > 2 else []
            )
            if sections:
                name = re.sub(r" (IOD|Information Object Definition).*$", "", titles.get(sections[0], ""))
                iod = by_section.get(sections[0].removeprefix("sect_"), name)
                yield SourceSopClass(uid=cells[1].text.replace(" ", ""), name=cells[0].text, iod=iod)


def _elements(path: Path) -> Iterator[SourceElement]:
    if not path.exists():
        return
    for _, table in _tables(_parse(path), ""):
        if _header(table)[:5] != ["Tag", "Name", "Keyword", "VR", "VM"]:  # PS3.6 Tables 6-1, 7-1, 8-1, 9-1
            continue
        for cells in _rows(table):
            address = re.fullmatch(r"\(([0-9A-Fa-fx]{4}),([0-9A-Fa-fx]{4})\)", cells[0].text)
            if address and len(cells) > 5:
                yield SourceElement(
                    tag=(address[1] + address[2]).lower(),
                    keyword=cells[2].text,
                    name=cells[1].text,
                    vr=cells[3].text,
                    vm=cells[4].text,
                    retired=cells[5].text.startswith("RET"),
                )


def _uids(path: Path) -> Iterator[UidEntry]:
    if not path.exists():
        return
    for _, table in _tables(_parse(path), ""):
        header = _header(table)
        if header[:2] != ["UID Value", "UID Name"]:  # PS3.6 Table A-1
            continue
        keyword = header.index("UID Keyword") if "UID Keyword" in header else 0
        kind = header.index("UID Type")
        for cells in _rows(table):
            name = cells[1].text
            yield UidEntry(
                cells[0].text.replace(" ", ""),
                name.removesuffix(" (Retired)"),
                cells[keyword].text if keyword else "",
                cells[kind].text,
                name.endswith("(Retired)"),
            )
