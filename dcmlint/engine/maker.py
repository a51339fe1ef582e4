"""The one place where a problem becomes a finding: severity, redaction, operands, places, fingerprint."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import msgspec

from dcmlint import standard
from dcmlint.engine.plan import ActiveRule
from dcmlint.engine.settings import Settings
from dcmlint.expr import Operand
from dcmlint.expr.message import shown
from dcmlint.findings.collapse import SHOWN_PLACES, without_indices
from dcmlint.findings.finding import RANK, Confidence, Finding, Reference, Severity, Subject, fingerprint
from dcmlint.findings.problem import Problem
from dcmlint.findings.redact import show_value

_MOST_OPERANDS = 6
_FILES = 50  # of a series, a finding names the files that differ and a few that do not


class Where(msgspec.Struct, frozen=True):
    """Where a problem is, as a report says it.

    ``path``: the first place; ``places``: each that is listed; ``tag`` 0 and ``offset`` None: there is none;
    ``vr``: as written, "" where the dictionary says it.
    """

    path: str = ""
    tag: int = 0
    offset: int | None = None
    vr: str = ""
    places: tuple[str, ...] = ()
    count: int = 1


class FindingMaker:
    """Makes the findings of one subject.  ``file`` is the one that findings name (None: the subject has none)."""

    __slots__ = ("file", "settings", "subject")

    def __init__(self, subject: Subject, file: str | None, settings: Settings) -> None:
        self.subject, self.file, self.settings = subject, file, settings

    def make(self, active: ActiveRule, problem: Problem, where: Where) -> Iterable[Finding]:
        """The findings of a problem: one, or, when repeats are not grouped, one for each place."""
        places = where.places
        if not self.settings.group and len(places) > 1:
            for place in places:
                yield self._one(active, problem, Where(place, where.tag, None, where.vr, (place,)))
            return
        yield self._one(active, problem, where)

    def _one(self, active: ActiveRule, problem: Problem, where: Where) -> Finding:
        rule, path = active.rule, where.path
        subject, file = self._subject(problem)
        found = problem.said
        if not found and problem.found is not None:
            found = self.show(problem.found, where.tag or None, where.vr)
        return Finding(
            rule=rule.id,
            name=rule.name,
            severity=lower_of(active.severity, problem.severity),
            basis=rule.basis,
            subject=subject,
            file=file,
            path=path,
            tag=f"{where.tag:08X}" if where.tag else "",
            offset=where.offset,
            message=problem.message or rule.message or rule.title,
            is_=found,
            want=problem.want,
            because=problem.because,
            references=_references(problem) or rule.references,
            places=where.places[:SHOWN_PLACES] or ((path,) if path else ()),
            count=where.count,
            fingerprint=fingerprint(
                rule.id, subject.id if file is None else file, without_indices(path) if "[" in path else path
            ),
            remedy=problem.remedy or rule.remedy,
            confidence=problem.confidence or _CONFIDENCE.get(rule.basis, "high"),
            related=problem.related,
            fixes=problem.fixes,
        )

    def _subject(self, problem: Problem) -> tuple[Subject, str | None]:
        """Subject and file: a problem among many files names those that it is about first."""
        subject = self.subject
        if subject.kind == "series":
            subject = Subject("series", subject.id, (problem.files or subject.files)[:_FILES])
        return subject, problem.files[0] if problem.files else self.file

    def show(self, value: object, tag: int | None = None, vr: str = "") -> str:
        """A value of an attribute (None: of none) as a finding may show it."""
        return show_value(value, tag, self.settings.show_values, vr)

    def operands(self, operands: Sequence[Operand], without: Iterable[str] = ()) -> str:
        """What a finding was computed from, in words: ``Rows = 512, Columns is absent``.

        ``without``: names of values that the finding says elsewhere, or that only the rule knows.
        """
        hidden = set(without)
        said = [one for one in operands if one.text not in hidden] or operands
        return ", ".join(self._operand(one) for one in said[:_MOST_OPERANDS])

    def keyword(self, tag: int) -> str:
        """The keyword of an attribute, as rules name it."""
        entry = standard.load().dictionary.entry(tag)
        return entry.keyword if entry is not None else ""

    def _operand(self, operand: Operand) -> str:
        text = shown(operand.value, operand.tags, self.show)
        if operand.text.startswith("has(") and operand.text.endswith(")") and isinstance(operand.value, bool):
            return f"{operand.text[4:-1]} is {'present' if operand.value else 'absent'}"
        if text in ("(absent)", "(empty)", "(unknown)", "(missing)"):
            return f"{operand.text} is {text[1:-1]}"
        return f"{operand.text} = {text}"


# How sure a finding is that something is wrong, where the check does not say: what a rule infers may err.
_CONFIDENCE: dict[str, Confidence] = {"inference": "medium"}


def lower_of(severity: Severity, other: str) -> Severity:
    """The lower of two severities; the other may be empty."""
    return other if other and RANK[other] < RANK[severity] else severity  # type: ignore[return-value]


def _references(problem: Problem) -> tuple[Reference, ...]:
    if problem.table:
        return _reference("PS3.3", "", problem.table)
    part, _, section = problem.clause.partition(" ")
    return _reference(part, section, "") if part else ()


@lru_cache(maxsize=4096)
def _reference(part: str, section: str, table: str) -> tuple[Reference, ...]:
    return (Reference(part, section, table),)
