"""Harvesting facts from descriptions in full, which the newest tables lack: run by hand, its result is checked in.

``python -m dcmlint.standard.build.harvest --tables DIR --extra DIR [--docbook DIR]``: ``--extra`` holds the JSON of
an earlier edition with whole descriptions in HTML (modules, macros, their attributes, linked sections). What is kept
is facts: lists of values, numbers of items, and for each conditional sentence its hash and what it allows.
"""

from __future__ import annotations

import argparse
import html
import json
import re
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from dcmlint.errors import StandardError
from dcmlint.standard.build import build_source, docbook
from dcmlint.standard.build.compile import context_group, dictionary_columns, item_count
from dcmlint.standard.build.conditions import conditional, read_condition
from dcmlint.standard.build.facts import FOLDER
from dcmlint.standard.build.source import (
    AttributeLine,
    IncludeLine,
    Source,
    SourceTable,
    ValueList,
    letters,
    sentence_hash,
)
from dcmlint.standard.build.values import value_sets
from dcmlint.standard.dictionary import Dictionary, Entry

# The edition after that of the descriptions, which is 2020b.
AFTER = "2020c"
# Values that came after the edition of the descriptions: (table, keyword, position) to what was added.
ADDED: dict[tuple[str, str, int], tuple[str | int, ...]] = {
    ("C.8.20-2", "SegmentationType", 0): ("LABELMAP",),  # PS3.3 C.8.20.2, label maps
    ("C.8.20-2", "PhotometricInterpretation", 0): ("PALETTE COLOR",),  # for label maps
    ("10-2", "ValueType", 0): ("WAVEFORM",),  # PS3.3 10.2: a condition of the same table names it
    ("C.8-42", "ContourGeometricType", 0): ("CLOSEDPLANAR_XOR",),  # PS3.3 C.8.8.6
    ("C.17-5", "ValueType", 0): ("TABLE",),  # PS3.3 C.17.3, tabulated values
}
# Terms that came later, wherever the attribute has a list (PS3.3 C.7.6.1.1.5.1: HTJ2K, JPEG XL).
ADDED_TO_ALL: dict[str, tuple[str | int, ...]] = {
    "LossyImageCompressionMethod": ("ISO_15444_15", "ISO_18181_1"),
}
# The second generation of radiotherapy and the protocols grew from edition to edition: their lists are not closed.
GROWING = ("C.34.", "C.36.", "C.37.", "C.38.")
# JPEG XL brought a colour space of its own to wherever those of JPEG 2000 are allowed (PS3.3 C.7.6.3.1.2).
COLOR_SPACES = ("YBR_ICT", "XYB")
# Rows whose list is not what it seems, or holds only under a condition that stands before it.
LEFT_OUT = {
    ("C.8-15", "SliceProgressionDirection"),
    ("C.8-17", "RegionFlags"),  # a map of bits
    ("C.8-41", "BitsAllocated"),
}


class Row(msgspec.Struct, frozen=True):
    """One row of the newest tables with the description of the earlier edition."""

    table: str
    path: str
    entry: Entry
    line: AttributeLine
    description: str
    links: tuple[str, ...]


def rows(source: Source, extra: Path) -> Iterator[Row]:
    """The rows of the newest tables that the earlier edition has too, in order, each path once."""
    dictionary = Dictionary(dictionary_columns(source.elements))
    known = _descriptions(extra)
    for name, table in source.tables.items():
        stack: list[tuple[int, str]] = []
        seen: set[str] = set()
        for line in table.lines:
            if not isinstance(line, AttributeLine) or line.tag is None:
                continue
            entry = dictionary.entry(line.tag)
            if entry is None or len(stack) < line.level:
                continue
            stack = [*stack[: line.level], (line.tag, entry.keyword)]
            path = ".".join(keyword for _, keyword in stack)
            found = known.get((name, tuple(tag for tag, _ in stack)))
            if found and path not in seen:
                seen.add(path)
                yield Row(name, path, entry, line, found[0], found[1])


