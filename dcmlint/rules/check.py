"""Static checks of rule files: everything that can be said of a rule before it meets an instance."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from dcmlint.dicom.path import parse_path
from dcmlint.errors import RuleError, did_you_mean
from dcmlint.rules.compile import CompiledRule, sop_classes_of
from dcmlint.rules.example_facts import example_facts
from dcmlint.rules.examples import example_files, repair_files
from dcmlint.rules.load import read_rule
from dcmlint.rules.model import RuleSource
from dcmlint.rules.repairs import compiled_repairs
from dcmlint.rules.tables.checks import CHECKS

# An alias may be of one value of an attribute, or of one wrong value: value(ImageType, 3) == "LOCALIZER"
_VALUE = re.compile(r"""value\(([^,()]+), [1-9]\d*\)(?: == "[^"]*")?""")


def check_files(files: Iterable[tuple[Path, str]]) -> tuple[list[RuleSource], list[RuleError]]:
    """Read rule files, each with the name to show; all that could be read, and every mistake found."""
    sources: list[RuleSource] = []
    mistakes: list[RuleError] = []
    seen: dict[str, str] = {}
    for path, shown in files:
        try:
            source = read_rule(path, shown)
        except RuleError as mistake:
            mistakes += [mistake, *(one for one in mistake.others if isinstance(one, RuleError))]
            continue
        for word, key in ((source.rule.id, "id"), (source.rule.name, "name")):
            if word in seen:
                mistakes.append(_wrong(source, key, f"{word} is also used in {seen[word]}"))
            seen[word] = shown
        mistakes += check_rule(source)
        sources.append(source)
    return sources, mistakes


def check_rule(source: RuleSource) -> Iterator[RuleError]:
    """The mistakes of one rule: expressions, SOP Classes, check codes, paths, parameters, examples."""
    rule = source.rule
    try:
        CompiledRule(source).whole()
    except RuleError as mistake:
        yield mistake
    try:
        sop_classes_of(rule)
    except RuleError as mistake:
        yield _wrong(source, "applies", mistake.message, mistake.hint)
    for number, code in enumerate(rule.check):
        if code not in CHECKS:
            yield _wrong(
                source, f"check[{number}]", f"{code!r} is not a generic check", did_you_mean(code, CHECKS)
            )
    for number, attribute in enumerate(rule.attributes):
        value = _VALUE.fullmatch(attribute)
        path = attribute.removeprefix("*.") if value is None else value[1]
        yield from _path(source, f"attributes[{number}]", path)
    if rule.at:
        yield from _path(source, "at", rule.at)
    for number, attribute in enumerate(rule.causes):
        yield from _path(source, f"causes[{number}]", attribute)
    for number, attribute in enumerate(rule.rests_on):
        yield from _path(source, f"rests_on[{number}]", attribute.removeprefix("*."))
    if rule.each not in ("", "*"):
        yield from _path(source, "each", rule.each)
    yield from _repairs(source)
    for number in range(len(rule.examples)):
        try:
            example_files(source, number)
            example_facts(source, number)
        except RuleError as mistake:
            yield mistake


def _repairs(source: RuleSource) -> Iterator[RuleError]:
    for number, repair in enumerate(source.rule.repairs):
        try:
            compiled_repairs(source)
            for example in range(len(repair.examples)):
                repair_files(source, number, example)
        except RuleError as mistake:
            yield mistake
        for place, code in enumerate(repair.check):
            if code not in CHECKS:
                hint = did_you_mean(code, CHECKS)
                yield _wrong(
                    source, f"repairs[{number}].check[{place}]", f"{code!r} is not a generic check", hint
                )


def _path(source: RuleSource, key: str, path: str) -> Iterator[RuleError]:
    try:
        parse_path(path)
    except ValueError as problem:
        from dcmlint import standard

        word = str(problem).split("'")[1] if str(problem).count("'") > 1 else ""
        hint = did_you_mean(word, standard.load().dictionary.keywords()) if word.isalnum() else ""
        yield _wrong(source, key, str(problem), hint)


def _wrong(source: RuleSource, key: str, message: str, hint: str = "") -> RuleError:
    place = source.marks.get(f"$.{key}") or source.marks.get(f"$.{key.partition('[')[0]}", (0, 0))
    return RuleError(message, source.file, *place, hint)
