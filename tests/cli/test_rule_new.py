"""`dcmlint rule new`: a skeleton that holds, with an id that nobody had."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dcmlint.cli.app import run
from dcmlint.errors import UsageError
from dcmlint.rules.load import data_folder, read_rule, rule_files
from dcmlint.rules.skeleton import next_id


def test_a_new_rule_passes_check_and_test(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rule", "new", "MINE", "my-modality", "--folder", str(tmp_path)]) == 0
    path = Path(capsys.readouterr().out.strip())
    assert path == tmp_path / "MINE001-my-modality.yaml"
    assert run(["rule", "check", str(path)]) == 0
    assert run(["rule", "test", str(path)]) == 0
    assert "2 examples of 1 rule: none failed" in capsys.readouterr().out
    assert run(["rule", "new", "MINE", "another", "--folder", str(tmp_path)]) == 0
    assert (tmp_path / "MINE002-another.yaml").is_file()


def test_the_tutorial_of_rules_as_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "tutorials" / "own-rule.md").read_text("utf-8")
    monkeypatch.chdir(tmp_path)
    commands = [line.split()[1:] for line in page.splitlines() if line.startswith("dcmlint rule ")]
    (rule,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert [words[1] for words in commands] == ["new", "check", "test"]
    assert run(commands[0]) == 0, capsys.readouterr().err
    (path,) = (tmp_path / "my-rules").iterdir()
    path.write_text(rule, "utf-8")
    for words in commands[1:]:
        assert run(words) == 0, capsys.readouterr().out
    assert "2 examples of 1 rule: none failed" in capsys.readouterr().out


def test_built_in_ids_are_taken(tmp_path: Path) -> None:
    assert run(["rule", "new", "TILE", "my-tiles", "--folder", str(tmp_path)]) == 0
    (path,) = tmp_path.iterdir()
    given = {one.name.split("-", 1)[0] for one in rule_files(data_folder("rules"))}
    assert read_rule(path).rule.id not in given


def test_file_names_of_built_in_rules_begin_with_their_id() -> None:
    for path in rule_files(data_folder("rules")):
        assert path.name.split("-", 1)[0] == read_rule(path).rule.id


def test_gaps_stay_and_areas_end() -> None:
    assert next_id("AB", ["AB001", "AB007", "ABC900"]) == "AB008"
    with pytest.raises(UsageError, match="three digits"):
        next_id("AB", ["AB999"])


@pytest.mark.parametrize(
    ("area", "name"), [("tile", "x"), ("TOOLONG", "x"), ("MINE", "../x"), ("MINE", "Big")]
)
def test_wrong_words_write_nothing(tmp_path: Path, area: str, name: str) -> None:
    assert run(["rule", "new", area, name, "--folder", str(tmp_path)]) == 2
    assert list(tmp_path.iterdir()) == []
