"""Building the tables: front ends, conditions, values, the overlay."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmlint import standard
from dcmlint.errors import StandardError
from dcmlint.standard.build import OVERLAY, build, build_with_report, docbook, google
from dcmlint.standard.build.compile import Compiler, context_group, item_count
from dcmlint.standard.build.conditions import read_condition, sentences
from dcmlint.standard.build.facts import Facts, read_facts
from dcmlint.standard.build.numbers import count_of, numbering_of
from dcmlint.standard.build.overlay import read_overlay
from dcmlint.standard.build.source import (
    AttributeLine,
    IncludeLine,
    Source,
    SourceElement,
    SourceIod,
    SourceTable,
    SourceUse,
    ValueList,
    sentence_hash,
)
from dcmlint.standard.build.values import value_sets
from dcmlint.standard.container import Container
from dcmlint.standard.tables import Include, Row, ValueSet

STANDARD = standard.load()
LOOKUP = STANDARD.dictionary.entry
TABLES = os.environ.get("DCMLINT_STANDARD_TABLES", "")


def condition(text: str, *, complete: bool = False) -> tuple[str | None, str]:
    reading = read_condition(text, LOOKUP, complete=complete)
    assert reading is not None
    return reading.when, reading.otherwise


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("Required if Rows (0028,0010) is present.", "has(Rows)"),
        ("Required if Rows (0028,0010) is not present.", "!has(Rows)"),
        ("Required if Rows (0028,0010) is absent.", "!has(Rows)"),
        ("Required if Modality (0008,0060) is CT.", 'Modality == "CT"'),
        ("Required if Modality (0008,0060) equals CT or MR.", 'Modality in ["CT", "MR"]'),
        ("Required if Modality (0008,0060) is CT, MR, or SM.", 'Modality in ["CT", "MR", "SM"]'),
        ("Required if Modality (0008,0060) is not CT.", 'has(Modality) && Modality != "CT"'),
        ("Required if Modality (0008,0060) is other than CT.", 'has(Modality) && Modality != "CT"'),
        (
            "Required if Modality (0008,0060) is not CT or MR.",
            'has(Modality) && !(Modality in ["CT", "MR"])',
        ),
        ("Required if Image Type (0008,0008) Value 3 is VOLUME.", 'value(ImageType, 3) == "VOLUME"'),
        ("Required if Value 1 of Image Type (0008,0008) is ORIGINAL.", 'value(ImageType, 1) == "ORIGINAL"'),
        ("Required if the Value of Modality (0008,0060) is SM.", 'Modality == "SM"'),
        ("Required if Samples per Pixel (0028,0002) has a Value greater than 1.", "SamplesPerPixel > 1"),
        ('Required if Lossy Image Compression (0028,2110) is "01".', 'LossyImageCompression == "01"'),
        (
            "Required if Rows (0028,0010) is present and Modality (0008,0060) is SM.",
            'has(Rows) && Modality == "SM"',
        ),
        (
            "Required if Rows (0028,0010) is present or if Modality (0008,0060) is SM.",
            'has(Rows) || Modality == "SM"',
        ),
        (
            "Required if both Rows (0028,0010) and Columns (0028,0011) are not present.",
            "!has(Rows) && !has(Columns)",
        ),
        (
            "Required if neither Rows (0028,0010) nor Columns (0028,0011) is present.",
            "!has(Rows) && !has(Columns)",
        ),
        ("Required if Rows (0028,0010) or Columns (0028,0011) is present.", "has(Rows) || has(Columns)"),
    ],
)
def test_sentences_that_are_read(text: str, when: str) -> None:
    assert condition(text) == (when, "unread")


@pytest.mark.parametrize(
    "text",
    [
        "Required if the patient is a horse.",
        "Required if Rows (0028,0010) is present and the moon is full.",
        "Required if Rows (0028,0010) is present and",  # cut
        "Required if Rows (0028,0010)",  # cut
        "Required if Rows (0028,0010) or Columns (0028,0011) is not present.",  # which of the two?
        "Required if Rows (0028,0010) is present or Columns (0028,0011) is present and Modality (0008,0060) is SM.",
        "Required if Image Type (0008,0008) is VOLUME.",  # which value?
        "Required if Modality (0008,0061) is CT.",  # the tag is another's
        "Required if Bits Stored (0028,0101) is MANY.",
        "Required if Rows (0028,0010) is present. Required if Columns (0028,0011) is present.",
        "Required if Rows (0028,0010) is present. May be present otherwise only on Sundays.",
        "Required if Modality (0008,0060) is Ct.",
    ],
)
def test_sentences_that_are_left_to_people(text: str) -> None:
    assert condition(text)[0] is None


def test_what_is_allowed_otherwise() -> None:
    text = "Required if Rows (0028,0010) is present."
    assert condition(f"{text} May be present otherwise.") == ("has(Rows)", "may")
    assert condition("Required if Rows (0028,0010) is present, may be present otherwise.") == (
        "has(Rows)",
        "may",
    )
    assert condition(f"{text} Shall not be present otherwise.") == ("has(Rows)", "not")
    assert condition(text) == ("has(Rows)", "unread")
    assert condition(text, complete=True) == ("has(Rows)", "not")
    assert condition("Required if Modality (0008,0060) is not CT.", complete=True)[1] == "unread"
    assert condition("Required only if Rows (0028,0010) is present.") == ("has(Rows)", "not")


def test_a_sentence_without_its_full_stop_may_go_on() -> None:
    assert condition("The rows.\nRequired if Modality (0008,0060) is CT")[0] is None
    assert condition("Required if Modality (0008,0060) is CT", complete=True)[0] == 'Modality == "CT"'


def test_hash_sees_words_not_spaces() -> None:
    assert sentence_hash("Required  if\nX is Y") == sentence_hash("required if X is Y")
    assert sentence_hash("Required if X is Y") != sentence_hash("Required if X is Z")


@given(st.text(max_size=300))
def test_no_text_breaks_the_reading(text: str) -> None:
    reading = read_condition(f"Required if {text}", LOOKUP, complete=True)
    assert reading is None or len(reading.hash) == 10
    count = item_count(text, "1")
    assert count is None or count[1] is None or 0 <= count[0] <= count[1]
    assert (context_group(text)[1] == 0) == (context_group(text)[0] == "")
    assert all(sentence == " ".join(sentence.split()) for sentence in sentences(text))


@pytest.mark.parametrize(
    ("text", "type_", "count"),
    [
        ("Only a single Item shall be included in this Sequence.", "1", (1, 1)),
        ("Only a single Item shall be included in this Sequence.", "2", (0, 1)),
        ("One or more Items shall be included in this Sequence.", "1C", (1, None)),
        ("One or more Items are permitted in this Sequence.", "3", (0, None)),
        ("Zero or one Item shall be included in this Sequence.", "2", (0, 1)),
        ("Two Items shall be included in this Sequence.", "1", (2, 2)),
        ("One or two Items shall be included in this Sequence.", "1", (1, 2)),
        ("At least one Item shall be included in this Sequence.", "1", (1, None)),
        ("No more than one Item shall be included in this Sequence.", "2", (0, 1)),
        ("Two or more Items shall be present. Required if it rains.", "1C", (2, None)),
        ("(i.e., a role). Only a single Item is permitted in this Sequence.", "1", (1, 1)),
        (
            "One or more Items are permitted in this Sequence. If more than one Item is present, each says the same.",
            "3",
            (0, None),
        ),
        ("If it rains, only a single Item shall be included in this Sequence.", "1", None),
        ("A sequence.", "1", None),
    ],
)
def test_number_of_items(text: str, type_: str, count: tuple[int, int | None] | None) -> None:
    assert item_count(f"What it is.\n{text}", type_) == count


def test_context_groups_of_includes() -> None:
    assert context_group("BCID 8120") == ("B", 8120)
    assert context_group("Defined CID 7203.") == ("D", 7203)
    assert context_group("DCID 1 for one, DCID 2 for another.") == ("", 0)
    assert context_group("No Baseline CID is defined.") == ("", 0)


def test_value_lists() -> None:
    modality = STANDARD.dictionary.by_keyword("Modality")
    image_type = STANDARD.dictionary.by_keyword("ImageType")
    flags = STANDARD.dictionary.by_keyword("RegionFlags")
    assert modality
    assert image_type
    assert flags
    plain = ValueList("Enumerated Values:", ("CT", "MR"))
    assert value_sets([plain], modality) == (ValueSet("enumerated", 0, ("CT", "MR")),)
    third = ValueList("Defined Terms for Value 3:", ("AXIAL",))
    assert value_sets([third], image_type) == (ValueSet("defined", 3, ("AXIAL",)),)
    assert value_sets([ValueList("Enumerated Values:", ("0000H", "000AH"))], flags) == (
        ValueSet("enumerated", 0, (0, 10)),
    )
    assert value_sets([plain, plain], modality) is None
    assert value_sets([ValueList("Enumerated Values if it rains:", ("CT",))], modality) is None
    assert value_sets([ValueList("Enumerated Values:", ("ct",))], modality) is None


ELEMENTS = [
    SourceElement(tag="00080060", keyword="Modality", name="Modality", vr="CS", vm="1", retired=False),
    SourceElement(tag="00280010", keyword="Rows", name="Rows", vr="US", vm="1", retired=False),
    SourceElement(tag="00081140", keyword="ReferencedImageSequence", name="Referenced Image Sequence",
                  vr="SQ", vm="1", retired=False),
    SourceElement(tag="60xx0010", keyword="OverlayRows", name="Overlay Rows", vr="US or SS", vm="1",
                  retired=False),
]  # fmt: skip


def _source() -> Source:
    lines = (
        AttributeLine(level=0, tag=0x00081140, name="Referenced Image Sequence", type="1",
                      text="One or more Items shall be included in this Sequence."),
        IncludeLine(level=1, table="X-2", usage=""),
        AttributeLine(level=1, tag=0x00280010, name="Rows", type="1C",
                      text="Required if Modality (0008,0060) is SM."),
        AttributeLine(level=1, tag=0x00080060, name="Modality", type="3", text=""),
        AttributeLine(level=0, tag=0x60000010, name="Overlay Rows", type="3", text="", repeating="60xx0010"),
    )  # fmt: skip
    macro = AttributeLine(level=0, tag=0x00280010, name="Rows", type="2", text="")
    uses = (SourceUse(name="One", section="X.1", usage="C", condition="Required if it rains."),)
    return Source(
        edition="1066",
        tables={
            "X-1": SourceTable(name="X-1", caption="One Module Attributes", section="X.1", lines=lines),
            "X-2": SourceTable(name="X-2", caption="Two Macro Attributes", section="", lines=(macro,)),
        },
        iods={"An Image": SourceIod(name="An Image", section="A.1", modules=uses)},
        elements=ELEMENTS,
    )


def _compiler(tmp_path: Path, overlay: str = "") -> Compiler:
    (tmp_path / "one.yaml").write_text(overlay)
    entries, errors = read_overlay(tmp_path)
    assert not errors
    return Compiler(_source(), _no_facts(tmp_path), entries)


def _no_facts(tmp_path: Path) -> Facts:
    return read_facts(tmp_path / "none")


def test_lines_become_rows_within_rows(tmp_path: Path) -> None:
    compiler = _compiler(tmp_path)
    table = compiler.compile_tables()["X-1"]
    sequence, overlay = table.rows
    assert isinstance(sequence, Row)
    assert isinstance(overlay, Row)
    assert sequence.items == (1, None)
    assert sequence.rows[0] == Include("X-2")
    rows = table.row("ReferencedImageSequence.Rows")
    assert rows is not None
    assert (rows.when, rows.parsed_by, rows.otherwise) == ('Modality == "SM"', "parser", "unread")
    assert overlay.repeating
    assert compiler.dictionary.entry(0x60020010) is not None
    assert not compiler.errors


def test_the_overlay_goes_first(tmp_path: Path) -> None:
    compiler = _compiler(
        tmp_path,
        """