def _descriptions(extra: Path) -> dict[tuple[str, tuple[int, ...]], tuple[str, tuple[str, ...]]]:
    found: dict[tuple[str, tuple[int, ...]], tuple[str, tuple[str, ...]]] = {}
    for table, tags, attribute in _attributes(extra):
        links = tuple(link["sourceUrl"] for link in attribute["externalReferences"])
        found.setdefault((table, tags), (attribute["description"], links))
    return found


def _attributes(extra: Path) -> Iterator[tuple[str, tuple[int, ...], dict[str, Any]]]:
    """Each attribute of the earlier edition with its table and the tags that lead to it."""
    for kind, key in (("macro", "macroId"), ("module", "moduleId")):
        own = {
            entry["id"]: entry["linkToStandard"].rpartition("#table_")[2]
            for entry in _json(extra / f"{kind}s.json")
        }
        for attribute in _json(extra / f"{kind}_to_attributes.json"):
            parts = attribute["path"].split(":")[1:]
            if all(re.fullmatch(r"[0-9a-fx]{8}", part) for part in parts):
                tags = tuple(int(part.replace("x", "0"), 16) for part in parts)
                yield own[attribute[key]], tags, attribute


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


_LIST = re.compile(
    r"<strong>(?P<title>[^<]*)</strong>\s*(?:</p>\s*)?(?P<gap>(?:<(?!dl)[^>]*>\s*)*)<dl>(?P<body>.*?)</dl>",
    re.S,
)


def value_lists(description: str, entry: Entry) -> list[list[Any]] | None:
    """The value sets of a description in HTML as [kind, position, values]; None when a list is not to be trusted."""
    text = re.sub(r"<div class=\"note\".*?</div>", "", description, flags=re.S)
    lists = [
        ValueList(
            _plain(match["title"]),
            tuple(_plain(term) for term in re.findall(r"<dt>(.*?)</dt>", match["body"], re.S)),
        )
        for match in _LIST.finditer(text)
    ]
    sets = value_sets(lists, entry) if len(lists) == len(re.findall(r"<dl>", text)) else None
    return None if sets is None else [[one.kind, one.position, list(one.values)] for one in sets]


def _plain(text: str) -> str:
    """Text without mark-up, with one line a paragraph."""
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r"</p>|</li>|</dt>|</dd>|<br ?/?>", "\n", text)
    lines = html.unescape(re.sub(r"<[^>]+>", "", text)).replace("\u200b", "").replace("\xa0", " ").split("\n")
    return "\n".join(" ".join(line.split()) for line in lines if line.strip())


def harvest_values(
    source: Source, extra: Path, newer: Mapping[tuple[str, str], list[list[Any]]]
) -> dict[str, Any]:
    """The value sets by table and path; ``newer`` are those of a later edition, which go first."""
    sections = _json(extra / "references.json")
    found: dict[str, Any] = {}
    for row in rows(source, extra):
        keyword = row.path.rpartition(".")[2]
        if (row.table, keyword) in LEFT_OUT:
            continue
        if (row.table, row.path) in newer:
            sets: list[list[Any]] | None = newer[row.table, row.path]
        elif "<dl>" in row.description:
            sets = value_lists(row.description, row.entry)
        else:
            sets = _linked(row, sections)
        for kind, position, values in sets or ():
            added = [*ADDED.get((row.table, keyword, position), ()), *ADDED_TO_ALL.get(keyword, ())]
            if COLOR_SPACES[0] in values:
                added.append(COLOR_SPACES[1])
            closed = kind == "enumerated" and not row.table.startswith(GROWING)
            merged = [*values, *(value for value in added if value not in values)]
            entry = ["enumerated" if closed else "defined", position, merged]
            found.setdefault(row.table, {}).setdefault(row.path, []).append(entry)
    return found


