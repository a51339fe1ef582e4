"""The loop over rules, whatever they are held against."""

from __future__ import annotations

from typing import Any

import pytest

from dcmlint.engine.given import check_given
from dcmlint.engine.maker import FindingMaker
from dcmlint.engine.plan import ActiveRule
from dcmlint.engine.runner import Ends, RuleSubject, hold
from dcmlint.engine.settings import Settings
from dcmlint.facts.file.svs import Svs
from dcmlint.findings.finding import Subject
from dcmlint.rules.model import Applies, Rule, RuleSource

SUBJECT = Subject("file", "a.svs", ("a.svs",))


def active(number: int, **rule: Any) -> ActiveRule:
    made = Rule(
        id=f"TEST00{number}", name=f"test-{number}", title="A title", severity="error", basis="local", **rule
    )
    return ActiveRule(RuleSource(made, "test.yaml"), "error")


class Scope:
    """A level with one number, or one that cannot be read."""

    def __init__(self, images: int | None) -> None:
        self.images = images

    def fact(self, name: str) -> object:
        if self.images is None:
            raise ZeroDivisionError
        return self.images if name == "svs.images" else True


class Levels(RuleSubject):
    """A subject with several levels, which are asked one after the other."""

    def __init__(self, *levels: int | None) -> None:
        self.levels = [(Scope(one), ()) for one in levels]
        super().__init__(self.levels[0][0], None, FindingMaker(SUBJECT, "a.svs", Settings()))

    def concerns(self, active: ActiveRule) -> bool:
        return not active.rule.applies.modality

    def scopes(self, active: ActiveRule) -> Any:
        return self.levels


@pytest.mark.parametrize(
    ("levels", "outcome", "findings"),
    [((3, 4), "pass", 0), ((3, 1, 0), "fail", 2), ((None, 1), "error", 0), ((1, None), "error", 1)],
)
def test_the_worst_of_the_levels_is_the_outcome(
    levels: tuple[int | None, ...], outcome: str, findings: int
) -> None:
    subject, ends = Levels(*levels), Ends()
    rules = [
        active(1, assert_="svs.images > 2"),
        active(2, assert_="svs.images > 2", applies=Applies(modality=("CT",))),
    ]
    hold(rules, subject, ends)
    assert ends.of(rules) == {"TEST001": outcome, "TEST002": "not_applicable"}
    assert [finding.rule for finding in subject.findings] == ["TEST001"] * findings
    assert ("ZeroDivisionError" in ends.undecided.get("TEST001", "")) == (outcome == "error")


def test_an_outcome_that_is_there_stays() -> None:
    subject, ends = Levels(3, 1), Ends()
    ends.outcomes["TEST001"] = "fail"
    hold([active(1, assert_="svs.images > 9", when="svs.images > 9")], subject, ends)
    assert ends.outcomes == {"TEST001": "fail"}


def test_a_subject_of_facts_alone() -> None:
    rules = [
        active(1, assert_="svs.images > 2", at="somewhere"),
        active(2, assert_="svs.images > 2", when="svs.tiled"),
        active(3, assert_="Rows > 2", when="has(Rows)"),
        active(4, assert_="svs.images > 2", applies=Applies(modality=("CT",))),
    ]
    checked = check_given(rules, {"svs": Svs(is_svs=True, images=1)}, SUBJECT, Settings())
    assert checked.outcomes == {
        "TEST001": "fail", "TEST002": "not_applicable", "TEST003": "not_applicable", "TEST004": "not_applicable",
    }  # fmt: skip
    (finding,) = checked.findings
    assert (finding.file, finding.path, finding.because) == ("a.svs", "somewhere", "svs.images = 1")
