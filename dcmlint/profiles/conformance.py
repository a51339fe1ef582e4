"""A profile as a DICOM conformance statement: the sections of the template of PS3.2 that a profile can fill.

Sections that a profile says nothing of are there with that sentence, so that nobody takes silence for a promise.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from dcmlint import standard
from dcmlint.profiles.placed_endpoints import association_words
from dcmlint.profiles.profile_text import independent_reading
from dcmlint.profiles.promises import every_row_of, rows_of, sop_classes_of, transfer_syntaxes_of
from dcmlint.profiles.resolved import Resolved

_NOTHING = "The profile does not cover this."
# PS3.2 Annex A: the words for presence of a value.
_WORDS = {
    ("always", ""): "ALWAYS",
    ("always", "forbidden"): "ALWAYS",
    ("always", "allowed"): "VNAP",
    ("always", "required"): "EMPTY",
}


def as_markdown(resolved: Resolved) -> str:
    """The statement as Markdown."""
    return "\n".join(_lines(resolved)) + "\n"


def as_html(resolved: Resolved) -> str:
    """The statement as one HTML page without scripts; it holds no value of any file."""
    body = "\n".join(_html(list(_lines(resolved))))
    title = html.escape(f"DICOM conformance statement: {resolved.name}")
    return f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{title}</title></head>\n<body>\n{body}\n</body>\n</html>\n'


def _lines(resolved: Resolved) -> Iterator[str]:
    profile = resolved.profile
    yield from (f"# DICOM conformance statement: {profile.id} {profile.version}", "", f"{profile.title}.", "")
    yield from ("## Cover", "", "| | |", "|---|---|")
    source = profile.source
    for label, text in (
        ("Profile", f"{profile.id} {profile.version}"), ("Made of", " + ".join(one.profile.id for one in resolved.chain)),
        ("Product", source.product if source is not None else ""), ("Document", source.document if source is not None else ""),
        ("Revision", f"{source.revision} {source.date}".strip() if source is not None else ""), ("DICOM edition", standard.load().edition),
    ):  # fmt: skip
        if text:
            yield f"| {label} | {_cell(text)} |"
    yield ""
    if source is not None and source.publisher:
        yield from (f"> {independent_reading(profile)}", "")
    yield from ("## Overview", "", " ".join(profile.about.split()) or _NOTHING, "")
    yield from _networking(resolved)
    yield from ("## Transfer syntaxes", "", *_uids(transfer_syntaxes_of(resolved)), "")
    yield from ("## Security", "", *_security(resolved), "")
    yield from ("## Character sets", "", *_character_sets(resolved), "")
    what = "required of what is received" if profile.side == "receiver" else "attributes"
    yield from (f"## Information object definitions: {what}", "", *_attributes(resolved), "")
    yield from ("## Configuration parameters", "", *_parameters(resolved), "")
    for title in (
        "Media storage",
        "Standard extended, specialized and private SOP Classes",
        "Coded terminology",
    ):
        yield from (f"## {title}", "", _NOTHING, "")


def _networking(resolved: Resolved) -> Iterator[str]:
    yield from (
        "## Networking",
        "",
        "### SOP Classes",
        "",
        *_uids(sop_classes_of(resolved)),
        "",
        "### Application entities and associations",
        "",
    )
    dicom = [one for one in resolved.endpoints if one.protocol in ("dicom", "dicom-tls")]
    if not dicom:
        yield from (_NOTHING, "")
        return
    yield "| name | protocol | port | called AE title | calling AE title | SOP Class | role of the host | transfer syntaxes |"
    yield "|---|---|---|---|---|---|---|---|"
    for one in dicom:
        for offer in one.offers or (None,):
            sop, role, syntaxes = (
                ("Verification", "scp", ())
                if offer is None
                else (_name(offer.sop_class), offer.role, offer.transfer_syntaxes)
            )
            names = ", ".join(_name(uid) for uid in syntaxes)
            yield f"| {one.name} | {one.protocol} | {one.port} | {_cell(one.called_ae)} | {_cell(one.calling_ae)} | {sop} | {role.upper()} | {_cell(names)} |"
    yield ""
    for one in dicom:
        if demanded := association_words(one):
            yield from (f"- {one.name}: {demanded}", "")


def _security(resolved: Resolved) -> Iterator[str]:
    found = [one for one in resolved.endpoints if one.tls_minimum or one.smb_minimum]
    for one in found:
        yield f"- {one.name}: " + ", ".join(
            part for part in (
                f"TLS {one.tls_minimum} or newer" if one.tls_minimum else "", f"SMB {one.smb_minimum} or newer" if one.smb_minimum else "",
                "a client certificate is asked for" if one.certificate.mutual == "yes" else "",
            ) if part
        )  # fmt: skip
    if not found:
        yield _NOTHING


def _character_sets(resolved: Resolved) -> Iterator[str]:
    promise = rows_of(resolved).get("SpecificCharacterSet")
    yield ", ".join(promise.values) if promise is not None and promise.values else _NOTHING


def _attributes(resolved: Resolved) -> Iterator[str]:
    rows = every_row_of(resolved)
    if not rows:
        yield _NOTHING
        return
    yield "| attribute | tag | VR | presence of value | value | section |"
    yield "|---|---|---|---|---|---|"
    for promise in rows:
        row, path = promise.row, promise.placed.path
        entry = standard.load().dictionary.by_keyword(row.attribute)
        tag = f"({entry.tag >> 16:04X},{entry.tag & 0xFFFF:04X})" if entry is not None else row.attribute
        name = f"{'>' * path.count('.')}{entry.name if entry is not None else row.attribute}"
        word = _WORDS.get((row.presence, row.empty or ""), {"forbidden": "absent"}.get(row.presence, "ANAP"))
        value = " or ".join(promise.values[:6]) or promise.want or row.want or row.says
        yield f"| {name} | {tag} | {entry.vr if entry is not None else row.vr} | {word} | {_cell(value)} | {_cell(row.section)} |"


def _parameters(resolved: Resolved) -> Iterator[str]:
    if not resolved.parameters:
        yield _NOTHING
        return
    yield from ("| parameter | called | default | meaning |", "|---|---|---|---|")
    for name, value in resolved.parameters.items():
        one = value.parameter
        default = ", ".join(one.default) if isinstance(one.default, tuple) else one.default or "none"
        yield f"| {name} | {_cell(one.shown_as)} | {_cell(default)} | {_cell(one.help)} |"


def _uids(uids: tuple[str, ...]) -> Iterator[str]:
    if not uids:
        yield _NOTHING
        return
    yield from ("| name | UID |", "|---|---|")
    for uid in uids:
        entry = standard.load().uid(uid)
        yield f"| {_cell(entry.name if entry is not None else uid)} | {uid} |"


def _name(uid: str) -> str:
    entry = standard.load().uid(uid)
    return entry.name if entry is not None else uid


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _html(lines: list[str]) -> Iterator[str]:
    """The few forms of Markdown that the statement uses: headings, tables, lists, quotations, paragraphs."""
    table = head = False
    for line in lines:
        is_row = line.startswith("|")
        if table and not is_row:
            yield "</table>"
            table = False
        if is_row:
            if not table:
                yield "<table>"
                table = head = True
            if re.fullmatch(r"[|-]+", line):
                continue
            cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            kind = "th" if head else "td"
            if any(cells) or not head:
                yield "<tr>" + "".join(f"<{kind}>{html.escape(cell)}</{kind}>" for cell in cells) + "</tr>"
            head = False
        elif line.startswith("#"):
            level = len(line) - len(line.lstrip("#"))
            yield f"<h{level}>{html.escape(line[level:].strip())}</h{level}>"
        elif line.startswith("- "):
            yield f"<ul><li>{html.escape(line[2:])}</li></ul>"
        elif line.startswith("> "):
            yield f"<blockquote>{html.escape(line[2:])}</blockquote>"
        elif line:
            yield f"<p>{html.escape(line)}</p>"
    if table:
        yield "</table>"
