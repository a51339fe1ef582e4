"""Checks many inputs, one after the other or in processes, and joins what came of them into one report."""

from __future__ import annotations

import os
from collections.abc import Callable
from threading import Lock
from typing import Any

import msgspec

from dcmlint import standard
from dcmlint.dicom.buffers import Buffer
from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.file_kind import APPLE_DOUBLE, HEAD, begins_as_dicom, file_kind, promises_dicom
from dcmlint.dicom.instance import Instance, read_instance
from dcmlint.engine.directory import Directory, directory_of
from dcmlint.engine.given import check_given
from dcmlint.engine.guard import Outcome, guarded
from dcmlint.engine.image_exhibit import ImageExhibit, image_exhibit
from dcmlint.engine.maker import FindingMaker, Where
from dcmlint.engine.plan import Plan, Planner, active_rules, kept_by_locks, silenced
from dcmlint.engine.run import InstanceResult, InstanceRun
from dcmlint.engine.settings import Settings
from dcmlint.errors import InputError, StandardError, UsageError
from dcmlint.facts.file.file_name import file_name_of
from dcmlint.facts.file.svs import SVS, can_read_svs, is_tiff, read_svs
from dcmlint.findings.finding import (
    FileRecord,
    Finding,
    OutcomeKind,
    Subject,
)
from dcmlint.findings.problem import Problem
from dcmlint.findings.redact import show_uid, show_value
from dcmlint.plural import number_of
from dcmlint.profiles.apply import exempted, with_profile
from dcmlint.profiles.resolve import resolve_profile
from dcmlint.profiles.resolved import Resolved
from dcmlint.rules.tables.elements import ValueCache
from dcmlint.standard.tags import DimensionOrganizationType, NumberOfFrames, SpecificCharacterSet

NOT_DICOM, CANNOT_OPEN, INSTANCE_COUNT = "FILE901", "FILE902", "FILE907"
Opener = Callable[[], Buffer]


class Task(msgspec.Struct, frozen=True):
    """One input as the engine sees it: its name, and whether somebody named it.

    ``received``: it came over an association, and its path is not a name that its sender gave.  ``skipped``: what it
    is, where it is only named in the report.
    """

    path: str
    named: bool
    received: bool = False
    skipped: str = ""


