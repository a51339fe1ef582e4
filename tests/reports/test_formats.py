"""Every format: what it must hold, and that nothing from outside can break it."""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from io import BytesIO, StringIO
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from junitparser import JUnitXml
from lxml import etree

from dcmlint.engine.report import Report, Summary
from dcmlint.engine.stream import deliver
from dcmlint.errors import UsageError
from dcmlint.findings.finding import FileRecord, Finding, Fix, Operation, Reference, Subject
from dcmlint.reports.border import printable
from dcmlint.reports.names import format_names
from dcmlint.reports.registry import writer_class
from dcmlint.reports.writer import TextOptions, head_of

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


def written(value: Report, name: str, options: TextOptions | None = None) -> str:
    made, variant = writer_class(name)
    sink = StringIO(newline="")
    deliver(value, [made(sink, head_of(value, {}, options or TextOptions(), variant))])
    return sink.getvalue()


def all_formats(value: Report) -> dict[str, str]:
    return {name: written(value, name, TextOptions(show="info")) for name in format_names()}


def assert_harmless(name: str, text: str) -> None:
    for character in text:
        if character != "\n" and not (name == "csv" and character == "\r"):
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
        if name == "html":  # its data are compressed: see test_html.py
            continue
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
          found | 25
       expected | 55
  computed from | tiling.columns = 11, tiling.rows = 5, tiling.focal_planes = 1,
                | tiling.optical_paths = 1
           help | Write the number of frames that there are.
            see | PS3.3 C.7.6.17.3
           rule | full-frame-count · dcmlint explain TILE003

1 file, 412 rules: 1 error, 0 warnings · 24 not applicable · 3 undecided
  not decided: TILE001
