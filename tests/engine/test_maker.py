"""What every finding carries, whoever made it: severity, words for what has no value, remedy, exceptions."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import slides

import dcmlint
from dcmlint.engine.maker import FindingMaker, Where, _references, _singular
from dcmlint.engine.plan import ActiveRule
from dcmlint.engine.settings import Settings
from dcmlint.expr import ABSENT, UNKNOWN, Operand
from dcmlint.findings.finding import Finding, Reference, Subject
from dcmlint.findings.problem import Problem
from dcmlint.rules.load import builtin_rules

MAKER = FindingMaker(Subject("file", "a.dcm", ("a.dcm",)), "a.dcm", Settings())
NAME = 0x00100010


def active(rule: str) -> ActiveRule:
    (source,) = [one for one in builtin_rules() if one.rule.id == rule]
    return ActiveRule(source, source.rule.severity)


def made(problem: Problem, where: Where | None = None, maker: FindingMaker = MAKER) -> list[Finding]:
    return list(maker.make(active("TILE003"), problem, where or Where()))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (ABSENT, "PatientName is absent"),
        (None, "PatientName is empty"),
        (UNKNOWN, "PatientName is unknown"),
        ("Doe^Jane", "PatientName = Aaa^Aaaa (PN, 8 characters)"),
    ],
)
def test_what_has_no_value_is_said_in_words(value: object, words: str) -> None:
    assert MAKER.operands([Operand("PatientName", value, (NAME,))]) == words


def test_operands_are_few_and_none_is_said_twice() -> None:
    many = [Operand(f"x{number}", number) for number in range(20)]
    assert MAKER.operands(many) == "x0 = 0, x1 = 1, x2 = 2, x3 = 3, x4 = 4, x5 = 5"
    assert MAKER.operands(many[:3], ["x1"]) == "x0 = 0, x2 = 2"
    assert MAKER.operands(many[:1], ["x0"]) == "x0 = 0", "rather twice than not at all"
    assert MAKER.operands([Operand("has(Rows)", False, (0x00280010,))]) == "Rows is absent"
    assert MAKER.operands(many[:2], found="1") == "x0 = 0", "found says it"
    assert MAKER.operands([Operand("size(A[0].BSequence)", 2)]) == "number of items in A[0].BSequence = 2"
    assert MAKER.operands([Operand("size(Rows)", ABSENT)]) == "Rows is absent"
    assert MAKER.operands([Operand("value(Rows, size(Rows))", 7)]) == "last value of Rows = 7"
    assert MAKER.operands([Operand("x", list(range(9)))]) == r"x = 0\1\2\3\4\5\…"
    assert MAKER.operands([Operand("items", object(), ())]) == "items = (0 items)", "no words of Python's"


def test_a_problem_lowers_the_severity_and_never_raises_it() -> None:
    assert [one.severity for one in made(Problem(severity="info"))] == ["info"]
    warning = ActiveRule(active("TILE003").source, "warning")
    assert [one.severity for one in MAKER.make(warning, Problem(severity="error"), Where())] == ["warning"]


def test_repeats_are_one_finding_or_one_for_each_place() -> None:
    where = Where("S[1].Rows", 0x00280010, 7, ("S[1].Rows", "S[2].Rows"), 2)
    (one,) = made(Problem(), where)
    assert (one.count, one.places, one.offset, one.tag) == (2, ("S[1].Rows", "S[2].Rows"), 7, "00280010")
    maker = FindingMaker(MAKER.subject, MAKER.file, Settings(group=False))
    each = made(Problem(), where, maker)
    assert [one.path for one in each] == ["S[1].Rows", "S[2].Rows"]
    assert {one.fingerprint for one in each} == {one.fingerprint}


def test_every_finding_says_what_to_do() -> None:
    data = slides.full_native()
    data.Rows = None
    data.StudyDate = "20201301"
    del data.SOPClassUID
    report = dcmlint.check_bytes(slides.to_bytes(data), profile="dicom")
    assert len(report.findings) >= 3
    assert all(finding.remedy for finding in report.findings)
    assert {finding.rule[:3] for finding in report.findings} >= {"MOD"}, "a rule of the tables too"


def exceptions(tmp_path: Path, rule: str, match: str) -> str:
    path = tmp_path / "lab.yaml"
    path.write_text(
        f'id: lab\nversion: "1"\ntitle: Lab\nextends: [wsi]\noverrides:\n  - match: {match}\n'
        f"    rules: {{{rule}: off}}\n    reason: known\n    expires: 2999-01-01\n"
    )
    return str(path)


def suppressed(report: dcmlint.Report, rule: str) -> list[bool]:
    return [finding.suppressed for finding in report.findings if finding.rule == rule]


def test_exceptions_reach_files_that_cannot_be_read(tmp_path: Path) -> None:
    for match, expected in (("{path: '*.txt'}", True), ("{path: '*.dcm'}", False), ("{Modality: SM}", False)):
        report = dcmlint.check_bytes(b"text", name="a.txt", profile=exceptions(tmp_path, "FILE901", match))
        assert suppressed(report, "FILE901") == [expected]
        assert report.exit_code == 4, "what could not be read was not checked, whatever is excepted"


def test_exceptions_reach_what_a_dicomdir_says_of_its_folder(tmp_path: Path) -> None:
    from support.make_bases import directory

    data = directory()
    for match, expected in (("{path: '*DICOMDIR'}", True), ("{path: 'other'}", False)):
        report = dcmlint.check_bytes(
            data,
            name="disc/DICOMDIR",
            profile=exceptions(tmp_path, "DIR004", match),
            extend_select=("DIR004",),
        )
        assert suppressed(report, "DIR004") == [expected]


def test_exceptions_reach_svs_files(tmp_path: Path) -> None:
    import numpy
    import tifffile

    path = tmp_path / "slide.svs"
    tifffile.imwrite(
        path, numpy.zeros((64, 64, 3), "uint8"), description="Aperio Image Library v1", tile=(32, 32)
    )
    rules = dcmlint.check(path, profile="aperio-gt450-dx").findings
    assert rules, "a file of one image lacks most of what a slide has"
    for finding in rules:
        profile = tmp_path / "lab.yaml"
        profile.write_text(
            'id: lab\nversion: "1"\ntitle: Lab\nextends: [aperio-gt450-dx]\noverrides:\n  - match: {path: "*.svs"}\n'
            f"    rules: {{{finding.rule}: off}}\n    reason: known\n    expires: 2999-01-01\n"
        )
        assert all(suppressed(dcmlint.check(path, profile=str(profile)), finding.rule))


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("the sequence has 1 items", "The sequence has 1 item"),
        ("1 frames have no position, 11 frames have", "1 frame has no position, 11 frames have"),
        ("value 2.1 values; 1 values", "Value 2.1 values; 1 value"),
        ("the tiles of frame 1 values hide", "The tiles of frame 1 values hide"),
        ("pH is low", "pH is low"),
        ("XYZSequence has 1 items", "XYZSequence has 1 item"),
    ],
)
def test_a_message_is_a_sentence(said: str, message: str) -> None:
    (finding,) = made(Problem(check="table.x", message=said))
    assert finding.message == message


def test_the_context_group_of_a_finding_takes_the_place_of_all_of_its_rule() -> None:
    of_rule = (Reference("PS3.16", "7.1.2"), Reference("PS3.16", "CID 7150"), Reference("PS3.16", "CID 7050"))
    shown = _references(Problem(message="", clause="PS3.16 CID 7203"), of_rule)
    assert [str(one) for one in shown] == ["PS3.16 7.1.2", "PS3.16 CID 7203"]
    assert _references(Problem(message=""), of_rule) == of_rule


def test_one_of_several_is_singular_wherever_it_is_said() -> None:
    assert [_singular(text) for text in ("1 values", "11 values", "frame 1 values", "at least 1 points")] == [
        "1 value", "11 values", "frame 1 values", "at least 1 point",
    ]  # fmt: skip