def task_of(one: Any) -> Task:
    """An input of `dcmlint.sources` as the engine sees it."""
    return Task(one.path, one.named, one.received, one.skipped)


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one input.

    ``outcomes``: when ``planned``, the exceptions to the plan of the SOP Class, of which all else passed.
    ``unreviewed``: its IOD, if conditions of it were not
    reviewed; ``unknown_class``: its SOP Class, if the tables do not have it.  ``exempt``: the profile's exceptions that match it.  ``columns``: values of the settings' columns, as shown.
    """

    record: FileRecord
    findings: tuple[Finding, ...] = ()
    outcomes: dict[str, OutcomeKind] = {}
    planned: bool = False
    undecided: dict[str, str] = {}
    unreviewed: str = ""
    unknown_class: str = ""
    member: bytes = b""
    directory: Directory | None = None
    sampled: bool = False
    exempt: tuple[int, ...] = ()
    exhibit: ImageExhibit | None = None
    columns: tuple[str, ...] = ()


# Values of columns that are remembered as they may be shown, and the bytes of the longest.
_MOST_KEPT, _LONGEST_KEPT = 4096, 256
# Profiles, rules and tables are read once for all threads.
_MAKING = Lock()


class Checker:
    """The rules of a profile, ready to be held against instances, by several threads at a time.

    Raises `UsageError` for a profile that does not work: before anything is checked, never for a single file.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        asked = _tables(settings.edition)
        with _MAKING, standard.using(asked):
            self.profile: Resolved = resolve_profile(settings.profile, settings.parameters)
        self.tables = asked or _tables(self.profile.edition)
        with _MAKING, standard.using(self.tables):
            self.planner = Planner(
                active_rules(self.profile.rules, settings, self.profile.levels, self.profile.locked),
                silenced(self.profile.rules, settings, self.profile.locked),
            )
        self.active = {active.rule.id: active for active in self.planner.rules}
        self.rules = {active.rule.id: active.rule for active in self.planner.rules}
        # Words that would switch off or lower what the profile locks: a report says that they did not.
        refused = {one.rule for one in self.profile.refused}
        self.kept = kept_by_locks(self.planner.rules, settings, self.profile.locked, refused)
        self._values: ValueCache = set()
        self._texts: dict[tuple[int, str, bytes, bytes, bool], str] = {}

    @property
    def edition(self) -> str:
        """The edition of the standard that it holds instances against."""
        return (self.tables or standard.load()).edition

    def check(self, task: Task, open_: Opener) -> Result:
        """Check one input; its record has the status ``skipped`` when it was found, not named, and is no DICOM."""
        if task.skipped:
            return skipped(task.path, task.skipped)
        try:
            buffer = open_()
        except InputError as error:
            return self.unreadable(task.path, CANNOT_OPEN, f"cannot be read: {error}")
        except OSError as error:
            return self.unreadable(task.path, CANNOT_OPEN, f"cannot be read: {error.strerror}")
        try:
            return self.check_opened(task, buffer)
        finally:
            buffer.close()

    def check_opened(
        self, task: Task, buffer: Buffer, *, stated_syntax: str | None = None,
        keep: Callable[[InstanceRun], None] | None = None,
    ) -> Result:  # fmt: skip
        """Check the bytes of one input; what goes wrong within dcmlint is a finding.

        ``keep`` is given the run before it begins, by who needs to know more than the result.
        """
        results: list[Result] = []

        def work() -> Outcome:
            with standard.using(self.tables):
                results.append(self.check_buffer(task, buffer, stated_syntax=stated_syntax, keep=keep))
            return "pass", ""

        _, crash = guarded(work)
        failed = getattr(buffer, "failed", "")
        if failed:
            # Whatever rule asked for bytes that did not come: the input could not be read.
            return self.unreadable(task.path, CANNOT_OPEN, f"cannot be read: {failed}")
        if crash:
            # A defect of ours: the run goes on, and ends as incomplete.
            return self.unreadable(task.path, CANNOT_OPEN, f"dcmlint itself {crash}: please report it")
        return results[0]

    def check_buffer(
        self, task: Task, buffer: Buffer, *, stated_syntax: str | None = None,
        keep: Callable[[InstanceRun], None] | None = None,
    ) -> Result:  # fmt: skip
        """Check the bytes of one input; ``keep``: see `check_opened`."""
        instance = read_instance(buffer, stated_syntax=stated_syntax)
        if instance is None:
            other = self._svs_file(task, buffer)
            return other if other is not None else self._no_dicom(task, buffer)
        plan = self.planner.plan(instance.sop_class, received=task.received)
        run = InstanceRun(instance, task.path, plan, self.settings, self._values)
        run.facts.give("file_name", None if task.received else file_name_of(task.path))
        if keep is not None:
            keep(run)
        from dcmlint.engine.not_checked import not_checked

        checked = run.run()
        exempt = exempted(self.profile, task.path, instance, run.facts)
        findings = with_profile(self.profile, self.rules, checked.findings, exempt)
        unreviewed = "" if checked.reviewed else checked.iod
        unknown_class = "" if checked.iod else self._uid(instance.sop_class)
        record = FileRecord(
            path=task.path, sop_class=self._uid(instance.sop_class), sop_instance_uid=self._uid(instance.sop_instance),
            transfer_syntax=self._uid(instance.syntax.uid),
            status="partial" if instance.status == "partial" else "checked",
            title=describe_instance(run), undecided=tuple(checked.undecided), not_checked=not_checked(run, unreviewed, unknown_class),
            **_counts(plan, checked),
        )  # fmt: skip
        from dcmlint.engine.members import member_of

        outcomes = checked.outcomes
        if task.received:
            outside: dict[str, OutcomeKind] = {one.id: "not_applicable" for one in self.planner.file_meta}
            outcomes = {**outside, **outcomes}
        return Result(
            record=record, findings=findings, outcomes=outcomes, undecided=checked.undecided,
            planned=True,
            unreviewed=unreviewed, unknown_class=unknown_class, member=member_of(
                run.facts, task.path, (one for one in findings if one.rule not in self.planner.may_follow)
            ),
            directory=directory_of(instance, task.path), exempt=exempt,
            exhibit=image_exhibit(run.facts, self.settings.thumbnails) if self.settings.exhibits else None,
            sampled=bool(getattr(run.facts.computed("codestream"), "sampled", False)),
            columns=tuple(self._shown(instance, tag) for tag in self.settings.columns),
        )  # fmt: skip

    def _shown(self, instance: Instance, tag: int) -> str:
        """The value of an attribute of the data set or of the file meta group as a report may print it."""
        level = instance.meta if tag >> 16 == 2 else instance.dataset
        element = level.get(tag) if level is not None else None
        if level is None or element is None or element.end - element.start > _LONGEST_KEPT:
            return self._show(level, tag)
        # Most instances of an archive say the same as the one before.
        key = tag, element.vr, level.raw(tag), level.raw(SpecificCharacterSet), level.context.little
        shown = self._texts.get(key)
        if shown is None:
            if len(self._texts) >= _MOST_KEPT:
                self._texts.clear()
            shown = self._texts[key] = self._show(level, tag)
        return shown

    def _show(self, level: Dataset | None, tag: int) -> str:
        values = level.values(tag) if level is not None else ()
        if not values:
            return ""
        entry = standard.load().dictionary.entry(tag)
        if entry is not None and entry.vr == "UI":
            return self._uid(str(values[0]))
        return show_value(values, tag, self.settings.show_values)

    def _no_dicom(self, task: Task, buffer: Buffer) -> Result:
        """What was named, or has a name that promises DICOM, is a finding; anything else is skipped."""
        head, name = bytes(buffer[0:HEAD]), os.path.basename(task.path)
        kind = file_kind(head)
        promised = (promises_dicom(name) and kind != APPLE_DOUBLE) or begins_as_dicom(name, head)
        if task.named or self.settings.all_dicom or promised:
            return self.unreadable(task.path, NOT_DICOM, kind if not len(buffer) else f"not DICOM: {kind}")
        return skipped(task.path, kind)

    def _uid(self, uid: str) -> str:
        return show_uid(uid, self.settings.show_values, self.settings.mask_uids)

    def _svs_file(self, task: Task, buffer: Buffer) -> Result | None:
        """Check a TIFF file, where the profile has rules about SVS; None without such rules, or for other inputs."""
        rules = [active for active in self.planner.rules if SVS in active.rule.tags]
        if not rules or not is_tiff(buffer):
            return None
        if not can_read_svs():
            message = "a TIFF file; to read it, install tifffile: pip install 'dcmlint[svs]'"
            return self.unreadable(task.path, NOT_DICOM, message)
        svs = read_svs(buffer)
        checked = check_given(rules, {"svs": svs}, Subject("file", task.path, (task.path,)), self.settings)
        title = f"Aperio SVS · {svs.images} images" if svs.is_svs else "TIFF"
        record = FileRecord(path=task.path, title=title, undecided=tuple(checked.undecided))
        exempt = exempted(self.profile, task.path)
        return Result(
            record=record,
            findings=with_profile(self.profile, self.rules, checked.findings, exempt),
            exempt=exempt,
            outcomes=checked.outcomes,
            undecided=checked.undecided,
        )

    def unreadable(self, path: str, rule_id: str, message: str) -> Result:
        """The result of an input that could not be read."""
        record = FileRecord(path=path, status="unreadable")
        active = self.active.get(rule_id)
        if active is None:
            return Result(record=record)
        maker = FindingMaker(Subject("file", path, (path,)), path, self.settings)
        exempt = exempted(self.profile, path)
        findings = tuple(maker.make(active, Problem(message=message), Where()))
        return Result(
            record=record, findings=with_profile(self.profile, self.rules, findings, exempt),
            outcomes={rule_id: "fail"}, exempt=exempt,
        )  # fmt: skip


