"""One defect is one finding, and a file that is cut is told to be cut, no more."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

import pytest
from pydicom.dataset import Dataset, FileDataset
from support import general, slides
from support.slides import put

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.dicom.dataset import Element
from dcmlint.dicom.tokens import out_of_place
from dcmlint.engine.session import Checker, Task
from dcmlint.engine.settings import Settings
from dcmlint.findings.finding import Finding

CHECKER = Checker(Settings())
# What says that a file is cut, in its different places.
CUT = {"FILE903", "FILE905", "PIX032", "ENC013", "ENC014"}
BASES: dict[str, Callable[[], FileDataset]] = {
    "ct": slides.ct, "sc": general.sc, "slide": slides.full_jpeg, "sparse": slides.sparse_native,
}  # fmt: skip


def findings(data: bytes) -> list[Finding]:
    result = CHECKER.check_buffer(Task("a.dcm", True), WholeBuffer(data))
    return [] if result is None else list(result.findings)


def more(made: FileDataset, change: Callable[[FileDataset], object]) -> list[tuple[str, str, int]]:
    """Rule, path and count of what is found after a change, and was not before."""
    before = {(one.rule, one.path) for one in findings(slides.to_bytes(made))}
    change(made)
    return [
        (one.rule, one.path, one.count)
        for one in findings(slides.to_bytes(made))
        if (one.rule, one.path) not in before
    ]


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("undefined", [False, True])
def test_nothing_behind_the_cut_is_judged(base: str, undefined: bool) -> None:
    data = slides.to_bytes(BASES[base](), undefined_lengths=undefined)
    known = {one.rule for one in findings(data)}
    rng = random.Random(base)
    for at in [rng.randrange(140, len(data)) for _ in range(25)] + [
        rng.randrange(140, 4000) for _ in range(25)
    ]:
        found = {one.rule for one in findings(data[:at])} - known
        told = found & CUT
        # At the border of two elements nothing shows that there was more.
        assert not told or found <= CUT, (at, found)


@pytest.mark.parametrize(
    ("vr", "value"),
    [("US", 0), ("US", 32), ("US", 8224), ("SS", 0), ("US", 0x2000)],
)
def test_numbers_are_values_in_implicit_vr(vr: str, value: int) -> None:
    """PS3.5 7.4: 0, 32 and 8224 are numbers, whatever their bytes would be as text."""
    made = slides.ct()
    made.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2"
    made.PixelRepresentation = int(vr == "SS")
    for keyword in ("SmallestImagePixelValue", "PixelPaddingValue"):
        put(made, keyword, struct.pack("<H", value), vr)
    found = [
        one
        for one in findings(slides.to_bytes(made))
        if "PaddingValue" in one.path and "has no value" in one.message
    ]
    assert found == []


@pytest.mark.parametrize(
    ("terms", "name"),
    [
        (["", "ISO 2022 IR 87"], b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$B\x5c\x5c\x1b(B"),
        (["", "ISO 2022 IR 87"], b"\x1b$B\x30\x5c\x1b(B^A"),
        (["GB18030"], "\u9312^A".encode("gb18030")),
        (["GB18030"], b"\x81\x5c^A"),
        (["GBK"], b"\x81\x5c^A"),
    ],
)
def test_a_5c_within_a_character_is_no_delimiter(terms: list[str], name: bytes) -> None:
    made = slides.ct()
    assert b"\\" in name or terms == ["GB18030"]
    made.SpecificCharacterSet = terms
    put(made, "PatientName", name + b" " * (len(name) % 2))
    assert "ELM004" not in {one.rule for one in findings(slides.to_bytes(made)) if one.path == "PatientName"}


def test_a_delimiter_is_one_in_a_latin_text() -> None:
    made = slides.ct()
    made.SpecificCharacterSet = "ISO_IR 100"
    put(made, "PatientName", b"M\xfcller^A\\B^C")
    assert "ELM004" in {one.rule for one in findings(slides.to_bytes(made))}


def test_one_element_out_of_place_is_one_finding() -> None:
    data = slides.to_bytes(slides.ct())
    at = data.index(b"\x08\0\x60\0CS")
    early = struct.pack("<HH2sH", 0x0040, 0x0254, b"LO", 4) + b"CHST"
    found = [one for one in findings(data[:at] + early + data[at:]) if one.rule == "ENC001"]
    assert [(one.path, one.count) for one in found] == [("PerformedProcedureStepDescription", 1)]


def _elements(tags: list[int]) -> list[Element]:
    return [Element(tag, "UN", 0, 8 * at, 8 * at, 8 * at) for at, tag in enumerate(tags)]


@pytest.mark.parametrize(
    ("tags", "wanted"),
    [
        ([1, 2, 3], []),
        ([9, 1, 2, 3], [(9, 0)]),
        ([1, 2, 9, 3, 4], [(9, 0)]),
        ([2, 3, 4, 1], [(1, 2)]),
        ([1, 5, 2, 3, 4, 6], [(5, 6)]),
        ([2, 1], [(1, 2)]),
    ],
)
def test_the_fewest_elements_are_out_of_place(tags: list[int], wanted: list[tuple[int, int]]) -> None:
    assert [(element.tag, before) for element, before in out_of_place(_elements(tags))] == wanted


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"])
def test_a_second_meta_group_is_one_finding(syntax: str) -> None:
    made = slides.ct()
    made.file_meta.TransferSyntaxUID = syntax
    data = slides.to_bytes(made)
    end = 132 + 12 + struct.unpack_from("<I", data, 140)[0]
    before = {(one.rule, one.path) for one in findings(data)}
    found = findings(data[:end] + data[132:end] + data[end:])
    assert [one.rule for one in found if (one.rule, one.path) not in before] == ["META108"]


def test_padding_with_nul_is_one_finding_for_a_file() -> None:
    made = slides.ct()
    keywords = ("PatientID", "StationName", "InstitutionName", "SeriesDescription", "StudyDescription")

    def pad(made: FileDataset) -> None:
        for keyword in keywords:
            put(made, keyword, b"ABC\0", None)

    assert [(rule, count) for rule, _, count in more(made, pad) if rule == "VR101"] == [("VR101", 5)]


@pytest.mark.parametrize(
    ("path", "value", "rule"),
    [
        ("PatientWeight", b"not a number at all ", "VR119"),
        ("SeriesNumber", b"123456789012345678", "VR121"),
        ("SeriesNumber", b"seventeen letters!", "VR121"),
        ("ImageType", b"original and much too long\\PRIMARY\\AXIAL", "VR003"),
        ("StudyTime", b"10:11:12.123456 ", "VR114"),
        ("SpecificCharacterSet", b"iso_ir 100", "CHR002"),
    ],
)
def test_a_value_is_judged_once(path: str, value: bytes, rule: str) -> None:
    found = {(r, p) for r, p, _ in more(slides.ct(), lambda made: put(made, path, value)) if p == path}
    if rule == "VR121" and value[:1].isdigit():
        rule = next(r for r, _ in found)  # too long, or out of range: one of the two
    assert found == {(rule, path)}


@pytest.mark.parametrize("vr", ["OB", "UV", "OD", "UL", "CS"])
def test_a_private_creator_is_a_text(vr: str) -> None:
    made = slides.ct()
    made.add_new(0x00091001, "LO", "mine")
    put(made, "(0009,0010)", b"ACME 1.0", vr)
    found = [one for one in findings(slides.to_bytes(made)) if one.rule in ("ELM008", "PHI009")]
    assert [one.rule for one in found] == ["ELM008"]


@pytest.mark.parametrize("value", [b"", b"  ", b"\0\0"])
def test_a_private_creator_is_not_empty(value: bytes) -> None:
    made = slides.ct()
    made.add_new(0x00091001, "LO", "mine")
    put(made, "(0009,0010)", value, "LO")
    found = [one for one in findings(slides.to_bytes(made)) if one.rule in ("ELM008", "PHI009")]
    assert [one.rule for one in found] == ["ELM008"]


def test_an_item_without_attributes_is_one_finding() -> None:
    made = slides.ct()

    def change(one: FileDataset) -> None:
        one.ReferencedImageSequence = [Dataset()]

    found = more(made, change)
    assert [(rule, path) for rule, path, _ in found] == [
        ("MOD001", "ReferencedImageSequence[0].ReferencedSOPClassUID")
    ]


@pytest.mark.parametrize(
    ("keyword", "value", "vr", "expected"),
    [
        ("ReferringPhysicianName", b"Somebody with a name of more than 16", "SH", {"ELM001"}),
        ("RescaleSlope", b"1,5 ", "DS", {"VR119"}),
        ("FrameOfReferenceUID", b"2.25." + b"1" * 61, "UI", {"VR124"}),
        ("PixelSpacing", b"-1", "DS", {"ELM004"}),
        ("BitsAllocated", struct.pack("<H", 60000), "US", {"PIX043"}),
        ("BitsAllocated", struct.pack("<H", 8), "US", {"PIX043"}),
        ("SamplesPerPixel", struct.pack("<H", 3), "US", {"PIX002"}),
    ],
)
def test_a_wrong_value_is_one_finding(keyword: str, value: bytes, vr: str, expected: set[str]) -> None:
    """What follows from a value that cannot be right is not told beside it."""
    found = more(slides.ct(), lambda one: put(one, keyword, value, vr))
    assert {rule for rule, _, _ in found} == expected


def test_what_a_missing_alternative_asks_for_is_not_told_beside_it() -> None:
    """PS3.3 Table 10-17: of an issuer without identifier its type is not told, too."""
    made = slides.ct()
    made.IssuerOfAccessionNumberSequence = [Dataset()]
    made.IssuerOfAccessionNumberSequence[0].UniversalEntityIDType = "ISO"
    made.IssuerOfAccessionNumberSequence[0].UniversalEntityID = "1.2.3"

    def change(one: FileDataset) -> None:
        del one.IssuerOfAccessionNumberSequence[0].UniversalEntityID

    assert [rule for rule, _, _ in more(made, change)] == ["MOD004"]
