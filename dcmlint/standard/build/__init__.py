"""Building the compiled tables of an edition: two front ends, one back end, and an overlay that people keep."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from dcmlint.errors import StandardError
from dcmlint.standard.build import docbook as docbook_front_end
from dcmlint.standard.build import google, terminology, usage
from dcmlint.standard.build.compile import Compiler
from dcmlint.standard.build.cross_check import dictionary_differences
from dcmlint.standard.build.facts import FOLDER as FACTS
from dcmlint.standard.build.facts import read_facts
from dcmlint.standard.build.overlay import read_overlay
from dcmlint.standard.build.source import Source, SourceElement
from dcmlint.standard.container import Container, pack
from dcmlint.standard.dictionary import DictionaryColumns
from dcmlint.standard.editions import EDITIONS, Standard, load, load_file
from dcmlint.standard.terms import Confidentiality, ConfidentialityTable, ContextGroupBody, UidEntry

OVERLAY = Path(__file__).parent / "overlay"


class Built(msgspec.Struct, frozen=True, kw_only=True):
    """The bytes of a file of tables, the mistakes that a person has to mend, and notes on what was lost."""

    data: bytes
    errors: tuple[str, ...]
    notes: tuple[str, ...]


def build(
    tables: Path | None, *, docbook: Path | None = None, overlay: Path = OVERLAY, facts: Path = FACTS
) -> bytes:
    """The compiled tables made from the folder ``tables``, ``docbook`` or both, the facts and the overlay.

    The same input gives the same bytes. Raises :class:`StandardError` when a source cannot be read, and when the
    overlay has a mistake (a row that is not there, an unknown key).
    """
    built = build_with_report(tables, docbook=docbook, overlay=overlay, facts=facts)
    if built.errors:
        raise StandardError("the overlay has mistakes:\n  " + "\n  ".join(built.errors))
    return built.data


def build_with_report(
    tables: Path | None, *, docbook: Path | None = None, overlay: Path = OVERLAY, facts: Path = FACTS
) -> Built:
    """Like :func:`build`, with the mistakes and notes as values.

    With ``docbook``, PS3.3, PS3.4 and PS3.6 are those of the DocBook; ``tables``, or without them the newest edition
    that comes with dcmlint, give what it lacks (elements, context groups, PS3.15 Table E.1-1). What the overlay says of
    rows that the DocBook does not have is noted: they are of another edition.
    """
    source, notes = build_source(tables, docbook)
    terms = shipped_terms() if tables is None else _read_terms(tables)
    notes += terms.notes
    entries, errors = read_overlay(overlay)
    known = read_facts(facts)
    compiler = Compiler(source, known, entries)
    compiled = compiler.compile_tables()
    iods = compiler.compile_iods()
    uids = _uids(terms.uids, known.uids, source)
    mistakes = [*errors, *([] if docbook else compiler.errors)]
    notes += compiler.errors if docbook else []
    data = pack(
        source.edition,
        {
            "core": {
                "sop_classes": compiler.sop_classes({entry.uid: entry.keyword for entry in uids}),
                "iods": iods,
                "tables": compiled,
            },
            "dictionary": compiler.columns,
            "uids": uids,
            "codes": terms.groups,
            "confidentiality": terms.confidentiality,
        },
    )
    return Built(data=data, errors=tuple(mistakes), notes=(*notes, *compiler.notes))


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What is in neither PS3.3 nor PS3.4: context groups (PS3.16), UIDs (PS3.6), PS3.15 Table E.1-1; and notes."""

    groups: dict[int, ContextGroupBody]
    uids: list[UidEntry]
    confidentiality: ConfidentialityTable
    notes: list[str]


def _read_terms(tables: Path) -> Terms:
    groups, uids, notes = terminology.read_terms(_file(tables, "input-fsh.tar.xz"))
    rows = confidentiality(_file(tables, "confidentiality_profile_attributes.json"))
    return Terms(groups=groups, uids=uids, confidentiality=newer_confidentiality(rows, tables), notes=notes)


