"""What structured reports may hold: the relationships that an IOD permits (PS3.3 A.35).

The tables lie in a file of their own, which only a check of a document opens.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec

from dcmlint.errors import StandardError
from dcmlint.standard.container import Container

FILE = Path(__file__).parent / "data" / "documents.bin"


class ContentConstraints(msgspec.Struct, frozen=True, array_like=True):
    """The relationships that an SR IOD permits (the tables "Relationship Content Constraints" of PS3.3 A.35).

    ``relationships`` maps the value type of the source to relationships, and these to the value types of the target;
    ``by_reference`` holds, in the same way, those that may be by reference too.
    """

    relationships: dict[str, dict[str, list[str]]]
    by_reference: dict[str, dict[str, list[str]]] = {}

    def value_types(self) -> frozenset[str]:
        """Every value type that the IOD names."""
        found = set(self.relationships)
        for kinds in self.relationships.values():
            for targets in kinds.values():
                found.update(targets)
        return frozenset(found)

    def targets(self, source: str, relationship: str) -> list[str]:
        """The value types that a source may have by a relationship."""
        return self.relationships.get(source, {}).get(relationship, [])

    def referenced(self, source: str, relationship: str) -> list[str]:
        """The value types that a source may have by a relationship by reference."""
        return self.by_reference.get(source, {}).get(relationship, [])


class DocumentTables:
    """The tables about documents, opened when asked for; :class:`StandardError` when their file is damaged."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self.edition = container.edition
        self._constraints: dict[str, ContentConstraints] | None = None

    def constraints(self, sop_class: str) -> ContentConstraints | None:
        """What the IOD of a SOP Class permits; None for a class whose table is not here."""
        if self._constraints is None:
            self._constraints = self._container.read("constraints", dict[str, ContentConstraints])
        return self._constraints.get(sop_class)


@cache
def load(path: Path = FILE) -> DocumentTables:
    """The tables that come with dcmlint; the same object each time."""
    try:
        return DocumentTables(Container(path.read_bytes()))
    except OSError as error:
        raise StandardError(f"cannot read the compiled tables {path.name}: {error.strerror}") from None