def _linked(row: Row, sections: Mapping[str, str]) -> list[list[Any]] | None:
    for link in row.links:
        text = sections.get(link, "")
        headings = [
            _plain(heading).partition(" ")[2] for heading in re.findall(r"<h\d>(.*?)</h\d>", text, re.S)
        ]
        if len(headings) == 1 and letters(headings[0]) == letters(row.entry.name):
            found = value_lists(text, row.entry)
            if found:
                return found
    return None


def newer_values(source: Source, archive: Path, modules: Path) -> dict[tuple[str, str], list[list[Any]]]:
    """Value sets from an archive of later descriptions, one file an attribute, each with the modules that it is in."""
    dictionary = Dictionary(dictionary_columns(source.elements))
    table_of = {entry["id"]: entry["linkToStandard"].rpartition("#table_")[2] for entry in _json(modules)}
    texts: dict[tuple[str, str], list[str]] = {}
    with tarfile.open(archive, "r:xz") as opened:
        for member in opened:
            body = opened.extractfile(member) if member.name.endswith(".rst") else None
            if body is None:
                continue
            keyword = member.name.rpartition("/")[2].removesuffix(".rst")
            for part in re.split(r"^   - (?=[\w-]+ \[)", body.read().decode("utf-8"), flags=re.M)[1:]:
                module = part.partition(" ")[0]
                texts.setdefault((table_of.get(module, ""), keyword), []).append(part)
    found: dict[tuple[str, str], list[list[Any]]] = {}
    for (table, keyword), parts in texts.items():
        entry = dictionary.by_keyword(keyword)
        paths = _paths(source, table, keyword, dictionary)
        if entry and len(parts) == 1 and len(paths) == 1 and "<dl>" in parts[0]:
            sets = value_lists(parts[0], entry)
            if sets:
                found[table, paths[0]] = sets
    return found


def _paths(source: Source, table: str, keyword: str, dictionary: Dictionary) -> list[str]:
    stack: list[str] = []
    found: list[str] = []
    lines = source.tables[table].lines if table in source.tables else ()
    for line in lines:
        if isinstance(line, AttributeLine) and line.tag is not None:
            entry = dictionary.entry(line.tag)
            stack = [*stack[: line.level], entry.keyword if entry else ""]
            if stack[-1] == keyword:
                found.append(".".join(stack))
    return found


def harvest_sentences(source: Source, extra: Path) -> dict[str, Any]:
    """For each conditional row: the hash of its sentences where they are those of the newest tables and were seen
    whole, and what they allow otherwise; for a row that lost its sentence, the condition that was read from it."""
    lookup = Dictionary(dictionary_columns(source.elements)).entry
    found: dict[str, Any] = {}
    for row in rows(source, extra):
        if row.line.type not in ("1C", "2C"):
            continue
        whole = conditional(_plain(row.description))
        if not whole:
            continue
        now = conditional(row.line.text)
        reading = read_condition(_plain(row.description), lookup, complete=True)
        if reading is None:
            continue
        entry: dict[str, Any] = {"hash": sentence_hash(" . ".join(now)), "otherwise": reading.otherwise}
        if reading.hash == entry["hash"]:
            entry["same"] = True
        elif not now:
            entry["hash"] = reading.hash
            if reading.when is not None:
                entry["when"] = reading.when
                entry["absent"] = sorted(reading.absent)
        else:
            continue
        found.setdefault(row.table, {})[row.path] = entry
    return found


# What the types ask, from least to most; a condition may be wider than it was, which is not looked into.
_ASKS = {"3": 0, "2C": 1, "1C": 2, "2": 3, "1": 4}


