"""The meaning of the language as a table: what the tests run, and what docs/expressions.md prints.

`python tests/expr/expression_meaning.py` writes the tables into the page again.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from expression_scope import FACT_VALUES, LET_TYPES, LETS, NAMES, SAMPLE, sample

from dcmlint.errors import RuleError
from dcmlint.expr import ABSENT, FORMS, UNKNOWN, Missing, compile_expression, functions

PAGE = Path(__file__).parents[2] / "docs" / "expressions.md"

# section: (expression, result, remark)
MEANING: dict[str, list[tuple[str, str, str]]] = {
    "Names": [
        ("Rows", "512", "an attribute of the scope"),
        ("tiling.columns", "11", "a fact"),
        ("want", "55", "a let of the rule"),
        ("root.Modality", '"SM"', "an attribute of the top-level data set"),
        ("up.Modality", '"SM"', "of the nearest enclosing data set that has it, this one first"),
        ("file.TransferSyntaxUID", '"1.2.840.10008.1.2.4.50"', "of the file meta group"),
        ('tag("0009,1001")', '"ACME"', "an attribute that has no keyword"),
        ("OpticalPathSequence[1].OpticalPathIdentifier", '"2"', "items are counted from 0"),
        ("OpticalPathSequence[2].OpticalPathIdentifier", "absent", "there is no such item"),
        ("Rowz", "load error: Rowz is not a keyword of the data dictionary (did you mean Rows?)", ""),
        ("number_of_frames == 1", "load error: there is no let, fact or variable number_of_frames "
         "(attributes are written by keyword: NumberOfFrames)", ""),
        ("tiling.colums", "load error: there is no fact tiling.colums (did you mean tiling.columns?)", ""),
        ("OpticalPathSequence.ICCProfile", "load error: OpticalPathSequence is a sequence of items (write "
         "OpticalPathSequence[0].ICCProfile, or OpticalPathSequence.all(x, ...) with x.ICCProfile)", ""),
    ],
    "Values": [
        ("value(ImageType, 3)", '"VOLUME"', "values are counted from 1"),
        ("value(ImageType, 5)", "absent", "beyond the last one"),
        ("value(PatientName, 1)", "absent", "empty: there is no value to count"),
        ("ImageType[2]", "load error: ImageType is a list of text, not a sequence of items "
         "(write value(ImageType, 3): values are counted from 1)", ""),
        ("values(WindowCenter)", "[40.0]", "always a list"),
        ("WindowCenter", "40.0", "one value of several that are allowed: the value"),
        ("PixelSpacing", "[0.5, 0.25]", "several values: the list"),
        ("PixelSpacing > 0", "load error: PixelSpacing has 2 or more values (write value(PixelSpacing, 1), "
         "counted from 1, or go through values(PixelSpacing))", ""),
        ("size(ImageType)", "4", "values, where several are allowed"),
        ("size(Modality)", "2", "characters, where one is"),
        ("size(OpticalPathSequence)", "2", "items"),
        ("size(PixelData)", "8", "bytes"),
        ("size(PatientName)", "0", "present but empty"),
        ("size(ContentDate)", "missing: ContentDate", ""),
    ],
    "Presence": [
        ("has(Rows)", "true", ""),
        ("has(PatientName)", "true", "empty is present"),
        ("has(ContentDate)", "false", ""),
        ("has(SliceThickness)", "true", "its value cannot be read, but it is there"),
        ("has(OpticalPathSequence[1].ICCProfile)", "false", ""),
        ("has(value(ImageType, 5))", "false", ""),
        ("has(pyramid.levels)", "false", "a fact without a value"),
        ("empty(PatientName)", "true", ""),
        ("empty(ContentDate)", "true", "absent"),
        ("empty(Rows)", "false", ""),
        ("empty(SliceThickness)", "unknown", ""),
        ("has(Rows + 1)", "load error: has() takes a name (an attribute, an item, value(X, n), a fact or a let)", ""),
    ],
    "Equality": [
        ('Modality == "SM"', "true", ""),
        ("Rows == 512.0", "true", "there is one kind of number"),
        ('ContentDate == "20240101"', "false", "absent equals nothing"),
        ('ContentDate != "20240101"', "true", ""),
        ("ContentDate == TotalPixelMatrixColumns", "load error: ContentDate is text, "
         "TotalPixelMatrixColumns is a number (they are never equal)", ""),
        ("ContentDate == null", "false", "absent is not empty"),
        ("PatientName == null", "true", "present but empty"),
        ('PatientName == "A^B"', "false", ""),
        ('PatientName == ""', "load error: an attribute is never an empty text: it is null "
         "(write empty(PatientName), or PatientName == null)", ""),
        ("SliceThickness == 1", "unknown", "bytes that could not be read"),
        ("WindowCenter == 40", "true", "one value"),
        ("WindowCenter == [40]", "true", "and a list of one"),
        ("PixelSpacing == [0.5, 0.25]", "true", ""),
        ("PixelSpacing == 0.5", "false", "a list is not a number"),
        ('FrameIncrementPointer == tag("0018,1063")', "true", "beside a tag, tag() is a tag"),
        ("FrameIncrementPointer == tag_of(FrameTime)", "true", ""),
        ('Rows == "512"', 'load error: Rows is a number, "512" is text (leave out the quotation marks)', ""),
        ("PixelData == 1", "load error: PixelData is bytes: they cannot be compared "
         "(only has(), empty() and size() are for bytes)", ""),
    ],
    "Membership": [
        ('Modality in ["SM", "SC"]', "true", ""),
        ('ContentDate in ["20240101"]', "false", "absent is in nothing"),
        ('!(ContentDate in ["20240101"])', "true", ""),
        ('"VOLUME" in ImageType', "true", "in the values of an attribute"),
        ('"X" in SoftwareVersions', "false", "of an absent one, too"),
        ("SliceThickness in [1, 2]", "unknown", ""),
        ("11 in tiling.positions", "true", ""),
        ('Rows in ["512"]', 'load error: Rows is a number, "512" is text (leave out the quotation marks)', ""),
    ],
    "Order and arithmetic": [
        ("Rows > Columns", "true", ""),
        ('StudyDate < "20250101"', "true", "text by its characters, so dates by time"),
        ('ContentDate < "20250101"', "missing: ContentDate", "absent"),
        ('PatientName < "B"', "missing: PatientName (empty)", "empty"),
        ("SliceThickness > 0", "unknown", ""),
        ("TotalPixelMatrixColumns > Rows * pyramid.levels",
         "missing: TotalPixelMatrixColumns, pyramid.levels", "all that is missing is named"),
        ("Rows / 1024", "0.5", "/ is real"),
        ("7 % 3", "1", "of integers"),
        ("-7 % 3", "-1", "the sign is that of the left operand"),
        ("7.5 % 2", "missing: 7.5 % 2 (not of integers)", ""),
        ("Rows / 0", "missing: Rows / 0 (division by zero)", ""),
        ("-Rows + 1", "-511", ""),
        ('"a" + "b"', '"ab"', ""),
        ("[1] + [2]", "[1, 2]", ""),
        ("1 < 2 < 3", "load error: comparisons do not chain (write a < b && b < c)", ""),
        ("Modality + 1", "load error: Modality is text, 1 is a number (they are never equal)", ""),
        ("OpticalPathSequence > 1", "load error: OpticalPathSequence is a sequence of items: it has no order", ""),
    ],
    "Logic": [
        ("true && false", "false", ""),
        ('unknown("contrast was used") && false', "false", "a false part decides"),
        ('unknown("contrast was used") || true', "true", "a true part decides"),
        ('unknown("contrast was used") && true', "unknown", ""),
        ('!unknown("contrast was used")', "unknown", ""),
        ("pyramid.levels > 1 && false", "false", ""),
        ("pyramid.levels > 1 || Rows > 1", "true", ""),
        ("pyramid.levels > 1 && Rows > 1", "missing: pyramid.levels", "the names are kept"),
        ('pyramid.levels > 1 && unknown("x")', "missing: pyramid.levels", "also beside the unknown"),
        ("slide.has_label && Rows > 1", "true", ""),
        ("!slide.is_fluorescent", "missing: slide.is_fluorescent", "a condition that is absent"),
        ("Rows > 1 ? 1 : 2", "1", ""),
        ('unknown("x") ? 1 : 2', "unknown", ""),
        ("Rows && true", "load error: Rows is a number, not true or false (write has(Rows), or compare it)", ""),
    ],
    "Items and lists": [
        ("OpticalPathSequence.all(p, has(p.OpticalPathIdentifier))", "true", ""),
        ("OpticalPathSequence.all(p, has(p.ICCProfile))", "false", ""),
        ('OpticalPathSequence.exists(p, p.OpticalPathIdentifier == "2")', "true", ""),
        ('OpticalPathSequence.exists_one(p, p.OpticalPathIdentifier == "2")', "true", ""),
        ("size(OpticalPathSequence.filter(p, has(p.ICCProfile)))", "1", ""),
        ("OpticalPathSequence.map(p, p.OpticalPathIdentifier)", '["1", "2"]', ""),
        ("OpticalPathSequence.all(p, p.Rows > 1)", "missing: OpticalPathSequence[0].Rows, "
         "OpticalPathSequence[1].Rows", "the names have their places"),
        ("IlluminationTypeCodeSequence.exists(c, has(c.CodeValue))", "false", "nothing is in an absent sequence"),
        ("IlluminationTypeCodeSequence.all(c, has(c.CodeValue))", "true", "so all of it is as wanted"),
        ("size(IlluminationTypeCodeSequence.map(c, c.CodeValue))",
         "missing: IlluminationTypeCodeSequence.map(c, c.CodeValue)", "but it cannot be counted"),
        ("values(PixelSpacing).all(v, v > 0)", "true", ""),
        ('ImageType.exists(v, v == "VOLUME")', "true", ""),
        ("SliceThickness.all(v, v > 0)",
         "load error: SliceThickness is a number, not a list or a sequence (it has one value)", ""),
        ("size(distinct(OpticalPathSequence.map(p, p.OpticalPathIdentifier))) == size(OpticalPathSequence)",
         "true", "no identifier twice"),
    ],
    "Functions": [
        ("abs(-3)", "3", ""),
        ("ceil(2.1)", "3", ""),
        ("floor(-2.1)", "-3", ""),
        ("round(2.5)", "3", ""),
        ("round(-2.5)", "-3", "away from zero"),
        ("round(0.125, 2)", "0.13", ""),
        ("min(Rows, Columns)", "256", ""),
        ("max(values(PixelSpacing))", "0.5", ""),
        ("sum([1, 2, 3.5])", "6.5", ""),
        ("sum([])", "0", ""),
        ("min([])", "missing: min([]) (no value)", ""),
        ("log2(Rows)", "9.0", ""),
        ("sqrt(-1)", "missing: sqrt(-1) (no value)", ""),
        ("abs(TotalPixelMatrixColumns)", "missing: TotalPixelMatrixColumns", "an absent argument"),
        ("sum([Rows, pyramid.levels])", "missing: value 2 of [Rows, pyramid.levels]", ""),
        ('int("12")', "12", ""),
        ('int("x")', 'missing: int("x") (no value)', ""),
        ('real("1e2")', "100.0", ""),
        ("int(2.9)", "2", ""),
        ("string(1.0)", '"1"', ""),
        ('is_number("1.5e3")', "true", ""),
        ('lower("SM")', '"sm"', ""),
        ('upper("sm")', '"SM"', ""),
        ('strip(" a ")', '"a"', ""),
        ('starts_with(PatientID, "S")', "true", ""),
        ('ends_with(PatientID, "00")', "true", ""),
        ('contains(PatientID, "24-")', "true", ""),
        ('matches(PatientID, r"^S[0-9]{2}-[0-9]+$")', "true", ""),
        ('matches(PatientID, "[0-9]")', "true", "anywhere, unless anchored"),
        ('matches(PatientID, "(a+)+")', "load error: a loop within a loop can run away", ""),
        ("matches(PatientID, Modality)",
         'load error: the pattern is a text in the rule (write r"^[A-Z]+$")', ""),
        ('join(["a", "b"], "-")', '"a-b"', ""),
        ('split("a-b", "-")', '["a", "b"]', ""),
        ("distinct([1, 2, 1.0])", "[1, 2]", ""),
        ("sorted([2, 1])", "[1, 2]", ""),
        ('absolute(1)', "load error: there is no function absolute", ""),
        ("abs(1, 2)", "load error: abs() is given 2 arguments (abs(number))", ""),
        ('abs("a")', 'load error: "a" is text, not a number (abs(number))', ""),
    ],
}  # fmt: skip


def result_of(source: str) -> str:
    """The result of an expression on the sample, as the table writes it."""
    try:
        expression = compile_expression(source, NAMES, lets=LET_TYPES)
    except RuleError as error:
        return f"load error: {error.message}" + (f" ({error.hint})" if error.hint else "")
    return written(expression(sample(), LETS))


def written(value: object) -> str:
    """A value as the table writes it."""
    if value is ABSENT:
        return "absent"
    if value is UNKNOWN:
        return "unknown"
    if isinstance(value, Missing):
        return "missing: " + ", ".join(value.names)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(written, value))}]"
    return str(value)


def _cell(text: str) -> str:
    return "`" + text.replace("|", "\\|") + "`"


def _value(value: object) -> str:
    if value is None:
        return "present, empty"
    if value is UNKNOWN:
        return "cannot be read"
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, tuple) and hasattr(value[0], "attribute"):
        return "2 items: OpticalPathIdentifier 1 with ICCProfile, OpticalPathIdentifier 2 without"
    if isinstance(value, tuple):
        return "\\\\".join(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    return f"({value >> 16:04X},{value & 0xFFFF:04X})" if value == 0x00181063 else str(value)


def sample_table() -> str:
    """The sample data set as Markdown."""
    lines = ["| name | value |", "|---|---|"]
    for name, value in SAMPLE.items():
        shown = name if isinstance(name, str) else f"({name >> 16:04X},{name & 0xFFFF:04X})"
        lines.append(f"| {shown} | {_value(value)} |")
    lines += [f"| {name} (a fact) | {_value(value)} |" for name, value in FACT_VALUES.items()]
    lines.append("| want (a let) | 55 |")
    return "\n".join(lines)


def meaning_tables() -> str:
    """The table of meaning as Markdown."""
    blocks = []
    for section, rows in MEANING.items():
        lines = [f"### {section}", "", "| expression | gives | |", "|---|---|---|"]
        for source, result, remark in rows:
            head, _, rest = result.partition(": ")
            gives = f"{head}: {rest.replace('|', chr(92) + '|')}" if head == "load error" else _cell(result)
            lines.append(f"| {_cell(source)} | {gives} | {remark} |")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def function_table() -> str:
    """The functions as Markdown, from their signatures and docstrings."""
    lines = ["| function | gives | |", "|---|---|---|"]
    usages = {"value": "value(X, n)", "matches": "matches(text, pattern)", "tag": 'tag("gggg,eeee")',
              "tag_of": "tag_of(Keyword)", "unknown": 'unknown("reason")'}  # fmt: skip
    results = {"has": "bool", "empty": "bool", "value": "any", "values": "list", "size": "number",
               "matches": "bool", "tag": "any", "tag_of": "tag", "unknown": "bool"}  # fmt: skip
    lines += [
        f"| `{usages.get(name, f'{name}(X)')}` | {results[name]} | {doc} |" for name, doc in FORMS.items()
    ]
    for each in (one for several in functions().values() for one in several):
        if each.call.__module__ == "dcmlint.expr.functions":
            parameters = ", ".join(map(str, each.parameters)) + (", ..." if each.variadic else "")
            result = "the same list" if str(each.result) == "same" else each.result
            lines.append(f"| `{each.name}({parameters})` | {result} | {each.doc} |")
    return "\n".join(lines)


def page_with_tables(page: str) -> str:
    """The page with its tables made anew."""
    for name, table in (
        ("sample", sample_table()),
        ("meaning", meaning_tables()),
        ("functions", function_table()),
    ):
        page = re.sub(
            rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)",
            lambda m, t=table: m[1] + t + "\n" + m[2],
            page,
            flags=re.S,
        )
    return page


if __name__ == "__main__":
    sys.stdout.write(f"{PAGE.name}\n")
    PAGE.write_text(page_with_tables(PAGE.read_text("utf-8")), "utf-8")
