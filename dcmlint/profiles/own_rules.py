"""The rules that a profile makes: of its rows, its lists, its own rules, and the order that its rows name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from dcmlint import standard
from dcmlint.errors import ProfileError, RuleError, did_you_mean
from dcmlint.expr import compile_expression
from dcmlint.profiles.attributes import PlacedRow, placed_rows, row_rule
from dcmlint.profiles.levels import ChainLevels
from dcmlint.profiles.made_rules import (
    LIST_RULES,
    applies_of,
    document_of,
    file_names_rule,
    limits_rule,
    order_rule,
    own_rule,
    sop_classes_rule,
    transfer_syntaxes_rule,
)
from dcmlint.profiles.model import PRESENCE, ProfileSource
from dcmlint.profiles.resolved import NotChecked
from dcmlint.profiles.row_demands import RowError, tag_of
from dcmlint.profiles.uids import uid_of
from dcmlint.rules.model import Applies, Rule, RuleSource
from dcmlint.rules.names import RULE_NAMES

_LISTS = (
    ("sop_classes", sop_classes_rule),
    ("transfer_syntaxes", transfer_syntaxes_rule),
    ("file_names", file_names_rule),
    ("limits", limits_rule),
)

_Marks = dict[str, tuple[int, int]]


class OwnRules:
    """The rules of the profiles of a chain, each id and name once; a child may replace what is not locked."""

    def __init__(self, builtin: Sequence[RuleSource], levels: ChainLevels) -> None:
        self._taken = {word: source.file for source in builtin for word in (source.rule.id, source.rule.name)}
        self._levels = levels
        self.rules: dict[str, RuleSource] = {}
        self.origin: dict[str, str] = {}

    def add(self, source: ProfileSource, rule: Rule, marks: _Marks) -> RuleSource:
        """The rule with its file.  Raises ProfileError with the places of both where it stands twice."""
        made = RuleSource(rule, source.file, marks)
        for word in (rule.id, rule.name):
            if word in self._taken:
                raise ProfileError(f"{word} is also used in {self._taken[word]}", source.file, *_at(marks))
        for other in list(self.rules.values()):
            if rule.id != other.rule.id and rule.name != other.rule.name:
                continue
            word = rule.id if rule.id == other.rule.id else rule.name
            place = f"{other.file}:{_at(other.marks)[0]}"
            if self.origin[other.rule.id] == source.profile.id:
                raise ProfileError(f"{word} is used twice, also in {place}", source.file, *_at(marks))
            lock = self._levels.locks.get(other.rule.id)
            if lock is not None:
                raise ProfileError(
                    f"{word} is locked by {lock.by} ({place}) and cannot be replaced", source.file,
                    *_at(marks), hint="give the row another id",
                )  # fmt: skip
            del self.rules[other.rule.id], self.origin[other.rule.id]
        self.rules[rule.id] = made
        self.origin[rule.id] = source.profile.id
        return made


def _at(marks: _Marks) -> tuple[int, int]:
    return marks.get("$", (0, 0))


def rules_of(
    source: ProfileSource, chain: Sequence[ProfileSource], missing: list[NotChecked], keep: bool
) -> Iterator[tuple[Rule, _Marks]]:
    """The rules of one profile of the chain, with the places of their parts.

    ``missing`` gets what is left out because a parameter has no value; ``keep``: such rules are made as they are written.
    """
    profile = source.profile

    def lacks(what: str, place: str) -> bool:
        name = "" if keep else source.lacks(place)
        if name:
            missing.append(NotChecked(what, name))
        return bool(name)

    if lacks(f"everything of {profile.id}", "$.applies"):
        return
    applies, guard = applies_of(profile)
    for number, word in enumerate(applies.sop_class):
        _class(source, word, f"$.applies.sop_class[{number}]")
    for row in placed_rows(profile):
        if lacks(row.id, row.mark):
            continue
        made = _row(source, row, applies, guard)
        if made is not None:
            # Expressions are made of the row; its examples are as they are written.
            written = {
                mark: place
                for mark, place in source.marks_below(row.mark).items()
                if mark.startswith("$.examples")
            }
            yield made, written | _everywhere(source.place(row.mark))
    for number, rule in enumerate(profile.own_rules):
        prefix = f"$.own_rules[{number}]"
        for index, word in enumerate(rule.applies.sop_class):
            _class(source, word, f"{prefix}.applies.sop_class[{index}]")
        if lacks(rule.id, prefix):
            continue
        try:
            yield own_rule(profile, rule, applies, guard, keep), source.marks_below(prefix)
        except ProfileError as mistake:
            raise ProfileError(
                f"{rule.id}: {mistake.message}", source.file, *source.place(prefix), mistake.hint
            ) from None
    for key, maker in _LISTS:
        if not getattr(source.as_written, key) or not _counts(source, key, chain):
            continue
        if source.lacks(f"$.{key}"):
            lacks(key.replace("_", " "), f"$.{key}")
            continue
        try:
            made = maker(profile, guard)
        except (ProfileError, RuleError) as mistake:
            within = f".{mistake.key}" if isinstance(mistake, RowError) else ""
            place = source.place(f"$.{key}{within}")
            raise ProfileError(mistake.message, source.file, *place, mistake.hint) from None
        else:
            yield made, _everywhere(source.place(f"$.{key}"))


def order_rules(
    source: ProfileSource, orders: Sequence[Mapping[str, str]], missing: list[NotChecked], keep: bool
) -> Iterator[tuple[Rule, _Marks]]:
    """The rule of the rows that name the order as their source; without an order they are not checked, and said so."""
    rows: dict[str, str] = {}
    for one in placed_rows(source.profile):
        if not one.row.source:
            continue
        word, _, key = one.row.source.partition(".")
        key = key or one.row.attribute
        if word != "order" or tag_of(key) is None:
            near = did_you_mean(key, standard.load().dictionary.keywords()) if word == "order" else ""
            raise ProfileError(
                f"{one.row.source!r} is not a source", source.file, *source.place(f"{one.mark}.source"),
                near or "order, or order.KEYWORD",
            )  # fmt: skip
        rows[one.path] = key
        if not orders and not keep:
            missing.append(NotChecked(f"{one.id} as the order", "--order"))
    if rows and orders:
        _, guard = applies_of(source.profile)
        yield (
            order_rule(source.profile, rows, orders, guard),
            _everywhere(source.place("$.attributes")),
        )


def _counts(source: ProfileSource, key: str, chain: Sequence[ProfileSource]) -> bool:
    """Whether a list holds: the last of the chain does, and each that is locked."""
    later = chain[chain.index(source) + 1 :]
    if not any(getattr(one.as_written, key) for one in later):
        return True
    words = {f"{source.profile.area}{LIST_RULES[key]}", source.profile.area}
    return any(words.intersection(one.profile.lock) for one in (source, *later))


def _class(source: ProfileSource, word: str, mark: str) -> None:
    """Raise ProfileError for a word that is no SOP Class: what is restricted to it would never be checked."""
    try:
        uid_of(word, "SOP Class")
    except ProfileError as mistake:
        raise ProfileError(mistake.message, source.file, *source.place(mark), mistake.hint) from None


def _everywhere(place: tuple[int, int]) -> _Marks:
    return dict.fromkeys(("$", "$.when", "$.assert", "$.message", "$.want", "$.at", "$.each"), place)


def _row(source: ProfileSource, placed_row: PlacedRow, applies: Applies, guard: str) -> Rule | None:
    row = placed_row.row
    try:
        for number, word in enumerate(row.sop_class):
            _class(source, word, f"{placed_row.mark}.sop_class[{number}]")
        if placed_row.sop_class:
            applies = Applies(sop_class=placed_row.sop_class)
        document = document_of(source.profile)
        return row_rule(
            source.profile, placed_row, applies, guard, document, file=source.file,
            assumed=placed_row.mark in source.assumed,
        )  # fmt: skip
    except ProfileError as mistake:
        if mistake.file:
            raise
        key = f".{mistake.key.rstrip('_')}" if isinstance(mistake, RowError) else ""
        place = source.place(f"{placed_row.mark}{key}")
        whose = "" if key == ".attribute" else f"{row.attribute}: "
        raise ProfileError(f"{whose}{mistake.message}", source.file, *place, mistake.hint) from None


def blamed(source: ProfileSource, rule: str) -> tuple[int, int] | None:
    """Line and column of the expression or pattern of a row that cannot be compiled; None for a rule that is no row.

    The rule of a row is one expression made of several keys: a place within it says nothing to who wrote the row.
    """
    for placed in placed_rows(source.profile):
        if placed.id != rule:
            continue
        row = placed.row
        texts = {
            "when": row.when,
            "assert": row.assert_,
            "presence": "" if row.presence in PRESENCE else row.presence,
        }
        if row.pattern:
            texts["pattern"] = f"matches(StudyID, {json.dumps(row.pattern, ensure_ascii=False)})"
        for key, text in texts.items():
            try:
                if text:
                    compile_expression(text, RULE_NAMES)
            except RuleError:
                return source.place(f"{placed.mark}.{key}")
        return source.place(placed.mark)
    return None
