"""Instances that belong together: slides and series.  (Rules of scope slide and series.)"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from dcmlint.decoding import decoder
from dcmlint.dicom.path import parse_path
from dcmlint.engine.evaluate import hold
from dcmlint.engine.guard import guarded
from dcmlint.engine.maker import FindingMaker, Where
from dcmlint.engine.plan import ActiveRule
from dcmlint.engine.settings import Settings
from dcmlint.facts.registry import Facts
from dcmlint.facts.run.index import KeptFile, RunIndex, Series
from dcmlint.facts.run.kept import Kept
from dcmlint.facts.run.kept import same_to_others as same_kept
from dcmlint.facts.run.slide import Slide
from dcmlint.findings.finding import RANK, Finding, Fix, OutcomeKind, Subject
from dcmlint.findings.problem import Problem
from dcmlint.rules.compile import sop_classes_of
from dcmlint.rules.slide_functions import SlideContext, SlideScope, paths


class Together(msgspec.Struct, frozen=True):
    """What the rules about slides and series found.

    ``outcomes``: of each slide and series, by rule; ``undecided``: rule, reason, and a file; ``explained``:
    rule and file of findings about single files that follow from findings here; ``slides``: id and paths of each slide.
    """

    findings: tuple[Finding, ...] = ()
    outcomes: tuple[dict[str, OutcomeKind], ...] = ()
    undecided: tuple[tuple[str, str, str], ...] = ()
    explained: frozenset[tuple[str, str]] = frozenset()
    slides: tuple[tuple[str, tuple[str, ...]], ...] = ()


class _Packed(msgspec.Struct, frozen=True, array_like=True):
    path: bytes
    kept: Kept | None
    crash: str = ""


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = decoder(_Packed)


def member_of(facts: Facts, path: str) -> bytes:
    """What must be kept of an instance to check the slide that it belongs to; empty for what belongs to none."""
    packed = b""

    def pack() -> tuple[OutcomeKind, str]:
        nonlocal packed
        member = facts.group("kept")
        packed = b"" if member is None else _ENCODER.encode(_Packed(_bytes(path), member))
        return "pass", ""

    _, crash = guarded(pack)
    return packed if not crash else _ENCODER.encode(_Packed(_bytes(path), None, crash))


def kept_of(packed: bytes) -> Kept | None:
    """What was kept of an instance in `member_of`; None where nothing was."""
    return _DECODER.decode(packed).kept if packed else None


def same_to_others(before: bytes, after: bytes) -> bool:
    """Whether rules about slides and series see the same in two members of `member_of`, of one file before and after."""
    if before == after:
        return True
    one, other = kept_of(before), kept_of(after)
    return one is not None and other is not None and same_kept(one, other)


def _bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogatepass")


class Members:
    """The members of a run, in the order of the inputs; what many of them share is kept once.

    ``crashes``: reason and path of instances of which nothing could be kept.
    """

    def __init__(self, members: Iterable[bytes] = ()) -> None:
        self.parts: list[KeptFile] = []
        self.crashes: list[tuple[str, str]] = []
        self._kept: dict[object, object] = {}
        for packed in members:
            self.append(packed)

    def append(self, packed: bytes) -> None:
        """Take in a member."""
        if not packed:
            return
        found = _DECODER.decode(packed)
        path = found.path.decode("utf-8", "surrogatepass")
        if found.kept is None:
            self.crashes.append((found.crash, path))
            return
        shared = {
            name: self._kept.setdefault(value, value)
            for name in _SHARED
            if (value := getattr(found.kept, name))
        }
        self.parts.append(KeptFile(path, msgspec.structs.replace(found.kept, **shared)))


_SHARED = ("sop_class", "study", "series", "frame_of_reference", "transfer_syntax", "patient", "study_values",
           "series_values", "equipment", "reference_frame", "references")  # fmt: skip


def check_together(
    members: Members | Sequence[bytes], rules: Sequence[ActiveRule], settings: Settings
) -> Together:
    """Join members into slides and series and hold the rules against each."""
    if not rules:
        return Together()
    taken = members if isinstance(members, Members) else Members(members)
    index = RunIndex(taken.parts)
    slides = index.slides if any(active.rule.scope == "slide" for active in rules) else []
    findings: list[Finding] = []
    outcomes: list[dict[str, OutcomeKind]] = []
    undecided: list[tuple[str, str, str]] = []
    explained: set[tuple[str, str]] = set()
    for crash, path in taken.crashes:
        # What could not be compared was not checked: every rule about slides and series says so.
        outcomes.append({active.rule.id: "error" for active in rules})
        undecided += [(active.rule.id, crash, path) for active in rules]
    for scope, subjects in (("slide", slides), ("series", list(index.series.values()))):
        mine = [active for active in rules if active.rule.scope == scope]
        for subject in subjects:
            run = _SubjectRun(SlideContext(subject, index), settings)
            for active in mine:
                run.hold(active)
            findings += sorted(run.findings, key=lambda f: (-RANK[f.severity], f.rule, f.file or "", f.path))
            outcomes.append(run.outcomes)
            undecided += run.undecided
            explained |= run.explained
    return Together(
        tuple(findings), tuple(outcomes), tuple(undecided), frozenset(explained),
        tuple((slide.id, tuple(part.path for part in slide.parts)) for slide in slides),
    )  # fmt: skip


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

    def hold(self, active: ActiveRule) -> None:
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


__all__ = ["Members", "Series", "Together", "check_together", "member_of"]
