"""YAML as text with places: scalars stay strings, duplicate keys are errors, every node knows its line.

YAML 1.1 turns `NO`, `0010` and `00` into false, 8 and 0, and DICOM is made of such strings.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from dcmlint.errors import LocatedError, RuleError, did_you_mean

T = TypeVar("T")
Marks = dict[str, tuple[int, int]]

MAX_BYTES = 4 << 20
_MAX_DEPTH = 40
_MAX_NODES = 100_000  # aliases counted each time: eight lines of them can stand for billions
_Base: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class Tagged(msgspec.Struct, frozen=True):
    """A scalar or sequence with a tag of ours: ``!absent``, ``!empty``, ``!hex 00FF``."""

    tag: str
    value: Any = ""


class Source(msgspec.Struct, frozen=True):
    """What stands in a YAML file: strings, lists, dicts and `Tagged`; ``marks`` gives (line, column) by path.

    Paths are like ``$.references[0].part``.
    """

    value: Any
    marks: Marks
    file: str

    def place(self, path: str) -> tuple[int, int]:
        """Line and column of a path, or of the nearest node above it that is known."""
        while path not in self.marks and "." in path:
            path = path.rpartition(".")[0] if not path.endswith("]") else path.rpartition("[")[0]
        return self.marks.get(path, (0, 0))


def parse_yaml(text: str, file: str, error: type[LocatedError] = RuleError) -> list[Source]:
    """The documents of a YAML text.  Raises ``error`` with file, line and column."""
    if len(text) > MAX_BYTES:
        raise error(f"larger than {MAX_BYTES} bytes", file)
    try:
        nodes = [node for node in yaml.compose_all(text, Loader=_Base) if node is not None]
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (0, 0)
        raise error(f"not YAML: {getattr(problem, 'problem', problem)}", file, line, column) from None
    sources = []
    for node in nodes:
        marks: Marks = {}
        sources.append(Source(_convert(node, "$", marks, file, error, 0), marks, file))
    return sources


def read_yaml(path: Path, shown: str, error: type[LocatedError] = RuleError) -> Source:
    """The single document of a file; ``shown`` is how messages name it."""
    try:
        if not path.is_file() and path.exists():
            raise error("not a regular file", shown)
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "not UTF-8"
        raise error(f"cannot be read: {reason}", shown) from None
    documents = parse_yaml(text, shown, error)
    if len(documents) != 1:
        raise error(f"one document is expected, {len(documents)} found", shown)
    return documents[0]


def _convert(node: Any, path: str, marks: Marks, file: str, error: type[LocatedError], depth: int) -> Any:
    marks[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
    if depth > _MAX_DEPTH:
        raise error("nested too deep", file, *marks[path])
    if len(marks) > _MAX_NODES:
        raise error(f"more than {_MAX_NODES} values, aliases counted each time", file, *marks[path])
    ours = node.tag.startswith("!") and not node.tag.startswith("!!") and len(node.tag) > 1
    if isinstance(node, yaml.ScalarNode):
        return Tagged(node.tag[1:], node.value) if ours else node.value
    if isinstance(node, yaml.SequenceNode):
        values = [
            _convert(one, f"{path}[{i}]", marks, file, error, depth + 1) for i, one in enumerate(node.value)
        ]
        return Tagged(node.tag[1:], values) if ours else values
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise error(
                "a key must be text", file, key_node.start_mark.line + 1, key_node.start_mark.column + 1
            )
        key = key_node.value
        if key in result:
            line, column = key_node.start_mark.line + 1, key_node.start_mark.column + 1
            raise error(f"the key {key!r} occurs twice", file, line, column)
        result[key] = _convert(value_node, f"{path}.{key}", marks, file, error, depth + 1)
    return Tagged(node.tag[1:], result) if ours else result


def typed(source: Source, type_: type[T], error: type[LocatedError] = RuleError) -> T:
    """The document as a value of ``type_``; a mistake gives its line and a suggestion."""
    try:
        return msgspec.convert(source.value, type_, strict=False, dec_hook=_hook)
    except msgspec.ValidationError as problem:
        message, _, path = str(problem).partition(" - at `")
        path = path.rstrip("`").replace("[...]", "") or "$"
        hint = ""
        if "unknown field" in message:
            name = message.split("`")[1]
            line, column = source.place(f"{path}.{name}")
            hint = _nearest(name, type_, path)
        else:
            line, column = source.place(path)
        shown = path.removeprefix("$").lstrip(".")
        raise error(f"{message}{f' in {shown}' if shown else ''}", source.file, line, column, hint) from None


def _hook(type_: type, value: Any) -> Any:
    if type_ is Tagged or isinstance(value, Tagged):
        return value
    raise NotImplementedError


def _nearest(name: str, type_: Any, path: str) -> str:
    fields = (
        [f.encode_name for f in msgspec.structs.fields(type_)]
        if path == "$" and hasattr(type_, "__struct_fields__")
        else []
    )
    return did_you_mean(name, fields)
