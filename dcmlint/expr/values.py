"""What an expression reads and what it gives: the values, and the scope that they come from.

The values are Python's own (``str``, ``int``, ``float``, ``bool``, ``bytes``, lists and tuples, ``None``
for an attribute that is present but empty), and three that no data set holds: ``ABSENT``, ``UNKNOWN``
and ``Missing``.  None of the three has a truth value: asking for it is a mistake of the caller.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NoReturn, Protocol, final

import msgspec


@final
class Absent:
    """The attribute, value or fact is not there; it equals nothing."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "ABSENT"

    def __bool__(self) -> NoReturn:
        raise TypeError("ABSENT is neither true nor false: compare it with `is`")

    def __reduce__(self) -> str:
        return "ABSENT"


@final
class Unknown:
    """It cannot be known: bytes that could not be read, a condition that no file shows, a frame not sampled."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __bool__(self) -> NoReturn:
        raise TypeError("UNKNOWN is neither true nor false: compare it with `is`")

    def __reduce__(self) -> str:
        return "UNKNOWN"


ABSENT: Final = Absent()
UNKNOWN: Final = Unknown()


class Missing(msgspec.Struct, frozen=True):
    """The result of order or arithmetic on what is absent or empty; ``names`` says on what, each once."""

    names: tuple[str, ...]

    def __bool__(self) -> NoReturn:
        raise TypeError("Missing is neither true nor false: test it with isinstance")


class Operand(msgspec.Struct, frozen=True):
    """One named leaf of a comparison: its words, its value, and the tags that the value was read from.

    ``tags`` is empty for what does not come from attributes; who shows the value redacts by them.
    """

    text: str
    value: object
    tags: tuple[int, ...] = ()


class Reading(Protocol):
    """Anything that attributes can be read from: a data set, an item, the file meta group."""

    def attribute(self, tag: int) -> object:
        """Give the value of one attribute.

        ``ABSENT``; ``None`` when present but empty; one value; a tuple of values when there are several;
        a sequence of readings for the items of a sequence; ``UNKNOWN`` when it could not be read.
        """
        ...


class Scope(Reading, Protocol):
    """What an expression is evaluated on: one level of a data set."""

    @property
    def root(self) -> Reading:
        """The top-level data set (this one, when it is the top)."""
        ...

    @property
    def file(self) -> Reading:
        """The file meta group."""
        ...

    def fact(self, name: str) -> object:
        """Give a fact: ``ABSENT`` if it has no value here, ``UNKNOWN`` if it cannot be known."""
        ...

    def up(self, tag: int) -> object:
        """Give the attribute from the nearest enclosing data set that has it, this one first."""
        ...


Lets = Mapping[str, object]
# The place of loop variables and of the count of steps; None while an expression has no loop.
Frame = Any
