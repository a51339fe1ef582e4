"""Instances that belong together: slides and series.  (Rules of scope slide and series.)"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from dcmlint.dicom.path import parse_path
from dcmlint.engine.evaluate import hold
from dcmlint.engine.guard import guarded
from dcmlint.engine.maker import FindingMaker, Where
from dcmlint.engine.members import Members
from dcmlint.engine.plan import ActiveRule
from dcmlint.engine.settings import Settings
from dcmlint.facts.run.index import RunIndex
from dcmlint.facts.run.slide import Slide
from dcmlint.findings.finding import RANK, Finding, Fix, OutcomeKind, Subject
from dcmlint.findings.problem import Problem
from dcmlint.rules.compile import sop_classes_of
from dcmlint.rules.slide_functions import SlideContext, SlideScope, paths


class SubjectResult(msgspec.Struct, frozen=True):
    """What the rules found about one slide or series, or about an instance of which nothing could be kept.

    ``undecided``: rule, reason, and a file; ``explained``: rule and file of findings about single files that follow
    from findings here; ``slide``: id and paths, where it is one.
    """

    findings: tuple[Finding, ...]
    outcomes: dict[str, OutcomeKind]
    undecided: tuple[tuple[str, str, str], ...]
    explained: frozenset[tuple[str, str]] = frozenset()
    slide: tuple[str, tuple[str, ...]] | None = None


class Together(msgspec.Struct, frozen=True):
    """The same of all slides and series."""

    findings: tuple[Finding, ...] = ()
    outcomes: tuple[dict[str, OutcomeKind], ...] = ()
    undecided: tuple[tuple[str, str, str], ...] = ()
    explained: frozenset[tuple[str, str]] = frozenset()
    slides: tuple[tuple[str, tuple[str, ...]], ...] = ()


def each_together(
    members: Members, rules: Sequence[ActiveRule], settings: Settings
) -> Iterator[SubjectResult]:
    """Join members into slides and series and hold the rules against each, one after the other.

    Members that have nothing to do with each other are looked at one group after the other: slides, then series.
    """
    if not rules:
        return
    for crash, path in members.crashes:
        # What could not be compared was not checked: every rule about slides and series says so.
        yield SubjectResult((), {active.rule.id: "error" for active in rules},
                      tuple((active.rule.id, crash, path) for active in rules))  # fmt: skip
    of_scope = {
        scope: [active for active in rules if active.rule.scope == scope] for scope in ("slide", "series")
    }
    for parts in members.related():
        index = RunIndex(parts)
        for slide in index.slides if of_scope["slide"] else ():
            yield _SubjectRun(SlideContext(slide, index), settings).checked(of_scope["slide"])
        for series in index.series.values():
            yield _SubjectRun(SlideContext(series, index), settings).checked(of_scope["series"])


def check_together(
    members: Members | Sequence[bytes], rules: Sequence[ActiveRule], settings: Settings
) -> Together:
    """What `each_together` gives, joined."""
    taken = members if isinstance(members, Members) else Members(members)
    subjects = list(each_together(taken, rules, settings))
    return Together(
        tuple(found for one in subjects for found in one.findings),
        tuple(one.outcomes for one in subjects),
        tuple(row for one in subjects for row in one.undecided),
        frozenset(pair for one in subjects for pair in one.explained),
        tuple(one.slide for one in subjects if one.slide is not None),
    )


class _SubjectRun:
    """One slide or series held against the rules."""

    def __init__(self, context: SlideContext, settings: Settings) -> None:
        self.context, self.settings = context, settings
        self.findings: list[Finding] = []
        self.outcomes: dict[str, OutcomeKind] = {}
        self.undecided: list[tuple[str, str, str]] = []
        self.explained: set[tuple[str, str]] = set()
        self._classes = {part.kept.sop_class for part in context.parts}
        self._files = paths(context.parts)
        subject = context.subject
        self._maker = FindingMaker(
            Subject("slide", subject.id, self._files)
            if isinstance(subject, Slide)
            else Subject("series", subject.uid or "no Series Instance UID", self._files),
            self._files[0],
            settings,
        )

    def checked(self, rules: Sequence[ActiveRule]) -> SubjectResult:
        """Hold all rules against the subject."""
        for active in rules:
            self._hold(active)
        subject = self.context.subject
        return SubjectResult(
            tuple(sorted(self.findings, key=lambda f: (-RANK[f.severity], f.rule, f.file or "", f.path))),
            self.outcomes, tuple(self.undecided), frozenset(self.explained),
            (subject.id, tuple(part.path for part in subject.parts)) if isinstance(subject, Slide) else None,
        )  # fmt: skip

    def _hold(self, active: ActiveRule) -> None:
        """Hold one rule against the subject; a rule that crashes gets the outcome *error*."""
        wanted = sop_classes_of(active.rule)
        if wanted and not wanted & self._classes:
            return
        outcome, reason = guarded(self._outcome, active)
        self.outcomes[active.rule.id] = outcome
        if reason:
            self.undecided.append((active.rule.id, reason, self._files[0]))

    def _outcome(self, active: ActiveRule) -> tuple[OutcomeKind, str]:
        subject = self.context.subject
        held = hold(
            active, SlideScope(subject if isinstance(subject, Slide) else None), self.context, self._maker
        )
        for problem in held.problems:
            problem = _with_fixes(problem, active)
            path = problem.path or active.rule.at
            self.explained |= {(other, each) for other in active.rule.explains for each in problem.files}
            if problem.found is not None:  # computed, or masked when the instance was read
                problem = msgspec.structs.replace(problem, found=None, said=self._maker.show(problem.found))
            self.findings += self._maker.make(active, problem, Where(path, _tag(path)))
        return held.outcome, held.reason


def _with_fixes(problem: Problem, active: ActiveRule) -> Problem:
    """The problem with what `dcmlint fix` may do about it, of which the files as a whole decide."""
    from dcmlint.rules.repairs import compiled_repairs

    fixes = tuple(
        Fix(
            label=one.repair.label, applicability="safe" if one.repair.safety == "safe" else "unsafe",
            reason=" ".join(one.repair.reason.split()), operations=(),
        )
        for one in compiled_repairs(active.source)
    )  # fmt: skip
    return msgspec.structs.replace(problem, fixes=fixes) if fixes else problem


def _tag(path: str) -> int:
    if not path:
        return 0
    try:
        return parse_path(path)[-1].tag
    except ValueError:
        return 0
