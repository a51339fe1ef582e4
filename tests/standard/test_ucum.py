"""Units of UCUM: those of PS3.16, what is often written instead, and the grammar."""

import pytest

from dcmlint.standard import load, ucum


def test_every_unit_of_a_context_group_is_one() -> None:
    tables = load()
    units = {
        value
        for cid in tables.context_groups()
        for group in [tables.context_group(cid)]
        if group is not None
        for value, scheme in group.codes
        if scheme == "UCUM"
    }
    assert len(units) > 50
    assert [unit for unit in sorted(units) if not ucum.is_unit(unit)] == []


@pytest.mark.parametrize(
    "text",
    ["mm2", "1", "%", "{X-Ray sources}", "{-1:1}", "{SUVbw}g/ml", "g/ml{SUVbw}", "{H.B.}/min", "/min", "10*6/l", "10^6/l",
     "10*-3", "mm[Hg]", "[hnsf'U]", "B[10.nV]", "(mm.s)/kg", "1/{x}", "{x}/{y}", "mL/(min.{1.73_m2})", "Ohm.m", "m/s2"],
)  # fmt: skip
def test_units(text: str) -> None:
    assert ucum.is_unit(text)


@pytest.mark.parametrize(
    "text",
    ["", "MM", "KG", "mm^2", "mm**2", "mm ", "mm/", "mm//s", "mm)", "(mm", "um mm", "\u00b5m", "inch", "pixels", "ratio", "HU", "bpm",
     "sec", "mmHg", "mAs", "no units", "{open", "mm{a}{", "2mm"],
)  # fmt: skip
def test_what_is_no_unit(text: str) -> None:
    assert not ucum.is_unit(text)


def test_what_is_meant_is_a_unit() -> None:
    assert all(ucum.is_unit(unit) and not ucum.is_unit(text) for text, unit in ucum.MEANT.items())
