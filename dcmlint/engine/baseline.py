"""A baseline: the findings that were there when somebody adopted dcmlint, so that only new ones fail.

It holds rules, paths and UIDs, never values.  A finding is known when its rule and DICOM path are, and its file: by
the path; for files that moved, by the file's name; and with the fingerprint ``uid`` by SOP Instance UID alone.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import Literal

import msgspec

from dcmlint.engine.report import Report, tallied
from dcmlint.engine.spool import Spool
from dcmlint.errors import ConfigError
from dcmlint.findings.collapse import without_indices
from dcmlint.findings.finding import Finding
from dcmlint.rules.load import published
from dcmlint.user_file import hold

Fingerprint = Literal["path", "uid"]


class Known(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Findings of one rule at one DICOM path of one file (or slide, series, association: ``subject``)."""

    rule: str
    path: str = ""
    file: str = ""
    uid: str = ""
    subject: str = ""
    count: int = 1


class Baseline(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the file holds."""

    findings: tuple[Known, ...]
    schema: Literal[1] = 1
    tool: Literal["dcmlint"] = "dcmlint"
    profile: str = ""
    fingerprint: Fingerprint = "path"


def baseline_of(report: Report, by: Fingerprint = "path") -> Baseline:
    """The baseline that knows every finding of a report, but those that are suppressed anyway."""
    uids = _uids(report)
    counted = Counter(_known(one, uids) for one in report.findings if not one.suppressed)
    findings = tuple(
        msgspec.structs.replace(one, count=count) for one, count in sorted(counted.items(), key=_order)
    )
    return Baseline(findings=findings, profile=report.profile, fingerprint=by)


def read_baseline(path: Path) -> Baseline:
    """Raises `ConfigError` for what is no baseline."""
    try:
        data = path.read_bytes()
        return msgspec.json.decode(data, type=Baseline)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", str(path)) from None
    except msgspec.ValidationError as error:
        # The schema is made of the type and says the same; a baseline of many thousand findings is decoded at once.
        _explain(data, path)
        raise ConfigError(f"not a baseline: {error}", str(path)) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise ConfigError(f"not a baseline: {error}", str(path)) from None


def _explain(data: bytes, path: Path) -> None:
    """Raise `ConfigError` with the place of each mistake."""
    from dcmlint.rules.yaml_source import parse_yaml

    try:
        # JSON is YAML, whose reader knows lines.
        place = parse_yaml(data.decode("utf-8"), str(path), ConfigError)[0].place
    except ConfigError:
        return  # longer than files of people
    hold(
        msgspec.json.decode(data), published("baseline"), str(path), place, ConfigError, text=False,
        what="not a baseline: ",
    )  # fmt: skip


def baseline_bytes(baseline: Baseline) -> bytes:
    """As JSON, a line for each entry, so that changes can be read in a repository."""
    head = msgspec.json.encode({
        "schema": 1, "tool": "dcmlint", "profile": baseline.profile, "fingerprint": baseline.fingerprint,
    })  # fmt: skip
    rows = b",\n".join(msgspec.json.encode(one) for one in baseline.findings)
    return head[:-1] + b',"findings":[\n' + rows + b"\n]}\n"


def split(report: Report, baseline: Baseline) -> tuple[tuple[bool, ...], tuple[Known, ...]]:
    """Of each finding of the report whether it is known, and the entries that nothing matches."""
    uids = _uids(report)
    there = {record.path for record in report.files}
    left = {number: one.count for number, one in enumerate(baseline.findings)}
    known = [finding.suppressed for finding in report.findings]
    for key_of, usable in _passes(baseline.fingerprint, there):
        index: dict[tuple[str, ...], list[int]] = {}
        for number, entry in enumerate(baseline.findings):
            if left[number] and usable(entry) and (key := key_of(entry)):
                index.setdefault(key, []).append(number)
        for place, finding in enumerate(report.findings):
            if known[place]:
                continue
            key = key_of(_known(finding, uids))
            numbers = index.get(key, ()) if key else ()
            match = next((one for one in numbers if left[one]), None)
            if match is not None:
                left[match] -= 1
                known[place] = True
    unmatched = tuple(
        msgspec.structs.replace(one, count=left[number]) for number, one in enumerate(baseline.findings) if left[number]
    )  # fmt: skip
    return tuple(known), unmatched


class KnownFindings:
    """A baseline to ask of single findings, file by file.

    ``of_several``: the rules of its findings about slides, series and associations.
    """

    def __init__(self, baseline: Baseline) -> None:
        self.of_several = frozenset(one.rule for one in baseline.findings if one.subject)
        self._at = {(one.rule, one.path, one.file) for one in baseline.findings if one.file}
        by_uid = baseline.fingerprint == "uid"
        self._uids = {(one.rule, one.path, one.uid) for one in baseline.findings if one.uid and by_uid}
        self._moved: dict[tuple[str, str, str], list[str]] = {}
        for one in baseline.findings:
            if one.file:
                key = (one.rule, one.path, PurePath(one.file).name)
                self._moved.setdefault(key, []).append(one.file)

    def has(self, finding: Finding, uid: str) -> bool:
        """Whether a finding about a single file is known; ``uid``: its SOP Instance UID."""
        file, path = finding.file or "", without_indices(finding.path)
        if (finding.rule, path, file) in self._at or (uid and (finding.rule, path, uid) in self._uids):
            return True
        # A file that is still where it was did not move.
        before = self._moved.get((finding.rule, path, PurePath(file).name), ())
        return any(not os.path.lexists(one) for one in before)


def suppressed(report: Report, which: Iterable[bool]) -> Report:
    """The report with some findings suppressed, and counted anew."""
    findings = Spool(Finding, (
        msgspec.structs.replace(finding, suppressed=True) if yes and not finding.suppressed else finding
        for finding, yes in zip(report.findings, which, strict=True)
    ))  # fmt: skip
    return tallied(msgspec.structs.replace(report, findings=findings.sealed()))


def pruned(report: Report, baseline: Baseline) -> Baseline:
    """The baseline without the entries that nothing matches any more."""
    gone = Counter({_bare(one): one.count for one in split(report, baseline)[1]})
    kept = []
    for one in baseline.findings:
        count = one.count - gone[_bare(one)]
        if count > 0:
            kept.append(msgspec.structs.replace(one, count=count))
    return msgspec.structs.replace(baseline, findings=tuple(kept))


def _passes(by: Fingerprint, there: set[str]):  # type: ignore[no-untyped-def]
    def exact(one: Known) -> tuple[str, ...]:
        return (one.rule, one.path, one.file, one.subject)

    def name(one: Known) -> tuple[str, ...]:
        return (one.rule, one.path, PurePath(one.file).name, one.subject) if one.file else ()

    def uid(one: Known) -> tuple[str, ...]:
        return (one.rule, one.path, one.uid, one.subject) if one.uid else ()

    yield exact, lambda one: True
    if by == "uid":
        yield uid, lambda one: True
    # A file that is still where it was did not move.
    yield name, lambda one: one.file not in there


def _uids(report: Report) -> dict[str, str]:
    return {record.path: record.sop_instance_uid for record in report.files}


def _known(finding: Finding, uids: dict[str, str]) -> Known:
    subject = finding.subject
    file = finding.file or ""
    of_file = subject.kind == "file"
    return Known(
        rule=finding.rule, path=without_indices(finding.path), file=file if of_file else "",
        uid=uids.get(file, "") if of_file else "", subject="" if of_file else f"{subject.kind} {subject.id}",
    )  # fmt: skip


def _bare(one: Known) -> tuple[str, ...]:
    return (one.rule, one.path, one.file, one.uid, one.subject)


def _order(item: tuple[Known, int]) -> tuple[str, ...]:
    one = item[0]
    return (one.file, one.subject, one.rule, one.path, one.uid)
