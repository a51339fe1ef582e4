"""`dcmlint rule check` and `dcmlint rule test`."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcmlint.cli.app import run

_GOOD = """\
id: MINE001
name: my-modality
title: Modality must be SM
severity: warning
basis: local
assert: Modality == "SM"
message: "{Modality} is no SM"
examples:
  - {name: a CT image, fails: true, count: 1, severity: warning, dataset: {use: ct}}
  - {name: a slide, passes: true, dataset: {use: wsi-label}}
"""


def _write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_a_good_rule(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _write(tmp_path, "MINE001-my-modality.yaml", _GOOD)
    assert run(["rule", "check", str(path)]) == 0
    assert run(["rule", "test", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "1 rule: no mistakes\n2 examples of 1 rule: none failed\n"
    assert run(["rule", "test", "--quiet", str(path)]) == 0
    assert capsys.readouterr().out == ""


def test_mistakes_have_file_line_column_and_a_suggestion(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _write(
        tmp_path,
        "MINE002-wrong.yaml",
        """\
id: MINE002
name: wrong
title: Wrong
severity: warning
basis: local
applies: {sop_class: [VLWholeSlideMicroscopyImageStorag]}
when: DimensionOrganisationType == "TILED_FULL"
assert: has(Modality)
at: Modalitty
examples:
  - {name: one, passes: true, dataset: {use: wsi-ful}}
""",
    )
    _write(
        tmp_path, "MINE003-not.yaml", "id: MINE003\nname: not\ntitle: Not\nseverity: grave\nbasis: local\n"
    )
    _write(tmp_path, "MINE004-double.yaml", "id: MINE004\nid: MINE004\n")
    assert run(["rule", "check", str(tmp_path)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1] == "6 mistakes in 3 rule files"
    assert any(line.startswith(f"{path}:7:7: ") and "DimensionOrganizationType" in line for line in lines)
    assert any(line.startswith(f"{path}:6:10: ") for line in lines)
    assert any(line.startswith(f"{path}:9:5: ") and "did you mean Modality?" in line for line in lines)
    assert any(line.startswith(f"{path}:11:46: ") and "did you mean wsi-full?" in line for line in lines)
    assert any("MINE003-not.yaml:4:11: " in line for line in lines)
    assert any("MINE004-double.yaml:2:1: the key 'id' occurs twice" in line for line in lines)


def test_two_rules_of_one_id(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write(tmp_path, "a.yaml", _GOOD)
    _write(tmp_path, "b.yaml", _GOOD)
    assert run(["rule", "check", str(tmp_path)]) == 2
    assert "MINE001 is also used in" in capsys.readouterr().err


def test_unknown_check_attribute_and_parameter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head = "title: T\nseverity: warning\nbasis: local\n"
    _write(
        tmp_path, "t.yaml",
        f"id: MINE005\nname: t\n{head}kind: table\ncheck: [table.type-1-mising]\n",
    )  # fmt: skip
    _write(
        tmp_path, "u.yaml",
        f"id: MINE006\nname: u\n{head}kind: table\ncheck: [table.type-1-missing]\nattributes: [Modalty]\n",
    )  # fmt: skip
    assert run(["rule", "check", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "did you mean table.type-1-missing?" in error
    assert "did you mean Modality?" in error


def test_failures_are_told_readably(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _write(
        tmp_path, "MINE001-my-modality.yaml", _GOOD.replace("fails: true, count: 1", "fails: true, count: 2")
    )
    _write(tmp_path, "MINE006-other.yaml", _GOOD.replace("MINE001", "MINE006").replace("my-modality", "other")
           .replace("a slide, passes", "a slide, fails"))  # fmt: skip
    assert run(["rule", "test", str(tmp_path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{path}:9:5: MINE001 'a CT image': 2 places were expected, but found 1"
    assert lines[1] == "    warning at Modality: CT is no SM"
    assert lines[2].endswith("MINE006 'a slide': fail was expected, but got pass")
    assert lines[-1] == "4 examples of 2 rules: 2 failed"


def test_built_in_rules_by_id_name_and_area(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rule", "test", "enc-001", "tag-order"]) == 0
    assert " of 1 rule: none failed" in capsys.readouterr().out
    assert run(["rule", "test", "CHR"]) == 0
    assert " of 9 rules: none failed" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["rule", "test", "NOSUCH"], ["rule", "check", "no/such/folder"]])
def test_words_that_mean_nothing(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    assert words[-1] in capsys.readouterr().err
