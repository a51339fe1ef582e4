"""A rule in words: for `dcmlint explain` and for the pages of the documentation."""

from __future__ import annotations

import textwrap

from dcmlint.rules.model import Rule


def _repairs(rule: Rule) -> str:
    """What `dcmlint fix` does about it."""
    said = []
    for repair in rule.repairs:
        if repair.safety == "never":
            said.append(f"dcmlint fix never repairs it: {repair.reason}")
        else:
            asked = "dcmlint fix" if repair.safety == "safe" else "dcmlint fix --unsafe-fixes"
            said.append(f"{asked} can {repair.label} ({repair.safety}). {repair.reason}")
    return " ".join(said)


def rule_text(rule: Rule, width: int = 80) -> str:
    """A rule as text of at most ``width`` columns."""
    lines = [f"{rule.id}  {rule.name}", ""]
    lines += textwrap.wrap(rule.title, width)
    lines.append("")
    facts = [
        ("severity", rule.severity), ("basis", rule.basis), ("scope", rule.scope),
        ("applies to", ", ".join((*rule.applies.sop_class, *rule.applies.modality)) or "every instance"),
        ("see", "; ".join(str(reference) for reference in rule.references)), ("tags", ", ".join(rule.tags)),
        ("when", rule.when), *((f"let {name}", text) for name, text in rule.let.items()), ("assert", rule.assert_),
        ("checks", ", ".join(rule.check)), ("attributes", ", ".join(rule.attributes)),
    ]  # fmt: skip
    for label, text in facts:
        if text:
            lines += textwrap.wrap(
                " ".join(text.split()), width, initial_indent=f"{label:>11}  ", subsequent_indent=" " * 13
            )
    for heading, text in (("Why", rule.why), ("What to do", rule.remedy), ("Repair", _repairs(rule))):
        if text:
            lines += [
                "",
                heading,
                *textwrap.wrap(" ".join(text.split()), width, initial_indent="  ", subsequent_indent="  "),
            ]
    return "\n".join(lines)