- {table: X-1, path: ReferencedImageSequence.Rows, when: 'unknown("rain")', otherwise: may, type: 2C,
   values: {kind: enumerated, values: [1, 2]}, since: "1065"}
- {table: X-1, path: ReferencedImageSequence, include: X-2, when: has(Rows), otherwise: not}
- {table: X-1, path: ReferencedImageSequence.Modality, values: {kind: defined, position: 1, values: [NO, 01]}}
- {iod: An Image, module: One, usage: U}
- {iod: An Image, reviewed: true}
""",
    )
    table = compiler.compile_tables()["X-1"]
    row = table.row("ReferencedImageSequence.Rows")
    assert row is not None
    assert (row.type, row.when, row.parsed_by, row.since) == ("2C", 'unknown("rain")', "reviewed", "1065")
    assert row.values == (ValueSet("enumerated", 0, (1, 2)),)
    modality = table.row("ReferencedImageSequence.Modality")
    assert modality is not None
    assert modality.values == (ValueSet("defined", 1, ("NO", "01")),)  # not false, not 1
    sequence = table.rows[0]
    assert isinstance(sequence, Row)
    assert sequence.rows[0] == Include("X-2", when="has(Rows)", otherwise="not", parsed_by="reviewed")
    iod = compiler.compile_iods()["An Image"]
    assert iod.reviewed
    assert iod.modules[0].usage == "U"
    assert iod.modules[0].tables == ("X-1",)
    assert not compiler.errors


@pytest.mark.parametrize(
    "entry",
    [
        "{table: X-1, path: NoSuchRow, when: has(Rows)}",
        "{table: X-9, path: Rows, when: has(Rows)}",
        "{table: X-1, include: X-9, when: has(Rows)}",
        "{iod: An Image, module: Another, usage: M}",
        "{iod: No Image, reviewed: true}",
        "{table: X-1, path: ReferencedImageSequence, type: 4}",
        "{table: X-1, path: ReferencedImageSequence, otherwise: maybe}",
    ],
)
def test_mistakes_in_the_overlay_are_errors_with_their_place(tmp_path: Path, entry: str) -> None:
    compiler = _compiler(tmp_path, f"- {entry}\n")
    compiler.compile_tables()
    compiler.compile_iods()
    assert [error.partition(" ")[0] for error in compiler.errors] == ["one.yaml:1:"]


@pytest.mark.parametrize(
    "text", ["- {table: X-1, path: Rows, wen: true}", "- 7", "- {x: y}", "- [", "- {a: 1, a"]
)
def test_an_overlay_that_is_none_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "one.yaml").write_text(text)
    _, errors = read_overlay(tmp_path)
    assert len(errors) == 1
    assert errors[0].startswith("one.yaml")


def test_a_condition_on_what_is_elsewhere_is_not_certain(tmp_path: Path) -> None:
    source = _source()
    line = AttributeLine(level=0, tag=0x00280010, name="Rows", type="1C",
                         text="Required if Modality (0008,0060) is not present.")  # fmt: skip
    source.tables["X-3"] = SourceTable(name="X-3", caption="Three", section="", lines=(line,))
    entries, _ = read_overlay(tmp_path)
    row = Compiler(source, _no_facts(tmp_path), entries).compile_tables()["X-3"].row("Rows")
    assert row is not None
    assert row.when is None


def test_names_lose_the_description_that_runs_into_them() -> None:
    assert google._name("Message ID A number of the sender's own.", "MessageID") == "Message ID"
    assert google._name("Rows", "Rows") == "Rows"


BOOK = """<book xmlns="http://docbook.org/ns/docbook" xmlns:xml="http://www.w3.org/XML/1998/namespace">
<subtitle>DICOM PS3.3 1066a - Information Object Definitions</subtitle>
<chapter label="A"><section label="A.1.3" xml:id="sect_A.1.3"><table label="A.1-1"><caption>An Image IOD Modules</caption>
<thead><tr><th><para>IE</para></th><th><para>Module</para></th><th><para>Reference</para></th><th><para>Usage</para></th></tr></thead>
<tbody><tr><td rowspan="2"><para>Image</para></td><td><para>One</para></td><td><para><xref linkend="sect_X.1"/></para></td><td><para>M</para></td></tr>
<tr><td><para>Two</para></td><td><para><xref linkend="sect_X.2"/></para></td><td><para>C - Required if it rains</para></td></tr></tbody></table>
<table label="A.1-2"><caption>An Image Functional Group Macros</caption><tbody>
<tr><td><para>Three</para></td><td><para><xref linkend="sect_X.3"/></para></td><td><para>U</para></td></tr></tbody></table></section></chapter>
<chapter label="X"><section label="X.1"><table label="X-1"><caption>One Module Attributes</caption>
<thead><tr><th><para>Attribute Name</para></th><th><para>Tag</para></th><th><para>Type</para></th><th><para>Attribute Description</para></th></tr></thead>
<tbody>
<tr><td><para>Referenced Image Sequence</para></td><td><para>(0008,1140)</para></td><td><para>1C</para></td><td><para>Pictures.</para>
<para>Required if Rows (0028,0010) is present.</para><note><para>Required if never.</para></note></td></tr>
<tr><td colspan="3"><para><emphasis>&gt;Include <xref linkend="table_8.8-1"/></emphasis></para></td><td><para>B<olink targetptr="sect_CID_29"/></para></td></tr>
<tr><td><para>&gt;Modality</para></td><td><para>(0008,0060)</para></td><td><para>1</para></td><td><para>Kind.</para>
<variablelist><title>Enumerated Values:</title><varlistentry><term>CT</term><listitem><para>Required if not</para></listitem></varlistentry></variablelist></td></tr>
<tr><td><para>Rows</para></td><td><para>(0028,0010)</para></td><td><para>3</para></td><td><para/></td></tr>
</tbody></table></section></chapter></book>
"""


def test_docbook(tmp_path: Path) -> None:
    (tmp_path / "part03.xml").write_text(BOOK)
    source = docbook.read(tmp_path)
    assert source.edition == "1066a"
    iod = source.iods["An Image"]
    assert iod.section == "A.1"
    assert [(use.name, use.section, use.usage) for use in iod.modules] == [
        ("One", "X.1", "M"),
        ("Two", "X.2", "C"),
    ]
    assert [use.name for use in iod.functional_groups] == ["Three"]
    source.elements += ELEMENTS
    (tmp_path / "overlay").mkdir()
    entries, _ = read_overlay(tmp_path / "overlay")
    table = Compiler(source, _no_facts(tmp_path), entries).compile_tables()["X-1"]
    sequence = table.rows[0]
    assert isinstance(sequence, Row)
    assert (sequence.when, sequence.otherwise) == ("has(Rows)", "not")  # DocBook has the sentence whole
    assert sequence.rows[0] == Include("8.8-1", 29, "B")
    modality = table.row("ReferencedImageSequence.Modality")
    assert modality is not None
    assert modality.values == (ValueSet("enumerated", 0, ("CT",)),)


def test_an_edition_is_built_from_docbook_alone(tmp_path: Path) -> None:
    (tmp_path / "part03.xml").write_text(BOOK)
    made = build_with_report(None, docbook=tmp_path)
    assert not made.errors
    assert any("context groups" in note for note in made.notes)
    tables = standard.Standard(Container(made.data))
    assert tables.edition == "1066a"
    assert [use.name for use in tables.iod("An Image").modules] == ["One", "Two"]
    assert tables.table("X-1").row("ReferencedImageSequence.Modality") is not None
    # What DocBook of PS3.3 lacks is that of the newest edition that comes with dcmlint.
    shipped = STANDARD.dictionary
    assert len(tables.dictionary) == len(shipped)
    for tag in (0x00280010, 0x60003000, 0x00281052):
        assert tables.dictionary.entry(tag) == shipped.entry(tag)
    assert tables.context_group(29) == STANDARD.context_group(29)
    assert tables.confidentiality(0x00100010) == STANDARD.confidentiality(0x00100010)


def test_without_any_source_there_is_nothing_to_build() -> None:
    with pytest.raises(StandardError, match="DocBook"):
        build(None)


@pytest.mark.parametrize("content", ["", "<book", "<!DOCTYPE x><x/>"])
def test_what_is_no_docbook_is_a_standard_error(tmp_path: Path, content: str) -> None:
    path = tmp_path / "part03.xml"
    if content:
        path.write_text(content)
    if content.endswith("/>"):
        assert not docbook.read(tmp_path).tables
    else:
        with pytest.raises(StandardError):
            docbook.read(tmp_path)


def test_a_folder_without_tables_is_a_standard_error(tmp_path: Path) -> None:
    with pytest.raises(StandardError):
        build(tmp_path)


@pytest.mark.skipif(not TABLES, reason="DCMLINT_STANDARD_TABLES names no folder of tables")
def test_the_file_that_comes_with_dcmlint_is_what_the_builder_makes() -> None:
    shipped = Path(standard.__file__).parent / "data" / f"{STANDARD.edition}.bin"
    assert build(Path(TABLES)) == shipped.read_bytes()


def test_no_file_of_the_builder_holds_a_sentence_of_the_standard() -> None:
    for path in [*OVERLAY.glob("*.yaml"), *OVERLAY.parent.glob("facts/*.json")]:
        assert "Required if" not in path.read_text(encoding="utf-8"), path.name


@pytest.mark.parametrize(
    ("text", "keyword"),
    [
        (
            "The number of Items in this Sequence shall equal the Value of Number of Wedges (300A,00D0).",
            "NumberOfWedges",
        ),
        ("The number of Items shall be equal to Number of Phases (0054,0031).", "NumberOfPhases"),
        ("There shall be Number of Surfaces (0066,0001) Items in the Sequence.", "NumberOfSurfaces"),
        ("The number of Items shall equal the Value of Number of Wedges (300A,00E0).", ""),
        (
            "In the first Control Point the number of Items shall be equal to the number of Items of another Sequence.",
            "",
        ),
        ("One or more Items shall be included in this Sequence.", ""),
    ],
)
def test_sentences_that_say_how_many_items_there_are(text: str, keyword: str) -> None:
    tag = count_of(text, LOOKUP)
    entry = LOOKUP(tag) if tag else None
    assert (entry.keyword if entry else "") == keyword


@pytest.mark.parametrize(
    ("text", "level", "numbering"),
    [
        ("The Value shall start at 1 and increase monotonically by 1.", 1, "from-1"),
        ("The number shall be 1 for the first Item and increase by 1 for each subsequent Item.", 1, "from-1"),
        (
            "The Value of Wedge Number (300A,00D2) shall be unique within the Beam in which it is created.",
            2,
            "unique",
        ),
        (
            "The Value of Wedge Number (300A,00D2) shall be unique within the Beam in which it is created.",
            1,
            "",
        ),
        ("The Value of Block Number (300A,00FC) shall be unique within the Sequence.", 1, ""),
        ("The Value shall be unique within the Sequence.", 1, "unique"),
        ("The Value shall be unique within a Series.", 1, ""),
        ("Identification number of the wedge.", 1, ""),
    ],
)
def test_sentences_that_say_how_items_are_numbered(text: str, level: int, numbering: str) -> None:
    assert numbering_of(text, 0x300A00D2, level) == numbering