FAIL  profile wsi, DICOM 2025e · 0.04 s
"""

FULL_120 = FULL_80.replace("focal_planes = 1,\n                | tiling", "focal_planes = 1, tiling")


@pytest.mark.parametrize(("width", "wanted"), [(80, FULL_80), (120, FULL_120)])
def test_the_full_form(width: int, wanted: str) -> None:
    value = Report(
        version="1", edition="2025e", profile="wsi",
        files=(FileRecord(path="a.dcm", title="VL Whole Slide Microscopy Image · TILED_FULL"),),
        findings=(
            finding(
                message="25 frames, but 55 tiles cover the Total Pixel Matrix", path="NumberOfFrames", tag="00280008",
                offset=0x4F2, is_="25", want="55", places=(), count=1,
                because="tiling.columns = 11, tiling.rows = 5, tiling.focal_planes = 1, tiling.optical_paths = 1",
                remedy="Write the number of\n  frames that there are.",
            ),
        ),
        undecided={"TILE001": {"x": "a.dcm"}}, exit_code=1,
        summary=Summary(files=1, checked=1, errors=1, rules=412, not_applicable=24, undecided=3, seconds=0.04),
    )  # fmt: skip
    assert written(value, "full", TextOptions(width=width)) == wanted


def test_max_per_rule_cuts_text_and_says_so() -> None:
    found = tuple(finding(message=f"place {number} is wrong") for number in range(12))
    value = msgspec.structs.replace(report(), findings=found)
    text = written(value, "full", TextOptions(max_per_rule=10))
    assert text.count("error[TILE003]") == 1
    assert text.count(" is wrong") == 10
    assert "2 more of the same rule" in text
    assert len(written(value, "jsonl").splitlines()) == 13


def test_attributes_that_fail_the_same_rule_are_one_block() -> None:
    names = ("AccessionNumber", "PatientBirthDate", "StudyID")
    found = tuple(
        finding(rule="MOD001", message=f"{name} is missing: Type 2", path=name, tag="", offset=None, is_="",
                want="present (may be empty)", because="", places=(name,), count=1)
        for name in names
    )  # fmt: skip
    text = written(msgspec.structs.replace(report(), findings=found), "full")
    assert text.count("error[MOD001]") == 1
    assert "error[MOD001] 3 attributes are missing: Type 2\n" in text
    assert "at | AccessionNumber, PatientBirthDate, StudyID" in text
    assert text.count("present (may be empty)") == 1


def test_the_grouped_form_counts_each_attribute_and_says_no_message_of_all_files() -> None:
    found = tuple(finding(file=f"{n}.dcm", path="A" if n < 2 else "B", message=f"m{n}") for n in range(5))
    files = tuple(FileRecord(path=f"{n}.dcm") for n in range(5))
    text = written(msgspec.structs.replace(report(), files=files, findings=found), "grouped")
    assert "error[TILE003] 5 files: full-frame-count" in text
    assert "B (3), A (2)" in text
    assert "for example 0.dcm: m0" in text


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_line_is_wider_than_the_terminal_in_cells(width: int) -> None:
    from rich.cells import cell_len

    value = report("山田太郎の検査" * 12, "資料/" * 30 + "a.dcm")
    for layout in ("full", "grouped"):
        for line in written(value, layout, TextOptions(width=width)).splitlines():
            if "/" not in line and not line.startswith("FAIL"):
                assert cell_len(line) <= width, line


def test_a_narrow_terminal_has_no_column_of_labels_and_breaks_keywords_between_words() -> None:
    found = finding(
        path="A.SharedFunctionalGroupsSequenceAndMoreOfItAll", message="The frames differ", because=""
    )
    text = written(msgspec.structs.replace(report(), findings=(found,)), "full", TextOptions(width=40))
    assert "error[TILE003] The frames differ\n" in text
    assert "    found: plain\n" in text
    assert "    at: A.SharedFunctionalGroupsSequence\n      AndMoreOfItAll" in text


def test_what_is_masked_is_said_once_and_how_to_see_it() -> None:
    masked = finding(is_="Aaa^Aaaa (PN, 8 characters)")
    for layout in ("full", "grouped"):
        text = written(msgspec.structs.replace(report(), findings=(masked, masked)), layout)
        assert text.count("--show-values all") == 1, layout
        assert "--show-values" not in written(report(), layout)


def test_an_annotation_names_its_attribute_once_and_the_run_says_what_it_lacks() -> None:
    value = msgspec.structs.replace(
        report(),
        findings=(
            finding(message="Rows is missing", path="Rows"),
            finding(message="Rows is wrong", path="A[0].Rows"),
        ),
        exit_code=4,
    )
    lines = written(value, "github").splitlines()
    assert "::Rows is missing%0A" in lines[0]
    assert "::A[0].Rows: Rows is wrong%0A" in lines[1]
    assert lines[2] == "::error title=dcmlint INCOMPLETE::not decided: TILE001"
    described = [one["description"] for one in json.loads(written(value, "gitlab"))]
    assert described[0].startswith("Rows is missing")
    assert described[1].startswith("A[0].Rows: Rows is wrong")


def test_a_terminal_without_unicode_gets_ascii() -> None:
    assert written(report("日本 · x"), "full", TextOptions(unicode=False)).isascii()


def test_clauses_are_links_where_the_terminal_follows_them() -> None:
    text = written(report(), "full", TextOptions(links=True))
    assert (
        "\x1b]8;;https://dicom.nema.org/medical/dicom/2025e/output/html/part03.html#sect_C.7.6.17.3\x1b\\"
        in text
    )


def test_junit_names_what_is_incomplete_and_counts_the_rules_of_the_file() -> None:
    files = (
        FileRecord(path="good.dcm", passed=120, not_applicable=280),
        FileRecord(path="cut.dcm", status="partial", passed=3, crashed=("PIX001",)),
    )
    root = etree.fromstring(
        written(msgspec.structs.replace(report(), files=files, findings=()), "junit").encode()
    )
    assert [case.get("name") for case in root[0]] == ["120 rules passed"]
    assert [error.get("message") for error in root[1].iter("error")] == [
        "read only in part", "the rule crashed: a defect of dcmlint",
    ]  # fmt: skip
    assert root.get("errors") == "2"


def test_gitlab_fingerprints_are_unique() -> None:
    issues = json.loads(written(report(count=3), "gitlab"))
    assert len({issue["fingerprint"] for issue in issues}) == 3
    assert all(issue["location"]["lines"]["begin"] == 1 for issue in issues)
    assert json.loads(written(report(count=0), "gitlab")) == []


def test_github_writes_annotations_and_a_summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    lines = written(report("50% ::error::x"), "github").splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("::error file=a.dcm,title=TILE003 full-frame-count::")
    assert "50%25" in lines[0]
    assert "## dcmlint: FAIL" in page.read_text()
    assert not any(line.startswith("::") for line in page.read_text().splitlines())


def test_csv_begins_no_formula() -> None:
    rows = list(csv.reader(StringIO(written(report("=1+1"), "csv"))))
    assert len(rows) == 2
    assert rows[1][rows[0].index("message")] == "'=1+1"


def test_sarif_is_valid_where_it_matters() -> None:
    log = json.loads(written(report(file="a: b.dcm"), "sarif"))
    run = log["runs"][0]
    rule = run["tool"]["driver"]["rules"][0]
    result = run["results"][0]
    assert rule["helpUri"].startswith("https://")
    # Azure DevOps asks for these two.
    assert run["automationDetails"]["id"] == "dcmlint/wsi/"
    assert run["tool"]["driver"]["fullName"] == "dcmlint 1"
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%3A%20b.dcm"


def test_a_name_that_is_no_format_is_told_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean junit"):
        writer_class("junti")


def test_information_is_counted_but_not_shown() -> None:
    value = msgspec.structs.replace(
        report(), findings=(finding(severity="info"),), summary=Summary(files=1, infos=1)
    )
    text = written(value, "full", TextOptions())
    assert "info[" not in text
    assert "1 information" in text


@pytest.mark.parametrize("every_rule", [False, True])
def test_junit_counts_add_up(every_rule: bool) -> None:
    outcomes = {"TILE003": {"fail": 1}, "TILE004": {"pass": 1}, "MOD001": {"pass": 1}}
    value = msgspec.structs.replace(report(), outcomes=outcomes)
    root = etree.parse(BytesIO(written(value, "junit:all" if every_rule else "junit").encode())).getroot()
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
    assert len(written(value, "junit")) < 20_000_000


def test_colour_only_when_asked() -> None:
    assert "\x1b[" not in written(report(), "full", TextOptions())
    assert re.search(r"\x1b\[1;31m", written(report(), "full", TextOptions(colour=True)))


def of_tables(*tables: str) -> list[Finding]:
    return [
        finding(path=f"Attribute{n}", message=f"Attribute{n} is missing (Type 2)", is_="absent", references=(Reference("PS3.3", "", table),))
        for n, table in enumerate(tables)
    ]  # fmt: skip


def test_a_block_cites_the_tables_of_all_its_attributes() -> None:
    found = of_tables("C.7-1", "C.7-1", "C.7-10")
    value = msgspec.structs.replace(report(), findings=tuple(found))
    text = written(value, "full", TextOptions(width=200))
    assert "see | PS3.3 Table C.7-1; PS3.3 Table C.7-10\n" in text
    page = written(value, "markdown")
    assert page.count("#table_C.7-1)") == page.count("#table_C.7-10)") == 1
    many = written(
        msgspec.structs.replace(report(), findings=tuple(of_tables(*(f"C.{n}" for n in range(12))))),
        "full",
        TextOptions(width=900),
    )
    assert "PS3.3 Table C.7 and 4 more\n" in many


def test_links_of_a_block_lead_each_to_its_own_table() -> None:
    value = msgspec.structs.replace(report(), findings=tuple(of_tables("C.7-10", "C.7-1")))
    text = written(value, "full", TextOptions(width=200, links=True))
    assert text.count("html#table_C.7-1\x1b") == text.count("html#table_C.7-10\x1b") == 1


def test_sarif_has_fixes_where_a_finding_has_them_and_only_there() -> None:
    fix = Fix(label="remove it", applicability="safe", operations=(Operation(kind="remove", path="Rows"),))
    value = msgspec.structs.replace(report(), findings=(finding(fixes=(fix,)), finding(path="Columns")))
    first, second = json.loads(written(value, "sarif"))["runs"][0]["results"]
    (told,) = first["fixes"]
    assert told["description"]["text"] == "remove it (safe)"
    assert told["artifactChanges"][0]["replacements"][0]["deletedRegion"]["byteOffset"] == 18
    assert "fixes" not in second
    assert first["occurrenceCount"] == 3


def test_junit_adds_up() -> None:
    """The totals are those of the suites, and each suite counts the cases that it holds."""
    files = (
        FileRecord(path="a.dcm", undecided=("TILE001",), not_checked=("frames 3 to 9",)),
        FileRecord(path="b.dcm", status="unreadable"),
    )
    skipped = (FileRecord(path="notes.txt", status="skipped", title="text"),)
    below = finding(severity="info", path="Columns")
    value = msgspec.structs.replace(
        report(),
        files=files,
        skipped=skipped,
        findings=(finding(), below, finding(file="b.dcm")),
        fail_on="error",
    )
    for name in ("junit", "junit:all"):
        root = etree.fromstring(written(value, name).encode())
        for kind, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            for suite in root:
                assert int(suite.get(kind) or 0) == len(list(suite.iter(tag))), (
                    name,
                    suite.get("name"),
                    kind,
                )
        assert [int(suite.get("tests") or 0) for suite in root] == [len(suite) for suite in root]
        assert int(root.get("tests") or 0) == len(list(root.iter("testcase")))
        assert int(root.get("failures") or 0) == len(list(root.iter("failure"))) == 2
        assert int(root.get("errors") or 0) == len(list(root.iter("error"))) == 1
        assert [one.get("name") for one in root if one.get("name") == "not DICOM"] == ["not DICOM"]


def test_junit_shows_what_is_below_the_limit_without_failing() -> None:
    value = msgspec.structs.replace(
        report(), files=(FileRecord(path="a.dcm"),), findings=(finding("low", severity="warning"), finding("bad")), fail_on="error"
    )  # fmt: skip
    value = msgspec.structs.replace(
        value, findings=(finding("low", severity="warning", rule="PIX001"), finding("bad"))
    )
    (suite,) = etree.fromstring(written(value, "junit").encode())
    assert [case.get("name") for case in suite] == ["TILE003 full-frame-count", "no failure"]
    assert "warning[PIX001] low" in (suite[1].findtext("system-out") or "")


@pytest.mark.parametrize(
    ("byte", "shown"),
    [("\udc80", r"\x80"), ("\udcff", r"\xFF"), ("\ud800", r"\uD800"), ("\u202e", r"\u202E")],
)
def test_bytes_of_a_file_name_that_are_no_text_are_shown_as_bytes(byte: str, shown: str) -> None:
    assert printable(byte) == shown


def test_gitlab_leaves_out_what_is_suppressed() -> None:
    value = msgspec.structs.replace(report(), findings=(finding(suppressed=True), finding(path="Columns")))
    assert len(json.loads(written(value, "gitlab"))) == 1
