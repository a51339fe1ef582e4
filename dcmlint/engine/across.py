"""Instances that belong together: slides and series.  (Rules of scope slide and series.)"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from dcmlint.engine.maker import FindingMaker, lower_of
from dcmlint.engine.members import Members
from dcmlint.engine.plan import ActiveRule
from dcmlint.engine.runner import Checked, Ends, RuleSubject, hold, ordered
from dcmlint.engine.settings import Settings
from dcmlint.facts.run.index import RunIndex
from dcmlint.facts.run.slide import Slide
from dcmlint.findings.finding import RANK, Finding, Fix, OutcomeKind, Subject
from dcmlint.findings.problem import Problem
from dcmlint.rules.compile import sop_classes_of
from dcmlint.rules.slide_functions import SlideContext, SlideScope, paths


class SubjectResult(Checked, frozen=True, kw_only=True):
    """What the rules found about one slide or series, or about an instance of which nothing could be kept.

    ``first``: the file that stands for it; ``explained``: rule and file of findings about single files that follow
    from findings here; ``slide``: id and paths, where it is one.
    """

    first: str
    explained: frozenset[tuple[str, str]] = frozenset()
    slide: tuple[str, tuple[str, ...]] | None = None


class Together(msgspec.Struct, frozen=True):
    """The same of all slides and series; ``undecided``: rule, reason, and a file."""

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
        ids = [active.id for active in rules]
        yield SubjectResult(
            outcomes=dict.fromkeys(ids, "error"), undecided=dict.fromkeys(ids, crash), first=path
        )
    of_scope = {
        scope: [active for active in rules if active.rule.scope == scope] for scope in ("slide", "series")
    }
    for parts in members.related():
        index = RunIndex(parts, members.lost)
        results = [
            _checked(SlideContext(slide, index), of_scope["slide"], settings)
            for slide in (index.slides if of_scope["slide"] else ())
        ]
        results += [
            _checked(SlideContext(series, index), of_scope["series"], settings)
            for series in index.series.values()
        ]
        explained = frozenset(pair for one in results for pair in one.explained)
        yield from (_without(one, explained) for one in results)


def _without(result: SubjectResult, explained: frozenset[tuple[str, str]]) -> SubjectResult:
    """The result without findings that follow from others of the same instances."""
    left = tuple(one for one in result.findings if (one.rule, one.file) not in explained)
    if len(left) == len(result.findings):
        return result
    gone = {one.rule for one in result.findings} - {one.rule for one in left}
    outcomes: dict[str, OutcomeKind] = {
        rule: "pass" if rule in gone and outcome == "fail" else outcome
        for rule, outcome in result.outcomes.items()
    }
    return msgspec.structs.replace(result, findings=left, outcomes=outcomes)


def check_together(
    members: Members | Sequence[bytes], rules: Sequence[ActiveRule], settings: Settings
) -> Together:
    """What `each_together` gives, joined."""
    taken = members if isinstance(members, Members) else Members(members)
    subjects = list(each_together(taken, rules, settings))
    return Together(
        tuple(found for one in subjects for found in one.findings),
        tuple(one.outcomes for one in subjects),
        tuple((rule, why, one.first) for one in subjects for rule, why in one.undecided.items()),
        frozenset(pair for one in subjects for pair in one.explained),
        tuple(one.slide for one in subjects if one.slide is not None),
    )


class _Together(RuleSubject):
    """A slide or a series."""

    def __init__(self, context: SlideContext, settings: Settings) -> None:
        subject = context.subject
        self.files = paths(context.parts)
        self.slide = subject if isinstance(subject, Slide) else None
        named = (
            Subject("series", subject.uid or "no Series Instance UID", self.files)
            if not isinstance(subject, Slide)
            else Subject("slide", subject.id, self.files)
        )
        super().__init__(SlideScope(self.slide), context, FindingMaker(named, self.files[0], settings))
        self.explained: set[tuple[str, str]] = set()
        self.failing: set[str] = set()
        self._told = context.index.told

    def found(self, active: ActiveRule, problem: Problem) -> None:
        """Take in a problem: it may explain findings about single files, and `dcmlint fix` may know a remedy."""
        if self._is_told(active, problem):
            return
        self.failing.add(active.id)
        problem = _with_fixes(problem, active)
        if problem.follows:
            self.explained |= {(other, each) for other in active.rule.explains for each in problem.files}
        if problem.found is not None:  # computed, or masked when the instance was read
            problem = msgspec.structs.replace(problem, found=None, said=self.maker.show(problem.found))
        super().found(active, problem)

    def _is_told(self, active: ActiveRule, problem: Problem) -> bool:
        """Whether the instances that are odd were told of the same attributes alone, and no others: one defect, one finding."""
        if not problem.attributes:
            return False
        rank = RANK[lower_of(active.severity, problem.severity)]
        told = [
            {
                all(_has(self._told.get(path, {}), group, rank) for group in problem.attributes)
                for path in files
            }
            for files in problem.parties
        ]
        return sum(one == {False} for one in told) == 1 and all(len(one) == 1 for one in told)


def _has(told: Mapping[str, int], paths: Sequence[str], rank: int) -> bool:
    """Whether a finding of a rank, or a worse one, stands at or within one of the paths."""
    return any(
        found >= rank and (place in paths or place.startswith(tuple(f"{path}." for path in paths)))
        for place, found in told.items()
    )


def _checked(context: SlideContext, rules: Sequence[ActiveRule], settings: Settings) -> SubjectResult:
    """Hold rules against one slide or series; those about other classes of instances have no outcome."""
    classes = {part.kept.sop_class for part in context.parts}
    concerned = [one for one in rules if not (wanted := sop_classes_of(one.rule)) or wanted & classes]
    subject, ends = _Together(context, settings), Ends()
    hold(concerned, subject, ends)
    for active in concerned:
        if active.id not in subject.failing and ends.outcomes.get(active.id) == "fail":
            del ends.outcomes[active.id]  # it follows from findings about single files
    slide = subject.slide
    return SubjectResult(
        findings=ordered(subject.findings), outcomes=ends.of(concerned), undecided=ends.undecided,
        first=subject.files[0], explained=frozenset(subject.explained),
        slide=(slide.id, tuple(part.path for part in slide.parts)) if slide is not None else None,
    )  # fmt: skip


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
