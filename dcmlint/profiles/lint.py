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
from dcmlint.findings.finding import RANK, Severity
from dcmlint.profiles.attributes import PlacedRow, placed_rows
from dcmlint.profiles.chain import chain_of, chain_values
from dcmlint.profiles.filled import filled
from dcmlint.profiles.gap import RETIRED_SCHEMES, gap_remarks
from dcmlint.profiles.levels import named
from dcmlint.profiles.load import fully_read
from dcmlint.profiles.meant import unknown_words
from dcmlint.profiles.misplaced import holders
from dcmlint.profiles.model import AttributeRow, Profile, ProfileSource
from dcmlint.profiles.parameters import ParameterValue, as_list
from dcmlint.profiles.patterns import substitution_problems
from dcmlint.profiles.remark import Remark
from dcmlint.profiles.resolve import resolve_chain
from dcmlint.profiles.row_demands import requires, tag_of
from dcmlint.profiles.statements import statements_of
from dcmlint.profiles.uids import uid_of
from dcmlint.rules.check import check_rule
from dcmlint.standard.tags import ColumnPositionInTotalImagePixelMatrix, RowPositionInTotalImagePixelMatrix

# PS3.5 Table 6.2-1: characters of one value.
_LONGEST = {"AE": 16, "AS": 4, "CS": 16, "DA": 8, "DS": 16, "DT": 26, "IS": 12, "LO": 64, "LT": 10240, "PN": 64 * 5 * 3,
            "SH": 16, "ST": 1024, "TM": 16, "UI": 64}  # fmt: skip
_CODE_SCHEME = "CodingSchemeDesignator"
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
        remarks += _row(source, placed)
    remarks += _lists(source)
    remarks += _parameters(source, values)
    remarks += _texts(source)
    try:
        resolved = resolve_chain(chain, parameters)
    except (ProfileError, RuleError) as mistake:
        remarks.append(_of_error(mistake, source))
        return _ordered(remarks, source.profile.readings)
    for rule in resolved.rules:
        if rule.rule.id in resolved.own and rule.file == source.file:
            remarks += [_of_error(mistake, source) for mistake in check_rule(rule)]
    remarks += _words(source, resolved)
    if source.profile.source is not None and source.profile.attributes:
        remarks += gap_remarks(source)
    return _ordered(remarks, source.profile.readings)


def _ordered(remarks: Iterable[Remark], readings: Mapping[str, str]) -> tuple[Remark, ...]:
    read = (
        msgspec.structs.replace(one, reading=readings.get(one.key, readings.get(one.code, "")))
        for one in dict.fromkeys(remarks)
    )
    return tuple(sorted(read, key=lambda one: (one.line, -RANK[one.severity], one.code, one.message)))


def _of_error(mistake: ProfileError | RuleError, source: ProfileSource) -> Remark:
    return Remark(
        code="cannot-be-used", severity="error", message=mistake.message + (f" ({mistake.hint})" if mistake.hint else ""),
        file=mistake.file or source.file, line=mistake.line,
    )  # fmt: skip


def _remark(
    source: ProfileSource,
    mark: str,
    code: str,
    severity: Severity,
    message: str,
    row: str = "",
    subject: str = "",
) -> Remark:
    line = source.place(mark)[0]
    return Remark(
        code=code, severity=severity, message=message, file=source.file, line=line, row=row, subject=subject
    )


# -- rows -------------------------------------------------------------------------------------------------------


def _row(source: ProfileSource, placed: PlacedRow) -> Iterator[Remark]:
    row, mark = placed.row, placed.mark

    def say(code: str, severity: Severity, message: str, key: str = "") -> Remark:
        return _remark(
            source, f"{mark}.{key}" if key else mark, code, severity, message, placed.id, placed.path
        )

    dictionary = standard.load().dictionary
    tag = tag_of(row.attribute)
    if tag is None:
        hint = _hint(row.attribute, dictionary.keywords())
        yield say(
            "unknown-keyword",
            "error",
            f"{row.attribute} is not a keyword of the data dictionary{hint}",
            "attribute",
        )
        return
    entry = dictionary.entry(tag)
    if row.tag:
        stated = tag_of(row.tag)
        if stated is None:
            yield say("unknown-tag", "error", f"{row.tag} is not a tag", "tag")
        elif stated != tag:
            other = dictionary.entry(stated)
            whose = f"{other.name}" if other is not None else "nothing in the dictionary"
            yield say("tag-mismatch", "error", f"({row.tag}) is {whose}, not {row.attribute}", "tag")
    if entry is None:
        return
    if row.name and _letters(row.name) != _letters(entry.name):
        yield say(
            "name-mismatch",
            "warning",
            f"the statement calls it {row.name!r}, the dictionary {entry.name!r}",
            "name",
        )
    if row.vr and row.vr not in entry.vr.split("/"):
        yield say("vr-mismatch", "error", f"{entry.name} has VR {entry.vr}, not {row.vr} (PS3.6)", "vr")
    nested = () if placed.parents else holders(tag, _classes(row, source.profile))
    if nested:
        where = ", or of ".join(nested)
        yield say(
            "nested-attribute", "warning",
            f"{entry.name} is not an attribute of the data set itself, but of the items of {where}: the row belongs into `items`",
            "attribute",
        )  # fmt: skip
    if not (requires(row) or row.items or row.says or row.not_seen or row.severity == "error"):
        yield say("requires-nothing", "warning", f"the row of {entry.name} requires nothing")
    if entry.retired:
        yield say("retired-attribute", "warning", f"{entry.name} is retired (PS3.6)", "attribute")
    yield from _printed(row, entry.name, say)
    yield from _schemes(row, say)
    yield from _single_index(row, say)
    if row.pattern and entry.vr in _LONGEST:
        yield from _too_long(row.pattern, entry.vr, entry.name, say)


