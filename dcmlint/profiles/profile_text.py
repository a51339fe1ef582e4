"""Profiles as lines of text and as plain values, for the command line."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from dcmlint.plural import number_of
from dcmlint.profiles.attributes import placed_rows
from dcmlint.profiles.diff import severity_of
from dcmlint.profiles.model import Profile, Statement
from dcmlint.profiles.parameters import text_of
from dcmlint.profiles.resolved import Resolved

_WIDTH = 80


def _wrapped(label: str, text: str, indent: int = 12) -> list[str]:
    return textwrap.wrap(
        " ".join(text.split()), _WIDTH, initial_indent=f"{label:>{indent}}  ", subsequent_indent=" " * (indent + 2),
        break_long_words=False,
    )  # fmt: skip


def profile_lines(resolved: Resolved) -> list[str]:
    """What a profile is, in a page of text."""
    profile = resolved.profile
    lines = [f"{profile.id} {profile.version}", *textwrap.wrap(profile.title, _WIDTH), ""]
    lines += [*textwrap.wrap(" ".join(profile.about.split()), _WIDTH), ""] if profile.about else []
    if profile.source is not None:
        source = profile.source
        lines += _wrapped(
            "document", ", ".join(part for part in (source.document, source.revision, source.date) if part)
        )
        if source.publisher:
            lines += _wrapped("note", independent_reading(profile))
    changed = {
        level: sum(1 for value in resolved.levels.values() if (value or "off") == level) for level in ("off",)
    }
    own = [source.rule for source in resolved.rules if source.rule.id in resolved.own]
    facts = (
        ("made of", " + ".join(source.profile.id for source in resolved.chain)),
        (
            "applies to",
            ", ".join(
                (
                    *resolved.chain[-1].profile.applies.sop_class,
                    *profile.applies.modality,
                    *profile.applies.manufacturer,
                    *profile.applies.model,
                )
            ),
        ),
        ("rules", f"{len(resolved.rules) - changed['off']} on, {len(own)} of them its own"),
        ("own rules", f"{own[0].id} ... {own[-1].id}" if len(own) > 1 else own[0].id if own else ""),
        ("rows", str(sum(1 for _ in placed_rows(profile))) if profile.attributes else ""),
        ("locked", number_of(len(resolved.locked), "rule") if resolved.locked else ""),
        ("endpoints", ", ".join(f"{one.name} ({one.protocol} {one.port})" for one in resolved.endpoints)),
        ("gate", ", ".join(f"{severity}: {action}" for severity, action in resolved.action.items())),
    )
    for label, text in facts:
        lines += _wrapped(label, text) if text else []
    if resolved.parameters:
        lines += ["", "parameters"]
        for name, value in resolved.parameters.items():
            lines.append(f"  {name} = {text_of(value.value) or '(not set)'}")
    if resolved.exemptions:
        lines += ["", "exceptions"]
        for exemption in resolved.exemptions:
            override = exemption.override
            where = ", ".join(f"{name} {wanted}" for name, wanted in override.match.items())
            what = ", ".join(f"{word} {level}" for word, level in override.rules.items())
            text = f"{what} where {where}, until {override.expires}: {' '.join(override.reason.split())}"
            lines += textwrap.wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="    ")
    lines += _not_checked(resolved)
    for note in profile.notes:
        lines += ["", *textwrap.wrap(" ".join(note.split()), _WIDTH)]
    return lines


def independent_reading(profile: Profile) -> str:
    """What every page about another's document says."""
    source = profile.source
    assert source is not None
    what = ", ".join(part for part in (source.document, source.revision, source.date) if part)
    return (
        f"This profile is an independent reading of {what}. It is not affiliated with, endorsed or verified by "
        f"{source.publisher}; names of products are their owners'. Where the two differ, the document holds."
    )


def not_checked_notes(resolved: Resolved) -> tuple[str, ...]:
    """Each parameter without a value, with what it leaves out."""
    by_parameter: dict[str, list[str]] = {}
    for one in resolved.not_checked:
        by_parameter.setdefault(one.parameter, []).append(one.what)
    return tuple(f"{name} ({', '.join(rules)})" for name, rules in by_parameter.items())


def not_checked_line(resolved: Resolved) -> str:
    """What a run leaves out because parameters have no value, in one line."""
    said = ", ".join(not_checked_notes(resolved))
    return f"profile {resolved.name}: not checked, because it is not set: {said}"


def _not_checked(resolved: Resolved) -> list[str]:
    if not resolved.not_checked:
        return []
    lines = ["", "not checked, because a parameter has no value"]
    by_parameter: dict[str, list[str]] = {}
    for one in resolved.not_checked:
        by_parameter.setdefault(one.parameter, []).append(one.what)
    for parameter, rules in by_parameter.items():
        text = f"{parameter}: {', '.join(rules)}"
        lines += textwrap.wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="    ")
    return lines


def profile_value(resolved: Resolved) -> dict[str, Any]:
    """What a profile is, as a plain value."""
    profile = resolved.profile
    return {
        "id": profile.id, "version": profile.version, "title": profile.title, "about": " ".join(profile.about.split()),
        "source": profile.source, "chain": [source.profile.id for source in resolved.chain],
        "parameters": parameters_value(resolved), "endpoints": list(resolved.endpoints), "action": resolved.action,
        "locked": sorted(resolved.locked), "not_checked": list(resolved.not_checked),
    }  # fmt: skip


