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
_MERGE = "<<"  # YAML's key for the keys of another mapping
_MAX_NODES = 100_000  # aliases counted each time: eight lines of them can stand for billions
_Base: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class Tagged(msgspec.Struct, frozen=True):
    """A scalar or sequence with a tag of ours: ``!absent``, ``!empty``, ``!hex 00FF``."""

    tag: str
    value: Any = ""


class Source(msgspec.Struct, frozen=True):
    """What stands in a YAML file: strings, lists, dicts and `Tagged`; ``marks`` gives (line, column) by path.

    Paths are like ``$.references[0].part``; ``$.references[0].part:`` is the key itself.
    """

    value: Any
    marks: Marks
    file: str

    def place(self, path: str) -> tuple[int, int]:
        """Line and column of a path, or of the nearest node above it that is known."""
        while path not in self.marks and "." in path:
            if path.endswith(":"):
                path = path[:-1]
                continue
            path = path.rpartition(".")[0] if not path.endswith("]") else path.rpartition("[")[0]
        return self.marks.get(path, (0, 0))

    def plain(self) -> Any:
        """The value without our tags, as the schemas describe it."""
        return _untagged(self.value)


def parse_yaml(text: str, file: str, error: type[LocatedError] = RuleError) -> list[Source]:
    """The documents of a YAML text.  Raises ``error`` with file, line and column."""
    if len(text) > MAX_BYTES:
        raise error(f"larger than {MAX_BYTES} bytes", file)
    try:
        nodes = [node for node in yaml.compose_all(text, Loader=_Base) if node is not None]
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (0, 0)
        lines = text.splitlines()
        tab = 0 < line <= len(lines) and lines[line - 1][column - 1 : column] == "\t"
        says = "a tab: YAML indents by blanks" if tab else getattr(problem, "problem", problem)
        raise error(f"not YAML: {says}", file, line, column) from None
    sources = []
    for node in nodes:
        marks: Marks = {}
        sources.append(Source(_Reading(file, error).convert(node, "$", marks), marks, file))
    return sources


def read_yaml(path: Path, shown: str, error: type[LocatedError] = RuleError) -> Source:
    """The single document of a file; ``shown`` is how messages name it."""
    try:
        if not path.is_file() and path.exists():
            raise error("not a regular file", shown)
        text = path.read_text("utf-8")
    except OSError as problem:
        raise error(f"cannot be read: {problem.strerror}", shown) from None
    except UnicodeDecodeError as problem:
        before = problem.object[: problem.start]
        line, column = before.count(b"\n") + 1, problem.start - before.rfind(b"\n")
        raise error("cannot be read: not UTF-8", shown, line, column) from None
    return single(parse_yaml(text, shown, error), shown, error)


def single(documents: list[Source], shown: str, error: type[LocatedError]) -> Source:
    """The one document of a file.  Raises ``error`` for none, and for a second with its place."""
    if len(documents) > 1:
        raise error(f"one document is expected, {len(documents)} found", shown, *documents[1].place("$"))
    if not documents:
        raise error("the file is empty", shown, 1, 1)
    return documents[0]


class _Reading:
    """Nodes of one document as values, with their places; bounded in depth and in nodes, aliases counted each time."""

    def __init__(self, file: str, error: type[LocatedError]) -> None:
        self._file = file
        self._error = error
        self._nodes = 0

    def convert(self, node: Any, path: str, marks: Marks, depth: int = 0) -> Any:
        """The value of a node; the places of all that is in it go into ``marks``."""
        marks[path] = _at(node)
        self._nodes += 1
        if depth > _MAX_DEPTH:
            raise self._wrong("nested too deep", node)
        if self._nodes > _MAX_NODES:
            raise self._wrong(f"more than {_MAX_NODES} values, aliases counted each time", node)
        ours = node.tag.startswith("!") and not node.tag.startswith("!!") and len(node.tag) > 1
        value: Any
        if isinstance(node, yaml.ScalarNode):
            value = node.value
        elif isinstance(node, yaml.SequenceNode):
            value = [self.convert(one, f"{path}[{i}]", marks, depth + 1) for i, one in enumerate(node.value)]
        else:
            value = self._mapping(node, path, marks, depth)
        return Tagged(node.tag[1:], value) if ours else value

    def _mapping(self, node: Any, path: str, marks: Marks, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        parts: list[Any] = []
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._wrong("a key must be text", key_node)
            key = key_node.value
            if key == _MERGE and not key_node.style:
                parts += value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
                continue
            if key in result:
                raise self._wrong(f"the key {key!r} occurs twice", key_node)
            result[key] = self.convert(value_node, f"{path}.{key}", marks, depth + 1)
            marks[f"{path}.{key}:"] = _at(key_node)
        for part in parts:
            self._merge(part, result, path, marks, depth + 1)
        return result

    def _merge(self, part: Any, result: dict[str, Any], path: str, marks: Marks, depth: int) -> None:
        """The keys that a mapping does not have itself, from one that ``<<`` names; the first that has a key gives it."""
        if not isinstance(part, yaml.MappingNode):
            raise self._wrong(f"{_MERGE} takes the anchor of a mapping, or a list of them", part)
        below: Marks = {}
        whole = self.convert(part, path, below, depth)
        for key, value in (whole.value if isinstance(whole, Tagged) else whole).items():
            if key not in result:
                result[key] = value
                inner = (f"{path}.{key}.", f"{path}.{key}[", f"{path}.{key}:")
                marks.update({m: at for m, at in below.items() if f"{m}." == inner[0] or m.startswith(inner)})

    def _wrong(self, message: str, node: Any) -> LocatedError:
        return self._error(message, self._file, *_at(node))


def _untagged(value: Any) -> Any:
    if isinstance(value, Tagged):
        return _untagged(value.value)
    if isinstance(value, dict):
        return {key: _untagged(one) for key, one in value.items()}
    return [_untagged(one) for one in value] if isinstance(value, list) else value


def _at(node: Any) -> tuple[int, int]:
    """Line and column, from 1."""
    return node.start_mark.line + 1, node.start_mark.column + 1


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