def harvest_since(source: Source, extra: Path) -> dict[str, Any]:
    """The edition after that of the descriptions, for each row that they are without, or that asked for less there.

    What is within a row that is new itself is as old as the row.
    """
    dictionary = Dictionary(dictionary_columns(source.elements))
    types = _types(extra)
    tables = {table for table, _ in types}
    found: dict[str, Any] = {}
    for name, table in source.tables.items():
        stack: list[tuple[int, str]] = []
        for line in table.lines if name in tables else ():
            if not isinstance(line, AttributeLine) or line.tag is None or len(stack) < line.level:
                continue
            entry = dictionary.entry(line.tag)
            stack = [*stack[: line.level], (line.tag, entry.keyword if entry is not None else "")]
            tags = tuple(tag for tag, _ in stack)
            before = types.get((name, tags))
            if line.type not in _ASKS or (before is None and line.level and (name, tags[:-1]) not in types):
                continue
            if line.type != "3" and _ASKS.get(before or "3", 0) < _ASKS[line.type]:
                found.setdefault(name, {})[".".join(keyword for _, keyword in stack)] = AFTER
    return found


def _types(extra: Path) -> dict[tuple[str, tuple[int, ...]], str]:
    """The most that the types of each row ask, by table and tags."""
    found: dict[tuple[str, tuple[int, ...]], str] = {}
    for table, tags, attribute in _attributes(extra):
        before = found.get((table, tags))
        if before is None or _ASKS.get(before, 0) < _ASKS.get(attribute["type"] or "", 0):
            found[table, tags] = attribute["type"] or ""
    return found


def harvest_uses_since(source: Source, extra: Path) -> dict[str, Any]:
    """The edition after that of the lists, for each module and functional group that an IOD did not ask for there.

    Not where the IOD had one of its attributes already: then it was only moved to a module of its own.
    """
    names = {
        entry["id"]: entry["name"]
        for kind in ("modules", "macros")
        for entry in _json(extra / f"{kind}.json")
    }
    ciods = {entry["id"]: letters(entry["name"]) for entry in _json(extra / "ciods.json")}
    tags: dict[str, set[int]] = {}
    for kind, key in (("macro", "macroId"), ("module", "moduleId")):
        for entry in _json(extra / f"{kind}_to_attributes.json"):
            if entry["path"].count(":") == 1 and re.fullmatch(r"[0-9a-f]{8}", entry["path"][-8:]):
                tags.setdefault(entry[key], set()).add(int(entry["path"][-8:], 16))
    before: dict[tuple[str, str], dict[str, str]] = {}
    had: dict[str, set[int]] = {}
    for file, key in (("ciod_to_modules", "moduleId"), ("ciod_to_fg_macros", "macroId")):
        for entry in _json(extra / f"{file}.json"):
            iod = ciods.get(entry["ciodId"], "")
            before.setdefault((iod, key), {})[letters(names.get(entry[key], entry[key]))] = entry["usage"]
            had.setdefault(iod, set()).update(tags.get(entry[key], ()))
    sections: dict[str, SourceTable] = {}
    for table in source.tables.values():
        sections.setdefault(table.section, table)
    found: dict[str, Any] = {}
    for name, now in source.iods.items():
        for key, uses in (("moduleId", now.modules), ("macroId", now.functional_groups)):
            known = before.get((letters(name), key))
            for use in uses if known else ():
                asked = _asked_tags(sections.get(use.section))
                new = use.usage in ("M", "C") and (known or {}).get(letters(use.name), "U") == "U"
                if new and asked and asked.isdisjoint(had[letters(name)]):
                    found.setdefault(name, {})[use.name] = AFTER
    return found


def _asked_tags(table: SourceTable | None) -> set[int]:
    """The attributes of a module that are not optional."""
    return {
        line.tag
        for line in (table.lines if table is not None else ())
        if isinstance(line, AttributeLine)
        and line.tag is not None
        and line.level == 0
        and _ASKS.get(line.type, 0)
    }


def harvest_items(source: Source, extra: Path) -> dict[str, Any]:
    """The number of items of sequences whose newest description lost it."""
    found: dict[str, Any] = {}
    for row in rows(source, extra):
        if row.entry.vr == "SQ" and item_count(row.line.text, row.line.type) is None:
            count = item_count(_plain(row.description), "1")
            if count is not None and not re.search(r"\bItems?\b", row.line.text):
                found.setdefault(row.table, {})[row.path] = count
    return found


