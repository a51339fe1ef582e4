"""Pages of the documentation made from rule files: one a rule, and an index by area.

``python tools/generate.py`` writes them to ``docs/rules``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from dcmlint.rules.model import Example, Rule
from dcmlint.rules.yaml_source import Tagged

_AREAS: Mapping[str, str] = {
    "ANN": "Bulk annotations",
    "CHR": "Character sets",
    "COD": "Coded concepts",
    "CONC": "Concatenations",
    "CT": "CT, MR and PET images",
    "DIR": "DICOMDIR",
    "DOC": "Encapsulated documents",
    "ELM": "Elements: VR, multiplicity, private elements",
    "ENC": "Encoding",
    "FG": "Functional groups and dimensions",
    "FILE": "The file",
    "GEO": "Image planes and pixels of any image",
    "IOD": "Information Object Definitions",
    "META": "File Meta Information",
    "MOD": "Modules and their attributes",
    "NET": "Associations and endpoints",
    "OPT": "Optical paths and color",
    "OVL": "Overlays",
    "PHI": "Privacy",
    "PIX": "Pixel data and code streams",
    "PST": "Presentation states and shutters",
    "PYR": "Pyramids and slides",
    "RT": "Radiotherapy",
    "SEG": "Segmentations",
    "SPEC": "Specimens and containers",
    "SR": "Structured reports",
    "TILE": "Tiles and frames",
    "VR": "Value representations",
    "WAV": "Waveforms",
    "WSI": "Whole slide images",
}
_NOTE = "<!-- Made from the rule file by tools/generate.py. -->"


def rule_pages(rules: Iterable[Rule]) -> dict[str, str]:
    """The pages by file name: ``TILE003.md`` and so on, and ``README.md``."""
    ordered = sorted(rules, key=lambda rule: (rule.area, rule.id))
    pages = {f"{rule.id}.md": _page(rule) for rule in ordered}
    pages["README.md"] = _index(ordered)
    return pages


def _index(rules: list[Rule]) -> str:
    lines = [_NOTE, "", "# Rules", ""]
    counts = {level: sum(rule.severity == level for rule in rules) for level in ("error", "warning", "info")}
    lines += [
        f"{len(rules)} rules: {counts['error']} errors, {counts['warning']} warnings, {counts['info']} information. A"
        " profile may change which are on and how severe they are; `dcmlint explain ID` shows a page in the terminal.",
        "",
    ]
    for area, group in groupby(rules, key=lambda rule: rule.area):
        lines += [f"## {area}{': ' + _AREAS[area] if area in _AREAS else ''}", ""]
        lines += ["| Rule | Severity | Basis | Title |", "|---|---|---|---|"]
        for rule in group:
            off = "" if rule.default else " (off by default)"
            lines.append(
                f"| [{rule.id}]({rule.id}.md) | {rule.severity} | {rule.basis} | {_cell(rule.title)}{off} |"
            )
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _page(rule: Rule) -> str:
    lines = [_NOTE, "", f"# {rule.id}: {_text(rule.title)}", "", f"`{rule.name}`", ""]
    facts = [
        ("Severity", rule.severity + ("" if rule.default else ", off by default")),
        ("Basis", rule.basis), ("Scope", rule.scope), ("Applies to", _applies(rule)),
        ("See", "; ".join(_text(str(reference)) for reference in rule.references)),
        ("Tags", ", ".join(f"`{tag}`" for tag in rule.tags)),
    ]  # fmt: skip
    lines += ["| | |", "|---|---|", *(f"| {label} | {value} |" for label, value in facts if value), ""]
    for heading, text in (("Why", rule.why), ("What to do", rule.remedy)):
        if text:
            lines += [f"## {heading}", "", _text(" ".join(text.split())), ""]
    lines += _repairs(rule)
    lines += _how(rule)
    lines += _examples(rule.examples)
    return "\n".join(lines).rstrip() + "\n"


def _repairs(rule: Rule) -> list[str]:
    """What `dcmlint fix` does, with before and after."""
    lines = ["## Repair", ""] if rule.repairs else []
    for repair in rule.repairs:
        where = f" ({', '.join(f'`{code}`' for code in repair.check)})" if repair.check else ""
        reason = _text(_one_line(repair.reason))
        if repair.safety == "never":
            lines += [f"`dcmlint fix` never repairs it{where}: {reason}", ""]
            continue
        command = "dcmlint fix" if repair.safety == "safe" else "dcmlint fix --unsafe-fixes"
        why = f"This is {repair.safety}: {reason}" if reason else f"This is {repair.safety}."
        lines += [f"`{command}` can {_text(repair.label)}{where}. {why}", ""]
        if repair.examples:
            lines += ["| Example | Before | After |", "|---|---|---|"]
            lines += [
                f"| {_cell(one.name)} | {_dataset(one.before)} | "
                f"{'left as it is' if one.after is None else _dataset(one.after)} |"
                for one in repair.examples
            ]  # fmt: skip
            lines.append("")
    return lines


def _applies(rule: Rule) -> str:
    words = [
        *(f"`{word}`" for word in rule.applies.sop_class),
        *(f"modality `{word}`" for word in rule.applies.modality),
    ]
    return ", ".join(words) or ("every association" if rule.scope == "association" else "every instance")


def _how(rule: Rule) -> list[str]:
    """The rule as its file has it."""
    lines: list[str] = []
    if rule.kind == "expression":
        if rule.each:
            lines += [
                f"Evaluated for each item of `{rule.each}`."
                if rule.each != "*"
                else "Evaluated at every level.",
                "",
            ]
        block = [f"when: {_one_line(rule.when)}"] if rule.when else []
        block += [f"let {name} = {_one_line(text)}" for name, text in rule.let.items()]
        block.append(f"assert: {_one_line(rule.assert_)}")
        lines += ["```", *block, "```", ""]
        for one in rule.downgrade:
            lines += [f"It is only {one.severity} when `{_one_line(one.when)}`.", ""]
    elif rule.kind == "table":
        lines += ["Generic checks: " + ", ".join(f"`{code}`" for code in rule.check) + ".", ""]
        if rule.attributes:
            lines += ["Attributes: " + ", ".join(f"`{path}`" for path in rule.attributes) + ".", ""]
    else:
        given = ", ".join(f"{name}: {_shown(value)}" for name, value in rule.parameters.items())
        lines += [f"Decided by the function `{rule.function}`" + (f" with `{given}`." if given else "."), ""]
        if rule.when:
            lines += ["```", f"when: {_one_line(rule.when)}", "```", ""]
    if rule.explains:
        lines += [
            f"Findings of {', '.join(rule.explains)} "
            f"{'in the same files' if rule.scope in ('slide', 'series') else 'at the same place'} "
            "follow from it and are omitted.",
            "",
        ]
    return ["## The rule", "", *lines]


def _examples(examples: Iterable[Example]) -> list[str]:
    rows = [f"| {_cell(example.name)} | {_outcome(example)} | {_given(example)} |" for example in examples]
    return ["## Examples", "", "| Example | Outcome | Made of |", "|---|---|---|", *rows, ""] if rows else []


def _outcome(example: Example) -> str:
    if example.fails:
        more = [f"{example.count} places"] if example.count else []
        more += [example.severity] if example.severity else []
        return "fails" + (f" ({', '.join(more)})" if more else "")
    return "passes" if example.passes else "undecided" if example.undecided else "not applicable"


def _given(example: Example) -> str:
    parts = [
        _dataset(one) for one in ((example.dataset,) if example.dataset is not None else example.datasets)
    ]
    if example.facts:
        parts.append(_changes(example.facts))
    return "<br>".join(parts)


def _dataset(edits: Mapping[str, Any]) -> str:
    changes = {key: value for key, value in edits.items() if key != "use"}
    return _code(str(edits.get("use", ""))) + (", " + _changes(changes) if changes else "")


def _changes(changes: Mapping[str, Any]) -> str:
    return ", ".join(_code(_short(f"{key}: {_shown(value)}")) for key, value in changes.items())


def _shown(value: Any) -> str:
    """A value about as the rule file has it."""
    if isinstance(value, Tagged):
        return f"!{value.tag} {_shown(value.value)}".rstrip()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_shown(one)}" for key, one in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_shown(one) for one in value) + "]"
    return "".join(c if c.isprintable() else f"\\x{ord(c):02X}" for c in str(value))


def _short(text: str) -> str:
    return text if len(text) <= 120 else text[:119] + "…"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _code(text: str) -> str:
    """Inline code within a cell of a table."""
    mark = "``" if "`" in text else "`"
    return mark + text.replace("|", "\\|") + mark


def _text(text: str) -> str:
    """Text of a rule as Markdown that shows it as it is."""
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", text)


def _cell(text: str) -> str:
    return _text(_one_line(text))
