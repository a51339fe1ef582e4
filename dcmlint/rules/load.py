"""Loading rules: from the folder of rules, or from the bundle that is made of it.

The bundle (``_data/rules.bin``) is made from the rule files, without their examples: reading 500 files of YAML
would cost more than checking a hundred instances.  A wheel carries it; in a checkout it is used while it matches
the files, and written again where it does not.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TypeVar

import msgspec

from dcmlint.decoding import decoder
from dcmlint.errors import RuleError
from dcmlint.findings.finding import RANK
from dcmlint.rules.model import Repair, Rule, RuleSource
from dcmlint.user_file import hold

_PACKAGE = Path(__file__).resolve().parent.parent
BUNDLE = _PACKAGE / "_data" / "rules.bin"


class Bundled(msgspec.Struct, frozen=True):
    """What is read once and kept; ``key`` is a hash of the files it was read from."""

    key: str


AnyBundle = TypeVar("AnyBundle", bound=Bundled)


class Bundle(Bundled, frozen=True):
    """All built-in rules."""

    rules: tuple[RuleSource, ...]


def data_folder(name: str) -> Path:
    """The folder ``rules``, ``profiles`` or ``schemas``: beside the package in a checkout, in it when installed."""
    checkout = _PACKAGE.parent / name
    if in_checkout() and checkout.is_dir():
        return checkout
    return _PACKAGE / "_data" / name


def published(name: str) -> Path:
    """The schema of a kind of file: rule, profile, config, gate, baseline."""
    return data_folder("schemas") / f"{name}.schema.json"


def in_checkout() -> bool:
    """Whether the package stands in its source tree, where rule files may change at any time."""
    return (_PACKAGE.parent / "pyproject.toml").is_file()


def rule_files(folder: Path) -> list[Path]:
    """The rule files of a folder, in the order of their names."""
    return sorted(folder.rglob("*.yaml"), key=lambda path: (path.name, str(path)))


def folder_key(folder: Path) -> str:
    """A hash of all rule files of a folder, names and bytes, and of the types that they are read into."""
    digest = hashlib.sha256()
    models = (_PACKAGE / "rules" / "model.py", _PACKAGE / "profiles" / "model.py")
    for path in (*models, *rule_files(folder)):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def read_rule(path: Path, shown: str | None = None) -> RuleSource:
    """One rule file.  Raises RuleError with its line."""
    # The bundle needs no YAML: its import is paid for only where rule files are read.
    from dcmlint.rules.yaml_source import read_yaml, typed

    source = read_yaml(path, shown or str(path))
    if not path.resolve().is_relative_to(data_folder("rules").resolve()):
        hold(source.plain(), published("rule"), source.file, source.place, RuleError, text=True)
    rule = typed(source, Rule)
    _check_form(rule, source.file, source.marks)
    return RuleSource(rule, source.file, source.marks)


def read_folder(folder: Path) -> tuple[RuleSource, ...]:
    """All rules of a folder; ids and names must be unique."""
    return unique(read_rule(path, str(path.relative_to(folder.parent))) for path in rule_files(folder))


def unique(sources: Iterable[RuleSource]) -> tuple[RuleSource, ...]:
    """The rules by id; raises RuleError where an id or a name is used twice."""
    seen: dict[str, str] = {}
    result = []
    for source in sources:
        for word in (source.rule.id, source.rule.name):
            if word in seen:
                raise RuleError(f"{word} is also used in {seen[word]}", source.file)
            seen[word] = source.file
        result.append(source)
    return tuple(sorted(result, key=lambda source: source.rule.id))


def _check_form(rule: Rule, file: str, marks: Mapping[str, tuple[int, int]]) -> None:
    def wrong(message: str, key: str) -> RuleError:
        return RuleError(message, file, *marks.get(f"$.{key}", (0, 0)))

    needed = {"table": "check", "function": "function", "expression": "assert"}[rule.kind]
    if not {"table": rule.check, "function": rule.function, "expression": rule.assert_}[rule.kind]:
        raise wrong(f"a rule of kind {rule.kind} needs {needed!r}", "kind")
    for example in rule.examples:
        if [example.fails, example.passes, example.undecided, example.not_applicable].count(True) != 1:
            raise wrong(f"example {example.name!r} must have exactly one outcome", "examples")
    for number, repair in enumerate(rule.repairs):
        _check_repair(repair, number, wrong)
    if RANK[rule.severity] == RANK["error"] and rule.basis not in ("requirement", "inference", "local"):
        raise wrong(f"a rule of basis {rule.basis} cannot be an error", "severity")


def _check_repair(repair: Repair, number: int, wrong: Callable[[str, str], RuleError]) -> None:
    key = f"repairs[{number}]"
    ways = [repair.remove, repair.encode, repair.rename, repair.set_, repair.function]
    count = sum(bool(way) for way in ways)
    if repair.safety == "never" and (count or repair.examples):
        raise wrong("what is never repaired has no operation and no examples", key)
    if repair.safety != "never" and count != 1:
        raise wrong("a repair has one of remove, encode, rename, set, function", key)
    if repair.safety != "never" and not repair.label:
        raise wrong("a repair needs a label: what it does", key)
    if repair.safety != "safe" and not repair.reason:
        raise wrong(f"a repair that is {repair.safety} needs a reason", key)
    for example in repair.examples:
        if (example.after is None) != example.refused:
            raise wrong(f"example {example.name!r} must have either after or refused", f"{key}.examples")


def bundled(path: Path, kind: type[AnyBundle], folder: Path, make: Callable[[], AnyBundle]) -> AnyBundle:
    """The bundle at ``path``; made of ``folder`` where there is none, or, in a checkout, one of other files."""
    if path.is_file():
        bundle = _decoded(path, kind)
        if bundle is not None and (not in_checkout() or bundle.key == folder_key(folder)):
            return bundle
    bundle = make()
    if in_checkout():
        _keep(path, bundle)
    return bundle


def _decoded(path: Path, kind: type[AnyBundle]) -> AnyBundle | None:
    """None for a bundle of another shape: one that an older checkout left."""
    try:
        return decoder(kind).decode(path.read_bytes())
    except (msgspec.DecodeError, OSError):
        if not in_checkout():
            raise
        return None


def _keep(path: Path, bundle: Bundled) -> None:
    """A checkout that cannot be written to, or one that another process writes to, only reads the files again."""
    part = path.with_name(f"{path.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        path.parent.mkdir(exist_ok=True)
        part.write_bytes(msgspec.msgpack.encode(bundle))
        part.replace(path)


@cache
def builtin_rules() -> tuple[RuleSource, ...]:
    """The rules that come with dcmlint."""
    return bundled(BUNDLE, Bundle, data_folder("rules"), rule_bundle).rules


def rule_bundle() -> Bundle:
    """The bundle of the built-in rules, without examples."""
    folder = data_folder("rules")
    bare = tuple(
        RuleSource(_without_examples(source.rule), source.file, _short(source.marks))
        for source in read_folder(folder)
    )
    return Bundle(key=folder_key(folder), rules=bare)


def _without_examples(rule: Rule) -> Rule:
    repairs = tuple(msgspec.structs.replace(repair, examples=()) for repair in rule.repairs)
    return msgspec.structs.replace(rule, examples=(), repairs=repairs)


def _short(marks: Mapping[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """The places of expressions only: what is needed when a fact or attribute is unknown at run time."""
    wanted = (
        "$.when",
        "$.assert",
        "$.at",
        "$.message",
        "$.places",
        "$.let.",
        "$.downgrade",
        "$.is",
        "$.want",
        "$.repairs",
    )
    return {path: place for path, place in marks.items() if path.startswith(wanted)}
