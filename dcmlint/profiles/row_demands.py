"""What a row demands of a value, as expressions, with the words that findings say of each."""

from __future__ import annotations

import csv
import datetime
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from dcmlint import standard
from dcmlint.errors import ProfileError, did_you_mean
from dcmlint.plural import number_of
from dcmlint.profiles.model import AttributeRow
from dcmlint.profiles.orders import separator_of
from dcmlint.profiles.parameters import as_list

NUMBERS = frozenset({"DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV", "US/SS"})
# Characters of one value: PS3.5 Table 6.2-1; of a person's name three component groups with the signs between them.
LONGEST = {"AE": 16, "AS": 4, "CS": 16, "DA": 8, "DS": 16, "DT": 26, "IS": 12, "LO": 64, "LT": 10240, "PN": 64 * 3 + 2,
           "SH": 16, "ST": 1024, "TM": 16, "UI": 64}  # fmt: skip
_NO_TEXT = frozenset({"AT", "OB", "OD", "OF", "OL", "OV", "OW", "OB/OW", "SQ", "UN"})
_DATES = frozenset({"DA", "DT"})
_TAG = re.compile(r"\(?([0-9A-Fa-f]{4}), ?([0-9A-Fa-f]{4})\)?")
_DIGITS = re.compile(r"(?:0x)?([0-9A-Fa-f]{4})([0-9A-Fa-f]{4})")
_DAY = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)")
_TODAY = re.compile(r"today(?: ?([+-]) ?(\d{1,5}) ?([dy]))?")
_CODE = re.compile(r"(?P<scheme>[^:|,\s]{1,16}) ?[:|,] ?(?P<value>\S{1,64})")
_LARGEST_LIST = 4 << 20  # bytes of a file of values
_SHOWN = 8
_SIGNS = {"minimum": ">=", "maximum": "<="}


class Demand(msgspec.Struct, frozen=True):
    """One demand on a value: ``fault`` is what a finding says, ``want`` what is expected instead."""

    expression: str
    fault: str
    want: str


class Named(msgspec.Struct, frozen=True):
    """An attribute as expressions name it, with VR and VM of the dictionary."""

    own: str
    vr: str
    vm: str


class RowError(ProfileError):
    """A mistake in one key of a row; who knows the file adds the place."""

    def __init__(self, key: str, message: str, hint: str = "") -> None:
        self.key = key
        super().__init__(message, hint=hint)


def unknown_keyword(word: str) -> RowError:
    """The mistake of a row whose attribute the dictionary does not know."""
    digits = _DIGITS.fullmatch(word)
    hint = (
        f"did you mean ({digits[1]},{digits[2]})?" if digits is not None
        else did_you_mean(word, standard.load().dictionary.keywords())
    )  # fmt: skip
    return RowError("attribute", f"{word!r} is not a keyword of the data dictionary", hint)


def tag_of(text: str) -> int | None:
    """The tag of a keyword or of ``(gggg,eeee)``; None for what the dictionary does not know."""
    match = _TAG.fullmatch(text)
    if match is not None:
        return int(match[1] + match[2], 16)
    entry = standard.load().dictionary.by_keyword(text)
    return None if entry is None else entry.tag


def named(attribute: str) -> Named:
    """An attribute by keyword or tag, as the dictionary has it.  Raises RowError for one that it does not know."""
    tag = tag_of(attribute)
    if tag is None:
        raise unknown_keyword(attribute)
    entry = standard.load().dictionary.entry(tag)
    keyword = entry is not None and entry.keyword == attribute
    own = attribute if keyword else f'tag("{tag >> 16:04X},{tag & 0xFFFF:04X}")'
    return Named(own, entry.vr if entry is not None else "UN", entry.vm if entry is not None else "1")


def demands_of(row: AttributeRow, name: Named, file: str) -> tuple[Demand, ...]:
    """The demands of a row in the order in which its keys are documented.  Raises RowError with the key that is wrong."""
    found: list[Demand] = []
    for keys, maker in _MAKERS:
        try:
            found += maker(row, name, file)
        except RowError:
            raise
        except ProfileError as mistake:
            key = next((key for key in keys if getattr(row, key)), keys[0])
            raise RowError(key, mistake.message, mistake.hint) from None
    return tuple(found)


def requires(row: AttributeRow) -> bool:
    """Whether a row asks for anything besides the VR."""
    value = (row.values, row.values_from, row.pattern, row.minimum, row.maximum, row.longest, row.not_before, row.not_after, row.code,
             row.context_group, row.source, row.assert_)  # fmt: skip
    return row.presence != "optional" or row.empty in ("forbidden", "required") or any(value)


def listed_values(row: AttributeRow, file: str) -> tuple[str, ...]:
    """The values that a row allows, those of its file among them."""
    listed = as_list(row.values)
    return (*listed, *_from_file(row, file)) if row.values_from else listed


