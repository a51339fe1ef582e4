"""Edits of examples: each does what its page says, and a mistake is told with its place."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.instance import Instance, read_instance
from dcmlint.engine.examples import run_example
from dcmlint.errors import RuleError
from dcmlint.expr import UNKNOWN
from dcmlint.rules.example_facts import fact_value
from dcmlint.rules.examples import base_names, example_files
from dcmlint.rules.load import read_rule
from dcmlint.rules.model import RuleSource
from dcmlint.rules.yaml_source import Tagged
from dcmlint.standard.tags import PixelData

_RULE = """\
id: MINE001
name: mine
title: Mine
severity: warning
basis: local
assert: has(Modality)
examples:
  - name: one
    passes: true
    dataset:
"""


def _source(tmp_path: Path, *lines: str) -> RuleSource:
    path = tmp_path / "MINE001-mine.yaml"
    path.write_text(_RULE + "".join(f"      {line}\n" for line in lines), "utf-8")
    return read_rule(path, "MINE001-mine.yaml")


def _made(tmp_path: Path, *lines: str) -> Instance:
    (file,) = example_files(_source(tmp_path, *lines), 0)
    instance = read_instance(WholeBuffer(file.data))
    assert instance is not None
    return instance


def _data(tmp_path: Path, *lines: str) -> Dataset:
    return _made(tmp_path, *lines).dataset


def test_values_by_vr(tmp_path: Path) -> None:
    dataset = _data(
        tmp_path,
        "use: ct",
        "PatientID: NO",
        "InstanceNumber: 0010",
        "Rows: 0x20",
        "PixelSpacing: [1, 2.5]",
        r"ImageType: ORIGINAL\PRIMARY",
        "FrameIncrementPointer: [FrameTime, '(0018,1065)']",
        "SeriesDescription: Schräg",
        'ImageComments: !raw "a\\x07"',
        "StudyID: !empty",
        "PatientName: !repeat [3, ab]",
        "AccessionNumber: !vr [LO, A1]",
        "RescaleIntercept: !copy RescaleSlope",
        "RescaleType: !vr SH",
        "PixelData: !repeat [4, !hex 0102]",
    )
    assert dataset.raw(0x00100020) == b"NO"
    assert dataset.raw(0x00200013) == b"0010"
    assert dataset.value(0x00280010) == 32
    assert dataset.values(0x00280030) == (1, 2.5)
    assert dataset.values(0x00080008) == ("ORIGINAL", "PRIMARY")
    assert dataset.values(0x00280009) == (0x00181063, 0x00181065)
    assert dataset.text(0x0008103E) == "Schräg"
    assert dataset.raw(0x00204000) == b"a\x07"
    assert dataset.raw(0x00200010) == b""
    assert dataset.text(0x00100010) == "ababab"
    assert dataset.elements[0x00080050].vr == "LO"
    assert dataset.values(0x00281052) == (1,)
    assert (dataset.elements[0x00281054].vr, dataset.text(0x00281054)) == ("SH", "HU")
    assert dataset.raw(PixelData) == b"\1\2" * 4


def test_items_and_paths(tmp_path: Path) -> None:
    dataset = _data(
        tmp_path,
        "use: wsi-sparse",
        "OpticalPathSequence[1]: !copy OpticalPathSequence[0]",
        'OpticalPathSequence[1].OpticalPathIdentifier: "2"',
        "OpticalPathSequence[2].OpticalPathIdentifier: made",
        "PerFrameFunctionalGroupsSequence[*].PlanePositionSlideSequence: !absent",
        "PerFrameFunctionalGroupsSequence[19]: !absent",
        "AcquisitionContextSequence: !repeat [3, {ValueType: TEXT}]",
        'ReferencedImageEvidenceSequence: [{StudyInstanceUID: 1.2.3}, !empty , !copy "OpticalPathSequence[2]"]',
        '"(0009,0010)": ACME 1.0',
        '"(0009,[ACME 1.0],01)": !vr [LO, mine]',
    )
    paths = dataset.items(0x00480105)
    assert [item.text(0x00480106) for item in paths] == ["1", "2", "made"]
    assert len(paths[1]) == len(paths[0])
    assert len(paths[2]) == 1
    frames = dataset.items(0x52009230)
    assert len(frames) == 19
    assert not any(0x0048021A in frame for frame in frames)
    assert len(dataset.items(0x00400555)) == 3
    assert [len(item) for item in dataset.items(0x00089092)] == [1, 0, 1]
    assert dataset.text(0x00091001) == "mine"


def test_file_meta_information_and_preamble(tmp_path: Path) -> None:
    instance = _made(tmp_path, "use: ct", "file.SourceApplicationEntityTitle: HERE", "preamble: !hex 4949")
    assert instance.meta is not None
    assert instance.meta.text(0x00020016) == "HERE"
    assert instance.oddities == []
    assert instance.preamble == b"II" + bytes(126)


def test_native_frames(tmp_path: Path) -> None:
    size = 32 * 32 * 3
    whole = _data(tmp_path, "use: wsi-full").raw(PixelData)
    assert len(whole) == 20 * size
    assert _data(tmp_path, "use: wsi-full", "frame[0]: !absent").raw(PixelData) == whole[size:]
    assert _data(tmp_path, "use: wsi-full", "frame[1]: !copy frame[0]").raw(PixelData) == (
        whole[:size] * 2 + whole[2 * size :]
    )
    assert _data(tmp_path, "use: wsi-full", "frame[19]: !truncate -2").raw(PixelData) == whole[:-2]


def test_encapsulated_frames_and_offset_tables(tmp_path: Path) -> None:
    before = _data(tmp_path, "use: wsi-jpeg").elements[PixelData].fragments
    instance = _made(
        tmp_path,
        "use: wsi-jpeg",
        "frame[0]: !fragments 3",
        "frame[1]: !truncate 20",
        "frame[2]: !append FFFF",
        "frame[3]: !hex FFD8FFD9",
        "frame[5]: !copy frame[3]",
        'frame[6]: !bytes ["0 FFD7", "-2 FFD9"]',
        "frame[19]: !absent",
        "bot: !empty",
        "eot: computed",
    )
    found = instance.dataset.elements[PixelData].fragments
    assert found.bot is not None
    assert len(found.bot) == 0
    assert len(found) == 21
    assert sum(found.lengths[:3]) == before.lengths[0]
    assert found.lengths[3] == 20
    assert found.lengths[4] == before.lengths[2] + 2
    assert found.lengths[5] == found.lengths[7] == 4
    at = int(found.offsets[8]) + 8
    assert instance.buffer[at : at + 2] == b"\xff\xd7"
    offsets = instance.dataset.raw(0x7FE00001)
    assert len(offsets) == len(instance.dataset.raw(0x7FE00002)) == 19 * 8
    assert int.from_bytes(offsets[8:16], "little") == int(found.offsets[3]) - found.first


@pytest.mark.parametrize(
    ("edit", "length"),
    [("bot: !absent", 0), ("bot: [0, 8]", 8), ("bot: !hex 000000000102", 6), ("bot: computed", 80)],
)
def test_basic_offset_table(tmp_path: Path, edit: str, length: int) -> None:
    assert _data(tmp_path, "use: wsi-jpeg", edit).elements[PixelData].fragments.bot_length == length


def test_edits_of_bytes(tmp_path: Path) -> None:
    def bytes_of(*lines: str) -> bytes:
        return example_files(_source(tmp_path, "use: ct", *lines), 0)[0].data

    whole = bytes_of()
    assert bytes_of("bytes: {at: 0x02, hex: 49 49}") == whole[:2] + b"II" + whole[4:]
    assert bytes_of("bytes: {at: -2, insert: 49}") == whole[:-2] + b"I" + whole[-2:]
    assert bytes_of("bytes: {find: 4449434D, replace: 00}") == whole.replace(b"DICM", b"\0")
    assert bytes_of("bytes: [{append: 4949, times: 2}, {truncate: -1}]") == whole + b"III"
    assert bytes_of("bytes: {truncate: 5}") == whole[:5]


def test_a_base_beside_the_rule(tmp_path: Path) -> None:
    data = example_files(_source(tmp_path, "use: ct"), 0)[0].data
    (tmp_path / "mine.dcm").write_bytes(data)
    source = _source(tmp_path, "use: mine.dcm", "Modality: MR")
    source = RuleSource(source.rule, str(tmp_path / "MINE001-mine.yaml"), source.marks)
    (file,) = example_files(source, 0)
    assert file.name == "1-mine.dcm"
    assert run_example(source, 0).problem == ""


@pytest.mark.parametrize(
    ("lines", "column", "message"),
    [
        (["Rows: 3"], 7, "the key 'use' is missing in examples[0].dataset"),
        (["use: wsi-ful"], 12, "there is no base 'wsi-ful': did you mean wsi-full?"),
        (["use: gone.dcm"], 12, "the base 'gone.dcm' cannot be read: No such file or directory"),
        (["use: ct", "Row: 3"], 12, "Row: 'Row' is not a keyword of the data dictionary"),
        (["use: ct", "Rows: many"], 13, "Rows: 'many' is not a number that fits: use !raw or !hex for what is not"),
        (["use: ct", "Rows: 70000"], 13, "Rows: '70000' is not a number that fits: use !raw or !hex for what is not"),
        (["use: ct", "Rows: !hex 0g"], 13, "Rows: '0g' is not hexadecimal"),
        (["use: ct", "Rows: !nothing"], 13, "Rows: !nothing is no value: !absent, !empty, !hex, !raw, !vr, !copy"),
        (["use: ct", "StudyComments: !absent"], 22, "StudyComments: it is absent in the base already"),
        (["use: ct", "frame[3]: !absent"], 17, "frame[3]: there are only 1 frames"),
        (["use: ct", "bot: !empty"], 12, "bot: the pixel data of the base are not encapsulated"),
        (["use: ct", "encoding: {bigendian: true}"], 18, "unknown key 'bigendian' in examples[0].dataset.encoding"),
        (["use: ct", "encoding: {last: [Row]}"], 17, "encoding: 'Row' is not a keyword of the data dictionary"),
        (["use: ct", "bytes: {find: FFFFFFFFFF, replace: 00}"], 14, "bytes: FFFFFFFFFF is found 0 times"),
        (["use: ct", "bytes: {at: 99999, hex: 00}"], 14, "bytes: 99999 lies outside the 1726 bytes"),
        (["use: ct", "bytes: {cut: 3}"], 15, "unknown key 'cut' in examples[0].dataset.bytes"),
        (["use: ct", "Rows[0].Columns: 1"], 24, "Rows[0].Columns: not a sequence"),
        (["use: ct", "'(0009,[X],01)': !hex 00"], 24, "(0009,[X],01): no private creator 'X' in group 0009"),
        (["use: wsi-full", "OpticalPathSequence[5]: {}"], 31, "OpticalPathSequence[5]: there are only 1 items"),
        (["use: wsi-full", "OpticalPathSequence: text"], 28, "OpticalPathSequence: a sequence takes a list of items, or !empty"),
        (["use: ct", "PatientID: !copy Nothing"], 18, "PatientID: 'Nothing' is not a keyword of the data dictionary"),
        (["use: ct", "PatientID: !repeat [99999999, x]"], 18, "PatientID: !repeat goes to 1048576"),
    ],
)  # fmt: skip
def test_mistakes_are_told_with_their_place(
    tmp_path: Path, lines: list[str], column: int, message: str
) -> None:
    with pytest.raises(RuleError) as caught:
        example_files(_source(tmp_path, *lines), 0)
    assert caught.value.message.startswith(message)
    assert caught.value.file == "MINE001-mine.yaml"
    assert (caught.value.line, caught.value.column) == (10 + len(lines), column)


def test_every_base_can_be_used(tmp_path: Path) -> None:
    for name in base_names():
        assert _made(tmp_path, f"use: {name}").status == "checked"


class _Inner(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    names: tuple[str, ...] = ()


class _Outer(msgspec.Struct, frozen=True, kw_only=True):
    inner: _Inner
    ratio: float | None
    known: bool
    title: str


def test_facts_from_a_rule_file() -> None:
    made = fact_value(
        _Outer, {"inner": {"number": "3", "names": ["a", "b"]}, "known": "true", "ratio": "0.5"}
    )
    assert made == _Outer(inner=_Inner(number=3, names=("a", "b")), ratio=0.5, known=True, title="")
    assert fact_value(_Outer, {"inner": {}, "ratio": Tagged("unknown")}).ratio is UNKNOWN
    assert fact_value(_Outer, {"inner": {}}).ratio is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"inner": {"number": "many"}}, "inner.number: 'many' is not a number"),
        ({"known": "yes"}, "known: true or false, not 'yes'"),
        ({"other": "1"}, "_Outer: no field 'other'"),
        ({"inner": "text"}, "inner: a mapping is expected"),
    ],
)
def test_mistakes_in_facts(value: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("[", r"\[")):
        fact_value(_Outer, value)


def test_examples_that_give_only_facts(tmp_path: Path) -> None:
    path = tmp_path / "MINE002-facts.yaml"
    path.write_text(
        "id: MINE002\nname: facts\ntitle: Facts\nseverity: warning\nbasis: local\nscope: association\n"
        "assert: measures.row_spacing > 1\nexamples:\n"
        "  - {name: more, passes: true, facts: {measures: {row_spacing: 2}}}\n"
        "  - {name: less, fails: true, facts: {measures: {row_spacing: 0.5}}}\n"
        "  - {name: not known, undecided: true, facts: {measures: {row_spacing: !unknown }}}\n"
        "  - {name: nothing, passes: true, facts: {mesures: {}}}\n",
        "utf-8",
    )
    source = read_rule(path)
    assert [run_example(source, number).problem for number in range(3)] == ["", "", ""]
    with pytest.raises(RuleError, match="'mesures' is not a group of facts") as caught:
        run_example(source, 3)
    assert (caught.value.line, caught.value.hint) == (12, "did you mean measures?")


def test_a_slide_rule_sees_all_files_of_its_example(tmp_path: Path) -> None:
    path = tmp_path / "MINE003-slide.yaml"
    path.write_text(
        "id: MINE003\nname: slide\ntitle: Slide\nseverity: warning\nbasis: local\nscope: slide\n"
        "assert: slide.instances == 2\nexamples:\n"
        "  - {name: two, passes: true, datasets: [{use: wsi-level-0}, {use: wsi-level-1}]}\n"
        "  - {name: one, fails: true, datasets: [{use: wsi-level-0}]}\n",
        "utf-8",
    )
    source = read_rule(path)
    assert [file.name for file in example_files(source, 0)] == ["1-wsi-level-0.dcm", "2-wsi-level-1.dcm"]
    assert [run_example(source, number).outcome for number in range(2)] == ["pass", "fail"]
