"""What structured reports may hold: relationships (PS3.3 A.35), templates and fixed context groups (PS3.16).

The tables lie in a file of their own, which only a check of a document opens.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, cached_property
from pathlib import Path

import msgspec

from dcmlint.errors import StandardError
from dcmlint.standard.container import Container, decode
from dcmlint.standard.templates import Template
from dcmlint.standard.uids import (
    ChestCADSRStorage,
    ColonCADSRStorage,
    ImplantationPlanSRStorage,
    KeyObjectSelectionDocumentStorage,
    MacularGridThicknessAndVolumeReportStorage,
    MammographyCADSRStorage,
    PerformedImagingAgentAdministrationSRStorage,
    PlannedImagingAgentAdministrationSRStorage,
    SimplifiedAdultEchoSRStorage,
    SpectaclePrescriptionReportStorage,
)

# PS3.3 A.35.x.3.1.1: IODs that settle the template of the root
ROOT_TEMPLATES = {
    KeyObjectSelectionDocumentStorage: "2010",
    MammographyCADSRStorage: "4000",
    ChestCADSRStorage: "4100",
    ColonCADSRStorage: "4120",
    SpectaclePrescriptionReportStorage: "2020",
    MacularGridThicknessAndVolumeReportStorage: "2100",
    ImplantationPlanSRStorage: "7000",
    SimplifiedAdultEchoSRStorage: "5300",
    PlannedImagingAgentAdministrationSRStorage: "11001",
    PerformedImagingAgentAdministrationSRStorage: "11020",
}
FILE = Path(__file__).parent / "data" / "documents.bin"


# PS3.16 8.1: designators under which SNOMED was coded before SCT
RETIRED_SCHEMES = frozenset({"SRT", "SNM3", "99SDM"})


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
        self._read: dict[str, Template] = {}

    def constraints(self, sop_class: str) -> ContentConstraints | None:
        """What the IOD of a SOP Class permits; None for a class whose table is not here."""
        if self._constraints is None:
            self._constraints = self._container.read("constraints", dict[str, ContentConstraints])
        return self._constraints.get(sop_class)

    @cached_property
    def _templates(self) -> dict[str, msgspec.Raw]:
        return self._container.read("templates", dict[str, msgspec.Raw])

    @cached_property
    def _fixed(self) -> dict[int, frozenset[tuple[str, str]]]:
        read = self._container.read("fixed groups", dict[int, list[tuple[str, str]]])
        return {cid: frozenset((value, scheme) for scheme, value in codes) for cid, codes in read.items()}

    @cached_property
    def _from_srt(self) -> dict[str, str]:
        return self._container.read("srt", dict[str, str])

    def template(self, identifier: str) -> Template | None:
        """The template with this identifier ("1500"), None for one that is not here."""
        if identifier not in self._read:
            raw = self._templates.get(identifier)
            if raw is None:
                return None
            self._read[identifier] = decode(raw, Template)
        return self._read[identifier]

    def templates(self) -> Iterable[str]:
        """The identifiers of all templates."""
        return self._templates

    @cached_property
    def meanings(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """The meanings of each code of DCM (all of PS3.16 Table D-1) and of SCT (those of context groups)."""
        found: dict[tuple[str, str], list[str]] = {}
        for scheme, flat in self._container.read("meanings", dict[str, list[str]]).items():
            for value, meaning in zip(flat[::2], flat[1::2], strict=True):
                found.setdefault((value, scheme), []).append(meaning)
        return {code: tuple(given) for code, given in found.items()}

    def fixed_group(self, cid: int) -> frozenset[tuple[str, str]] | None:
        """The codes (value, scheme) of a context group that may not be extended; None for any other group."""
        return self._fixed.get(cid)

    def current_code(self, value: str, scheme: str) -> tuple[str, str]:
        """A code with SNOMED CT in place of the retired SNOMED RT, where the code has one (PS3.16 8.1)."""
        if scheme in RETIRED_SCHEMES:
            found = self._from_srt.get(value)
            return (found, "SCT") if found else (value, "SRT")
        return value, scheme


@cache
def load(path: Path = FILE) -> DocumentTables:
    """The tables that come with dcmlint; the same object each time."""
    try:
        return DocumentTables(Container(path.read_bytes()))
    except OSError as error:
        raise StandardError(f"cannot read the compiled tables {path.name}: {error.strerror}") from None
