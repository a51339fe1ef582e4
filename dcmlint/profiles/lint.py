"""`profile check`: a profile held against the standard, before it meets a file."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from dcmlint import standard
from dcmlint.errors import ProfileError, RuleError, did_you_mean
from dcmlint.expr.patterns import safe_pattern
from dcmlint.findings.finding import RANK
from dcmlint.profiles.attributes import placed_rows
from dcmlint.profiles.chain import chain_of, chain_values
from dcmlint.profiles.filled import filled
from dcmlint.profiles.gap import gap_remarks
from dcmlint.profiles.levels import named
from dcmlint.profiles.lint_rows import contradictions, row_remarks
from dcmlint.profiles.load import fully_read
from dcmlint.profiles.meant import own_areas, unknown_words
from dcmlint.profiles.model import Profile, ProfileSource
from dcmlint.profiles.parameters import ParameterValue, as_list, parameters_in
from dcmlint.profiles.patterns import substitution_problems
from dcmlint.profiles.remark import Remark, remark_at
from dcmlint.profiles.resolve import resolve_chain
from dcmlint.profiles.row_demands import LONGEST
from dcmlint.profiles.statements import statements_of
from dcmlint.profiles.uids import uid_of
from dcmlint.rules.check import check_rule

_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|#\d+);")


def lint_profile(source: ProfileSource, parameters: Mapping[str, Any] | None = None) -> tuple[Remark, ...]:
    """Everything that can be said of a profile without a file, in the order of its lines."""
    source = fully_read(source)
    remarks: list[Remark] = []
    try:
        chain = chain_of(source)
        values = chain_values(chain, parameters or {})
        source = filled(source, values)
    except ProfileError as mistake:
        return (_of_error(mistake, source),)
    for placed in placed_rows(source.profile):
        remarks += row_remarks(source, placed)
    remarks += contradictions(source)
    remarks += _lists(source)
    remarks += _parameters(source, values)
    remarks += _texts(source)
    try:
        resolved = resolve_chain(chain, parameters)
        own_areas(resolved)
    except (ProfileError, RuleError) as mistake:
        return _ordered(_with_error(remarks, _of_error(mistake, source)), source.profile.readings)
    for rule in resolved.rules:
        if rule.rule.id in resolved.own and rule.file == source.file:
            remarks += [_of_error(mistake, source) for mistake in check_rule(rule)]
    remarks += _words(source, resolved)
    if source.profile.source is not None and source.profile.attributes:
        remarks += gap_remarks(source)
    return _ordered(remarks, source.profile.readings)


def _with_error(remarks: Iterable[Remark], said: Remark) -> list[Remark]:
    """The remarks with that of an error; an error that is remarked at its place already is the same mistake."""
    found, place = list(remarks), (said.file, said.line, said.column)
    for number, one in enumerate(found):
        if one.severity == "error" and (one.file, one.line, one.column) == place:
            found[number] = msgspec.structs.replace(one, unusable=True)
            return found
    return [*found, said]


def _ordered(remarks: Iterable[Remark], readings: Mapping[str, str]) -> tuple[Remark, ...]:
    read = (
        msgspec.structs.replace(one, reading=readings.get(one.key, readings.get(one.code, "")))
        for one in dict.fromkeys(remarks)
    )
    return tuple(sorted(read, key=lambda one: (one.line, -RANK[one.severity], one.code, one.message)))


def _of_error(mistake: ProfileError | RuleError, source: ProfileSource) -> Remark:
    return Remark(
        code="cannot-be-used", severity="error", message=mistake.message + (f" ({mistake.hint})" if mistake.hint else ""),
        file=mistake.file or source.file, line=mistake.line, column=mistake.column, unusable=True,
    )  # fmt: skip


# -- lists ------------------------------------------------------------------------------------------------------


def _lists(source: ProfileSource) -> Iterator[Remark]:
    profile = source.profile
    for words, type_, key in (
        (profile.sop_classes, "SOP Class", "sop_classes"), (profile.transfer_syntaxes, "Transfer Syntax", "transfer_syntaxes"),
    ):  # fmt: skip
        for number, word in enumerate(as_list(words)):
            mark = f"$.{key}[{number}]"
            try:
                uid = uid_of(word, type_)
            except ProfileError as mistake:
                yield remark_at(
                    source,
                    mark,
                    "unknown-uid",
                    "error",
                    f"{mistake.message}{f' ({mistake.hint})' if mistake.hint else ''}",
                )
                continue
            entry = standard.load().uid(uid)
            if entry is None:
                yield remark_at(
                    source,
                    mark,
                    "unknown-uid",
                    "warning",
                    f"{uid} is not in PS3.6 Annex A: a private {type_}?",
                )
            elif entry.type != type_:
                yield remark_at(
                    source,
                    mark,
                    "unknown-uid",
                    "error",
                    f"{uid} is {entry.name}, a {entry.type}, not a {type_}",
                )
            elif entry.retired:
                yield remark_at(
                    source,
                    mark,
                    "retired-uid",
                    "warning",
                    f"{entry.name.split(' (Retired)')[0]} ({uid}) is retired (PS3.6 Table A-1)",
                    subject=uid,
                )
    for number, endpoint in enumerate(profile.endpoints):
        mark = f"$.endpoints[{number}]"
        if endpoint.tls_minimum in ("1.0", "1.1"):
            yield remark_at(
                source,
                mark,
                "weak-tls",
                "warning",
                f"{endpoint.name}: TLS {endpoint.tls_minimum} is not secure (PS3.15 B.12)",
            )
        if endpoint.protocol == "dicom-tls" and endpoint.port == "104":
            yield remark_at(source, mark, "unusual-port", "info",
                          f"{endpoint.name}: port 104 is registered for DICOM without TLS, 2762 for DICOM over TLS (PS3.8 9.1.2, PS3.15 B.1)")  # fmt: skip


# -- parameters -------------------------------------------------------------------------------------------------


def _parameters(source: ProfileSource, values: Mapping[str, ParameterValue]) -> Iterator[Remark]:
    """Patterns that nothing can match, substitutions without their groups, what was copied with HTML's signs."""
    used = _used(source.as_written)
    for name in source.as_written.parameters:
        if name not in used:
            says = f"no part of the profile uses the parameter {name}"
            yield remark_at(source, f"$.parameters.{name}", "unused-parameter", "warning", says)
    for name, value in values.items():
        mark = f"$.set.{name}" if f"$.set.{name}" in source.marks else f"$.parameters.{name}"
        if value.value is None:
            continue
        entity = _ENTITY.search(value.value) if value.parameter.type in ("pattern", "substitution") else None
        if entity is not None:
            message = f"{name} holds {entity[0]}: was it copied from HTML?"
            yield remark_at(source, mark, "html-entity", "warning", message)
        doubled = _doubled(value.value, name) if value.parameter.type == "pattern" else ""
        if doubled:
            yield remark_at(source, mark, "doubled-backslash", "warning", doubled)
        if value.parameter.type == "pattern" and name.endswith("_format"):
            attribute = values.get(name.removesuffix("_format") + "_attribute")
            if attribute is not None and attribute.value is not None:
                yield from _mapped(source, mark, name, value.value, attribute.value)
        if value.parameter.type == "substitution":
            modifier = values.get(name.removesuffix("_substitution_format") + "_modifier")
            pattern = (
                safe_pattern(modifier.value) if modifier is not None and modifier.value is not None else None
            )
            for problem in substitution_problems(value.value, pattern):
                yield remark_at(source, mark, "substitution-without-group", "error", f"{name}: {problem}")


