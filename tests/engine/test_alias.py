"""A rule that speaks for a general one at an attribute, where it is about instances of one modality."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import slides

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.engine.session import Checker, Task
from dcmlint.engine.settings import Settings
from dcmlint.profiles.resolve import RULES

RULE = """\
id: LAB101
name: sex
title: PatientSex is one of those that the laboratory uses
severity: warning
basis: local
kind: expression
check: [table.enumerated-value]
attributes: [PatientSex]
applies: {modality: [%s]}
when: has(PatientSex)
assert: PatientSex != "O"
message: the laboratory does not use it
remedy: Write another value.
"""


@pytest.mark.parametrize(("modality", "speaks"), [("CT", "LAB101"), ("SM", "MOD009")])
def test_an_alias_speaks_for_its_modality_the_first_time_and_later(
    tmp_path: Path, modality: str, speaks: str
) -> None:
    path = tmp_path / "lab.yaml"
    path.write_text(RULE % modality, encoding="utf-8")
    checker = Checker(Settings(select=("LAB101", "MOD009"), parameters={RULES: [str(path)]}))  # type: ignore[dict-item]
    made = slides.ct()
    made.PatientSex = "X"
    data = WholeBuffer(slides.to_bytes(made))
    for time in range(3):  # the plan of a shape is made when it comes again
        result = checker.check_buffer(Task(f"{time}.dcm", True), data)
        assert [one.rule for one in result.findings if one.path == "PatientSex"] == [speaks]
        assert result.outcomes["LAB101"] == ("fail" if speaks == "LAB101" else "not_applicable")
        assert result.outcomes.get("MOD009") == ("fail" if speaks == "MOD009" else None)
