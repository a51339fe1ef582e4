"""Words that every report for people says alike: the verdict, the counts, what was not checked."""

from __future__ import annotations

from collections.abc import Sequence

from dcmlint.engine.report import Closing, Summary
from dcmlint.findings.finding import Finding
from dcmlint.plural import number_of

VERDICTS = {0: "PASS", 1: "FAIL", 3: "NO INPUT", 4: "INCOMPLETE"}
_NAMED = 8


def placed_message(finding: Finding) -> str:
    """The message of a finding, after its path where it does not name the attribute of the top level itself."""
    name = finding.path.rpartition(".")[2]
    if not finding.path or (name in finding.message and name == finding.path):
        return finding.message
    # A message about a value begins with the name of its attribute, with which the path ends.
    return f"{finding.path}: {finding.message.removeprefix(f'{name}: ')}"


def counts_of(summary: Summary) -> str:
    """The counts in one line."""
    counts = f"{number_of(summary.errors, 'error')}, {number_of(summary.warnings, 'warning')}"
    if summary.infos:
        counts += f", {number_of(summary.infos, 'information', 'information')}"
    subjects = [number_of(summary.files, "file")] if summary.files or not summary.associations else []
    if summary.associations:
        subjects.append(number_of(summary.associations, "association"))
    return f"{', '.join(subjects)}, {number_of(summary.rules, 'rule')}: {counts}"


def unchecked(closing: Closing) -> list[str]:
    """What was not checked, a sentence each."""
    summary = closing.summary
    notes: list[str] = []
    if summary.unreadable:
        notes.append(f"{number_of(summary.unreadable, 'input')} could not be read")
    if summary.partial:
        notes.append(f"{number_of(summary.partial, 'file')} read only in part")
    if summary.crashed:
        notes.append(f"{number_of(summary.crashed, 'rule')} crashed: please report it (--debug shows where)")
        notes += [f"  {one.rule}: {one.reason}, first in {one.first}" for one in closing.crashed]
    if summary.undecided:
        notes.append("not decided: " + _some(list(dict.fromkeys(one.rule for one in closing.undecided))))
    if summary.sampled:
        notes.append(f"code streams of a sample of the frames only in {number_of(summary.sampled, 'file')}")
    if summary.unknown_classes:
        notes.append(
            "modules and attributes not checked, SOP Class not in the tables: "
            + _some(summary.unknown_classes)
        )
    if summary.unreviewed:
        notes.append("unreviewed conditions in: " + ", ".join(summary.unreviewed))
    if summary.not_checked:
        notes.append("not checked, because a parameter has no value: " + "; ".join(summary.not_checked))
    if summary.not_concerned:
        notes.append(f"no rule of the profile {summary.not_concerned} itself applied to any of the files")
    if summary.kept:
        notes.append(f"locked by the profile, and neither ignored nor lowered: {_some(summary.kept)}")
    return notes


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