def _used(profile: Profile) -> set[str]:
    named_ = {name for endpoint in profile.endpoints for name in (*endpoint.needs, *endpoint.only)}
    return named_.union(
        parameters_in(msgspec.structs.replace(profile, about="", notes=(), statements=(), parameters={}))
    )


def _doubled(pattern: str, name: str) -> str:
    """What is wrong with a pattern in which every backslash stands twice, as program text and some guides print it."""
    if re.search(r"\\\\[dDwWsSbB.]", pattern) and not re.search(r"(?<!\\)\\(?!\\)", pattern):
        return f"{name} has doubled backslashes: \\\\d finds a backslash and the letter d; write \\d"
    return ""


def _mapped(source: ProfileSource, mark: str, name: str, pattern: str, path: str) -> Iterator[Remark]:
    entry = standard.load().dictionary.by_keyword(path.rpartition(".")[2])
    if entry is None or entry.vr not in LONGEST:
        return
    shortest = safe_pattern(pattern).shortest
    if shortest > LONGEST[entry.vr]:
        yield remark_at(source, mark, "pattern-too-long", "error",
                      f"{name} takes at least {shortest} characters, and {entry.name} ({entry.vr}) holds at most {LONGEST[entry.vr]}")  # fmt: skip


# -- words ------------------------------------------------------------------------------------------------------