def harvest_context_groups(source: Source, docbook: Source) -> dict[str, Any]:
    """The context groups that bind code sequences ("B8120"), from DocBook of an earlier edition, where the newest
    table still has a binding of the same kind there and has only lost the number."""
    lookup = Dictionary(dictionary_columns(source.elements))
    known = {
        (table.name, path): usage
        for table in docbook.tables.values()
        for path, usage in _codes(table, lookup)
    }
    found: dict[str, Any] = {}
    for table in source.tables.values():
        for path, usage in _codes(table, lookup):
            binding, cid = context_group(known.get((table.name, path), ""))
            if cid and usage.strip() == binding:
                found.setdefault(table.name, {})[path] = f"{binding}{cid}"
    return found


def harvest_uids() -> list[list[Any]]:
    """The UIDs of PS3.6 Annex A as [uid, name, keyword, type, retired], from pydicom's table."""
    from pydicom._uid_dict import UID_dictionary

    return [
        [uid, html.unescape(name.replace(" (Retired)", "")).strip(), keyword, kind, retired == "Retired"]
        for uid, (name, kind, _, retired, keyword) in UID_dictionary.items()
    ]


def _codes(table: SourceTable, dictionary: Dictionary) -> Iterator[tuple[str, str]]:
    stack: list[str] = []
    for line in table.lines:
        if isinstance(line, AttributeLine):
            entry = None if line.tag is None else dictionary.entry(line.tag)
            stack = [*stack[: line.level], entry.keyword if entry else ""]
        elif isinstance(line, IncludeLine) and line.table.startswith("8.8-") and line.level:
            yield ".".join(stack[: line.level]), line.usage


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files of facts anew: 0, or 2 when a source cannot be read."""
    parser = argparse.ArgumentParser(prog="dcmlint.standard.build.harvest", description=__doc__)
    parser.add_argument("--tables", type=Path, required=True, metavar="DIR")
    parser.add_argument("--extra", type=Path, required=True, metavar="DIR")
    parser.add_argument("--docbook", type=Path, metavar="DIR")
    parser.add_argument("--out", type=Path, default=FOLDER, metavar="DIR")
    settings = parser.parse_args(arguments)
    try:
        source, _ = build_source(settings.tables, None)
    except StandardError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    newer: dict[tuple[str, str], list[list[Any]]] = {}
    for archive in sorted(settings.tables.glob("**/*attribute-texts-rst.tar.xz")):
        newer |= newer_values(source, archive, archive.parent / "modules.json")
    facts = {
        "values": harvest_values(source, settings.extra, newer),
        "sentences": harvest_sentences(source, settings.extra),
        "items": harvest_items(source, settings.extra),
        "since": harvest_since(source, settings.extra),
        "uses_since": harvest_uses_since(source, settings.extra),
    }
    if settings.docbook:
        facts["context_groups"] = harvest_context_groups(source, docbook.read(settings.docbook))
    uids = ",\n ".join(json.dumps(uid) for uid in harvest_uids())
    (settings.out / "uids.json").write_text(f"[\n {uids}\n]\n", encoding="utf-8")
    for name, content in facts.items():
        (settings.out / f"{name}.json").write_text(_rendered(content), encoding="utf-8")
        print(f"{name}: {sum(map(len, content.values()))} rows in {len(content)} tables", file=sys.stderr)
    return 0


def _rendered(content: Mapping[str, Mapping[str, Any]]) -> str:
    """JSON with one line a row, so that a reviewer sees what changed."""
    tables = []
    for table, paths in content.items():
        lines = ",\n".join(f"  {json.dumps(path)}: {json.dumps(entry)}" for path, entry in paths.items())
        tables.append(f" {json.dumps(table)}: {{\n{lines}\n }}")
    return "{\n" + ",\n".join(tables) + "\n}\n"


if __name__ == "__main__":
    sys.exit(main())
