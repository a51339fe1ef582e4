"""The pages about profiles.

They hold tables in our own words; nothing of a vendor's document is quoted.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from dcmlint.profiles.attributes import placed_rows
from dcmlint.profiles.chain import chain_of
from dcmlint.profiles.diff import severity_of
from dcmlint.profiles.lint import lint_profile
from dcmlint.profiles.load import builtin_profiles
from dcmlint.profiles.made_rules import document_of
from dcmlint.profiles.model import ProfileSource
from dcmlint.profiles.parameters import text_of
from dcmlint.profiles.placed_endpoints import association_words
from dcmlint.profiles.profile_text import independent_reading
from dcmlint.profiles.resolve import resolve_chain
from dcmlint.profiles.resolved import Resolved
from dcmlint.profiles.statements import statements_of
from tools.profile_schema import profile_schema
from tools.rule_schema import schema_text

_BY_HAND = "<!-- Made by `python tools/generate.py` from profiles/{file}; do not edit. -->"
# The page that says what `profile check` finds in a statement, and the reading of each remark.
CHECKED = {"dicomvert-2.0": "dicomvert.md"}


def pages() -> dict[str, str]:
    """Every page by its name within ``docs/profiles``."""
    made = {"index.md": "\n".join(_index()) + "\n", "statements.csv": statement_table()}
    for source in builtin_profiles():
        made[f"{source.profile.id}.md"] = page(source)
        if source.profile.id in CHECKED:
            made[CHECKED[source.profile.id]] = remarks_page(source)
    return made


def page(source: ProfileSource) -> str:
    """The page of one profile, as Markdown."""
    return "\n".join(_page(source)) + "\n"


def remarks_page(source: ProfileSource) -> str:
    """What `profile check` says of a profile, each remark with its reading, as Markdown."""
    return "\n".join(_checked(source)) + "\n"


def generated(root: Path) -> dict[Path, bytes]:
    """Every generated file of profiles: pages and schema."""
    made = {root / "docs" / "profiles" / name: text.encode() for name, text in pages().items()}
    schema = schema_text(profile_schema())
    return {**made, root / "schemas" / "profile.schema.json": schema.encode()}


def statement_table() -> str:
    """Every statement of the documents that profiles of vendors encode, numbered, as CSV.

    The columns: number, document, section, what it says in our words, what checks it, and why nothing can where
    nothing does.  What a document gets wrong itself follows, with the code of the remark of `profile check`.
    """
    stream = io.StringIO()
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(("number", "document", "section", "statement", "checked by", "not visible"))
    for source in builtin_profiles():
        profile = source.profile
        if profile.source is None:
            continue
        rows = [(one.section, one.says, " ".join(one.by).replace("endpoint ", "endpoint:").replace("parameter ", "parameter:"), one.not_seen)
                for one in statements_of(profile)]  # fmt: skip
        if profile.id in CHECKED:
            rows += [
                ("", f"{one.subject}: {one.message}", f"remark:{one.code}", "")
                for one in lint_profile(source)
            ]
        for number, row in enumerate(rows, 1):
            cells = (" ".join(cell.split()) for cell in row)
            table.writerow((f"{profile.area}-{number:03}", document_of(profile), *cells))
    return stream.getvalue()


def _index() -> Iterator[str]:
    yield from ("<!-- Made by `python tools/generate.py`; do not edit. -->", "", "# Profiles", "")
    yield "A profile defines what files and endpoints are checked against, in addition to the standard or instead of parts of it:"
    yield "`dcmlint check -p PROFILE ...`. [Your own profile](../your-own-profile.md) shows how to write one."
    yield "[Every statement](statements.csv) of the encoded documents is in one table, with what checks it or why nothing can."
    yield from ("", "| profile | what it is | made of |", "|---|---|---|")
    for source in builtin_profiles():
        chain = " + ".join(one.profile.id for one in chain_of(source))
        yield f"| [{source.profile.id}]({source.profile.id}.md) | {_cell(source.profile.title)} | {chain} |"


def _page(source: ProfileSource) -> Iterator[str]:
    profile = source.profile
    resolved = resolve_chain(chain_of(source), keep=True)
    yield _BY_HAND.format(file=Path(source.file).name)
    yield from ("", f"# {profile.id}", "", f"{profile.title}.", "")
    if profile.about:
        yield from (" ".join(profile.about.split()), "")
    if profile.source is not None and profile.source.publisher:
        yield from (f"> {independent_reading(profile)}", "")
    yield from ("```sh", f"dcmlint check -p {profile.id} slides/", "```", "")
    if profile.id in CHECKED:
        yield from (
            f"What `dcmlint profile check` says of the statement itself: [{CHECKED[profile.id]}]({CHECKED[profile.id]}).",
            "",
        )
    for note in profile.notes:
        yield from (" ".join(note.split()), "")
    yield from _parameters(resolved)
    yield from _levels(source)
    yield from _rows(source)
    yield from _own(resolved, source)
    yield from _endpoints(resolved)
    if profile.action:
        yield from ("## What a gate does", "", "| worst finding | action |", "|---|---|")
        yield from (f"| {severity} | {action} |" for severity, action in profile.action.items())
        yield ""
    if profile.reasons:
        yield from _every_rule(resolved)
    yield from _statements(source)


def _every_rule(resolved: Resolved) -> Iterator[str]:
    """Each rule with what a gate does when it is broken, and why: the reason of its id, else of its area, else of all."""
    profile = resolved.profile
    yield from ("## Every rule", "", "| rule | demand | here | gate | why |", "|---|---|---|---|---|")
    for source in resolved.rules:
        rule = source.rule
        level = severity_of(resolved, rule.id, rule.default, rule.severity)
        if level == "off":
            continue
        # An area's reason is about what is an error of the area.
        words = (rule.id, rule.name, *((rule.area,) if level == "error" else ()), "ALL")
        why = next((profile.reasons[word] for word in words if word in profile.reasons), rule.why)
        action = profile.action.get(level, "accept")  # type: ignore[call-overload]
        yield f"| {rule.id} | {_cell(rule.title)} | {level} | {action} | {_cell(why)} |"
    yield ""


def _parameters(resolved: Resolved) -> Iterator[str]:
    if not resolved.parameters:
        return
    yield from (
        "## Parameters",
        "",
        "| name | type | default | called in the product | meaning |",
        "|---|---|---|---|---|",
    )
    for name, value in resolved.parameters.items():
        parameter = value.parameter
        kind = " or ".join(parameter.choices) if parameter.choices else parameter.type
        default = text_of(value.value)
        shown = (
            f"`{default}`"
            if default and len(default) < 60
            else "(see `dcmlint profile parameters`)"
            if default
            else "none: not checked"
        )
        yield f"| `{name}` | {_cell(kind)} | {_cell(shown)}{' (assumed)' if parameter.assumed else ''} | {_cell(parameter.shown_as)} | {_cell(parameter.help)} |"
    yield ""
    if any(value.parameter.assumed for value in resolved.parameters.values()):
        yield from ("*Assumed*: what differs is a warning until the parameter is set, then an error.", "")


def _levels(source: ProfileSource) -> Iterator[str]:
    profile = source.profile
    if not profile.rules and not profile.lock:
        return
    yield from ("## Rules and severities", "", "| rules | here |", "|---|---|")
    yield from (f"| {_cell(word)} | {level} |" for word, level in profile.rules.items())
    if profile.lock:
        yield f"| {_cell(', '.join(profile.lock))} | locked |"
    yield ""


def _rows(source: ProfileSource) -> Iterator[str]:
    rows = list(placed_rows(source.profile))
    if not rows:
        return
    yield from (
        "## Attributes",
        "",
        "| id | attribute | VR | presence | value | more checks |",
        "|---|---|---|---|---|---|",
    )
    for placed in rows:
        row = placed.row
        values = row.values if isinstance(row.values, str) else " or ".join(row.values)
        shown = values or row.pattern or row.assert_
        presence = row.presence + (
            ", may be empty" if row.empty == "allowed" else ", empty" if row.empty == "required" else ""
        )
        path = "&nbsp;&nbsp;" * len(placed.parents) + row.attribute
        yield f"| {placed.id} | {path} | {row.vr} | {_cell(presence)} | {f'`{_cell(shown)}`' if shown else ''} | {', '.join(row.checked_by)} |"
    yield ""


def _own(resolved: Resolved, source: ProfileSource) -> Iterator[str]:
    rules = [one.rule for one in resolved.rules if one.rule.id in resolved.own and one.file == source.file]
    rows = {placed.id for placed in placed_rows(source.profile)}
    own = [rule for rule in rules if rule.id not in rows]
    if not own:
        return
    yield from ("## Additional rules", "", "| id | severity | what must hold | why |", "|---|---|---|---|")
    for rule in own:
        yield f"| {rule.id} | {rule.severity} | {_cell(rule.title)} | {_cell(rule.why)} |"
    yield ""


def _endpoints(resolved: Resolved) -> Iterator[str]:
    if not resolved.endpoints:
        return
    yield from ("## Endpoints", "", "| name | from | to | who listens | port | protocol | AE titles | TLS | SOP Classes and syntaxes | what it is |",
                "|---|---|---|---|---|---|---|---|---|---|")  # fmt: skip
    for one in resolved.endpoints:
        titles = " to ".join(title for title in (one.calling_ae, one.called_ae) if title)
        tls = (
            f"{one.tls_minimum} or newer"
            if one.tls_minimum
            else f"SMB {one.smb_minimum}"
            if one.smb_minimum
            else ""
        )
        offers = "; ".join(
            f"{len(offer.transfer_syntaxes)} syntaxes of {offer.sop_class}" for offer in one.offers
        )
        demanded = association_words(one)
        notes = " ".join(
            (
                *one.says.split(),
                *one.not_seen.split(),
                *(f"Demanded: {demanded}." if demanded else "").split(),
            )
        )
        yield (
            f"| {one.name} | {one.source} | {one.destination} | {', '.join(one.listens)} | {one.port or '(given)'} | {one.protocol} "
            f"| {titles} | {tls} | {offers} | {_cell(notes)} |"
        )
    yield ""


def _statements(source: ProfileSource) -> Iterator[str]:
    statements = statements_of(source.profile)
    if not statements:
        return
    yield from (
        "## Statements of the document",
        "",
        "Every statement of the document, in other words, by section; and what checks it, or why it cannot be checked.",
        "",
    )
    yield from ("| section | statement | checked by | not checked |", "|---|---|---|---|")
    for one in statements:
        yield f"| {_cell(one.section)} | {_cell(one.says)} | {_cell(', '.join(one.by))} | {_cell(one.not_seen)} |"
    yield ""


def _checked(source: ProfileSource) -> Iterator[str]:
    """What `profile check` finds in a statement, with the reading that confirms it."""
    profile = source.profile
    remarks = lint_profile(source)
    counts = {
        level: sum(remark.severity == level for remark in remarks) for level in ("error", "warning", "info")
    }
    yield _BY_HAND.format(file=Path(source.file).name)
    assert profile.source is not None
    yield from ("", f"# {profile.source.document}, held against the standard", "")
    yield from (f"> {independent_reading(profile)}", "")
    yield f"`dcmlint profile check {profile.id}` finds {counts['error']} errors, {counts['warning']} warnings and {counts['info']} remarks"
    yield "in the statement itself. Each was read again, the types against a second copy of the tables (highdicom's), the"
    yield "UIDs against a second list (pydicom's); the last column says with what result."
    yield "A converter may write an attribute that its document does not mention: check its files."
    yield from ("", "| kind | row | what `profile check` says | reading |", "|---|---|---|---|")
    for remark in remarks:
        yield f"| {remark.severity}: {remark.code} | {remark.row} | {_cell(remark.message)} | {_cell(remark.reading)} |"
    yield ""


def _cell(text: str) -> str:
    return " ".join(str(text).split()).replace("|", "\\|").replace("<", "&lt;")
