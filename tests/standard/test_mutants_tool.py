"""The tool that makes mutants and compares the two validators."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from dcmlint import Checker, standard
from dcmlint.compare.peers import dciodvfy_program

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
mutants = pytest.importorskip("mutants")


def test_its_classes_are_storage_classes() -> None:
    known = {one.keyword for one in standard.load().sop_classes()}
    assert known.issuperset(mutants.DAILY)
    assert len(set(mutants.DAILY)) == len(mutants.DAILY) > 50


def test_each_false_alarm_says_why() -> None:
    for pattern, reason in mutants.FALSE_ALARMS.items():
        assert re.compile(pattern)
        assert "PS3.3" in reason
    line = "Error - </Laterality(0020,0060)> - Missing attribute for Type 2C Conditional - Module=<GeneralSeries>"
    assert mutants._false(line)
    assert not mutants._false(line.replace("Laterality", "Modality"))


@pytest.mark.skipif(dciodvfy_program() is None, reason="dciodvfy is not installed")
def test_an_instance_that_is_made_is_legal_and_its_mutants_are_not() -> None:
    checker = Checker("dicom")
    made = mutants.made("1.2.840.10008.5.1.4.1.1.7", checker)
    assert not mutants.dcmlint(checker, mutants.written(made))
    changed = {(path, kind): mutant for path, kind, mutant in mutants.mutants(made)}
    broken = mutants.written(changed["ConversionType", "absent"])
    assert mutants.dciodvfy(broken) - mutants.dciodvfy(mutants.written(made))
    assert mutants.dcmlint(checker, broken)