def _from_file(row: AttributeRow, beside: str) -> tuple[str, ...]:
    """The values of a file, one a line; lines that begin with # are left out.

    CSV: the first column; where the first line has the keyword or the name of the attribute, the column below it.
    """
    name = row.values_from
    path = Path(name) if Path(name).is_absolute() or not beside else Path(beside).parent / name
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST_LIST:
            raise ProfileError(f"{name} is not a file of values of at most 4 MB")
        with open(path, encoding="utf-8-sig", newline="") as stream:
            lines = [line for line in stream if not line.startswith("#")]
        rows = list(
            csv.reader(lines, delimiter=separator_of(lines) if path.suffix.lower() == ".csv" else ",")
        )
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise ProfileError(f"{name} cannot be read: {getattr(problem, 'strerror', '') or problem}") from None
    column = _column(row.attribute, rows[0]) if rows else None
    if column is not None:
        rows = rows[1:]
    values = (one[column or 0].strip() for one in rows if len(one) > (column or 0))
    found = tuple(dict.fromkeys(value for value in values if value))
    if not found:
        raise ProfileError(f"{name} holds no values")
    return found


def _column(attribute: str, first: Sequence[str]) -> int | None:
    """Where a line of headings names an attribute; None for a line of values."""
    tag = tag_of(attribute)
    entry = standard.load().dictionary.entry(tag) if tag is not None else None
    names = {attribute.lower()} | (
        {entry.keyword.lower(), entry.name.lower()} if entry is not None else set()
    )
    return next((place for place, cell in enumerate(first) if cell.strip().lower() in names), None)


def _listed(row: AttributeRow, name: Named, file: str) -> Iterator[Demand]:
    listed = listed_values(row, file)
    if not listed:
        return
    if row.values_from:
        # A list of patients or orders is no text for reports.
        want = f"one of the {len(listed)} values of {Path(row.values_from).name}"
    else:
        more = f" or {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
        want = " or ".join(listed[:_SHOWN]) + more
    fault = f"is not {want}" if len(listed) == 1 or row.values_from else "is not one of the values expected"
    yield Demand(_one_of(name, listed), fault, want)


def _pattern(row: AttributeRow, name: Named, file: str) -> Iterator[Demand]:
    if not row.pattern:
        return
    literal = json.dumps(row.pattern, ensure_ascii=False)
    matches = f"matches({name.own}, {literal})"
    if name.vm != "1":
        matches = f"values({name.own}).all(each, matches(each, {literal}))"
    yield Demand(matches, f"does not match {row.pattern}", f"text matching {row.pattern}")


def _range(row: AttributeRow, name: Named, file: str) -> Iterator[Demand]:
    least, most = row.minimum, row.maximum
    if not least and not most:
        return
    if name.vr not in NUMBERS:
        raise ProfileError(f"minimum and maximum are for numbers, and the VR is {name.vr}",
                           hint="not_before and not_after are for dates")  # fmt: skip
    bounds = {
        key: _bound(name.vr, key, text) for key, text in (("minimum", least), ("maximum", most)) if text
    }
    parts = [f"{{0}} {_SIGNS[key]} {number}" for key, number in bounds.items()]
    if least and most:
        if float(bounds["minimum"]) > float(bounds["maximum"]):
            raise ProfileError(f"the minimum {least} is larger than the maximum {most}")
        want = f"{least} to {most}"
    else:
        want = f"at least {least}" if least else f"at most {most}"
    fault = f"is not within {want}" if least and most else f"is not {want}"
    yield Demand(_each(name, " && ".join(parts)), fault, want)


def _bound(vr: str, key: str, text: str) -> str:
    try:
        return _literal(vr, text)
    except ProfileError as mistake:
        raise RowError(key, mistake.message) from None


def _longest(row: AttributeRow, name: Named, file: str) -> Iterator[Demand]:
    if not row.longest:
        return
    if name.vr in NUMBERS or name.vr in _NO_TEXT:
        raise RowError("longest", f"longest is for text, and the VR is {name.vr}")
    if not row.longest.isdecimal() or not int(row.longest):
        raise RowError("longest", f"{row.longest!r} is not a number of characters")
    most = int(row.longest)
    characters = number_of(most, "character")
    yield Demand(
        _each(name, f"size({{0}}) <= {most}"), f"is longer than {characters}", f"at most {characters}"
    )


def _dates(row: AttributeRow, name: Named, file: str) -> Iterator[Demand]:
    first, last = row.not_before, row.not_after
    if not first and not last:
        return
    if name.vr not in _DATES:
        raise ProfileError(f"not_before and not_after are for dates, and the VR is {name.vr}")
    days = {key: _day(key, text) for key, text in (("not_before", first), ("not_after", last)) if text}
    parts = [f"{{0}} >= {days['not_before']}"] if first else []
    parts += [f'{{0}} < {days["not_after"]} + "~"'] if last else []
    if first[:1].isdigit() and last[:1].isdigit() and days["not_before"] > days["not_after"]:
        raise ProfileError(f"{first} is after {last}: no date is between them")
    want = " and ".join([f"not before {first}"] * bool(first) + [f"not after {last}"] * bool(last))
    fault = (
        f"is not between {first} and {last}"
        if first and last
        else f"is before {first}"
        if first
        else f"is after {last}"
    )
    yield Demand(_each(name, " && ".join(parts)), fault, f"a date {want}")


