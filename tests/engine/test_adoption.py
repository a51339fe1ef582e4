"""Adoption on files that have findings: baselines, accepted findings, what is inherited, ignored aliases."""

from __future__ import annotations

import datetime
from pathlib import Path

import msgspec
import pytest

import dcmlint
from dcmlint.engine import session
from dcmlint.engine.accepted import Accepted, accepts, check_entries, without_accepted
from dcmlint.engine.baseline import (
    Baseline,
    KnownFindings,
    baseline_bytes,
    baseline_of,
    pruned,
    read_baseline,
    split,
    suppressed,
)
from dcmlint.engine.inherited import compared
from dcmlint.engine.report import Report, Summary
from dcmlint.engine.settings import Settings
from dcmlint.errors import ConfigError
from dcmlint.findings.finding import FileRecord, Finding, Subject
from tests.support import slides

TODAY = datetime.date(2026, 1, 1)


def _without_known(given: Report, known: Baseline) -> Report:
    return suppressed(given, split(given, known)[0])


def found(file: str, rule: str = "TILE003", path: str = "Rows") -> Finding:
    return Finding(
        rule=rule, name="n", severity="error", basis="requirement", subject=Subject("file", file, (file,)), file=file,
        path=path, message="m",
    )  # fmt: skip


def report(*findings: Finding, uids: dict[str, str] | None = None) -> Report:
    paths = list(dict.fromkeys(one.file or "" for one in findings)) or ["clean.dcm"]
    files = tuple(FileRecord(path=path, sop_instance_uid=(uids or {}).get(path, "")) for path in paths)
    return Report(version="1", edition="2025e", profile="wsi", files=files, findings=findings,
                  summary=Summary(files=len(files)), exit_code=1)  # fmt: skip


