"""Mistakes in a profile: each ends with 2, at its line and column, with what is possible there, in `check` as in `profile check`."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcmlint.cli.app import run

HEAD = 'id: pol\nversion: "1"\ntitle: Policy\narea: POL\nextends: [wsi]\n'
ROW = "attributes:\n  - {id: POL001, attribute: "
# What stands below the head, the line and column of the mistake, and words of the message.
MISTAKES: list[tuple[str, str, str]] = [
    ('atributes: []\n', '6:1', "unknown key 'atributes' (did you mean attributes?)"),
    (ROW + 'Rows, presense: always}\n', '7:35', "unknown key 'presense' in attributes[0] (did you mean presence?)"),
    (ROW + 'AcessionNumber, presence: always}\n', '7:29', "'AcessionNumber' is not a keyword of the data dictionary (did you mean AccessionNumber?)"),
    (ROW + 'accessionnumber, presence: always}\n', '7:29', "'accessionnumber' is not a keyword of the data dictionary (did you mean AccessionNumber?)"),
    (ROW + '"00080050", presence: always}\n', '7:29', "'00080050' is not a keyword of the data dictionary (did you mean (0008,0050)?)"),
    ('attributes: AccessionNumber\n', '6:13', "'AccessionNumber' in attributes is not a list"),
    (ROW + '[Rows], presence: always}\n', '7:29', 'a list in attributes[0].attribute is not text'),
    ('attributes:\n  - AccessionNumber\n', '7:5', "'AccessionNumber' in attributes[0] is not a mapping"),
    ('rules: {TILE0003: off}\n', '6:19', "'TILE0003' is not a rule, area or tag (did you mean TILE003?)"),
    ('rules: {TILE003: of}\n', '6:18', "'of' in rules.TILE003 is not one of at-most-info, at-most-warning, error, info, off, on, warning"),
    ('lock: [TILE999]\n', '6:8', "'TILE999' is not a rule, area or tag (did you mean TILE?)"),
    ('lock: TILE003\n', '6:7', "'TILE003' in lock is not a list"),
    ('title: Again\n', '6:1', "the key 'title' occurs twice"),
    (ROW + 'Rows, presence: always}\n  - {id: POL001, attribute: Columns, presence: always}\n', '8:5', 'POL001 is used twice, also in '),
    (ROW + "StudyID, pattern: '(['}\n", '7:47', 'POL001: a [ without its ]'),
    (ROW + "StudyID, pattern: '(?!x)y'}\n", '7:47', 'POL001: looking around, flags and other groups are not allowed: only (, (?: and (?<name>'),
    (ROW + "StudyID, pattern: '(a+)+$'}\n", '7:47', 'POL001: a loop within a loop can run away'),
    (ROW + 'StudyID, values: []}\n', '7:46', 'an empty list in attributes[0].values (name at least one, or leave the key out)'),
    ('transfer_syntaxes: []\n', '6:20', 'an empty list in transfer_syntaxes (name at least one, or leave the key out)'),
    ('attributes:\n', '6:12', "'' in attributes is not a list"),
    (ROW + 'StudyID, values: param.x}\n', '7:46', "there is no parameter 'x'"),
    ('parameters: {x: {type: number, default: many}}\n', '6:41', "the parameter x: 'many' is not a number"),
    ('parameters: {x: {type: integer}}\n', '6:24', "'integer' in parameters.x.type is not one of attribute, boolean, choice, list, number, pattern, substitution, text"),
    ('set: {x: 1}\n', '6:6', "there is no parameter 'x' (the profile has no parameters)"),
    ('attributes:\n  - {<<: *known, id: POL001, attribute: Rows}\n', '7:10', 'not YAML: found undefined alias'),
    ('attributes:\n  - {id: POL1, attribute: Rows, presence: always}\n', '7:10', "'POL1' in attributes[0].id is not an id: the area and three digits"),
    (ROW + 'Rows, presence: required}\n', '7:45', "'required' is not a presence"),
    (ROW + 'Rows, presence: always, severity: fatal}\n', '7:63', "'fatal' in attributes[0].severity is not one of error, info, warning"),
    (ROW + 'Rows, presence: always, when: Modalty == "SM"}\n', '7:59', 'POL001: Modalty is not a keyword of the data dictionary (did you mean Modality?)'),
    (ROW + 'Rows, presence: always, when: Modality = "SM"}\n', '7:59', 'POL001: = has no meaning here (equality is ==)'),
    (ROW + 'Rows, assert: Rows == "x"}\n', '7:43', 'POL001: Rows is a number, "x" is text'),
    (ROW + 'Rows, minimum: big}\n', '7:44', "Rows: 'big' is not a number, which US needs"),
    (ROW + 'StudyID, minimum: 3}\n', '7:47', 'StudyID: minimum and maximum are for numbers, and the VR is SH (not_before and not_after are for dates)'),
    (ROW + 'Rows, minimum: 9, maximum: 3}\n', '7:44', 'Rows: the minimum 9 is larger than the maximum 3'),
    (ROW + 'StudyDate, not_before: 2020-02-31}\n', '7:52', 'StudyDate: 2020-02-31 is not a day of the calendar'),
    (ROW + 'StudyDate, not_after: tomorrow}\n', '7:51', "StudyDate: 'tomorrow' is not a day (YYYY-MM-DD, today, today-30d, today+1d or today-120y)"),
    (ROW + 'StudyID, not_after: today}\n', '7:49', 'StudyID: not_before and not_after are for dates, and the VR is SH'),
    (ROW + 'ContainerTypeCodeSequence, code: 433466003}\n', '7:62', "ContainerTypeCodeSequence: '433466003' is not a code (SCHEME:VALUE, as in SCT:12710003)"),
    (ROW + 'StudyID, code: SCT:433466003}\n', '7:44', 'StudyID: code is for code sequences'),
    (ROW + 'ContainerTypeCodeSequence, context_group: 99999}\n', '7:71', 'ContainerTypeCodeSequence: 99999 is not a context group of PS3.16 (its number, as in 8120)'),
    (ROW + 'ContainerTypeCodeSequence, context_group: CID8101}\n', '7:71', 'ContainerTypeCodeSequence: CID8101 is not a context group of PS3.16 (its number, as in 8120)'),
    (ROW + 'StudyID, source: worklist}\n', '7:46', "'worklist' is not a source (order, or order.KEYWORD)"),
    (ROW + 'StudyID, items: [{id: POL002, attribute: Rows}]}\n', '7:45', 'StudyID: items are for sequences, and the VR is SH'),
    (ROW + 'Rows, values: [a]}\n', '7:43', "Rows: 'a' is not a number, which US needs"),
    ('transfer_syntaxes: [JPEGBaseline]\n', '6:20', "'JPEGBaseline' is not a keyword of a Transfer Syntax (did you mean JPEGBaseline8Bit?)"),
    ('sop_classes: [VLWholeSlideMicroscopyImage]\n', '6:14', "'VLWholeSlideMicroscopyImage' is not a keyword of a SOP Class (did you mean VLWholeSlideMicroscopyImageStorage?)"),
    ('applies: {sop_class: [VLWholeSlide]}\n', '6:23', "'VLWholeSlide' is not a keyword of a SOP Class"),
    ('limits: {file_size: 4 GX}\n', '6:21', "'4 GX' is not a size (bytes, or 500 MB, 2 GB, 4 GiB)"),
    ('limits: {filesize: 4 GB}\n', '6:10', "unknown key 'filesize' in limits (did you mean file_size?)"),
    ('limits: {frames: -1}\n', '6:18', "'-1' is not a number of frames"),
    ('limits: {private_creators: ACME}\n', '6:28', "'ACME' in limits.private_creators is not a list"),
    ('endpoints:\n  - {name: a, protocol: dicomtls, port: 104}\n', '7:25', "'dicomtls' in endpoints[0].protocol is not one of amqps, dicom, dicom-tls, https, smb (did you mean dicom-tls?)"),
    ('endpoints:\n  - {name: a, protocol: dicom, port: 70000}\n', '7:38', 'endpoint a: 70000 is not a port (a whole number from 1 to 65535)'),
    ('endpoints:\n  - {name: a, protocol: dicom, port: 104, called_ae: ABCDEFGHIJKLMNOPQRS}\n', '7:54', "endpoint a: 'ABCDEFGHIJKLMNOPQRS' is not an AE title (1 to 16 ASCII characters, no backslash)"),
    ('endpoints:\n  - {name: a, protocol: dicom-tls, port: 104, tls_minimum: "1.4"}\n', '7:60', "endpoint a: '1.4' is not a version for tls_minimum (one of 1.0, 1.1, 1.2, 1.3)"),
    ('endpoints:\n  - {name: a, protocol: dicom, port: 104}\n  - {name: a, protocol: dicom, port: 105}\n', '8:12', 'two endpoints are called a'),
    ('action: {error: reject}\n', '6:17', "'reject' in action.error is not one of accept, fix, quarantine, refuse"),
    ('side: both\n', '6:7', "'both' in side is not one of receiver, sender"),
    ('overrides:\n  - {match: {Modality: SM}, rules: {TILE003: off}, expires: 2099-01-01}\n', '7:5', "the key 'reason' is missing in overrides[0]"),
    ('overrides:\n  - {match: {Modality: SM}, rules: {TILE003: off}, reason: x, expires: soon}\n', '7:72', "'soon' in overrides[0].expires is not a day: YYYY-MM-DD"),
    ('overrides:\n  - {match: {Modalty: SM}, rules: {TILE003: off}, reason: x, expires: 2099-01-01}\n', '7:23', "'Modalty' is not a keyword of the data dictionary (did you mean Modality?)"),
    ('own_rules:\n  - {id: POL101, name: pol-x, title: X, severity: error, basis: local}\n', '7:5', "a rule of kind expression needs 'assert'"),
    ('own_rules:\n  - {id: POL101, name: pol-x, title: X, severity: error, basis: local, assert: slide.volume > 1, message: m, why: w}\n', '7:80', 'POL101: there is no fact slide.volume (did you mean slide.volumes?)'),
    ('own_rules:\n  - {id: POL101, name: pol-x, title: X, severity: error, basis: local, scope: study, assert: Rows > 1, message: m, why: w}\n', '7:79', "'study' in own_rules[0].scope is not one of association, element, frame, instance, item, series, slide"),
    ('edition: 2035z\n', '6:10', "edition '2035z': dcmlint comes with 2025e; or name a .bin file that `dcmlint standard build` wrote"),
    ('about: this: that\n', '6:12', 'not YAML: mapping values are not allowed in this context'),
    (ROW + 'Rows, presence: always, sop_class: [CTImage]}\n', '7:65', "'CTImage' is not a keyword of a SOP Class (did you mean CTImageStorage?)"),
    ('own_rules:\n  - {id: POL101, name: pol-x, title: X, severity: error, basis: local, applies: {sop_class: [CT]}, assert: Rows > 1, message: m, why: w}\n', '7:94', "'CT' is not a keyword of a SOP Class"),
    (ROW + 'Rows, longest: 3}\n', '7:44', 'Rows: longest is for text, and the VR is US'),
    (ROW + 'StudyID, longest: three}\n', '7:47', "StudyID: 'three' is not a number of characters"),
    ("file_names: '{PatientID'\n", '6:13', "'{PatientID' in file_names is not a mapping"),
    ("attributes:\n\t- {id: POL001, attribute: Rows}\n", "7:1", "a tab: YAML indents by blanks"),
    ("k: &k {presence: always}\n", "6:1", "unknown key 'k' (known: id, version"),
    ("---\nid: x\n", "7:1", "one document is expected, 2 found"),
    ("x-a: &a [*a]\n", "6:6", "nested too deep"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "place", "says"), MISTAKES)
def test_a_mistake_ends_with_2_at_its_place(
    content: str, place: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pol.yaml"
    path.write_text(HEAD + content, encoding="utf-8")
    for command in (["profile", "check", str(path)], ["check", "--isolated", "-p", str(path), str(path)]):
        assert run(command) == 2
        out, err = capsys.readouterr()
        assert f"pol.yaml:{place}: " in out + err, out + err
        assert says in out + err


@pytest.mark.parametrize(
    ("content", "place", "says"),
    [
        (b"", "1:1", "the file is empty"), (b"- a\n", "1:1", "a list is not a mapping"), (b"hello\n", "1:1", "'hello' is not a mapping"),
        (b"id: pol\ntitle: caf\xe9\n", "2:11", "not UTF-8"), (b"{{{\n", "2:1", "not YAML"),
        (b"version: '1'\ntitle: T\n", "1:1", "the key 'id' is missing"), (b"id: pol\ntitle: T\n", "1:1", "the key 'version' is missing"),
        (b"id: pol\nversion: '1'\ntitle: T\nlimits: {frames: 1}\n", "1:1", "needs an area"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_profile(
    content: bytes, place: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pol.yaml"
    path.write_bytes(content)
    assert run(["profile", "check", str(path)]) == 2
    err = capsys.readouterr().err
    assert f"pol.yaml:{place}: " in err
    assert says in err


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (ROW + "Rows, presence: always}\n  - {id: POL002, attribute: Rows, presence: forbidden}\n", "8:45: error[contradiction]"),
        (ROW + "BurnedInAnnotation, values: [no]}\n", "error[illegal-value]"),
        (ROW + "AccessionNumber, values: [ABCDEFGHIJKLMNOPQRSTUV]}\n", "error[illegal-value]"),
        (ROW + 'AccessionNumber, tag: "(0008,0051)", presence: always}\n', "error[tag-mismatch]"),
        (ROW + "AccessionNumber, vr: LO, presence: always}\n", "error[vr-mismatch]"), ("parameters: {x: {default: a}}\n", "6:17: warning[unused-parameter]"),
    ],
)  # fmt: skip
def test_what_can_be_used_and_is_probably_wrong_is_remarked(
    content: str, code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pol.yaml"
    path.write_text(HEAD + content, encoding="utf-8")
    assert run(["profile", "check", str(path)]) == int("error" in code)
    assert code in capsys.readouterr().out


@pytest.mark.parametrize(
    "content",
    [
        ROW + 'BurnedInAnnotation, values: [NO]}\n', ROW + '"(0008,0050)", presence: always}\n',
        ROW + "StudyID, longest: 3}\n", "x-k: &k {presence: always}\nattributes:\n  - {<<: *k, id: POL001, attribute: Rows}\n",
        ROW + "PatientName, values: [\u5c71\u7530]}\n", "version: 2\n",
    ],
)  # fmt: skip
def test_what_is_right_is_silent(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "pol.yaml"
    head = HEAD.replace('version: "1"\n', "") if content.startswith("version") else HEAD
    path.write_text(head + content, encoding="utf-8")
    assert run(["profile", "check", str(path)]) == 0
    assert "0 errors, 0 warnings, 0 remarks" in capsys.readouterr().out


def test_there_are_enough_mistakes() -> None:
    assert len(MISTAKES) >= 60
