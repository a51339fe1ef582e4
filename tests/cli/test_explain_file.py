"""`dcmlint explain ID --file FILE`: the steps of a rule on a file, with their values."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from dcmlint.cli import commands  # noqa: F401 - registers the commands
from dcmlint.cli.app import app, run

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
BROKEN = str(EXAMPLES / "slide-broken" / "level-0.dcm")
GOOD = str(EXAMPLES / "slide-good" / "level-0.dcm")


def explain(*words: str) -> str:
    result = CliRunner().invoke(app, ["explain", *words, "--isolated"])
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.partition("On this file")[2].split())


def test_each_step_has_its_value() -> None:
    text = explain("TILE003", "--file", BROKEN)
    assert (
        'when DimensionOrganizationType == "TILED_FULL" -> true (DimensionOrganizationType = TILED_FULL)'
        in text
    )
    assert (
        "let wanted tiling.columns * tiling.rows * tiling.focal_planes * tiling.optical_paths -> 48" in text
    )
    assert "-> false (NumberOfFrames = 47, tiling.columns = 8" in text
    assert "= the rule fails error[TILE003] 47 frames, but 48 tiles" in text


def test_a_rule_of_items_names_the_item() -> None:
    text = explain("OPT005", "--file", GOOD)
    assert "OpticalPathSequence[0].IlluminationTypeCodeSequence[0] " in text
    assert "assert in_context_group(CodeValue, CodingSchemeDesignator, 8123) -> true" in text
    assert text.endswith("= the rule holds")


def test_what_does_not_apply_says_why() -> None:
    assert "the rule does not apply: the rule applies to Basic" in explain("SR001", "--file", BROKEN)
    assert "the rule is about a whole slide: check its folder" in explain("PYR001", "--file", BROKEN)
    text = explain("TILE022", "--file", GOOD)
    assert "-> false" in text
    assert "let " not in text
    assert text.endswith("= the rule does not apply")


def test_a_function_has_no_steps() -> None:
    text = explain("PIX017", "--file", BROKEN)
    assert "it has no steps to show. = the rule fails error[PIX017] Frame 47 of 47" in text


def test_values_that_identify_are_masked(tmp_path: Path) -> None:
    rules = tmp_path / "SITE001-patient.yaml"
    rules.write_text(
        "id: SITE001\nname: patient\ntitle: A patient\nseverity: error\nbasis: local\n"
        'assert: PatientID == "X"\nmessage: "another patient"\nremedy: None.\nwhy: None.\n'
        "examples:\n  - {name: a, fails: true, dataset: {use: ct}}\n",
        "utf-8",
    )
    text = explain("SITE001", "--rules", str(tmp_path), "--file", GOOD)
    assert "-> false (PatientID = " in text
    shown = explain("SITE001", "--rules", str(tmp_path), "--file", GOOD, "--show-values", "all")
    value = shown.partition("PatientID = ")[2].partition(")")[0]
    assert value
    assert value not in text


@pytest.mark.parametrize("file", [__file__, str(EXAMPLES), "there-is-no-such-file"])
def test_what_is_not_one_instance_is_refused(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "TILE003", "--file", file, "--isolated"]) == 2
    assert "--file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("PYR001", "the rule is about a whole slide: check its folder"),
        ("ENT003", "the rule is about a whole series: check its folder"),
        ("NET010", "the rule is about an association: dcmlint probe and dcmlint listen evaluate it"),
        ("CT001", "the rule applies to CTImageStorage"),
        ("FILE907", "the rule is about all inputs of a run: dcmlint check --expect N evaluates it"),
        ("DIR005", "the rule is about all inputs of a run: dcmlint check evaluates it"),
    ],
)
def test_a_rule_about_something_else_says_what_it_is_about(rule: str, reason: str) -> None:
    assert " ".join(explain(rule, "--file", GOOD).split()).endswith(f"= the rule does not apply: {reason}")


def test_an_id_without_its_zeros_is_understood() -> None:
    result = CliRunner().invoke(app, ["explain", "TILE3", "--isolated"])
    assert "did you mean TILE003?" in str(result.exception or result.output)
