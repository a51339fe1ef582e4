"""A short campaign: the same cases in each run of CI; `make fuzz` runs others for an hour, with limits of time and memory."""

from __future__ import annotations

import random

import pytest

from fuzz import campaign, mutations, oracles, seeds

SEED = 20261128
CASES, BLOCK = 36, 9


@pytest.mark.parametrize("first", range(0, CASES, BLOCK))
def test_cases_of_the_seed(first: int) -> None:
    print(f"seed {SEED}, cases {first} to {first + BLOCK - 1}")
    for number in range(first, first + BLOCK):
        case = campaign.case(SEED, number)
        assert not case.failures(), f"case {number} of seed {SEED} ({case.kind}, {case.origin})"


def test_a_case_is_the_same_again() -> None:
    assert [campaign.case(7, n).data for n in range(12)] == [campaign.case(7, n).data for n in range(12)]
    assert campaign.case(7, 1).data != campaign.case(8, 1).data


@pytest.mark.parametrize("name", mutations.OF_INSTANCES)
def test_each_damage_damages(name: str) -> None:
    data = seeds.instances()["sparse jpeg"]
    assert any(mutations.OF_INSTANCES[name](data, random.Random(n)) != data for n in range(5))


def test_oracles_see_what_they_are_for(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = seeds.instances()["sparse jpeg"]
    assert list(oracles.never_whole(sound)) == ["a cut instance passes"]
    assert not list(oracles.instance(sound))
    archive = mutations.archive("zip", [("a.dcm", sound)])
    assert not list(oracles.packed("zip", archive, 1))
    assert list(oracles.packed("zip", archive, 2)) == ["passes with 1 of 2 members checked"]
    broken = campaign.Case(0, "x", "", b"", lambda data: iter([1 // 0]))  # type: ignore[list-item]
    assert "ZeroDivisionError" in broken.failures()[0]
    monkeypatch.setattr(oracles, "MARKER", "dcmlint")
    assert any("a patient's data" in said for said in oracles.well_formed(sound))
