"""Every format: what it must hold, and that nothing from outside can break it."""

from __future__ import annotations

import json
import re
import unicodedata
from io import BytesIO

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from junitparser import JUnitXml
from lxml import etree

from dcmlint.engine.report import Report, Summary
from dcmlint.findings.finding import FileRecord, Finding, Reference, Subject
from dcmlint.reports.border import printable
from dcmlint.reports.json_ import write_json, write_jsonl
from dcmlint.reports.junit import write_junit
from dcmlint.reports.sarif import write_sarif
from dcmlint.reports.text import TextOptions, write_text

NASTY = "a\x1b[31m\n\r\t\0]]>&<\"'\u202e\u2028\ufeff\ud800\udcff\x85{{%}}|`=1+1 é漢"


def finding(text: str = "plain", file: str = "a.dcm", **changes: object) -> Finding:
    values: dict[str, object] = {
        "rule": "TILE003", "name": "full-frame-count", "severity": "error", "basis": "requirement",
        "subject": Subject("file", file, (file,)), "file": file, "path": f"(0009,[{text}],01)", "tag": "00091001",
        "offset": 18, "message": text, "is_": text, "want": text, "because": text,
        "references": (Reference("PS3.3", "C.7.6.17.3"),), "places": (text, text), "count": 3,
    }  # fmt: skip
    return Finding(**{**values, **changes})


def report(text: str = "plain", file: str = "a.dcm", count: int = 1) -> Report:
    files = (FileRecord(path=file, title=text, undecided=("TILE001",)), FileRecord(path="b.dcm"))
    found = tuple(finding(text, file) for _ in range(count))
    outcomes = {"TILE003": {"pass": 1, "fail": 1, "not_applicable": 0, "undecided": 0, "error": 0}}
    return Report(
        version="1", edition="2025e", profile="wsi", files=files, findings=found, outcomes=outcomes,
        undecided={"TILE001": {text: file}}, summary=Summary(files=2, checked=2, errors=count, rules=1, undecided=1),
        exit_code=1,
    )  # fmt: skip


def all_formats(value: Report) -> dict[str, str]:
    options = TextOptions(width=80, colour=False, show="info")
    return {
        **{layout: "".join(write_text(value, options, layout)) for layout in ("full", "grouped", "concise")},
        "json": "".join(write_json(value)), "jsonl": "".join(write_jsonl(value)),
        "junit": "".join(write_junit(value)), "junit:all": "".join(write_junit(value, every_rule=True)),
        "sarif": "".join(write_sarif(value, {})),
    }  # fmt: skip


def assert_harmless(name: str, text: str) -> None:
    for character in text:
        if character != "\n":
            assert unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp"), (name, character)
    text.encode("utf-8")
    if name.startswith("junit"):
        etree.fromstring(text.encode())
        assert JUnitXml.fromroot(JUnitXml.fromstring(text.encode())._elem).tests >= 1
    if name in ("json", "sarif"):
        json.loads(text)
    if name == "jsonl":
        for line in text.splitlines():
            json.loads(line)


def test_nasty_text_passes_the_border_in_every_format() -> None:
    for name, text in all_formats(report(NASTY, NASTY)).items():
        assert_harmless(name, text)
        assert "\\x1B" in text.replace("\\\\", "\\"), name


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(), max_size=60), st.text(st.characters(), min_size=1, max_size=30))
def test_any_text_passes_the_border_in_every_format(text: str, file: str) -> None:
    for name, written in all_formats(report(text, file)).items():
        assert_harmless(name, written)


def test_printable_keeps_letters_and_shows_the_rest() -> None:
    assert printable("é漢字 Doe^Jane") == "é漢字 Doe^Jane"
    assert printable("a\nb\x1b\x85\u202e") == "a\\x0Ab\\x1B\\x85\\u202E"
    assert printable("x" * 5000).endswith("…")