def _texts(source: ProfileSource) -> Iterator[Remark]:
    profile = source.profile
    today = datetime.date.today().isoformat()
    for number, override in enumerate(profile.overrides):
        mark = f"$.overrides[{number}]"
        if not override.reason.strip():
            yield remark_at(source, mark, "no-reason", "error", "an override needs a reason")
        if override.expires < today:
            yield remark_at(
                source,
                mark,
                "expired",
                "warning",
                f"the override has expired on {override.expires}: it changes nothing any more",
            )
    if profile.source is None:
        return
    for number, statement in enumerate(profile.statements):
        mark = f"$.statements[{number}]"
        if not statement.by and not statement.not_seen:
            yield remark_at(
                source,
                mark,
                "unexplained-statement",
                "error",
                "a statement that nothing checks needs the reason",
            )
    for placed in placed_rows(profile):
        if not placed.row.section:
            yield remark_at(
                source,
                placed.mark,
                "no-section",
                "warning",
                f"{placed.id} does not say which section it comes from",
                placed.id,
            )


def _words(source: ProfileSource, resolved: Any) -> Iterator[Remark]:
    profile = source.profile
    refused: dict[tuple[str, str], dict[str, str]] = {}
    for one in resolved.refused:
        if one.profile == profile.id:
            refused.setdefault((f"$.rules.{one.word}", one.word), {})[one.rule] = one.locked_by
    for number, override in enumerate(profile.overrides):
        for word in override.rules:
            for found in named(resolved.rules, word):
                lock = resolved.locks.get(found.rule.id)
                if lock is not None:
                    mark = f"$.overrides[{number}].rules.{word}"
                    refused.setdefault((mark, word), {})[found.rule.id] = lock.by
    for (mark, word), locked in refused.items():
        names = ", ".join(list(locked)[:4]) + (f" and {len(locked) - 4} more" if len(locked) > 4 else "")
        by = ", ".join(dict.fromkeys(locked.values()))
        yield remark_at(
            source, mark, "locked", "warning", f"{word!r} does not lower {names}: locked by {by}",
        )  # fmt: skip
    for link, mark, word, close in unknown_words(resolved):
        if link.profile.id == profile.id:
            hint = f" ({close})" if close else ""
            says = f"{word!r} is not a rule, area or tag{hint}"
            remark = remark_at(source, mark, "unknown-rule", "error", says)
            yield msgspec.structs.replace(remark, unusable=True)
    ids = {rule.rule.id for rule in resolved.rules} | {one.what for one in resolved.not_checked}
    ids |= {f"endpoint {endpoint.name}" for link in resolved.chain for endpoint in link.profile.endpoints}
    ids |= {f"parameter {name}" for name in resolved.parameters}
    # A row of which nothing can be seen has no rule, but it is there.
    ids |= {placed.id for placed in placed_rows(profile)}
    for statement in statements_of(profile):
        for word in statement.by:
            if word not in ids:
                yield remark_at(
                    source,
                    "$.statements",
                    "unknown-rule",
                    "warning",
                    f"section {statement.section}: {word} is not a rule, endpoint or parameter",
                )


def _hint(word: str, words: Iterable[str]) -> str:
    near = did_you_mean(word, words)
    return f": {near}" if near else ""