def shipped_terms() -> Terms:
    """The terms of the newest edition that comes with dcmlint."""
    tables = load(EDITIONS[0])
    return Terms(
        groups=tables.section("codes", dict[int, ContextGroupBody]),
        uids=list(tables.uids()),
        confidentiality=tables.section("confidentiality", ConfidentialityTable),
        notes=[f"context groups and PS3.15 Table E.1-1 are those of {tables.edition}"],
    )


def build_source(tables: Path | None, docbook: Path | None) -> tuple[Source, list[str]]:
    """What the sources say, and notes on what stays lost.

    The folder ``tables`` is completed from its older part; ``docbook`` takes the place of what it has itself.
    Raises :class:`StandardError` where there is neither.
    """
    if tables is None:
        if docbook is None:
            raise StandardError("name the DocBook of an edition, a folder of JSON tables, or both")
        book = docbook_front_end.read(docbook)
        known = {element.tag for element in book.elements}
        book.elements += [element for element in _shipped_elements() if element.tag not in known]
        return book, list(book.notes)
    source = google.read(_folder(tables, "dicom_modules.json"))
    notes = usage.complete(source, _folder(tables, "ciod_to_modules.json"))
    if docbook is None:
        return source, [*source.notes, *notes]
    book = docbook_front_end.read(docbook)
    known = {element.tag for element in book.elements}
    book.elements += [element for element in source.elements if element.tag not in known]
    return book, list(book.notes)


def _shipped_elements() -> Iterator[SourceElement]:
    """The data elements of the newest edition that comes with dcmlint."""
    columns = load(EDITIONS[0]).section("dictionary", DictionaryColumns)
    masks = {position: f"{mask:08x}" for mask, position in columns.masks}
    retired = frozenset(columns.retired)
    for position, (tag, keyword, name) in enumerate(
        zip(columns.tags, columns.keywords, columns.names, strict=True)
    ):
        mask = masks.get(position, "f" * _DIGITS)
        yield SourceElement(
            tag="".join("x" if bit == "0" else digit for digit, bit in zip(f"{tag:08x}", mask, strict=True)),
            keyword=keyword, name=name, vr=columns.vr_names[columns.vrs[position]],
            vm=columns.vm_names[columns.vms[position]], retired=position in retired,
        )  # fmt: skip


def _uids(terms: list[UidEntry], facts: list[UidEntry], source: Source) -> list[UidEntry]:
    """Every UID once, in order: the facts have the names in full, the terms the newest UIDs."""
    found = {entry.uid: entry for entry in source.uids}
    found |= {entry.uid: UidEntry(entry.uid, entry.name, "", "SOP Class") for entry in source.sop_classes}
    found |= {entry.uid: entry for entry in [*terms, *facts]}
    return sorted(found.values(), key=lambda entry: [int(arc) for arc in entry.uid.split(".")])


def to_read_again(previous: Standard, current: Standard) -> list[str]:
    """Notes on the rows that people have read and whose sentences are others in the current edition."""
    notes: list[str] = []
    known = set(previous.tables())
    for name in current.tables():
        before = dict(previous.table(name).walk()) if name in known else {}
        for path, row in current.table(name).walk():
            old = before.get(path)
            if row.parsed_by == "reviewed" and old is not None and old.condition_hash != row.condition_hash:
                notes.append(f"{name} {path}: its sentence has changed, read it again")
    return notes


# PS3.15 Table E.1-1: the columns of the options.
_OPTIONS = {
    "rtnSafePrivOpt": "retain-safe-private",
    "rtnUIDsOpt": "retain-uids",
    "rtnDevIdOpt": "retain-device-identity",
    "rtnInstIdOpt": "retain-institution-identity",
    "rtnPatCharsOpt": "retain-patient-characteristics",
    "rtnLongFullDatesOpt": "retain-longitudinal-full-dates",
    "rtnLongModifDatesOpt": "retain-longitudinal-modified-dates",
    "cleanDescOpt": "clean-descriptors",
    "cleanStructContOpt": "clean-structured-content",
    "cleanGraphOpt": "clean-graphics",
}


