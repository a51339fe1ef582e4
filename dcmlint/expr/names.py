"""The compiler's half that resolves names: attributes, items, facts, lets and loop variables."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from dcmlint.errors import did_you_mean
from dcmlint.expr.code import Code
from dcmlint.expr.functions import FORMS, signatures
from dcmlint.expr.source import Source
from dcmlint.expr.syntax import Index, Keyword, Literal, Member, Name, Node, TagRead
from dcmlint.expr.three_valued import item_at, read_from
from dcmlint.expr.types import ANY, ITEM, Names, Type, attribute_type, words

if TYPE_CHECKING:
    from dcmlint.errors import RuleError

_LEVELS = {
    "root": "the top-level data set",
    "up": "the nearest data set that has it",
    "file": "the file meta group",
}


class Let(Protocol):
    """What is known of a let beside its type: the tags whose values it may give."""

    @property
    def type(self) -> Type:
        """The type of its value."""
        ...

    @property
    def sources(self) -> frozenset[int]:
        """The tags that its value may come from."""
        ...


class NameCompiler:
    """Resolves the names of one expression, and collects what was read."""

    __slots__ = (
        "attributes",
        "facts",
        "lets",
        "loops",
        "names",
        "read_lets",
        "slots",
        "source",
        "sources",
        "variables",
    )

    def __init__(self, source: Source, names: Names, lets: Mapping[str, Type | Let]) -> None:
        self.source, self.names, self.lets = source, names, lets
        self.attributes: set[int] = set()
        self.sources: set[int] = set()
        self.facts: set[str] = set()
        self.read_lets: set[str] = set()
        self.variables: dict[str, tuple[int, Type]] = {}
        self.loops = self.slots = 0

    @abstractmethod
    def compile(self, node: Node) -> Code:
        """Compile any node."""

    def text(self, node: Node) -> str:
        """The text of a node."""
        return self.source.text[node.start : node.end]

    def error(self, node: Node, message: str, hint: str = "") -> RuleError:
        """An error at the beginning of a node."""
        return self.source.error(node.start, message, hint)

    def keyword(self, node: Keyword) -> Code:
        """An attribute: ``Rows``, ``root.Rows``, ``x.Rows``, ``Seq[0].Rows``."""
        found = self.names.attribute(node.name)
        if found is None:
            hint = did_you_mean(node.name, self.names.attribute_names())
            offset = node.end - len(node.name)
            raise self.source.error(offset, f"{node.name} is not a keyword of the data dictionary", hint)
        return self.read(node, node.target, found.tag, attribute_type(found.vr, found.vm))

    def tag_read(self, node: TagRead) -> Code:
        """``tag("0009,1001")`` as an attribute."""
        return self.read(node, node.target, node.tag, ANY)

    def read(self, node: Node, target: Node | None, tag: int, kind: Type) -> Code:
        """The value of an attribute of the scope, of a level or of an item."""
        text = self.text(node)
        self.sources.add(tag)
        if target is None:
            self.attributes.add(tag)

            def own(scope: Any, lets: Any, frame: Any) -> object:
                return scope.attribute(tag)

            return Code(node, kind, own, text, (), True, False, (tag,), tag)
        if isinstance(target, Name) and target.name not in self.variables:
            if target.name == "root":

                def of_root(scope: Any, lets: Any, frame: Any) -> object:
                    return scope.root.attribute(tag)

                return Code(node, kind, of_root, text, (), True, False, (tag,))
            if target.name == "file":

                def of_file(scope: Any, lets: Any, frame: Any) -> object:
                    return scope.file.attribute(tag)

                return Code(node, kind, of_file, text, (), True, False, (tag,))
            if target.name == "up":
                self.attributes.add(tag)

                def upward(scope: Any, lets: Any, frame: Any) -> object:
                    return scope.up(tag)

                return Code(node, kind, upward, text, (), True, False, (tag,))
        of = self.compile(target)
        if of.type.kind == "items":
            name = node.name if isinstance(node, Keyword) else f'tag("{tag >> 16:04X},{tag & 0xFFFF:04X}")'
            hint = f"write {of.text}[0].{name}, or {of.text}.all(x, ...) with x.{name}"
            raise self.error(node, f"{of.text} is a sequence of items", hint)
        if of.type.kind not in ("item", "any"):
            raise self.error(node, f"{of.text} is {words(of.type)}: it has no attributes")
        get, slot = of.run, of.slot if isinstance(target, Name) else 0
        if slot and of.type == ITEM:

            def of_variable(scope: Any, lets: Any, frame: Any) -> object:
                try:
                    return frame[slot].attribute(tag)
                except AttributeError:
                    return read_from(frame[slot], tag)  # no item after all: what a fact gave may be anything

            return Code(node, kind, of_variable, text, (of,), True, False, (tag,), None, slot)

        def of_item(scope: Any, lets: Any, frame: Any) -> object:
            return read_from(get(scope, lets, frame), tag)

        return Code(node, kind, of_item, text, (of,), True, False, (tag,), None, of.slot)

    def index(self, node: Index) -> Code:
        """``Seq[0]``: an item of a sequence."""
        target = self.compile(node.target)
        written = node.index.value if isinstance(node.index, Literal) else None
        if target.type.kind not in ("items", "any"):
            number = written + 1 if isinstance(written, int) else "n"
            hint = f"write value({target.text}, {number}): values are counted from 1"
            raise self.error(node, f"{target.text} is {words(target.type)}, not a sequence of items", hint)
        index = self.compile(node.index)
        if index.type.kind not in ("number", "any", "values") or isinstance(written, float):
            raise self.error(node.index, f"{index.text} is not a whole number", "items are counted from 0")
        if isinstance(written, int) and written < 0:
            raise self.error(node.index, f"there is no item {written}", "items are counted from 0")
        run, count, text = target.run, index.run, index.text

        def evaluate(scope: Any, lets: Any, frame: Any) -> object:
            return item_at(run(scope, lets, frame), count(scope, lets, frame), text)

        return Code(
            node,
            ITEM,
            evaluate,
            self.text(node),
            (target, index),
            target.leaf,
            False,
            target.tags,
            None,
            target.slot,
        )

    def name(self, node: Name) -> Code:
        """A loop variable, a let, or a fact without dots."""
        name = node.name
        found = self.variables.get(name)
        if found is not None:
            slot, kind = found

            def variable(scope: Any, lets: Any, frame: Any) -> object:
                return frame[slot]

            return Code(node, kind, variable, name, leaf=True, slot=slot)
        known = self.lets.get(name)
        if known is not None:
            self.read_lets.add(name)

            def let(scope: Any, lets: Any, frame: Any) -> object:
                return lets[name]

            if isinstance(known, Type):
                return Code(node, known, let, name, leaf=True)
            self.sources |= known.sources
            return Code(node, known.type, let, name, leaf=True, tags=tuple(sorted(known.sources)))
        return self.fact(node, name)

    def member(self, node: Member) -> Code:
        """A dotted fact: ``tiling.columns``."""
        parts = [node.name]
        target: Node = node.target
        while isinstance(target, Member):
            parts.append(target.name)
            target = target.target
        if not isinstance(target, Name):
            hint = "after an item comes a keyword: Sequence[0].Keyword"
            raise self.error(node, f"{self.text(node.target)} has no {node.name}", hint)
        if target.name in _LEVELS:
            hint = f"{target.name}.Keyword is an attribute of {_LEVELS[target.name]}"
            raise self.error(node, f"{target.name} has no {node.name}", hint)
        if target.name in self.variables or target.name in self.lets:
            hint = f"functions are written {node.name}({target.name})"
            raise self.error(node, f"{target.name} has no {node.name}", hint)
        parts.append(target.name)
        return self.fact(node, ".".join(reversed(parts)))

    def fact(self, node: Node, name: str) -> Code:
        """A fact by its whole name."""
        found = self.names.fact(name)
        if found is None:
            raise self.error(node, *self.unknown_name(name))
        self.facts.add(name)
        self.sources |= found.sources

        def fact(scope: Any, lets: Any, frame: Any) -> object:
            return scope.fact(name)

        return Code(node, found.type, fact, name, leaf=True, tags=tuple(sorted(found.sources)))

    def unknown_name(self, name: str) -> tuple[str, str]:
        """Message and hint for a name that nothing has."""
        if name in _LEVELS:
            return f"{name} is not a value", f"write {name}.Keyword: an attribute of {_LEVELS[name]}"
        if name in FORMS or signatures(name):
            return f"{name} is a function", f"write {name}(...)"
        if "." in name:
            return f"there is no fact {name}", did_you_mean(name, self.names.fact_names())
        candidates = [*self.variables, *self.lets, *self.names.fact_names()]
        hint = did_you_mean(name, candidates)
        if not hint:
            # rows for Rows: a keyword in the wrong spelling
            letters = name.replace("_", "").lower()
            same = [each for each in self.names.attribute_names() if each.lower() == letters]
            hint = f"attributes are written by keyword: {same[0]}" if same else ""
        return f"there is no let, fact or variable {name}", hint