def _classes(row: AttributeRow, profile: Profile) -> tuple[str, ...]:
    """The UIDs of the SOP Classes that a row is about; none where the profile does not say."""
    words = row.sop_class or profile.sop_classes or profile.applies.sop_class
    try:
        return tuple(uid_of(word, "SOP Class") for word in as_list(words))
    except ProfileError:
        return ()


_PRINTED = {
    "vr": "the VR",
    "value": "the value",
    "presence": "the presence",
    "name": "the name",
    "tag": "the tag",
}


def _printed(row: AttributeRow, name: str, say: Any) -> Iterator[Remark]:
    """What the document prints, where that cannot be meant; the row says how it was read."""
    for key, text in row.printed.items():
        if key not in _PRINTED:
            yield say("unknown-key", "error", f"printed: {key} is none of {', '.join(_PRINTED)}", "printed")
            continue
        read = {"vr": row.vr, "name": row.name, "tag": row.tag, "presence": row.presence}.get(key, "")
        yield say("printed-otherwise", "warning",
                  f"the document prints {text} as {_PRINTED[key]} of {name}" + (f"; read as {read}" if read else ""), "printed")  # fmt: skip


def _schemes(row: AttributeRow, say: Any) -> Iterator[Remark]:
    if row.attribute != _CODE_SCHEME:
        return
    for word in as_list(row.values):
        if word in RETIRED_SCHEMES:
            yield say("retired-scheme", "warning",
                      f"the coding scheme {word} is retired; {RETIRED_SCHEMES[word]} took its place (PS3.16 8)", "values")  # fmt: skip


def _single_index(row: AttributeRow, say: Any) -> Iterator[Remark]:
    """A dimension index over the columns alone gives all tiles of a column the same index (PS3.3 C.7.6.17.1)."""
    if row.attribute != "DimensionIndexPointer":
        return
    words = as_list(row.values) or (row.printed.get("value", ""),)
    listed = {tag_of(word) for word in words}
    for one, other in (
        (ColumnPositionInTotalImagePixelMatrix, RowPositionInTotalImagePixelMatrix),
        (RowPositionInTotalImagePixelMatrix, ColumnPositionInTotalImagePixelMatrix),
    ):
        if listed == {one}:
            names = [standard.load().dictionary.entry(tag) for tag in (one, other)]
            assert names[0] is not None and names[1] is not None  # noqa: PT018
            yield say("incomplete-index", "warning",
                      f"the only index points to {names[0].name}: without {names[1].name} it cannot tell tiles apart (PS3.3 C.7.6.17)", "values")  # fmt: skip


def _doubled(pattern: str, name: str) -> str:
    """What is wrong with a pattern in which every backslash stands twice, as program text and some guides print it."""
    if re.search(r"\\\\[dDwWsSbB.]", pattern) and not re.search(r"(?<!\\)\\(?!\\)", pattern):
        return f"{name} has doubled backslashes: \\\\d finds a backslash and the letter d; write \\d"
    return ""


def _too_long(pattern: str, vr: str, name: str, say: Any) -> Iterator[Remark]:
    try:
        shortest = safe_pattern(pattern).shortest
    except ValueError:
        return
    if shortest > _LONGEST[vr]:
        yield say("pattern-too-long", "error",
                  f"the pattern takes at least {shortest} characters, and {name} ({vr}) holds at most {_LONGEST[vr]}", "pattern")  # fmt: skip


