"""Rules about instances together: what they see, and how they say which instances differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from dcmlint.expr import ABSENT
from dcmlint.plural import number_of
from dcmlint.rules.functions import NotApplicable, Problem

if TYPE_CHECKING:
    from dcmlint.facts.run.entities import Said
    from dcmlint.facts.run.index import KeptFile, RunIndex, Series
    from dcmlint.facts.run.slide import Slide

_SHOWN = 4


class SlideContext(msgspec.Struct, frozen=True):
    """What the function of a rule of scope slide or series sees.

    ``subject`` is the slide or the series, ``index`` everything that was checked in the run.
    """

    subject: Slide | Series
    index: RunIndex

    @property
    def parts(self) -> tuple[KeptFile, ...]:
        """The instances of the slide or series."""
        return self.subject.parts

    @property
    def slide(self) -> Slide:
        """The slide, for rules of scope slide."""
        from dcmlint.facts.run.slide import Slide

        if not isinstance(self.subject, Slide):
            raise NotApplicable
        return self.subject


class SlideScope:
    """A slide as expressions see it: facts only, no attributes."""

    __slots__ = ("slide",)

    def __init__(self, slide: Slide | None) -> None:
        self.slide = slide

    def attribute(self, tag: int) -> object:
        """No attributes: a slide is no data set."""
        return ABSENT

    def fact(self, name: str) -> object:
        """The value of ``slide.field``."""
        group, _, field = name.partition(".")
        value = getattr(self.slide, field, None) if group == "slide" else None
        return ABSENT if value is None else value

    @property
    def root(self) -> SlideScope:
        """Itself."""
        return self

    @property
    def file(self) -> SlideScope:
        """Itself."""
        return self

    def up(self, tag: int) -> object:
        """No attributes."""
        return ABSENT


class Value(msgspec.Struct, frozen=True):
    """What one instance says, compared by ``key`` and shown, already redacted, as ``text``."""

    key: Hashable
    text: str


def plain(value: object) -> Value:
    """A value that identifies nobody."""
    return Value(str(value), str(value))


def shown(said: Said) -> Value:
    """A value of which only a hash and a redacted text were kept."""
    return Value(said.key, said.text)


class Difference(msgspec.Struct, frozen=True):
    """Values of which there should be one: the usual one first, then the others with their instances."""

    values: tuple[tuple[Value, tuple[KeptFile, ...]], ...]

    @property
    def usual(self) -> Value:
        """The value that most instances have; of equals, that of the first instance."""
        return self.values[0][0]

    @property
    def others(self) -> tuple[KeptFile, ...]:
        """The instances that have another value."""
        return tuple(part for _, parts in self.values[1:] for part in parts)


def difference(parts: Iterable[KeptFile], value: Callable[[KeptFile], Value | None]) -> Difference | None:
    """How parts differ in a value; None when they agree.  Parts that give None say nothing."""
    groups: dict[Hashable, tuple[Value, list[KeptFile]]] = {}
    for part in parts:
        found = value(part)
        if found is not None:
            groups.setdefault(found.key, (found, []))[1].append(part)
    if len(groups) < 2:
        return None
    ordered = sorted(
        groups.values(), key=lambda group: -len(group[1])
    )  # stable: the first of equals stays first
    return Difference(tuple((found, tuple(some)) for found, some in ordered))


def problem(
    differs: Difference, what: str, *attributes: str, roles: bool = True, severity: str = "", path: str = ""
) -> Problem:
    """The finding of a difference: each value with the instances that have it.

    ``attributes``: the paths of which the value is made.
    """
    texts = _told_apart([value.text for value, _ in differs.values])
    said = [
        f"{text} ({names(parts) if roles else number_of(len(parts), 'instance')})"
        for text, (_, parts) in zip(texts[:_SHOWN], differs.values, strict=False)
    ]
    if len(differs.values) > _SHOWN:
        said.append(f"{len(differs.values) - _SHOWN} more")
    return Problem(
        message=f"{what}: {', '.join(said)}", found=texts[1], want=texts[0], path=path,
        files=paths([*differs.others, *differs.values[0][1]]), severity=severity,
        parties=tuple(paths(parts) for _, parts in differs.values), attributes=(attributes,) if attributes else (),
    )  # fmt: skip


def _told_apart(texts: list[str]) -> list[str]:
    """The texts, numbered where some are the same: values that differ may look alike once they are masked."""
    if len(set(texts)) == len(texts):
        return texts
    return [f"{text} [value {number}]" for number, text in enumerate(texts, 1)]


def names(parts: Sequence[KeptFile]) -> str:
    """Instances by what they are on the slide: VOLUME 1110x1484, LABEL; the first few."""
    count = Counter(part.role for part in parts)
    said = [role if times == 1 else f"{times} x {role}" for role, times in count.items()]
    return ", ".join(said[:_SHOWN]) + (f" and {len(said) - _SHOWN} more" if len(said) > _SHOWN else "")


def paths(parts: Iterable[KeptFile]) -> tuple[str, ...]:
    """Their paths, each once, in this order."""
    return tuple(dict.fromkeys(part.path for part in parts))
