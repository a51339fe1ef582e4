"""What `--help` lists and what a shell completes."""

from __future__ import annotations

import pytest
import typer.main
from typer.testing import CliRunner

from dcmlint.cli import commands, completion  # noqa: F401 - registers the commands
from dcmlint.cli.app import app


def _help(*words: str) -> str:
    result = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "80"})
    assert result.exit_code == 0
    return result.stdout


@pytest.mark.parametrize("command", ["check", "fix", "listen", "probe", "scan"])
def test_a_long_help_has_groups_examples_and_exit_codes(command: str) -> None:
    text = _help(command)
    assert text.index("Profile and rules:") < text.index("Reports:") < text.index("Run:")
    assert f"Examples:\n  dcmlint {command} " in text
    assert "Exit codes:\n  0 " in text
    assert "130  interrupted" in text
    assert max(map(len, text.splitlines())) <= 80


def test_choices_are_listed() -> None:
    text = _help("check")
    for choices in ("error|warning|info|never", "safe|none|all", "auto|all|sample|none", "auto|always|never"):
        assert choices in text


def test_every_option_has_a_help_text() -> None:
    bare = []
    root = typer.main.get_command(app)
    waiting = [("dcmlint", root)]
    while waiting:
        name, command = waiting.pop()
        waiting += [(f"{name} {one}", sub) for one, sub in getattr(command, "commands", {}).items()]
        bare += [
            f"{name} {one.name}" for one in command.params if one.param_type_name == "option" and not one.help
        ]
    assert bare == []


def test_values_are_completed() -> None:
    assert completion.severities("PIX038=w") == ["PIX038=warning"]
    assert "PIX038=" in completion.severities("PIX03")
    assert completion.formats("sa") == ["sarif"]
    root = typer.main.get_command(app)
    show = next(one for one in root.commands["check"].params if one.name == "show")  # type: ignore[attr-defined]
    words = show.shell_complete(typer.Context(root), "w")
    assert [one.value for one in words] == ["warning"]


def test_every_value_has_a_name_that_says_what_it_is() -> None:
    """`<str>` or `{file}` would be what a parser calls it."""
    bare = []
    waiting = [("dcmlint", typer.main.get_command(app))]
    while waiting:
        name, command = waiting.pop()
        waiting += [(f"{name} {one}", sub) for one, sub in getattr(command, "commands", {}).items()]
        bare += [
            f"{name} {one.name}"
            for one in command.params
            if one.metavar is None and not getattr(one, "is_flag", False) and one.name != "help"
        ]
    assert bare == []