def test_known_findings_fail_nothing_and_new_ones_do(tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    path.write_bytes(baseline_bytes(baseline_of(report(found("a/x.dcm")))))
    known = read_baseline(path)
    assert _without_known(report(found("a/x.dcm")), known).exit_code == 0
    after = _without_known(report(found("a/x.dcm"), found("a/x.dcm", "TILE004")), known)
    assert after.exit_code == 1
    assert (after.summary.errors, after.summary.suppressed) == (1, 1)


def test_a_second_finding_of_the_same_kind_is_new() -> None:
    known = baseline_of(report(found("a.dcm", path="A[0].B")))
    assert split(report(found("a.dcm", path="A[1].B"), found("a.dcm", path="A[2].B")), known)[0] == (
        True,
        False,
    )


def test_a_moved_folder_is_known_and_another_file_of_the_same_name_is_not() -> None:
    known = baseline_of(report(found("old/x.dcm")))
    assert split(report(found("new/x.dcm")), known)[0] == (True,)
    assert split(report(found("old/x.dcm"), found("other/x.dcm")), known)[0] == (True, False)
    there = report(found("old/x.dcm", "TILE009"), found("other/x.dcm"))
    assert split(there, known)[0] == (False, False)


@pytest.mark.parametrize(("by", "expected"), [("path", False), ("uid", True)])
def test_renamed_files_are_known_by_uid(by: str, expected: bool) -> None:
    known = baseline_of(report(found("a.dcm"), uids={"a.dcm": "1.2"}), by)  # type: ignore[arg-type]
    assert split(report(found("b.dcm"), uids={"b.dcm": "1.2"}), known)[0] == (expected,)


def test_pruning_removes_what_is_gone() -> None:
    known = baseline_of(report(found("a.dcm"), found("b.dcm"), found("b.dcm")))
    assert [(one.file, one.count) for one in pruned(report(found("b.dcm")), known).findings] == [("b.dcm", 1)]


@pytest.mark.parametrize("text", ["", "[]", '{"findings":1}', '{"findings":[],"tool":"other"}', "[" * 10_000])
def test_what_is_no_baseline_is_told(text: str, tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match="not a baseline"):
        read_baseline(path)


def test_accepted_findings_need_a_match_and_a_day() -> None:
    checker = session.Checker(Settings())
    entries = (
        Accepted(reason="known", rule="TILE003", path="a*"),
        Accepted(reason="unused", rule="TILE004"),
        Accepted(reason="late", rule="TILE003", until="2025-12-31"),
    )
    check_entries(entries, checker, "dcmlint.toml")
    after, refused = without_accepted(report(found("a.dcm"), found("b.dcm")), entries, checker, TODAY)
    assert [(one.rule, one.suppressed) for one in after.findings] == [
        ("TILE003", True), ("TILE003", False), ("FILE908", False), ("FILE909", False),
    ]  # fmt: skip
    assert refused == ()
    assert (after.summary.errors, after.summary.warnings, after.exit_code) == (1, 2, 1)


@pytest.mark.parametrize(
    "entry",
    [Accepted(reason=" ", rule="TILE003"), Accepted(reason="x"), Accepted(reason="x", rule="TILE999"),
     Accepted(reason="x", rule="TILE003", until="soon")],
)  # fmt: skip
def test_an_entry_that_can_mean_nothing_is_a_mistake(entry: Accepted) -> None:
    with pytest.raises(ConfigError):
        check_entries([entry], session.Checker(Settings()), "dcmlint.toml")


def test_what_a_profile_locks_cannot_be_accepted() -> None:
    checker = session.Checker(Settings(profile="deidentified"))
    locked = sorted(checker.profile.locked)[0]
    entry = Accepted(reason="x", rule=locked)
    after, refused = without_accepted(report(found("a.dcm", locked)), [entry], checker, TODAY)
    assert refused == (locked,)
    assert [one.suppressed for one in after.findings] == [False]


def test_inherited_new_and_cured() -> None:
    source = report(found("src/a.dcm"), found("src/a.dcm", "TILE004"))
    result = compared(report(found("out/a.dcm"), found("out/a.dcm", "TILE005")), source)
    assert (result.inherited, result.new, result.cured) == ((True, False), 1, 1)


def test_ignoring_an_alias_silences_the_defect() -> None:
    dataset = slides.full_native()
    dataset.pop("BurnedInAnnotation", None)
    data = slides.to_bytes(dataset)

    def about(**settings: object) -> list[str]:
        found = dcmlint.check_bytes(data, **settings).findings  # type: ignore[arg-type]
        return [one.rule for one in found if one.path == "BurnedInAnnotation"]

    assert about() == ["PHI001"]
    assert about(ignore=["PHI001"]) == []


def test_an_accepted_finding_holds_on_its_last_day() -> None:
    entry = Accepted(reason="x", rule="TILE003", until="2026-01-01")
    assert entry.holds(TODAY)
    assert not entry.holds(TODAY + datetime.timedelta(days=1))


@pytest.mark.parametrize(
    ("uid", "accepted"),
    [("1.2", True), ("1.3", False), ("2.25.7", False)],
)
def test_an_entry_by_uid_is_about_the_instance(uid: str, accepted: bool) -> None:
    uids = {"a.dcm": "1.2", "b.dcm": "1.3"}
    assert accepts(Accepted(reason="x", uid=uid), found("a.dcm"), uids, {}) is accepted


def test_an_entry_by_uid_is_about_a_slide_or_any_of_its_files() -> None:
    slide = msgspec.structs.replace(
        found("a.dcm"), file=None, subject=Subject("slide", "2.25.7", ("a.dcm", "b.dcm"))
    )
    uids = {"a.dcm": "1.2", "b.dcm": "1.3"}
    for uid in ("2.25.7", "1.2", "1.3"):
        assert accepts(Accepted(reason="x", uid=uid), slide, uids, {}), uid
    assert not accepts(Accepted(reason="x", uid="1.4"), slide, uids, {})


def test_a_baseline_leaves_out_what_is_suppressed_anyway() -> None:
    excepted = msgspec.structs.replace(found("b.dcm"), suppressed=True)
    assert [one.file for one in baseline_of(report(found("a.dcm"), excepted)).findings] == ["a.dcm"]


@pytest.mark.parametrize(("by", "known"), [("path", False), ("uid", True)])
def test_a_renamed_file_is_known_by_uid_when_it_is_asked_alone(by: str, known: bool) -> None:
    baseline = baseline_of(report(found("a.dcm"), uids={"a.dcm": "1.2"}), by)  # type: ignore[arg-type]
    asked = KnownFindings(baseline)
    assert asked.has(found("a.dcm"), "1.2")
    assert asked.has(found("b.dcm"), "1.2") is known
    assert not asked.has(found("b.dcm"), "1.3")
