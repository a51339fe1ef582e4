"""What two validators say of an attribute, in the words in which they are compared."""

from __future__ import annotations

import pytest

from dcmlint.compare.agreement import agree, kind_of, remarks_of
from dcmlint.compare.remark import Remark
from dcmlint.findings.finding import Finding, Subject


def finding(rule: str, message: str = "", tag: str = "00100020") -> Finding:
    return Finding(
        rule=rule, name="a-name", severity="error", basis="requirement", subject=Subject("file", "a", ("a",)), file="a",
        tag=tag, message=message,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "message", "kind"),
    [
        ("MOD001", "", "missing"),
        ("MOD002", "", "empty"),
        ("MOD007", "", "present"),
        ("MOD011", "", "items"),
        ("SPEC001", "ContainerIdentifier is missing (Type 1)", "missing"),
        ("SPEC001", "ContainerIdentifier has no value (Type 1)", "empty"),
        ("SPEC002", "ContainerTypeCodeSequence has no items (Type 1)", "empty"),
        ("VR126", "value 1 has a component with a leading zero", "value"),
        ("TILE003", "47 frames, but 48 tiles", "other"),
    ],
)
def test_an_alias_is_told_by_its_message(rule: str, message: str, kind: str) -> None:
    assert kind_of(finding(rule, message)) == kind


def test_remarks_agree_by_attribute_and_kind() -> None:
    ours = remarks_of([finding("MOD001"), finding("MOD002", tag="00100010")])
    theirs = [
        Remark("00100020", "missing", "error", "Missing"),
        Remark("00080060", "missing", "error", "Missing"),
    ]
    found = agree(ours, theirs)
    assert [one.tag for one in found.both] == ["00100020"]
    assert [one.tag for one in found.ours] == ["00100010"]
    assert [one.tag for one in found.theirs] == ["00080060"]
