"""What the source document of a profile states, sentence by sentence, and what checks each."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from dcmlint import standard
from dcmlint.profiles.attributes import placed_rows
from dcmlint.profiles.filled import filled
from dcmlint.profiles.made_rules import SOP_CLASSES_RULE, TRANSFER_SYNTAXES_RULE
from dcmlint.profiles.model import Profile, ProfileSource, Statement
from dcmlint.profiles.parameters import as_list, parameter_values, parameters_in
from dcmlint.profiles.uids import uid_of

ATTRIBUTES, SYNTAXES, CLASSES, PORTS, PARAMETERS = (
    "attributes",
    "transfer syntaxes",
    "SOP Classes",
    "ports",
    "parameters",
)


def statements_of(profile: Profile) -> tuple[Statement, ...]:
    """The statements of a profile's own document: those that it lists, and one for each row of its tables.

    A profile that encodes no document has those that it lists.
    """
    if profile.source is None:
        return profile.statements
    listed = [
        *profile.statements,
        *_of_rows(profile),
        *_of_lists(profile),
        *_of_endpoints(profile),
        *_of_parameters(profile),
    ]
    return tuple(sorted(listed, key=lambda statement: _section(statement.section)))


def _section(section: str) -> tuple[tuple[int, int | str], ...]:
    """Sections in the order of the document: 2.2 before 10, words after numbers."""
    return tuple(
        (0, int(part)) if part.isdigit() else (1, part)
        for part in section.replace(" ", ".").split(".")
        if part
    )


def _of_rows(profile: Profile) -> Iterator[Statement]:
    for placed in placed_rows(profile):
        row = placed.row
        says = row.says or f"{row.name or row.attribute}: {row.presence}"
        yield Statement(
            section=row.section, says=f"{placed.path}: {says}", by=(placed.id, *row.checked_by), table=ATTRIBUTES,
            not_seen=row.not_seen,
        )  # fmt: skip


def _of_lists(profile: Profile) -> Iterator[Statement]:
    defaults = filled(ProfileSource(profile, ""), parameter_values(profile.parameters, {})).profile
    for words, type_, number, table in (
        (defaults.sop_classes, "SOP Class", SOP_CLASSES_RULE, CLASSES),
        (defaults.transfer_syntaxes, "Transfer Syntax", TRANSFER_SYNTAXES_RULE, SYNTAXES),
    ):
        section = next((s.section for s in profile.statements if s.table == table), "")
        for word in as_list(words):
            uid = uid_of(word, type_)
            entry = standard.load().uid(uid)
            name = entry.name if entry is not None else word
            yield Statement(
                section=section, says=f"{name} ({uid})", by=(f"{profile.area}{number}",), table=table
            )


def _of_endpoints(profile: Profile) -> Iterator[Statement]:
    for endpoint in profile.endpoints:
        yield Statement(
            section=endpoint.section, says=f"port {endpoint.port}: {endpoint.says}", by=(f"endpoint {endpoint.name}",),
            table=PORTS, not_seen=endpoint.not_seen,
        )  # fmt: skip


def _of_parameters(profile: Profile) -> Iterator[Statement]:
    """One for each parameter that the product's own pages show."""
    used = _users(profile)
    for name, parameter in profile.parameters.items():
        if not parameter.shown_as:
            continue
        by = tuple(used.get(name, ()))
        yield Statement(
            section=parameter.section, says=f"{parameter.shown_as}: {parameter.help}", by=(f"parameter {name}", *by),
            table=PARAMETERS,
        )  # fmt: skip


def _users(profile: Profile) -> dict[str, list[str]]:
    """The rules, rows and endpoints that name a parameter."""
    found: dict[str, list[str]] = {}

    def note(name: str, value: object) -> None:
        for parameter in parameters_in(value):
            found.setdefault(parameter, []).append(name)

    for placed in placed_rows(profile):
        note(placed.id, msgspec.structs.replace(placed.row, items=()))
    for rule in profile.own_rules:
        note(rule.id, rule)
    for endpoint in profile.endpoints:
        note(f"endpoint {endpoint.name}", endpoint)
    return found
