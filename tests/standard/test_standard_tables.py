"""The compiled tables as they come with dcmlint."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmlint import standard
from dcmlint.errors import StandardError
from dcmlint.standard import FUNCTIONAL_GROUPS, Include, Row
from dcmlint.standard.container import Container
from dcmlint.standard.editions import _DATA, Standard

STANDARD = standard.load()


def test_load_is_cached_and_names_its_edition() -> None:
    assert standard.load("2025e") is standard.load("2025e")
    assert STANDARD.edition == "2025e"


def test_an_edition_that_is_not_shipped_is_refused_by_name() -> None:
    with pytest.raises(StandardError, match="2025e"):
        standard.load("1993")


def test_every_sop_class_leads_to_tables() -> None:
    count = 0
    for sop_class in STANDARD.sop_classes():
        iod = STANDARD.iod(sop_class.iod)
        assert iod.modules, sop_class.name
        assert sop_class.keyword, sop_class.uid
        for use in iod.modules:
            assert use.tables, (iod.name, use.name)
            assert use.usage in ("M", "C", "U")
            assert all(STANDARD.table(name).rows is not None for name in use.tables)
        for group in iod.functional_groups:
            assert STANDARD.table(group.table).rows, (iod.name, group.name)
        count += 1
    assert count == 180


def test_every_include_leads_to_a_table() -> None:
    def includes(rows: tuple[Row | Include, ...]) -> list[str]:
        found = []
        for row in rows:
            found += [row.table] if isinstance(row, Include) else includes(row.rows)
        return found

    names = set(STANDARD.tables())
    for name in names:
        for included in includes(STANDARD.table(name).rows):
            assert included in names or included == FUNCTIONAL_GROUPS, (name, included)


def test_no_keyword_is_unknown_to_the_dictionary() -> None:
    for name in STANDARD.tables():
        for path, row in STANDARD.table(name).walk():
            entry = STANDARD.dictionary.entry(row.tag)
            assert entry is not None, (name, path)
            assert entry.keyword == row.keyword
            assert not row.rows or entry.vr == "SQ", (name, path)
            assert row.items is None or entry.vr == "SQ", (name, path)


def test_rows_of_a_slide() -> None:
    table = STANDARD.table("C.8.12.4-1")
    assert table.section == "C.8.12.4"
    width = table.row("ImagedVolumeWidth")
    assert width is not None
    assert (width.type, width.when, width.otherwise) == ("1C", 'value(ImageType, 3) == "VOLUME"', "may")
    assert width.condition_hash
    path = STANDARD.table("C.8.12.5-1").row("OpticalPathSequence.OpticalPathIdentifier")
    assert path is not None
    assert path.type == "1"
    focus = table.row("FocusMethod")
    assert focus is not None
    assert focus.values[0].kind == "enumerated"
    assert set(focus.values[0].values) == {"AUTO", "MANUAL"}


def test_numbers_of_items() -> None:
    row = STANDARD.table("C.8.12.5-1").row("OpticalPathSequence")
    assert row is not None
    assert row.items == (1, None)
    color = STANDARD.table("C.8.12.5-1").row("OpticalPathSequence.IlluminationColorCodeSequence")
    assert color is not None
    assert color.items == (1, 1)


def test_rows_within_the_sequence_of_an_included_macro_keep_their_place() -> None:
    table = STANDARD.table("C.18.4-1")
    assert table.row("ReferencedSOPSequence.ReferencedFrameNumber") is not None
    held = table.row("ReferencedSOPSequence")
    assert held is not None
    assert held.type == "-"


def test_only_frame_content_and_its_like_must_stand_per_frame() -> None:
    iod = STANDARD.iod("VL Whole Slide Microscopy Image")
    placements = {group.name: group.placement for group in iod.functional_groups}
    assert placements["Frame Content"] == "per-frame"
    assert placements["Real World Value Mapping"] == "any"
    assert set(placements.values()) <= {"any", "shared", "per-frame"}


def test_not_otherwise_is_said_only_with_a_condition() -> None:
    for name in STANDARD.tables():
        for path, row in STANDARD.table(name).walk():
            assert row.otherwise != "not" or row.when is not None, (name, path)
            assert row.when is None or row.parsed_by is not None, (name, path)


def test_a_parser_never_forbids_by_what_a_sentence_denies() -> None:
    for name in STANDARD.tables():
        for path, row in STANDARD.table(name).walk():
            if row.parsed_by == "parser" and row.otherwise == "not" and row.when is not None:
                assert "!=" not in row.when, (name, path)


@pytest.mark.parametrize(
    ("tag", "keyword", "vr", "vm"),
    [
        (0x00280008, "NumberOfFrames", "IS", "1"),
        (0x60020010, "OverlayRows", "US", "1"),
        (0x60003000, "OverlayData", "OB/OW", "1"),
        (0x00280106, "SmallestImagePixelValue", "US/SS", "1"),
        (0x00000000, "CommandGroupLength", "UL", "1"),
        (0x00080000, "GroupLength", "UL", "1"),
        (0x00200020, "PatientOrientation", "CS", "2"),
        (0x7FE00010, "PixelData", "OB/OW", "1"),
        (0x00480302, "NumberOfOpticalPaths", "UL", "1"),
    ],
)
def test_dictionary_by_tag(tag: int, keyword: str, vr: str, vm: str) -> None:
    entry = STANDARD.dictionary.entry(tag)
    assert entry is not None
    assert (entry.tag, entry.keyword, entry.vr, entry.vm) == (tag, keyword, vr, vm)


@pytest.mark.parametrize("tag", [0x00090010, 0x60010010, 0x00081234, 0x50FF0005, 0xFFFFFFFF, 0])
def test_dictionary_knows_no_private_tag(tag: int) -> None:
    entry = STANDARD.dictionary.entry(tag)
    assert entry is None or entry.keyword == "CommandGroupLength"


def test_names_are_names() -> None:
    for keyword in STANDARD.dictionary.keywords():
        entry = STANDARD.dictionary.by_keyword(keyword)
        assert entry is not None
        assert len(entry.name) <= 100, entry.name
        assert (
            STANDARD.dictionary.entry(entry.tag) == entry or entry.tag >> 16 in (0x50, 0x60) or entry.retired
        )


def test_dictionary_agrees_with_pydicom() -> None:
    from dcmlint.standard.build.cross_check import dictionary_differences

    notes = dictionary_differences(STANDARD.dictionary)
    assert len(notes) < 8, notes  # a few elements were renamed or retired since


def test_uids() -> None:
    explicit = STANDARD.uid("1.2.840.10008.1.2.1")
    assert explicit is not None
    assert (explicit.type, explicit.keyword, explicit.retired) == (
        "Transfer Syntax", "ExplicitVRLittleEndian", False,
    )  # fmt: skip
    assert explicit.name == "Explicit VR Little Endian"
    big = STANDARD.uid("1.2.840.10008.1.2.2")
    assert big is not None
    assert big.retired
    assert STANDARD.uid("1.2.3") is None
    assert sum(1 for _ in STANDARD.uids("Transfer Syntax")) > 60


def test_context_groups_hold_the_codes_of_those_they_include() -> None:
    stains = STANDARD.context_group(8112)
    assert stains is not None
    assert ("12710003", "SCT") in stains  # hematoxylin
    assert STANDARD.context_group(999999) is None
    whole = STANDARD.context_group(4)
    assert whole is not None
    assert len(whole) > 100
    for cid in STANDARD.context_groups():
        assert STANDARD.context_group(cid) is not None


@pytest.mark.parametrize(
    ("tag", "action"),
    [
        (0x00100010, "Z"),
        (0x00100020, "Z/D"),
        (0x00080018, "U"),
        (0x00091001, "X"),  # private
        (0x60023000, "X"),  # Overlay Data of any group
        (0x50040005, "X"),  # curves
        (0x00280010, None),
    ],
)
def test_confidentiality(tag: int, action: str | None) -> None:
    assert STANDARD.confidentiality(tag) == action


def test_confidentiality_options() -> None:
    row = STANDARD.confidentiality_row(0x00080020)
    assert row is not None
    assert row.options["retain-longitudinal-full-dates"] == "K"
    assert row.options["retain-longitudinal-modified-dates"] == "C"


def test_newer_rows_of_confidentiality_say_so() -> None:
    row = STANDARD.confidentiality_row(0x00181011)  # Hardcopy Creation Device ID
    assert row is not None
    assert (row.basic, row.since, row.options) == ("X", "2026d", {"retain-device-identity": "K"})
    older = STANDARD.confidentiality_row(0x00080020)
    assert older is not None
    assert older.since == ""


def test_vr_of_the_selector_needs_the_operator_of_a_filter() -> None:
    # Table C.23.3-1: (attribute or category) and operator
    path = "DisplaySetsSequence.FilterOperationsSequence.SelectorAttributeVR"
    row = dict(STANDARD.table("C.23.3-1").walk())[path]
    assert row.parsed_by == "reviewed"
    assert row.when == "(has(SelectorAttribute) || has(FilterByCategory)) && has(FilterByOperator)"


def test_records_of_media_that_are_newer_or_retired() -> None:
    row = dict(STANDARD.table("F.3-3").walk())["DirectoryRecordSequence.DirectoryRecordType"]
    (listed,) = row.values
    assert listed.kind == "enumerated"
    assert {"IMAGE", "HL7 STRUC DOC", "ANNOTATION", "VISIT", "STUDY COMPONENT"} <= set(listed.values)
    assert "BOGUS" not in listed.values


def test_counts() -> None:
    counts = STANDARD.counts()
    slide = next(one for one in counts.per_iod if one.name == "VL Whole Slide Microscopy Image")
    conditional = slide.types["1C"] + slide.types["2C"]
    assert slide.decidable + slide.unknowable + slide.undecided >= conditional
    assert slide.decidable / conditional > 0.8
    assert counts.tables > 700


def test_import_brings_no_heavy_package() -> None:
    code = "import sys, dcmlint.standard as s; s.load().iod('CT Image'); print(*sys.modules)"
    loaded = set(
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.split()
    )
    assert not loaded & {
        "numpy",
        "pydicom",
        "yaml",
        "rich",
        "xml.etree.ElementTree",
        "dcmlint.standard.build",
    }


DATA = (_DATA / "2025e.bin").read_bytes()


@given(st.integers(0, len(DATA) - 1))
def test_a_file_cut_short_is_a_standard_error(length: int) -> None:
    with pytest.raises(StandardError):
        _read_all(DATA[:length])


@given(st.integers(0, 4000), st.integers(1, 255))
def test_a_damaged_file_is_a_standard_error_or_read(at: int, change: int) -> None:
    damaged = bytearray(DATA)
    damaged[at] ^= change
    try:
        Standard(Container(bytes(damaged))).iod("CT Image")
    except (StandardError, KeyError):
        pass


def _read_all(data: bytes) -> None:
    found = Standard(Container(data))
    found.confidentiality(0)  # the last section