def _letters(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


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
                yield _remark(
                    source,
                    mark,
                    "unknown-uid",
                    "error",
                    f"{mistake.message}{f' ({mistake.hint})' if mistake.hint else ''}",
                )
                continue
            entry = standard.load().uid(uid)
            if entry is None:
                yield _remark(
                    source,
                    mark,
                    "unknown-uid",
                    "warning",
                    f"{uid} is not in PS3.6 Annex A: a private {type_}?",
                )
            elif entry.type != type_:
                yield _remark(
                    source,
                    mark,
                    "unknown-uid",
                    "error",
                    f"{uid} is {entry.name}, a {entry.type}, not a {type_}",
                )
            elif entry.retired:
                yield _remark(
                    source,
                    mark,
                    "retired-uid",
                    "warning",
                    f"{entry.name.split(' (Retired)')[0]} ({uid}) is retired (PS3.6 Table A-1)",
                    subject=uid,
                )
    for number, endpoint in enumerate(profile.endpoints):
        mark = f"$.endpoints[{number}]"
        if endpoint.tls_minimum and endpoint.tls_minimum not in ("1.2", "1.3"):
            yield _remark(
                source,
                mark,
                "weak-tls",
                "warning",
                f"{endpoint.name}: TLS {endpoint.tls_minimum} is not secure (PS3.15 B.12)",
            )
        if endpoint.protocol == "dicom-tls" and endpoint.port == "104":
            yield _remark(source, mark, "unusual-port", "info",
                          f"{endpoint.name}: port 104 is registered for DICOM without TLS, 2762 for DICOM over TLS (PS3.8 9.1.2, PS3.15 B.1)")  # fmt: skip


# -- parameters -------------------------------------------------------------------------------------------------


def _parameters(source: ProfileSource, values: Mapping[str, ParameterValue]) -> Iterator[Remark]:
    """Patterns that nothing can match, substitutions without their groups, what was copied with HTML's signs."""
    for name, value in values.items():
        mark = f"$.set.{name}" if f"$.set.{name}" in source.marks else f"$.parameters.{name}"
        if value.value is None:
            continue
        entity = _ENTITY.search(value.value) if value.parameter.type in ("pattern", "substitution") else None
        if entity is not None:
            message = f"{name} holds {entity[0]}: was it copied from HTML?"
            yield _remark(source, mark, "html-entity", "warning", message)
        doubled = _doubled(value.value, name) if value.parameter.type == "pattern" else ""
        if doubled:
            yield _remark(source, mark, "doubled-backslash", "warning", doubled)
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
                yield _remark(source, mark, "substitution-without-group", "error", f"{name}: {problem}")


def _mapped(source: ProfileSource, mark: str, name: str, pattern: str, path: str) -> Iterator[Remark]:
    entry = standard.load().dictionary.by_keyword(path.rpartition(".")[2])
    if entry is None or entry.vr not in _LONGEST:
        return
    shortest = safe_pattern(pattern).shortest
    if shortest > _LONGEST[entry.vr]:
        yield _remark(source, mark, "pattern-too-long", "error",
                      f"{name} takes at least {shortest} characters, and {entry.name} ({entry.vr}) holds at most {_LONGEST[entry.vr]}")  # fmt: skip


# -- words ------------------------------------------------------------------------------------------------------


def _texts(source: ProfileSource) -> Iterator[Remark]:
    profile = source.profile
    today = datetime.date.today().isoformat()
    for number, override in enumerate(profile.overrides):
        mark = f"$.overrides[{number}]"
        if not override.reason.strip():
            yield _remark(source, mark, "no-reason", "error", "an override needs a reason")
        if override.expires < today:
            yield _remark(
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
            yield _remark(
                source,
                mark,
                "unexplained-statement",
                "error",
                "a statement that nothing checks needs the reason",
            )
    for placed in placed_rows(profile):
        if not placed.row.section:
            yield _remark(
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
        yield _remark(
            source, mark, "locked", "warning", f"{word!r} does not lower {names}: locked by {by}",
        )  # fmt: skip
    for link, mark, word, close in unknown_words(resolved):
        if link.profile.id == profile.id:
            hint = f": {close}" if close else ""
            says = f"{word!r} is not a rule, area or tag{hint}"
            yield _remark(source, mark, "unknown-rule", "error", says)
    ids = {rule.rule.id for rule in resolved.rules} | {one.what for one in resolved.not_checked}
    ids |= {f"endpoint {endpoint.name}" for link in resolved.chain for endpoint in link.profile.endpoints}
    ids |= {f"parameter {name}" for name in resolved.parameters}
    # A row of which nothing can be seen has no rule, but it is there.
    ids |= {placed.id for placed in placed_rows(profile)}
    for statement in statements_of(profile):
        for word in statement.by:
            if word not in ids:
                yield _remark(
                    source,
                    "$.statements",
                    "unknown-rule",
                    "warning",
                    f"section {statement.section}: {word} is not a rule, endpoint or parameter",
                )


def _hint(word: str, words: Iterable[str]) -> str:
    near = did_you_mean(word, words)
    return f": {near}" if near else ""
