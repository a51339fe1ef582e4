"""`profile check`, row by row: what a row says, held against the dictionary and against the other rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from dcmlint import standard
from dcmlint.dicom.charsets import Charset
from dcmlint.dicom.values import TEXT_VRS, check_value
from dcmlint.errors import ProfileError
from dcmlint.expr.patterns import safe_pattern
from dcmlint.findings.finding import Severity
from dcmlint.profiles.attributes import PlacedRow, placed_rows
from dcmlint.profiles.gap import RETIRED_SCHEMES
from dcmlint.profiles.misplaced import holders
from dcmlint.profiles.model import AttributeRow, Profile, ProfileSource
from dcmlint.profiles.parameters import as_list
from dcmlint.profiles.remark import Remark, remark_at
from dcmlint.profiles.row_demands import LONGEST, requires, tag_of, unknown_keyword
from dcmlint.profiles.uids import uid_of
from dcmlint.standard.dictionary import Entry
from dcmlint.standard.tags import ColumnPositionInTotalImagePixelMatrix, RowPositionInTotalImagePixelMatrix

_CODE_SCHEME = "CodingSchemeDesignator"
_UTF_8, _ = Charset.from_terms("ISO_IR 192")


def row_remarks(source: ProfileSource, placed: PlacedRow) -> Iterator[Remark]:
    """What can be said of one row."""
    row, mark = placed.row, placed.mark

    def say(code: str, severity: Severity, message: str, key: str = "") -> Remark:
        return remark_at(
            source, f"{mark}.{key}" if key else mark, code, severity, message, placed.id, placed.path
        )

    dictionary = standard.load().dictionary
    tag = tag_of(row.attribute)
    if tag is None:
        mistake = unknown_keyword(row.attribute)
        hint = f" ({mistake.hint})" if mistake.hint else ""
        yield say("unknown-keyword", "error", f"{mistake.message}{hint}", "attribute")
        return
    entry = dictionary.entry(tag)
    if row.tag:
        stated = tag_of(row.tag)
        if stated is None:
            yield say("unknown-tag", "error", f"{row.tag} is not a tag", "tag")
        elif stated != tag:
            other = dictionary.entry(stated)
            whose = f"{other.name}" if other is not None else "nothing in the dictionary"
            yield say("tag-mismatch", "error", f"{row.tag} is {whose}, not {row.attribute}", "tag")
    if entry is None:
        return
    if row.name and _letters(row.name) != _letters(entry.name):
        yield say(
            "name-mismatch",
            "warning",
            f"the statement calls it {row.name!r}, the dictionary {entry.name!r}",
            "name",
        )
    if row.vr and row.vr not in entry.vr.split("/"):
        yield say("vr-mismatch", "error", f"{entry.name} has VR {entry.vr}, not {row.vr} (PS3.6)", "vr")
    nested = () if placed.parents else holders(tag, _classes(row, source.profile))
    if nested:
        where = ", or of ".join(nested)
        yield say(
            "nested-attribute", "warning",
            f"{entry.name} is not an attribute of the data set itself, but of the items of {where}: the row belongs into `items`",
            "attribute",
        )  # fmt: skip
    if not (requires(row) or row.items or row.says or row.not_seen or row.severity == "error"):
        yield say("requires-nothing", "warning", f"the row of {entry.name} requires nothing")
    if entry.retired:
        yield say("retired-attribute", "warning", f"{entry.name} is retired (PS3.6)", "attribute")
    yield from _printed(row, entry.name, say)
    yield from _schemes(row, say)
    yield from _single_index(row, say)
    yield from _illegal(row, entry, say)
    if row.pattern and entry.vr in LONGEST:
        yield from _too_long(row.pattern, entry.vr, entry.name, say)


def _classes(row: AttributeRow, profile: Profile) -> tuple[str, ...]:
    """The UIDs of the SOP Classes that a row is about; none where the profile does not say."""
    words = row.sop_class or profile.sop_classes or profile.applies.sop_class
    try:
        return tuple(uid_of(word, "SOP Class") for word in as_list(words))
    except ProfileError:
        return ()


_PRINTED = {
    "vr": "the VR",
    "value": "the value",
    "presence": "the presence",
    "name": "the name",
    "tag": "the tag",
}


def _printed(row: AttributeRow, name: str, say: Any) -> Iterator[Remark]:
    """What the document prints, where that cannot be meant; the row says how it was read."""
    for key, text in row.printed.items():
        if key not in _PRINTED:
            yield say("unknown-key", "error", f"printed: {key} is none of {', '.join(_PRINTED)}", "printed")
            continue
        read = {"vr": row.vr, "name": row.name, "tag": row.tag, "presence": row.presence}.get(key, "")
        yield say("printed-otherwise", "warning",
                  f"the document prints {text} as {_PRINTED[key]} of {name}" + (f"; read as {read}" if read else ""), "printed")  # fmt: skip


def _schemes(row: AttributeRow, say: Any) -> Iterator[Remark]:
    if row.attribute != _CODE_SCHEME:
        return
    for word in as_list(row.values):
        if word in RETIRED_SCHEMES:
            yield say("retired-scheme", "warning",
                      f"the coding scheme {word} is retired; {RETIRED_SCHEMES[word]} took its place (PS3.16 8)", "values")  # fmt: skip


def _single_index(row: AttributeRow, say: Any) -> Iterator[Remark]:
    """A dimension index over the columns alone gives all tiles of a column the same index (PS3.3 C.7.6.17.1)."""
    if row.attribute != "DimensionIndexPointer":
        return
    words = as_list(row.values) or (row.printed.get("value", ""),)
    listed = {tag_of(word) for word in words}
    for one, other in (
        (ColumnPositionInTotalImagePixelMatrix, RowPositionInTotalImagePixelMatrix),
        (RowPositionInTotalImagePixelMatrix, ColumnPositionInTotalImagePixelMatrix),
    ):
        if listed == {one}:
            names = [standard.load().dictionary.entry(tag) for tag in (one, other)]
            assert names[0] is not None and names[1] is not None  # noqa: PT018
            yield say("incomplete-index", "warning",
                      f"the only index points to {names[0].name}: without {names[1].name} it cannot tell tiles apart (PS3.3 C.7.6.17)", "values")  # fmt: skip


def _too_long(pattern: str, vr: str, name: str, say: Any) -> Iterator[Remark]:
    try:
        shortest = safe_pattern(pattern).shortest
    except ValueError:
        return
    if shortest > LONGEST[vr]:
        yield say("pattern-too-long", "error",
                  f"the pattern takes at least {shortest} characters, and {name} ({vr}) holds at most {LONGEST[vr]}", "pattern")  # fmt: skip


def _letters(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _illegal(row: AttributeRow, entry: Entry, say: Any) -> Iterator[Remark]:
    """Values that no file can have without breaking the standard (PS3.5 6.2)."""
    if entry.vr not in TEXT_VRS:
        return
    for number, word in enumerate(as_list(row.values)):
        data = word.encode()
        wrong = check_value(entry.vr, data + b" " * (len(data) & 1 and entry.vr != "UI"), charset=_UTF_8)
        if wrong:
            key = "values" if isinstance(row.values, str) else f"values[{number}]"
            yield say(
                "illegal-value",
                "error",
                f"{word!r} is no value of {entry.name} ({entry.vr}): {wrong[0].message}",
                key,
            )


def contradictions(source: ProfileSource) -> Iterator[Remark]:
    """Rows that demand an attribute, and rows that forbid it, under the same condition."""
    seen: dict[tuple[object, ...], PlacedRow] = {}
    for placed in placed_rows(source.profile):
        if placed.row.presence not in ("always", "forbidden"):
            continue
        key = (placed.path, placed.around, placed.row.when, placed.sop_class)
        other = seen.setdefault(key, placed)
        if other.row.presence != placed.row.presence:
            says = f"{other.id} says {other.row.presence} of {placed.path}: no file can keep to both"
            yield remark_at(
                source, f"{placed.mark}.presence", "contradiction", "error", says, placed.id, placed.path
            )
