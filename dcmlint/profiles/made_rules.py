"""Rules that a profile's lists and its own rules become."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

import msgspec

from dcmlint.facts.file.svs import SVS
from dcmlint.findings.finding import Reference
from dcmlint.profiles.file_names import check_template
from dcmlint.profiles.model import Profile
from dcmlint.profiles.parameters import as_list
from dcmlint.profiles.row_demands import RowError
from dcmlint.profiles.uids import uid_of
from dcmlint.rules.model import Applies, Rule
from dcmlint.standard.names import uid_name

# The numbers of the rules that a profile's lists become.
SOP_CLASSES_RULE, TRANSFER_SYNTAXES_RULE, FILE_NAMES_RULE, ORDER_RULE, LIMITS_RULE = 901, 902, 903, 904, 905
LIST_RULES = {
    "sop_classes": SOP_CLASSES_RULE, "transfer_syntaxes": TRANSFER_SYNTAXES_RULE, "file_names": FILE_NAMES_RULE, "limits": LIMITS_RULE,
}  # fmt: skip
PROFILE = "profile"  # the tag of rules that come from a profile


def document_of(profile: Profile) -> str:
    """How references name the document of a profile."""
    if profile.source is None:
        return f"profile {profile.id} {profile.version}"
    return profile.source.short or profile.source.document


def section_of(profile: Profile, rule: str, table: str = "") -> str:
    """The section of the document that speaks of a rule or of one of its tables; "" where none is named."""
    by = (one.section for one in profile.statements if rule in one.by or (table and one.table == table))
    return next(by, "")


def applies_of(profile: Profile) -> tuple[Applies, str]:
    """To what a profile's rows apply: SOP Classes and modalities, and an expression for the rest."""
    applies = profile.applies
    parts = []
    if applies.modality:
        parts.append(f"Modality in {json.dumps(list(applies.modality), ensure_ascii=False)}")
    for keyword, texts in (("Manufacturer", applies.manufacturer), ("ManufacturerModelName", applies.model)):
        if texts:
            known = " || ".join(
                f"contains(lower({keyword}), {json.dumps(text.lower(), ensure_ascii=False)})"
                for text in texts
            )
            parts.append(f"({known})")
    return Applies(sop_class=applies.sop_class, modality=applies.modality), " && ".join(parts)


def own_rule(profile: Profile, rule: Rule, applies: Applies, guard: str, keep: bool) -> Rule:
    """A rule of the profile itself."""
    when = rule.when
    if guard and rule.scope not in ("series", "slide", "association") and SVS not in rule.tags:
        when = f"({guard}) && ({when})" if when else guard
    if rule.function == "file-name" and not keep:
        check_template(rule.parameters["template"], rule.parameters.get("tokens") or {})
    return msgspec.structs.replace(
        rule, when=when,
        applies=rule.applies if rule.applies.sop_class or rule.applies.modality or SVS in rule.tags else applies,
        tags=(*rule.tags, PROFILE, profile.id),
        references=rule.references or (Reference(document_of(profile)),),
    )  # fmt: skip


def sop_classes_rule(profile: Profile, guard: str) -> Rule:
    """The rule of the only SOP Classes that are allowed."""
    uids = [uid_of(word, "SOP Class") for word in as_list(profile.sop_classes)]
    return Rule(
        id=f"{profile.area}{SOP_CLASSES_RULE}", name=f"{profile.area.lower()}-sop-class", basis="local", severity="error",
        title="The SOP Class must be one of the profile's", tags=(PROFILE, profile.id), when=guard,
        assert_=f"SOPClassUID in {json.dumps(uids)}", at="SOPClassUID", references=(Reference(document_of(profile), section_of(profile, f"{profile.area}{SOP_CLASSES_RULE}", "SOP Classes")),),
        message="the SOP Class is not one of the profile's", want=_listed(uids),
        why=f"The profile {profile.id} is about these SOP Classes only.",
    )  # fmt: skip


