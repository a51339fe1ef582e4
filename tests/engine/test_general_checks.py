"""General checks run where a rule speaks of what they find, and say the same whatever else is on."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcmlint import Checker
from dcmlint.rules.tables.elements import ElementCheck
from dcmlint.rules.tables.walk import TableCheck

BROKEN = Path(__file__).resolve().parents[2] / "examples" / "slide-broken"


def found(*select: str) -> set[tuple[str, str, str, str]]:
    report = Checker("dicom", select=select).check(BROKEN)
    return {(one.rule, one.file or "", one.path, one.message) for one in report.findings}


@pytest.mark.parametrize("area", ["VR", "MOD", "FILE", "TILE"])
def test_rules_find_alone_what_they_find_among_all(area: str) -> None:
    assert found(area) >= {one for one in found() if one[0].startswith(area)}


def test_what_nobody_speaks_of_is_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    before = found("TILE003"), found("VR")

    def never(self: object) -> None:
        raise AssertionError("no rule speaks of it")

    monkeypatch.setattr(TableCheck, "run", never)
    assert found("VR") == before[1]
    monkeypatch.setattr(ElementCheck, "run", never)
    assert found("TILE003") == before[0] != set()