FULL_80 = """\
a.dcm
  VL Whole Slide Microscopy Image · TILED_FULL

  error[TILE003] 25 frames, but 55 tiles cover the Total Pixel Matrix
       at | NumberOfFrames (0028,0008) @ 0x4f2
       is | 25
     want | 55
  because | tiling.columns 11 tiling.rows 5 tiling.focal_planes 1
          | tiling.optical_paths 1
      see | PS3.3 C.7.6.17.3
     rule | full-frame-count · dcmlint explain TILE003

1 file, 412 rules: 1 error, 0 warnings · 24 not applicable · 3 undecided
  not decided: TILE001
FAIL  profile wsi, DICOM 2025e · 0.04 s
"""

FULL_120 = FULL_80.replace("focal_planes 1\n          | tiling", "focal_planes 1 tiling")


@pytest.mark.parametrize(("width", "wanted"), [(80, FULL_80), (120, FULL_120)])
def test_the_full_form(width: int, wanted: str) -> None:
    value = Report(
        version="1", edition="2025e", profile="wsi",
        files=(FileRecord(path="a.dcm", title="VL Whole Slide Microscopy Image · TILED_FULL"),),
        findings=(
            finding(
                message="25 frames, but 55 tiles cover the Total Pixel Matrix", path="NumberOfFrames", tag="00280008",
                offset=0x4F2, is_="25", want="55", places=(), count=1,
                because="tiling.columns 11 tiling.rows 5 tiling.focal_planes 1 tiling.optical_paths 1",
            ),
        ),
        undecided={"TILE001": {"x": "a.dcm"}}, exit_code=1,
        summary=Summary(files=1, checked=1, errors=1, rules=412, not_applicable=24, undecided=3, seconds=0.04),
    )  # fmt: skip
    assert "".join(write_text(value, TextOptions(width=width), "full")) == wanted


def test_max_per_rule_cuts_text_and_says_so() -> None:
    text = "".join(write_text(report(count=12), TextOptions(max_per_rule=10), "full"))
    assert text.count("error[TILE003]") == 10
    assert "2 more of the same rules" in text
    assert len("".join(write_jsonl(report(count=12))).splitlines()) == 12


def test_information_is_counted_but_not_shown() -> None:
    value = msgspec.structs.replace(
        report(), findings=(finding(severity="info"),), summary=Summary(files=1, infos=1)
    )
    text = "".join(write_text(value, TextOptions(), "full"))
    assert "info[" not in text
    assert "1 information" in text


@pytest.mark.parametrize("every_rule", [False, True])
def test_junit_counts_add_up(every_rule: bool) -> None:
    outcomes = {"TILE003": {"fail": 1}, "TILE004": {"pass": 1}, "MOD001": {"pass": 1}}
    value = msgspec.structs.replace(report(), outcomes=outcomes)
    root = etree.parse(BytesIO("".join(write_junit(value, every_rule)).encode())).getroot()
    for suite in root:
        assert int(suite.get("tests")) == len(suite.findall("testcase"))
        assert int(suite.get("failures")) == len(suite.findall("testcase/failure"))
        assert int(suite.get("skipped")) == len(suite.findall("testcase/skipped"))
    assert int(root.get("tests")) == len(root.findall(".//testcase"))


def test_junit_of_many_clean_files_stays_small() -> None:
    files = tuple(
        FileRecord(path=f"some/longer/folder/name/instance-{i:06}.dcm", undecided=("MOD004", "MOD006"))
        for i in range(10_000)
    )
    value = Report(version="1", edition="2025e", profile="wsi", files=files, summary=Summary(files=10_000))
    assert sum(len(part) for part in write_junit(value)) < 20_000_000


def test_colour_only_when_asked() -> None:
    assert "\x1b[" not in "".join(write_text(report(), TextOptions()))
    assert re.search(r"\x1b\[1;31m", "".join(write_text(report(), TextOptions(colour=True))))