def confidentiality(path: Path) -> ConfidentialityTable:
    """PS3.15 Table E.1-1 from a JSON file of its rows."""
    rows: dict[int, Confidentiality] = {}
    patterns: list[tuple[int, int, Confidentiality]] = []
    private = Confidentiality("X")
    for entry in json.loads(path.read_text(encoding="utf-8")):
        options = {name: entry[key] for key, name in _OPTIONS.items() if key in entry}
        row = Confidentiality(entry["basicProfile"], options, entry["stdCompIOD"] == "Y")
        digits = entry["tag"].lower().strip("()").replace(",", "")
        if "gggg" in digits:
            private = row
        elif "x" in digits:
            mask = int("".join("0" if digit == "x" else "f" for digit in digits), 16)
            patterns.append((mask, int(digits.replace("x", "0"), 16), row))
        else:
            rows[int(digits, 16)] = row
    return ConfidentialityTable(dict(sorted(rows.items())), patterns, private)


_NEWER = "ps315_*.json"
_DIGITS = 8  # of a tag


def newer_confidentiality(table: ConfidentialityTable, tables: Path) -> ConfidentialityTable:
    """Table E.1-1 with the rows of a newer PS3.15 where ``tables`` have one, marked with its edition.

    The options of a row that both have are those of the newer one.
    """
    found = sorted([*tables.glob(_NEWER), *tables.glob(f"*/{_NEWER}")])
    if not found:
        return table
    edition = found[-1].stem.removeprefix("ps315_")
    rows = dict(table.rows)
    for entry in json.loads(found[-1].read_text(encoding="utf-8"))["rules"]:
        if len(entry["tag"]) != _DIGITS or not set(entry["tag"].lower()) <= set("0123456789abcdef"):
            continue  # private and repeating groups: the older table has them
        tag = int(entry["tag"], 16)
        options = {name.replace("_", "-"): action for name, action in entry["options"].items()}
        since = rows[tag].since if tag in rows else edition
        rows[tag] = Confidentiality(entry["basic"], options, entry["in_std_iod"], since)
    return ConfidentialityTable(dict(sorted(rows.items())), table.patterns, table.private)


def _folder(tables: Path, holding: str) -> Path:
    return _file(tables, holding).parent


def _file(tables: Path, name: str) -> Path:
    """The file of this name in ``tables`` or in a folder of it, the last in the order of names."""
    found = sorted([*tables.glob(name), *tables.glob(f"*/{name}")])
    if not found:
        raise StandardError(f"no {name} in {tables} or a folder of it")
    return found[-1]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command ``python -m dcmlint.standard.build``: 0 when a file was written, 2 when the sources have mistakes."""
    parser = argparse.ArgumentParser(prog="dcmlint.standard.build", description=__doc__)
    parser.add_argument("--tables", type=Path, metavar="DIR", help="the JSON tables of an edition")
    parser.add_argument(
        "--docbook", type=Path, metavar="DIR", help="the DocBook of an edition (part03.xml ...)"
    )
    parser.add_argument("--overlay", type=Path, default=OVERLAY, metavar="DIR", help="the reviewed overlay")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the file to write")
    parser.add_argument(
        "--previous",
        type=Path,
        metavar="FILE",
        help="an older file of tables: note what has to be read again",
    )
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="where the notes go (default: only counted)"
    )
    parser.add_argument(
        "--lenient", action="store_true", help="write the file though the overlay has mistakes"
    )
    settings = parser.parse_args(arguments)
    try:
        built = build_with_report(settings.tables, docbook=settings.docbook, overlay=settings.overlay)
        current = Standard(Container(built.data))
        notes = [*built.notes, *dictionary_differences(current.dictionary)]
        if settings.previous:
            notes += to_read_again(load_file(settings.previous), current)
    except StandardError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for line in built.errors:
        print(f"error: {line}", file=sys.stderr)
    if settings.report:
        settings.report.write_text("\n".join((*built.errors, *notes, "")), encoding="utf-8")
    print(f"{len(built.errors)} errors, {len(notes)} notes", file=sys.stderr)
    if built.errors and not settings.lenient:
        return 2
    settings.out.write_bytes(built.data)
    return 0