def _tables(edition: str) -> standard.Standard | None:
    """The tables of an edition that is asked for, None where none is; `UsageError` for one that there is not."""
    try:
        return standard.open_edition(edition) if edition else None
    except StandardError as error:
        raise UsageError(str(error)) from None


def skipped(path: str, kind: str) -> Result:
    """The result of an input that is only named: ``kind`` says what it is."""
    return Result(record=FileRecord(path=path, status="skipped", title=kind))


def _counts(plan: Plan, checked: InstanceResult) -> dict[str, Any]:
    """How many rules of a plan hold or do not apply, and which crashed: all pass but the exceptions."""
    ends = checked.outcomes.values()
    return {
        "passed": len(plan.ids) - len(checked.outcomes),
        "not_applicable": list(ends).count("not_applicable"),
        "crashed": tuple(rule for rule, end in checked.outcomes.items() if end == "error"),
    }


def describe_instance(run: InstanceRun) -> str:
    """What an instance is, in a few words: SOP Class, organization of tiles, transfer syntax, frames."""
    tables = standard.load()
    dataset = run.instance.dataset
    parts: list[str] = []
    uid = run.instance.sop_class
    known = tables.uid(uid)
    parts.append(known.name.removesuffix(" Storage") if known is not None else "unknown SOP Class")
    organization = dataset.text(DimensionOrganizationType)
    if organization in ("TILED_FULL", "TILED_SPARSE", "3D", "3D_TEMPORAL"):
        parts.append(organization)
    syntax = tables.uid(run.instance.syntax.uid)
    if syntax is not None:
        parts.append(syntax.name.split(":")[0].split(" (")[0])
    frames = dataset.value(NumberOfFrames)
    if isinstance(frames, int):
        looked_at = run.facts.computed("codestream")
        some = (
            f", {looked_at.examined} frames examined" if looked_at is not None and looked_at.sampled else ""
        )
        parts.append(f"{number_of(frames, 'frame')}{some}")
    return " · ".join(parts)