def _day(key: str, text: str) -> str:
    """An expression for a day: YYYY-MM-DD, or ``today``, ``today - 120y``, ``today + 30d``."""
    match = _DAY.fullmatch(text)
    if match is not None:
        try:
            datetime.date(*map(int, match.groups()))
        except ValueError:
            raise RowError(key, f"{text} is not a day of the calendar") from None
        return json.dumps("".join(match.groups()))
    match = _TODAY.fullmatch(text)
    if match is None:
        raise RowError(key, f"{text!r} is not a day", "YYYY-MM-DD, today, today-30d, today+1d or today-120y")
    if match[1] is None:
        return "today()"
    return f'today({match[1]}{match[2]}, "{match[3]}")'


def _codes(row: AttributeRow, name: Named, file: str) -> Iterator[Demand]:
    words = as_list(row.code)
    if not words:
        return
    if name.vr != "SQ":
        raise ProfileError("code is for code sequences")
    parts = []
    for word in words:
        match = _CODE.fullmatch(word)
        if match is None:
            raise ProfileError(f"{word!r} is not a code", hint="SCHEME:VALUE, as in SCT:12710003")
        scheme, value = json.dumps(match["scheme"]), json.dumps(match["value"])
        parts.append(
            f"has(c.CodingSchemeDesignator) && c.CodingSchemeDesignator == {scheme} && "
            f"((has(c.CodeValue) && c.CodeValue == {value}) || (has(c.LongCodeValue) && c.LongCodeValue == {value}))"
        )
    want = " or ".join(words[:_SHOWN])
    expression = f"{name.own}.all(c, {' || '.join(f'({part})' for part in parts)})"
    yield Demand(expression, "holds another code", want)


def _context_group(row: AttributeRow, name: Named, file: str) -> Iterator[Demand]:
    text = row.context_group
    if not text:
        return
    group = standard.load().context_group(int(text)) if text.isdecimal() else None
    if group is None:
        raise ProfileError(f"{text} is not a context group of PS3.16", hint="its number, as in 8120")
    if name.vr != "SQ":
        raise ProfileError("context_group is for code sequences")
    want = f"a code of CID {group.cid}, {group.name}"
    yield Demand(
        f"{name.own}.all(c, (has(c.CodeValue) || has(c.LongCodeValue) || has(c.URNCodeValue)) && in_context_group(c, {group.cid}))",
        f"holds a code that is not of CID {group.cid}",
        want,
    )


def _assertion(row: AttributeRow, name: Named, file: str) -> Iterator[Demand]:
    if row.assert_:
        text = row.assert_
        fault = f"is not {row.want}" if row.want else "is not as the profile demands"
        yield Demand(f"({text})", fault, row.want or " ".join(text.split()))


def _each(name: Named, template: str) -> str:
    if name.vm == "1":
        return template.replace("{0}", name.own)
    return f"values({name.own}).all(each, {template.replace('{0}', 'each')})"


def _one_of(name: Named, listed: tuple[str, ...]) -> str:
    """An expression: the value is one of those listed; with backslashes, all values are those."""
    whole = [word for word in listed if "\\" in word]
    single = [word for word in listed if "\\" not in word]
    parts = [
        f"values({name.own}) == [{', '.join(_literal(name.vr, one) for one in word.split(chr(92)))}]"
        for word in whole
    ]
    if single:
        literals = ", ".join(_literal(name.vr, word) for word in single)
        if name.vm != "1":
            parts.append(f"values({name.own}).all(each, each in [{literals}])")
        else:
            parts.append(f"{name.own} == {literals}" if len(single) == 1 else f"{name.own} in [{literals}]")
    return parts[0] if len(parts) == 1 else "(" + " || ".join(parts) + ")"


def _literal(vr: str, word: str) -> str:
    if vr in NUMBERS:
        try:
            number = float(word)
        except ValueError:
            raise ProfileError(f"{word!r} is not a number, which {vr} needs") from None
        if number - number != 0:
            raise ProfileError(f"{word!r} is not a number, which {vr} needs")
        return str(int(number)) if number.is_integer() else repr(number)
    if vr == "AT":
        tag = tag_of(word)
        if tag is None:
            raise ProfileError(f"{word!r} is neither a tag nor a keyword")
        return f'tag("{tag >> 16:04X},{tag & 0xFFFF:04X}")'
    return json.dumps(word, ensure_ascii=False)


# The keys of a row, and what makes demands of them.
_MAKERS: tuple[tuple[tuple[str, ...], Callable[[AttributeRow, Named, str], Iterator[Demand]]], ...] = (
    (("values", "values_from"), _listed), (("pattern",), _pattern), (("minimum", "maximum"), _range), (("longest",), _longest),
    (("not_before", "not_after"), _dates), (("code",), _codes), (("context_group",), _context_group), (("assert_",), _assertion),
)  # fmt: skip
