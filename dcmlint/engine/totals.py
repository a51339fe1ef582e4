"""Adds up a run as it goes, tells it to whoever writes it, and draws the conclusions at its end."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterable, Sequence

from dcmlint import standard
from dcmlint.engine.directory import Directory, check_directories
from dcmlint.engine.exhibit import AssociationRecord
from dcmlint.engine.maker import FindingMaker, Where
from dcmlint.engine.outcomes import OutcomeCounts
from dcmlint.engine.report import Closing, Report, Summary, Tally, unsettled
from dcmlint.engine.runner import Checked
from dcmlint.engine.session import INSTANCE_COUNT, Checker, Result
from dcmlint.engine.spool import Spool
from dcmlint.engine.stream import Recorder, Stream
from dcmlint.findings.finding import Finding, Outcomes, Severity, Subject
from dcmlint.findings.problem import Problem
from dcmlint.plural import number_of
from dcmlint.profiles.apply import together_with_profile, with_profile
from dcmlint.profiles.profile_text import not_checked_notes
from dcmlint.profiles.resolved import Resolved
from dcmlint.standard.uids import MediaStorageDirectoryStorage
from dcmlint.version import __version__

# Instances after which what refers to itself is freed.  By itself Python waits for a quarter of all objects, rules and
# tables among them, to be new: tens of megabytes.
_COLLECT_AFTER = 1000


class Totals:
    """Adds up results in the order of the inputs, and tells each ``stream`` at once what it may know already.

    A finding that one of a slide or series may take the place of is told when all instances are known.  Without
    streams the run is recorded, and `report` gives it as a value.
    """

    def __init__(self, checker: Checker, *streams: Stream) -> None:
        from dcmlint.engine.members import Members

        self.checker = checker
        self.members = Members()
        self._recorder = None if streams else Recorder()
        self._streams: Sequence[Stream] = streams if self._recorder is None else (self._recorder,)
        self._tally = Tally()
        self._counts = OutcomeCounts(checker.planner)
        self._undecided: dict[str, dict[str, str]] = {}
        self._unreviewed: dict[str, None] = {}
        self._unknown_classes: dict[str, None] = {}
        self._may_go = checker.planner.may_follow
        self._late = Spool(Finding)
        self._paths = Spool(str)
        self._directories: list[Directory] = []
        self._exempt: dict[str, tuple[int, ...]] = {}
        for stream in self._streams:
            stream.begin()

    @property
    def files(self) -> int:
        """How many inputs were checked, or could not be."""
        return self._tally.statuses.total()

    def add(self, result: Result) -> None:
        """Take in what came of one input."""
        record = result.record
        if record.status == "skipped":
            self._tally.skipped += 1
            for stream in self._streams:
                stream.skipped(record)
            return
        self._tally.statuses[record.status] += 1
        if record.status != "checked" or not (result.member or result.directory is not None):
            from dcmlint.facts.run.index import folder_of

            self.members.lost.add(folder_of(record.path))
        if not sum(self._tally.statuses.values()) % _COLLECT_AFTER:
            gc.collect()
        self._tally.sampled += result.sampled
        for stream in self._streams:
            stream.file(record)
            if result.exhibit is not None:
                stream.exhibit(record.path, result.exhibit)
        if self._may_go:
            self._late.extend(one for one in result.findings if one.rule in self._may_go)
            self._tell(one for one in result.findings if one.rule not in self._may_go)
        else:
            self._tell(result.findings)
        if result.planned:
            self._counts.add_instance(record.sop_class, result.outcomes)
        else:
            self._counts.add(result.outcomes)
        for rule, reason in result.undecided.items():
            self._undecided.setdefault(rule, {}).setdefault(reason, record.path)
        if result.unreviewed:
            self._unreviewed[result.unreviewed] = None
        if result.unknown_class:
            self._unknown_classes[result.unknown_class] = None
        if result.member:
            self.members.append(result.member)
        if result.directory is not None:
            self._directories.append(result.directory)
        if record.sop_class != MediaStorageDirectoryStorage:
            self._paths.append(record.path)
        if result.exempt:
            self._exempt[record.path] = result.exempt

    def associate(self, record: AssociationRecord, checked: Checked, listed: bool = True) -> None:
        """Take in what came of an endpoint or an association; ``listed``: reports show it."""
        self._tally.association(record)
        if listed:
            for stream in self._streams:
                stream.association(record)
            self._tell(checked.findings)
        self._counts.add(checked.outcomes)
        for rule, reason in checked.undecided.items():
            self._undecided.setdefault(rule, {}).setdefault(reason, record.id)

    def close(self, *, started: float, fail_on: Severity | None, received: bool = True) -> Closing:
        """Hold what was taken in together, tell it, and end.

        ``started``: the `time.monotonic` of the begin; ``received``: files were to be checked.
        """
        with standard.using(self.checker.tables):
            return self._close(started, fail_on, received)

    def report(
        self, *, started: float, fail_on: Severity | None, config: str | None, received: bool = True
    ) -> Report:
        """The report of everything taken in; only without streams."""
        assert self._recorder is not None
        self.close(started=started, fail_on=fail_on, received=received)
        return self._recorder.report(
            version=__version__, edition=self.checker.edition, profile=self.checker.profile.name, config=config,
            fail_on=fail_on, undecided=self._undecided,
        )  # fmt: skip

    def _tell(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self._tally.finding(finding)
            for stream in self._streams:
                stream.finding(finding)

    def _close(self, started: float, fail_on: Severity | None, received: bool) -> Closing:
        from dcmlint.engine.across import each_together

        checker = self.checker
        explained: set[tuple[str, str]] = set()
        slides: list[tuple[str, tuple[str, ...]]] = []
        for subject in each_together(self.members, checker.planner.together, checker.settings):
            self._tell(together_with_profile(checker.profile, subject.findings, self._exempt))
            self._counts.add(subject.outcomes)
            for rule, reason in subject.undecided.items():
                self._undecided.setdefault(rule, {}).setdefault(reason, subject.first)
            explained |= subject.explained
            if subject.slide is not None:
                slides.append(subject.slide)
        self._tell(one for one in self._late if (one.rule, one.file) not in explained)
        for path, found, outcome in check_directories(
            self._directories, self._paths, lambda: self.members.parts, checker.active, checker.settings
        ):
            self._tell(with_profile(checker.profile, checker.rules, found, self._exempt.get(path, ())))
            self._counts.add(outcome)
        self._tell(self._counted(self.files - self._tally.statuses["unreadable"]))
        outcomes = self._counts.total()
        summary = self._tally.summary(outcomes, Summary(
            seconds=round(time.monotonic() - started, 3), unreviewed=tuple(self._unreviewed),
            unknown_classes=tuple(self._unknown_classes),
            not_checked=not_checked_notes(checker.profile), kept=checker.kept,
            not_concerned=checker.profile.name if self.files and _idle(checker.profile, outcomes) else "",
        ))  # fmt: skip
        undecided, crashed = unsettled(self._undecided)
        closing = Closing(
            summary=summary, outcomes=outcomes, undecided=undecided, crashed=crashed, slides=tuple(slides),
            exit_code=self._tally.exit_code(summary, fail_on, received),
        )  # fmt: skip
        for stream in self._streams:
            stream.end(closing)
        return closing

    def _counted(self, instances: int) -> list[Finding]:
        """A finding where there are fewer or more instances than the settings expect."""
        wanted = self.checker.settings.expect
        active = self.checker.active.get(INSTANCE_COUNT)
        if wanted is None or active is None:
            return []
        self._counts.add({INSTANCE_COUNT: "pass" if instances == wanted else "fail"})
        if instances == wanted:
            return []
        maker = FindingMaker(Subject("run", "all inputs"), None, self.checker.settings)
        message = f"{number_of(instances, 'instance')} found, {wanted} expected"
        problem = Problem(message=message, said=str(instances), want=str(wanted))
        return list(maker.make(active, problem, Where()))


def _idle(profile: Resolved, outcomes: Outcomes) -> bool:
    """Whether a profile has rules of its own, and none of them was about anything that was checked.

    Rows that are only about VRs (kind table) hold for every instance.
    """
    own = [
        source.rule.id for source in profile.rules
        if profile.origin.get(source.rule.id) == profile.name and source.rule.kind != "table"
    ]  # fmt: skip
    applied = (
        any(count for kind, count in outcomes.get(rule, {}).items() if kind != "not_applicable")
        for rule in own
    )
    return bool(own) and not any(applied)
