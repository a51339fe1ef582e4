"""Coded concepts of any instance: their meanings, schemes and closed context groups (PS3.3 8, PS3.16 7 and 8).

Whole slide images have rules of their own (OPT008 to OPT010, SPEC016, SPEC017).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.items import Place, item_places
from dcmlint.dicom.path import parse_path
from dcmlint.facts.report.codes import SAID_BY_A_CODE, CodedConcepts
from dcmlint.facts.report.content import content_items
from dcmlint.facts.report.template import template_issues
from dcmlint.facts.shape import Shape
from dcmlint.findings.finding import OutcomeKind
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, applies_with, rule_function
from dcmlint.standard.code_forms import designator_meant, form_wanted
from dcmlint.standard.coding import (
    CodeKey,
    in_group,
    letters,
    meanings_of,
    outside_fixed_group,
    owners_of,
    words,
)
from dcmlint.standard.documents import RETIRED_SCHEMES
from dcmlint.standard.tags import (
    CodeMeaning,
    CodeValue,
    CodingSchemeDesignator,
    CodingSchemeIdentificationSequence,
    CodingSchemeUID,
    CodingSchemeVersion,
    ContextGroupExtensionFlag,
    ContextIdentifier,
    EquivalentCodeSequence,
    LongCodeValue,
    MappingResource,
    SOPClassUID,
)
from dcmlint.standard.uids import VLWholeSlideMicroscopyImageStorage

_LONGEST_SHORT = 16  # characters of a Code Value (SH)
_LANGUAGE = ("121049", "DCM")


def _codes(context: RuleContext) -> list[tuple[Place, CodeKey]]:
    if context.dataset.text(SOPClassUID) == VLWholeSlideMicroscopyImageStorage:
        raise NotApplicable
    coded: CodedConcepts | None = context.facts.group("codes")
    if coded is None:
        raise NotApplicable
    return [(place, _key(place.level)) for place in coded.places]


def _key(item: Dataset) -> CodeKey:
    return item.text(CodeValue), item.text(CodingSchemeDesignator)


@rule_function("codes-with-another-meaning", applies_with(CodeValue))
def another_meaning(context: RuleContext) -> Iterator[Problem]:
    """COD001: codes whose meaning is that of another code, and of none of their own synonyms."""
    known: dict[tuple[CodeKey, str], str] = {}
    any_ = False
    if _in_another_language(context):
        raise NotApplicable  # what is a meaning of another code in English may be its own there
    for place, code in _codes(context):
        given = place.level.text(CodeMeaning)
        if not given or code[1] not in ("DCM", "SCT", *RETIRED_SCHEMES):
            continue
        any_ = True
        if (code, given) not in known:
            known[code, given] = _owner(code, given)
        owner = known[code, given]
        if owner:
            yield Problem(
                message=f"Code Meaning is that of another code, {owner}", level=place.level, groups=place.groups, tag=CodeMeaning, found=given,
                want=" or ".join(meanings_of(code)),
            )  # fmt: skip
    if not any_:
        raise NotApplicable


def _in_another_language(context: RuleContext) -> bool:
    """Whether a document says that it is not in English (PS3.16 TID 1204)."""
    items = content_items(context.facts)
    languages = [
        child.value.value.lower()
        for child in (items[0].children if items else ())
        if child.concept is not None and child.concept.key == _LANGUAGE and child.value is not None
    ]
    return any(language.partition("-")[0] not in ("en", "eng") for language in languages)


def _owner(code: CodeKey, given: str) -> str:
    """The code that a meaning belongs to, "" where it may be one of the code itself."""
    own = meanings_of(code)
    if not own or letters(given) in {letters(meaning) for meaning in own}:
        return ""
    owners = owners_of(given)
    if not owners or any(_within(given, meaning) for meaning in own):
        return ""
    value, scheme = min(owners)
    return f"({value}, {scheme})"


def _within(one: str, other: str) -> bool:
    """Whether one of two meanings has all words of the other, in singular or plural: a shorter or longer form of it."""
    first, second = ({word.removesuffix("s") for word in words(text)} for text in (one, other))
    return first <= second or second <= first


@rule_function("codes-in-retired-schemes", applies_with(CodeValue))
def retired(context: RuleContext) -> Iterator[Problem]:
    """COD002: codes of SNOMED in the retired style; told once with their number."""
    codes = _codes(context)
    found = [place for place, (_, scheme) in codes if scheme in RETIRED_SCHEMES]
    if found:
        scheme = found[0].level.text(CodingSchemeDesignator)
        number = sum(place.many for place in found)
        count = f"{number} codes are" if number > 1 else "a code is"
        yield Problem(
            message=f"{count} of the retired coding scheme {scheme}", level=found[0].level, tag=CodingSchemeDesignator,
            found=scheme, want="SCT",
        )  # fmt: skip


@rule_function("codes-of-dcm", applies_with(CodeValue))
def unknown_dcm(context: RuleContext) -> Iterator[Problem]:
    """COD003: codes under DCM that PS3.16 Table D-1 does not have."""
    codes = [(place, code) for place, code in _codes(context) if code[1] == "DCM" and code[0]]
    if not codes:
        raise NotApplicable
    # A code that is outside the context group of its template row is reported for that.
    said = {id(issue.level) for issue in template_issues(context.facts) if issue.kind in ("group", "value")}
    for place, code in codes:
        if not meanings_of(code) and id(place.level) not in said:
            yield Problem(
                message="the code is not defined in DCM", level=place.level, groups=place.groups, tag=CodeValue, found=code[0],
                want="a code from PS3.16 Table D-1, or another coding scheme",
            )  # fmt: skip


def _named_codes(shape: Shape, parameters: Mapping[str, Any]) -> OutcomeKind | None:
    """Not applicable where none of the sequences is there."""
    outermost = (parse_path(path)[0].tag for path in parameters["codes"])
    return None if shape.has(*outermost) else "not_applicable"


@rule_function("codes-outside-fixed-groups", _named_codes)
def outside(context: RuleContext, codes: Mapping[str, str]) -> Iterator[Problem]:
    """COD004: codes outside of a Defined context group that may not be extended.

    ``codes``: the context group by the path of the sequence ("ViewCodeSequence.ViewModifierCodeSequence").
    """
    any_ = False
    for path, cid in codes.items():
        for place in _at(context.dataset, path):
            code = _key(place.level)
            if all(code):
                any_ = True
                if outside_fixed_group(int(cid), code):
                    yield Problem(
                        message=f"the code is not in the non-extensible CID {cid}", level=place.level,
                        groups=place.groups, tag=CodeValue, said=f"({code[0]}, {code[1]})", want=f"a code from CID {cid}",
                        clause=f"PS3.16 CID {cid}",
                    )  # fmt: skip
    if not any_:
        raise NotApplicable


@rule_function("codes-beyond-defined-groups", _named_codes)
def beyond(context: RuleContext, codes: Mapping[str, str], also: Sequence[str] = ()) -> Iterator[Problem]:
    """COD005: codes of DCM or SCT that a Defined context group does not have; it may be extended.

    ``codes``: as of COD004.  ``also``: code values that other clauses or earlier editions allow.
    """
    any_ = False
    for path, cid in codes.items():
        for place in _at(context.dataset, path):
            code = _key(place.level)
            if code[0] and code[0] not in also and code[1] in ("DCM", "SCT", *RETIRED_SCHEMES):
                any_ = True
                equivalents = [_key(one) for one in place.level.items(EquivalentCodeSequence)]
                if all(in_group(int(cid), one) is False for one in (code, *equivalents)):
                    yield Problem(
                        message=f"the code is not in CID {cid}", level=place.level, groups=place.groups, tag=CodeValue,
                        said=f"({code[0]}, {code[1]})", want=f"a code from CID {cid} (extensible)",
                        clause=f"PS3.16 CID {cid}",
                    )  # fmt: skip
    if not any_:
        raise NotApplicable


def _at(dataset: Dataset, path: str) -> list[Place]:
    return item_places(dataset, [step.tag for step in parse_path(path)], SAID_BY_A_CODE)


@rule_function("coding-scheme-uids", applies_with(CodingSchemeIdentificationSequence))
def scheme_uids(context: RuleContext, schemes: Mapping[str, str]) -> Iterator[Problem]:
    """COD006: a Coding Scheme UID that is not the registered one.

    ``schemes``: the UID by designator.
    """
    any_ = False
    for item in context.dataset.items(CodingSchemeIdentificationSequence):
        wanted, found = schemes.get(item.text(CodingSchemeDesignator)), item.text(CodingSchemeUID)
        if wanted is None or not found:
            continue
        any_ = True
        if found != wanted:
            yield Problem(
                message=f"Coding Scheme UID is not that of {item.text(CodingSchemeDesignator)}", level=item,
                tag=CodingSchemeUID, found=found, want=wanted,
            )  # fmt: skip
    if not any_:
        raise NotApplicable


@rule_function("coding-schemes-once", applies_with(CodingSchemeIdentificationSequence))
def schemes_once(context: RuleContext) -> Iterator[Problem]:
    """COD010: a designator, with its version, that two items identify (PS3.3 C.12.1, Table C.12-1)."""
    seen: set[tuple[str, str]] = set()
    for item in context.dataset.items(CodingSchemeIdentificationSequence):
        key = item.text(CodingSchemeDesignator), item.text(CodingSchemeVersion)
        if key[0] and key in seen:
            yield Problem(
                message=f"an earlier item identifies the coding scheme {key[0]}", level=item, tag=CodingSchemeDesignator,
                found=key[0], want="one item for each coding scheme and version",
            )  # fmt: skip
        seen.add(key)


@rule_function("code-forms", applies_with(CodeValue, LongCodeValue))
def code_forms(context: RuleContext) -> Iterator[Problem]:
    """COD007: values that no code of their scheme can be, and names in the place of a designator (warnings).

    A long value beside a short one, or one that is short, is an error: codes of up to 16 characters are in Code Value (PS3.3
    Table 8.8-1a). A code that says that it is of a closed context group, which does not have it, is a warning.
    """
    coded: CodedConcepts | None = context.facts.group("codes")
    if coded is None:
        raise NotApplicable
    any_ = False
    for place in coded.places:
        value, scheme = _key(place.level)
        long = place.level.text(LongCodeValue)
        if not value and 0 < len(long) <= _LONGEST_SHORT:
            any_ = True
            yield Problem(
                message=f"a code of {len(long)} characters is in Long Code Value", level=place.level, groups=place.groups,
                tag=LongCodeValue, found=long, want=f"Code Value; Long Code Value has more than {_LONGEST_SHORT} characters",
            )  # fmt: skip
        if value and long:
            any_ = True
            yield Problem(
                message="Long Code Value is given beside Code Value", level=place.level, groups=place.groups,
                tag=LongCodeValue, found=long, want="absent",
            )  # fmt: skip
        group = place.level.text(ContextIdentifier)
        if group and place.level.text(MappingResource) == "DCMR" and not group.isdecimal():
            any_ = True
            yield Problem(
                message="Context Identifier is not the number of a context group", level=place.level,
                groups=place.groups, tag=ContextIdentifier, found=group, want="digits, such as 244", severity="warning",
            )  # fmt: skip
        if not value or not scheme:
            continue
        any_ = True
        if (
            group.isdecimal() and place.level.text(MappingResource) == "DCMR"
            and place.level.text(ContextGroupExtensionFlag) != "Y" and outside_fixed_group(int(group), (value, scheme))
        ):  # fmt: skip
            yield Problem(
                message=f"the code is not in CID {group}, from which it says it is", level=place.level,
                groups=place.groups, tag=CodeValue, said=f"({value}, {scheme})", want=f"a code from CID {group}",
                severity="warning",
            )  # fmt: skip
        meant = designator_meant(scheme)
        wanted = form_wanted(value, scheme)
        if meant:
            yield Problem(
                message=f"{scheme} is not the designator of this coding scheme", level=place.level, groups=place.groups,
                tag=CodingSchemeDesignator, found=scheme, want=meant, severity="warning",
            )  # fmt: skip
        elif wanted:
            yield Problem(
                message=f"no code of {scheme} has this form", level=place.level, groups=place.groups, tag=CodeValue,
                found=value, want=wanted, severity="warning",
            )  # fmt: skip
    if not any_:
        raise NotApplicable
