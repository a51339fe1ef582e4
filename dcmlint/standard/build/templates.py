"""Templates of structured reports, compiled from ``sr_templates.json`` and the corrections that people keep.

The source writes conditions as XPath over a rendered tree of the document; :mod:`.template_conditions` reads them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from dcmlint.errors import StandardError
from dcmlint.standard.build.template_conditions import read_condition
from dcmlint.standard.templates import Template, TemplateInclude, TemplateRow

CORRECTIONS = Path(__file__).parent / "template_corrections.yaml"

# The source's words for sets of graphic types (PS3.3 C.18.6.1.2)
_GRAPHIC_TYPES = {
    "POINT": ["POINT"],
    "MULTIPOINT": ["MULTIPOINT"],
    "POLYLINE": ["POLYLINE"],
    "POLYLINE_CIRCLE_ELLIPSE": ["POLYLINE", "CIRCLE", "ELLIPSE"],
    "ELLIPSE_OR_POLYLINE": ["POLYLINE", "ELLIPSE"],
    "NOT_MULTIPOINT": ["POINT", "POLYLINE", "CIRCLE", "ELLIPSE"],
}

# Names of sections that were codes of DCM before they were codes of LOINC, which documents of then have (PS3.16 Table D-1)
_FORMER = {
    ("11329-0", "LN"): ("121060", "DCM"), ("55111-9", "LN"): ("121064", "DCM"), ("59776-5", "LN"): ("121070", "DCM"),
    ("18785-6", "LN"): ("121109", "DCM"), ("55108-5", "LN"): ("121110", "DCM"), ("55112-7", "LN"): ("121111", "DCM"),
}  # fmt: skip


class Compiled(msgspec.Struct, frozen=True):
    """Templates by identifier, the roots by SOP Class, and notes on what was not read."""

    templates: dict[str, Template]
    notes: list[str]


def templates(source: Any, corrections: Path = CORRECTIONS) -> Compiled:
    """Every template of the source, corrected."""
    given = yaml.safe_load(corrections.read_text(encoding="utf-8"))
    covered = {str(one) for one in given["covered"]}
    opened = {str(one) for one in given.get("open", ())}
    patches: dict[str, dict[str, dict[str, Any]]] = {
        str(tid): {str(number): patch for number, patch in rows.items()}
        for tid, rows in given["rows"].items()
    }
    added: dict[str, dict[str, list[Any]]] = {str(tid): rows for tid, rows in given.get("added", {}).items()}
    reader = _Reader(patches, added)
    found = {}
    for entry in source:
        identifier = entry["tid"]
        found[identifier] = Template(
            identifier=identifier, name=entry["name"], extensible=entry["extensible"] == "T" or identifier in opened,
            rows=reader.rows(identifier, entry["children"], ""), covered=identifier in covered,
        )  # fmt: skip
    unused = [
        f"{tid} row {number}"
        for tid, rows in patches.items()
        for number in rows
        if (tid, number) not in reader.used
    ]
    if unused or covered - set(found):
        raise StandardError(
            f"corrections of templates that are not there: {', '.join([*unused, *(covered - set(found))])}"
        )
    return Compiled(found, reader.notes)


class _Reader:
    def __init__(self, patches: Mapping[str, Any], added: Mapping[str, Any]) -> None:
        self.patches, self.added = patches, added
        self.used: set[tuple[str, str]] = set()
        self.notes: list[str] = []

    def rows(self, tid: str, nodes: list[Any], above: str) -> list[TemplateRow | TemplateInclude]:
        """The rows of one level; ``above`` is the number of the row that they stand below."""
        extra = self.added.get(tid, {}).get(above or "root", [])
        found: list[TemplateRow | TemplateInclude] = []
        for node in [*nodes, *extra]:
            if node["kind"] == "includetemplate":
                found.append(self._include(tid, node))
            elif node["kind"] == "templatecontentitem":
                found.append(self._row(tid, node))
        return found

    def _patched(self, tid: str, node: Any) -> Any:
        patch = self.patches.get(tid, {}).get(node["row"])
        if patch is None:
            return node
        self.used.add((tid, node["row"]))
        return {**node, **patch}

    def _condition(self, tid: str, node: Any) -> Any:
        text = node.get("condition", "")
        if not text:
            return None
        read = read_condition(text)
        if read is None:
            self.notes.append(f"TID {tid} row {node['row']}: condition not read")
        return read

    def _include(self, tid: str, given: Any) -> TemplateInclude:
        node = self._patched(tid, given)
        relationship, by_reference = _relationship(node)
        return TemplateInclude(
            number=node["row"], template=node["tid"], relationship=relationship, by_reference=by_reference,
            most=_most(node), requirement=node.get("requiredType") or "U", when=self._condition(tid, node),
        )  # fmt: skip

    def _row(self, tid: str, given: Any) -> TemplateRow:
        node = self._patched(tid, given)
        relationship, by_reference = _relationship(node)
        least = node.get("vmmin", "1")
        return TemplateRow(
            number=node["row"], value_type=node["valueType"].upper(), relationship=relationship,
            by_reference=by_reference, concepts=_concepts(node),
            name=node.get("cmConceptName", ""), concept_group=_group(node.get("conceptNameCID", "")),
            least=int(least) if least.isdigit() else 1, most=_most(node), requirement=node.get("requiredType") or "U",
            when=self._condition(tid, node), values=_codes(node, "Value"),
            value_group=_group(node.get("valueSetCID", "")), value_binding=node.get("valueSetBDE", ""),
            units=[(node["cvUnits"], "UCUM")] if node.get("cvUnits") else [],
            units_group=_group(node.get("unitsCID", "")), units_binding=node.get("unitsBDE", ""),
            graphic_types=_GRAPHIC_TYPES.get(node.get("graphicType", ""), []),
            rows=self.rows(tid, node.get("children", []), node["row"]),
        )  # fmt: skip


def _relationship(node: Any) -> tuple[str, bool]:
    words = " ".join(node.get("relationship", "").split())
    return words.removeprefix("R-"), words.startswith("R-")


def _concepts(node: Any) -> list[tuple[str, str]]:
    found = _codes(node, "ConceptName") + _codes(node, "AltConceptName")
    return found + [_FORMER[code] for code in found if code in _FORMER]


def _codes(node: Any, kind: str) -> list[tuple[str, str]]:
    value, scheme = node.get(f"cv{kind}", ""), node.get(f"csd{kind}", "")
    return [(value, scheme)] if value and scheme else []


def _group(name: str) -> int:
    """The number of a context group; 0 for the groups that the source made for itself."""
    return int(name) if re.fullmatch(r"\d+", name) else 0


def _most(node: Any) -> int:
    text = str(node.get("vmmax", "n")).rpartition("-")[2]
    return int(text) if text.isdigit() else 0