def resolved_lines(resolved: Resolved) -> list[str]:
    """Every rule with the severity that it has in the profile, and where that comes from."""
    lines = [f"{resolved.name}: {' + '.join(source.profile.id for source in resolved.chain)}", ""]
    for source in resolved.rules:
        rule = source.rule
        level = severity_of(resolved, rule.id, rule.default, rule.severity)
        marks = [
            word
            for word, on in (("locked", rule.id in resolved.locked), ("own", rule.id in resolved.own))
            if on
        ]
        lines.append(f"{rule.id:9} {level:8} {rule.title}{' [' + ', '.join(marks) + ']' if marks else ''}")
    return lines + _not_checked(resolved)


def resolved_value(resolved: Resolved) -> dict[str, Any]:
    """The same, as a plain value."""
    return {
        "id": resolved.name, "chain": [source.profile.id for source in resolved.chain],
        "rules": [
            {"id": source.rule.id, "name": source.rule.name, "own": source.rule.id in resolved.own,
             "severity": severity_of(resolved, source.rule.id, source.rule.default, source.rule.severity),
             "locked": source.rule.id in resolved.locked, "title": source.rule.title} for source in resolved.rules
        ],
        "parameters": parameters_value(resolved), "not_checked": list(resolved.not_checked),
        "endpoints": list(resolved.endpoints),
    }  # fmt: skip


def parameter_lines(resolved: Resolved) -> list[str]:
    """The parameters: what they mean, what the product calls them, their values."""
    if not resolved.parameters:
        return [f"{resolved.name} has no parameters"]
    lines: list[str] = []
    for name, value in resolved.parameters.items():
        parameter = value.parameter
        kind = " | ".join(parameter.choices) if parameter.choices else parameter.type
        shown = text_of(value.value) or "(not set)"
        origin = (
            ""
            if value.given or value.value is None
            else " (default)"
            if not parameter.assumed
            else " (assumed)"
        )
        lines.append(f"{name}  [{kind}{', ' + parameter.unit if parameter.unit else ''}]")
        lines += _wrapped("is", shown + origin, 6)
        lines += _wrapped("called", parameter.shown_as, 6) if parameter.shown_as else []
        lines += _wrapped("", parameter.help, 6) if parameter.help else []
    lines += ["", "Set them with --set NAME=VALUE, in [parameters] of dcmlint.toml, or by DCMLINT_SET_NAME."]
    return lines


def parameters_value(resolved: Resolved) -> list[dict[str, Any]]:
    """The same, as plain values."""
    return [
        {"name": name, "type": value.parameter.type, "value": value.value, "default": value.parameter.default,
         "given": value.given, "assumed": value.parameter.assumed, "choices": value.parameter.choices,
         "unit": value.parameter.unit, "shown_as": value.parameter.shown_as, "help": " ".join(value.parameter.help.split())}
        for name, value in resolved.parameters.items()
    ]  # fmt: skip


def statement_lines(statements: Sequence[Statement]) -> Iterator[str]:
    """Statements by section, each with what checks it."""
    section = None
    for statement in statements:
        if statement.section != section:
            section = statement.section
            yield f"\n{section}" if section else "\n(no section)"
        yield from textwrap.wrap(
            " ".join(statement.says.split()), _WIDTH, initial_indent="  ", subsequent_indent="    "
        )
        if statement.by:
            yield from textwrap.wrap(
                "-> " + ", ".join(statement.by),
                _WIDTH,
                initial_indent="      ",
                subsequent_indent="         ",
            )
        if statement.not_seen:
            yield from textwrap.wrap(
                "not seen: " + " ".join(statement.not_seen.split()),
                _WIDTH,
                initial_indent="      ",
                subsequent_indent="      ",
            )


def _default(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(value) + "]"
    return text_of(value)


def new_profile(name: str, extends: str, area: str, base: Profile, schema: str) -> str:
    """The text of a new profile that extends another; ``schema``: where editors find the schema."""
    settings = "".join(
        f"#   {parameter_name}: {_default(parameter.default)}\n"
        for parameter_name, parameter in base.parameters.items()
    )
    return f"""\
# yaml-language-server: $schema={schema}
id: {name}
version: "1"
title: What we ask of slides
area: {area}
extends: [{extends}]
{"# set:" + chr(10) + settings if settings else ""}
# Rules by id, name, area or tag: on, off, error, warning, info, at-most-warning.
rules:
  # Placeholders such as UNKNOWN are information by default.
  IOD019: warning

# Attributes: always, conditional, optional, forbidden, or an expression that says when.
attributes:
  - id: {area}001
    attribute: PatientID
    presence: always
  # - id: {area}002
  #   attribute: AccessionNumber
  #   presence: always
  #   pattern: ^S[0-9]{{2}}-[0-9]{{5}}$
  #   why: Orders are found by it.

# What nobody can ignore.
lock: [{area}001]

# What a gate does with an instance, by its worst finding: accept, quarantine or refuse.
action: {{error: refuse, warning: accept, info: accept}}
"""
