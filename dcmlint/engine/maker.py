"""The one place where a problem becomes a finding: severity, redaction, operands, places, fingerprint."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
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
from dcmlint.findings.redact import show_uid, show_value, without_creators, without_texts, without_uids
from dcmlint.rules.model import Rule

_MOST_OPERANDS = 6
_MOST_VALUES = 6  # of one operand
_FILES = 50  # of a series, a finding names the files that differ and a few that do not


class Where(msgspec.Struct, frozen=True):
    """Where a problem is, as a report says it.

    ``path``: the first place; ``places``: each that is listed; ``tag`` 0 and ``offset`` None: there is none.
    """

    path: str = ""
    tag: int = 0
    offset: int | None = None
    places: tuple[str, ...] = ()
    count: int = 1


class FindingMaker:
    """Makes the findings of one subject.

    ``file`` is the one that findings name (None: the subject has none); ``hidden`` gives the texts of the data that
    no finding may show, and is asked when the first finding of a function or an expression is made.
    """

    __slots__ = ("_hidden", "_texts", "file", "settings", "subject")

    def __init__(
        self, subject: Subject, file: str | None, settings: Settings,
        hidden: Callable[[], Iterable[str]] | None = None,
    ) -> None:  # fmt: skip
        self.subject, self.file, self.settings, self._hidden = subject, file, settings, hidden
        self._texts: tuple[str, ...] | None = None
        if subject.kind in ("slide", "series") and settings.show_values != "all":
            self.subject = Subject(subject.kind, self._subject_id(subject), subject.files)

    def _subject_id(self, subject: Subject) -> str:
        """The UID of a slide or series, or, where that may not be shown, its first file."""
        uid, _, number = subject.id.partition(" ")
        shown = show_uid(uid, self.settings.show_values, self.settings.mask_uids)
        return subject.id if shown == uid else f"that of {subject.files[0]}{number and f' {number}'}"

    def make(self, active: ActiveRule, problem: Problem, where: Where) -> Iterable[Finding]:
        """The findings of a problem: one, or, when repeats are not grouped, one for each place."""
        places = where.places
        if not self.settings.group and len(places) > 1:
            for place in places:
                yield self._one(active, problem, Where(place, where.tag, None, (place,)))
            return
        yield self._one(active, problem, where)

    def _one(self, active: ActiveRule, problem: Problem, where: Where) -> Finding:
        rule = active.rule
        path = self._path(where.path)
        subject, file = self._subject(problem)
        message, found, want, because = self._words(rule, problem, where.tag or None)
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
            message=_sentence(message),
            is_=found,
            want=want,
            because=because,
            references=_references(problem, rule.references),
            places=tuple([self._path(place) for place in where.places[:SHOWN_PLACES]])
            if where.places
            else ((path,) if path else ()),
            count=where.count,
            fingerprint=fingerprint(
                rule.id, subject.id if file is None else file, without_indices(path) if "[" in path else path
            ),
            remedy=problem.remedy or rule.remedy,
            confidence=problem.confidence or _CONFIDENCE.get(rule.basis, "high"),
            related=problem.related,
            fixes=problem.fixes,
        )

    def _words(self, rule: Rule, problem: Problem, tag: int | None) -> tuple[str, str, str, str]:
        """Message, found, expected and computed from, as far as they may be shown."""
        mode = self.settings.show_values
        message = problem.message or rule.message or rule.title
        # What a general check found is the value as it is written, even where a sequence should be.
        show = self.show if not problem.check else self._as_written
        found = problem.said or ("" if problem.found is None else show(problem.found, tag))
        want = problem.want if problem.wanted is None else self.show(problem.wanted, tag)
        if not want and rule.kind == "function":
            want = rule.want
        found, want = _singular(found) if problem.said else found, _singular(want)
        because = problem.because
        if mode == "none" and not problem.check:
            # What a rule says is made of values: its title is not.
            return rule.title, "" if problem.said else found, "", ""
        words = (message, found, want, because)
        if mode != "all" and not problem.check:
            # What the rule's author wrote holds no value of the data, whatever it has in common with one.
            written = ("", rule.title, rule.message, rule.want)
            words = tuple(
                text if text in written else without_texts(text, self._hidden_texts()) for text in words
            )  # type: ignore[assignment]
        elif mode != "all":
            words = (without_creators(message), found, want, because)
        if self.settings.mask_uids:
            words = tuple(without_uids(text) for text in words)  # type: ignore[assignment]
        return words

    def _hidden_texts(self) -> tuple[str, ...]:
        if self._texts is None:
            # The longest first: one may be a part of another.
            hidden = self._hidden() if self._hidden is not None else ()
            self._texts = tuple(sorted(hidden, key=lambda text: (-len(text), text)))
        return self._texts

    def _path(self, path: str) -> str:
        return path if self.settings.show_values == "all" else without_creators(path)

    def _subject(self, problem: Problem) -> tuple[Subject, str | None]:
        """Subject and file: a problem among many files names those that it is about first."""
        subject = self.subject
        if subject.kind == "series":
            subject = Subject("series", subject.id, (problem.files or subject.files)[:_FILES])
        return subject, problem.files[0] if problem.files else self.file

    def show(self, value: object, tag: int | None = None) -> str:
        """A value of an attribute (None: of none) as a finding may show it.

        A sequence has no value of its own: what a rule made of its items is hidden as their texts are.
        """
        if tag is not None and self.settings.show_values == "safe" and _is_sequence(tag):
            tag = None
        return self._as_written(value, tag)

    def _as_written(self, value: object, tag: int | None) -> str:
        return show_value(value, tag, self.settings.show_values)

    def operands(self, operands: Sequence[Operand], without: Iterable[str] = (), found: str = "") -> str:
        """What a finding was computed from, in words: ``Rows = 512, Columns is absent``.

        ``without``: names of values that the finding says elsewhere, or that only the rule knows.  ``found``: what
        the finding shows as found, which is not said twice.
        """
        hidden = set(without)
        named = [one for one in operands if one.text not in hidden] or operands
        texts = [(one, shown(one.value, one.tags, self.show)) for one in named]
        said = [(one, text) for one, text in texts if not found or text != found]
        return ", ".join(_in_words(one, text) for one, text in said[:_MOST_OPERANDS])

    def keyword(self, tag: int) -> str:
        """The keyword of an attribute, as rules name it."""
        entry = standard.load().dictionary.entry(tag)
        return entry.keyword if entry is not None else ""


# "1 values are": what counts in a message, and the verb behind it.
_SINGLE = re.compile(
    r"(?<![\w.,])(?<!frame )(?<!item )(?<!value )1 (annotation|association|byte|channel|character|file|fragment|frame|image|instance|item|length|level|method|offset|pixel|point|ratio|sample|segment|tile|value)s"
    r"\b( (?:are|do|have|were)\b)?"
)
_VERBS = {" are": " is", " do": " does", " have": " has", " were": " was", None: ""}


def _singular(text: str) -> str:
    return _SINGLE.sub(lambda found: f"1 {found[1]}{_VERBS[found[2]]}", text) if "1 " in text else text


def _sentence(text: str) -> str:
    """A message as a sentence: the singular behind 1, and a capital letter unless its first word is a name in lower case."""
    first = text.partition(" ")[0]
    text = _singular(text)
    return text[:1].upper() + text[1:] if first.isalpha() and first.islower() else text


# `has(X)` and `size(X)` of one attribute; the last of several values.
_OF_ONE = re.compile(r"(has|size)\(([\w.\[\]]+)\)")
_LAST = re.compile(r"value\((\w+), size\(\1\)\)")


def _in_words(operand: Operand, text: str) -> str:
    """One operand and its value as it may be shown."""
    name = operand.text
    asked = _OF_ONE.fullmatch(name)
    if asked and asked[1] == "has" and isinstance(operand.value, bool):
        return f"{asked[2]} is {'present' if operand.value else 'absent'}"
    if text in ("", "(absent)", "(empty)", "(unknown)", "(missing)"):
        text = text or "(empty)"
        return f"{asked[2] if asked else name} is {text[1:-1]}"
    if asked:
        name = f"number of {'items' if asked[2].endswith('Sequence') else 'values'} in {asked[2]}"
    elif last := _LAST.fullmatch(name):
        name = f"last value of {last[1]}"
    values = text.split("\\")
    return f"{name} = {text if len(values) <= _MOST_VALUES else chr(92).join([*values[:_MOST_VALUES], '…'])}"


# How sure a finding is that something is wrong, where the check does not say: what a rule infers may err.
_CONFIDENCE: dict[str, Confidence] = {"inference": "medium"}


def _is_sequence(tag: int) -> bool:
    entry = standard.load().dictionary.entry(tag)
    return entry is not None and entry.vr == "SQ"


def lower_of(severity: Severity, other: str) -> Severity:
    """The lower of two severities; the other may be empty."""
    return other if other and RANK[other] < RANK[severity] else severity  # type: ignore[return-value]


def _references(problem: Problem, of_rule: tuple[Reference, ...]) -> tuple[Reference, ...]:
    """Those of a problem, or of its rule; one context group takes the place of all that the rule names."""
    if problem.table:
        return _reference("PS3.3", "", problem.table)
    part, _, section = problem.clause.partition(" ")
    if section.startswith(_GROUP):
        kept = tuple(one for one in of_rule if not one.section.startswith(_GROUP))
        return (*kept, *_reference(part, section, ""))
    return _reference(part, section, "") if part else of_rule


_GROUP = "CID "


@lru_cache(maxsize=4096)
def _reference(part: str, section: str, table: str) -> tuple[Reference, ...]:
    return (Reference(part, section, table),)