def transfer_syntaxes_rule(profile: Profile, guard: str) -> Rule:
    """The rule of the only transfer syntaxes that are allowed."""
    uids = [uid_of(word, "Transfer Syntax") for word in as_list(profile.transfer_syntaxes)]
    # A data set without file meta information has no transfer syntax to speak of.
    when = "has(file.TransferSyntaxUID)" + (f" && ({guard})" if guard else "")
    return Rule(
        id=f"{profile.area}{TRANSFER_SYNTAXES_RULE}", name=f"{profile.area.lower()}-transfer-syntax", basis="local",
        severity="error", title="The transfer syntax must be one of the profile's", tags=(PROFILE, profile.id),
        when=when, assert_=f"file.TransferSyntaxUID in {json.dumps(uids)}", references=(Reference(document_of(profile), section_of(profile, f"{profile.area}{TRANSFER_SYNTAXES_RULE}", "transfer syntaxes")),),
        applies=applies_of(profile)[0], is_="{file.TransferSyntaxUID}",
        message="the transfer syntax is not one of the profile's", want=_listed(uids),
        why=f"The profile {profile.id} names the transfer syntaxes that are allowed.",
    )  # fmt: skip


def file_names_rule(profile: Profile, guard: str) -> Rule:
    """The rule of how files are called."""
    names = profile.file_names
    assert names is not None
    check_template(names.template, names.tokens)
    return Rule(
        id=f"{profile.area}{FILE_NAMES_RULE}", name=f"{profile.area.lower()}-file-name", basis="local", kind="function",
        severity=names.severity, title="The file name must match the profile", tags=(PROFILE, profile.id),
        when=guard, function="file-name", references=(Reference(document_of(profile), section_of(profile, f"{profile.area}{FILE_NAMES_RULE}", "")),), applies=applies_of(profile)[0],
        parameters={"template": names.template, "tokens": names.tokens},
        why="Files are found by their names, and by nothing else once they have left the archive.",
    )  # fmt: skip


_UNITS = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "kib": 1 << 10,
    "mib": 1 << 20,
    "gib": 1 << 30,
}
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kKmMgG]?[iI]?[bB]?)")


def _bytes(text: str) -> int:
    match = _SIZE.fullmatch(text)
    if match is None or match[2].lower() not in _UNITS:
        raise RowError("file_size", f"{text!r} is not a size", hint="bytes, or 500 MB, 2 GB, 4 GiB")
    return int(float(match[1]) * _UNITS[match[2].lower()])


def limits_rule(profile: Profile, guard: str) -> Rule:
    """The rule of what a file may be at most."""
    limits = profile.limits
    assert limits is not None
    size, frames = limits.file_size, limits.frames
    if frames and not frames.isdecimal():
        raise RowError("frames", f"{frames!r} is not a number of frames")
    creators = None if limits.private_creators is None else list(limits.private_creators)
    return Rule(
        id=f"{profile.area}{LIMITS_RULE}", name=f"{profile.area.lower()}-limits", basis="local", kind="function",
        severity=limits.severity, title="The file must be within the profile's limits", tags=(PROFILE, profile.id), when=guard,
        function="file-limits", references=(Reference(document_of(profile)),), applies=applies_of(profile)[0],
        parameters={"size": _bytes(size) if size else 0, "frames": int(frames or 0), "creators": creators},
        why=limits.why or "What is larger, or contains private elements that were not agreed on, is refused.",
    )  # fmt: skip


def order_rule(
    profile: Profile, rows: Mapping[str, str], orders: Sequence[Mapping[str, str]], guard: str
) -> Rule:
    """The rule of rows whose values are those of the order; ``rows``: the keyword of the order by path."""
    return Rule(
        id=f"{profile.area}{ORDER_RULE}", name=f"{profile.area.lower()}-order", basis="local", kind="function", severity="error",
        title="Values must be those of the order", tags=(PROFILE, profile.id), when=guard, function="same-as-order",
        references=(Reference(document_of(profile)),), applies=applies_of(profile)[0],
        parameters={"rows": dict(rows), "orders": [dict(order) for order in orders]},
        why="An image with other values than its order is filed with another order, or another patient.",
        remedy="Take the values from the order or worklist item, not from the operator.",
    )  # fmt: skip


def _listed(uids: Sequence[str]) -> str:
    return ", ".join(map(uid_name, uids[:4])) + (f" or {len(uids) - 4} more" if len(uids) > 4 else "")
