"""Rules that a profile's lists and its own rules become."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec

from dcmlint import standard
from dcmlint.facts.file.svs import SVS
from dcmlint.findings.finding import Reference
from dcmlint.profiles.file_names import check_template
from dcmlint.profiles.model import Profile
from dcmlint.profiles.parameters import UnsetParameter, Values, in_expression, in_list, in_message, in_text
from dcmlint.profiles.uids import uid_of
from dcmlint.rules.model import Applies, Downgrade, Rule

# The numbers of the rules that a profile's lists become.
SOP_CLASSES_RULE, TRANSFER_SYNTAXES_RULE, FILE_NAMES_RULE = 901, 902, 903
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


def applies_of(profile: Profile, values: Values) -> tuple[Applies, str]:
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
    return Applies(sop_class=in_list(applies.sop_class, values), modality=applies.modality), " && ".join(
        parts
    )


def own_rule(
    profile: Profile, rule: Rule, values: Values, applies: Applies, guard: str, keep: bool
) -> Rule:  # fmt: skip
    """A rule of the profile itself, with parameters in place.  Raises UnsetParameter."""

    def filled(fill: Callable[[str, Values], str], text: str) -> str:
        try:
            return fill(text, values) if text else text
        except UnsetParameter:
            if keep:
                return text
            raise

    expression, message = partial(filled, in_expression), partial(filled, in_message)

    def given(value: Any) -> Any:
        if isinstance(value, str):
            return value if keep else in_text(value, values)
        if isinstance(value, dict):
            return {key: given(one) for key, one in value.items()}
        return [given(one) for one in value] if isinstance(value, (list, tuple)) else value

    when = expression(rule.when)
    if guard and rule.scope not in ("series", "slide", "association") and SVS not in rule.tags:
        when = f"({guard}) && ({when})" if when else guard
    parameters = given(rule.parameters)
    if rule.function == "file-name" and not keep:
        check_template(parameters["template"], parameters.get("tokens") or {})
    return msgspec.structs.replace(
        rule, when=when, assert_=expression(rule.assert_), let={name: expression(text) for name, text in rule.let.items()},
        at=expression(rule.at), places=expression(rule.places), message=message(rule.message), is_=message(rule.is_),
        want=message(rule.want), parameters=parameters,
        downgrade=tuple(Downgrade(when=expression(one.when), severity=one.severity) for one in rule.downgrade),
        applies=rule.applies if rule.applies.sop_class or rule.applies.modality or SVS in rule.tags else applies,
        tags=(*rule.tags, PROFILE, profile.id),
        references=rule.references or (Reference(document_of(profile)),),
    )  # fmt: skip


def sop_classes_rule(profile: Profile, values: Values, guard: str) -> Rule:
    """The rule of the only SOP Classes that are allowed."""
    uids = [uid_of(word, "SOP Class") for word in in_list(profile.sop_classes, values)]
    return Rule(
        id=f"{profile.area}{SOP_CLASSES_RULE}", name=f"{profile.area.lower()}-sop-class", basis="local", severity="error",
        title="The SOP Class must be one of the profile's", tags=(PROFILE, profile.id), when=guard,
        assert_=f"SOPClassUID in {json.dumps(uids)}", at="SOPClassUID", references=(Reference(document_of(profile), section_of(profile, f"{profile.area}{SOP_CLASSES_RULE}", "SOP Classes")),),
        message="the SOP Class is not one of the profile's", want=_listed(uids),
        why=f"The profile {profile.id} is about these SOP Classes only.",
    )  # fmt: skip


def transfer_syntaxes_rule(profile: Profile, values: Values, guard: str) -> Rule:
    """The rule of the only transfer syntaxes that are allowed."""
    uids = [uid_of(word, "Transfer Syntax") for word in in_list(profile.transfer_syntaxes, values)]
    # A data set without file meta information has no transfer syntax to speak of.
    when = "has(file.TransferSyntaxUID)" + (f" && ({guard})" if guard else "")
    return Rule(
        id=f"{profile.area}{TRANSFER_SYNTAXES_RULE}", name=f"{profile.area.lower()}-transfer-syntax", basis="local",
        severity="error", title="The transfer syntax must be one of the profile's", tags=(PROFILE, profile.id),
        when=when, assert_=f"file.TransferSyntaxUID in {json.dumps(uids)}", references=(Reference(document_of(profile), section_of(profile, f"{profile.area}{TRANSFER_SYNTAXES_RULE}", "transfer syntaxes")),),
        applies=applies_of(profile, values)[0], is_="{file.TransferSyntaxUID}",
        message="the transfer syntax is not one of the profile's", want=_listed(uids),
        why=f"The profile {profile.id} names the transfer syntaxes that are allowed.",
    )  # fmt: skip


def file_names_rule(profile: Profile, values: Values, guard: str) -> Rule:
    """The rule of how files are called."""
    names = profile.file_names
    assert names is not None
    template = in_text(names.template, values)
    tokens = {token: in_text(path, values) for token, path in names.tokens.items()}
    check_template(template, tokens)
    return Rule(
        id=f"{profile.area}{FILE_NAMES_RULE}", name=f"{profile.area.lower()}-file-name", basis="local", kind="function",
        severity=names.severity, title="The file must be called as the profile says", tags=(PROFILE, profile.id),
        when=guard, function="file-name", references=(Reference(document_of(profile), section_of(profile, f"{profile.area}{FILE_NAMES_RULE}", "")),), applies=applies_of(profile, values)[0],
        parameters={"template": template, "tokens": tokens},
        why="Files are found by their names, and by nothing else once they have left the archive.",
    )  # fmt: skip


def _listed(uids: Sequence[str]) -> str:
    known = [standard.load().uid(uid) for uid in uids[:4]]
    names = [
        entry.keyword or entry.name if entry is not None else uid
        for entry, uid in zip(known, uids, strict=False)
    ]
    return ", ".join(names) + (f" or {len(uids) - 4} more" if len(uids) > 4 else "")
