"""Rules on coded concepts of optical paths and specimens: PS3.3 8, PS3.16 8.1 and its context groups."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from dcmlint import standard
from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.path import parse_path
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, rule_function
from dcmlint.standard.tags import (
    CodeMeaning,
    CodeValue,
    CodingSchemeDesignator,
    ContainerComponentSequence,
    ContainerTypeCodeSequence,
    EquivalentCodeSequence,
    OpticalPathSequence,
    SpecimenDescriptionSequence,
)

# Optical Path, Specimen Description, Container Type and Container Component Sequence
_ROOTS = (
    OpticalPathSequence,
    SpecimenDescriptionSequence,
    ContainerTypeCodeSequence,
    ContainerComponentSequence,
)
_DEEPEST = 8
_MOST_ITEMS = 20_000

# PS3.16 8.1: SNOMED CT was coded under these designators before SCT
RETIRED = frozenset({"SRT", "SNM3", "99SDM"})
# Designators under which the context groups themselves are coded
STANDARD = frozenset({"DCM", "SCT"})

# PS3.16: containers and specimens, their preparation, and optical paths
_ANOTHERS = "Code Meaning is that of another code"
_NOT_ITS_OWN = "Code Meaning does not match the code"
_GROUPS = (8101, 8102, 8103, 8104, 8109, 8110, 8111, 8112, 8113, 8114, 8115, 8121, 8122, 8123, 8124, 8125)


def code_items(dataset: Dataset) -> Iterator[Dataset]:
    """The items of code sequences below the optical paths, the specimens and their container."""
    left = [_MOST_ITEMS]
    for root in _ROOTS:
        for item in dataset.items(root):
            yield from _codes(item, 0, left)


def _codes(level: Dataset, depth: int, left: list[int]) -> Iterator[Dataset]:
    left[0] -= 1
    if left[0] < 0:
        return
    if CodeValue in level and CodingSchemeDesignator in level:
        yield level
    if depth >= _DEEPEST:
        return
    for element in level:
        if element.items is not None and element.tag != EquivalentCodeSequence:
            for item in element.items:
                yield from _codes(item, depth + 1, left)


@rule_function("codes-in-context-group")
def codes_in_context_group(context: RuleContext, codes: Mapping[str, str]) -> Iterator[Problem]:
    """Codes of sequences of optical paths that their baseline context group does not have.

    ``codes``: the context group by the keyword of the sequence.
    """
    looked_at = False
    for path in context.dataset.items(_ROOTS[0]):
        for keyword, cid in codes.items():
            group = standard.load().context_group(int(cid))
            for item in path.items(parse_path(keyword)[0].tag):
                value, scheme = item.text(CodeValue), item.text(CodingSchemeDesignator)
                if not value or not scheme or scheme in RETIRED or group is None:
                    continue
                looked_at = True
                equivalents = item.items(EquivalentCodeSequence)
                if (value, scheme) in group or any(
                    (one.text(CodeValue), one.text(CodingSchemeDesignator)) in group for one in equivalents
                ):
                    continue
                yield Problem(
                    message=f"The code is not in CID {cid}, {group.name}", level=item, tag=CodeValue, found=value,
                    want=f"a code from CID {cid}", severity="" if scheme in STANDARD else "info",
                )  # fmt: skip
    if not looked_at:
        raise NotApplicable


@rule_function("retired-coding-schemes")
def retired_coding_schemes(context: RuleContext) -> Iterator[Problem]:
    """Codes of optical paths and specimens under a designator that SCT has replaced (PS3.16 8.1)."""
    looked_at = False
    for item in code_items(context.dataset):
        looked_at = True
        scheme = item.text(CodingSchemeDesignator)
        if scheme in RETIRED:
            yield Problem(
                message=f"The coding scheme {scheme} is retired",
                level=item,
                tag=CodingSchemeDesignator,
                found=scheme,
                want="SCT",
            )
    if not looked_at:
        raise NotApplicable


@rule_function("code-meanings")
def code_meanings(context: RuleContext) -> Iterator[Problem]:
    """Codes of optical paths and specimens whose meaning is that of another code, or of none.

    Where more meanings have nothing in common with the standard's than have, they are in another language.
    """
    known = _known_codes()
    fitting = 0
    strange: list[Problem] = []
    for item in code_items(context.dataset):
        meanings = known.get((item.text(CodeValue), item.text(CodingSchemeDesignator)))
        given = item.text(CodeMeaning)
        if meanings is None or not given:
            continue
        message = _wrong_meaning(given, (item.text(CodeValue), item.text(CodingSchemeDesignator)))
        if not message:
            fitting += 1
            continue
        strange.append(Problem(message=message, level=item, tag=CodeMeaning, found=given, want=meanings[0]))
    if not fitting and not strange:
        raise NotApplicable
    translated = sum(problem.message == _NOT_ITS_OWN for problem in strange) > fitting
    yield from (problem for problem in strange if not translated or problem.message != _NOT_ITS_OWN)


@standard.per_edition()
def _known_codes() -> dict[tuple[str, str], tuple[str, ...]]:
    found: dict[tuple[str, str], dict[str, None]] = {}
    for cid in _GROUPS:
        group = standard.load().context_group(cid)
        for code, meaning in group.codes.items() if group is not None else ():
            found.setdefault(code, {})[meaning] = None
    return {code: tuple(meanings) for code, meanings in found.items()}


@standard.per_edition()
def _owners() -> dict[str, frozenset[tuple[str, str]]]:
    """The codes that have a meaning, by its letters."""
    found: dict[str, set[tuple[str, str]]] = {}
    for code, meanings in _known_codes().items():
        for meaning in meanings:
            found.setdefault(_letters(meaning), set()).add(code)
    return {letters: frozenset(codes) for letters, codes in found.items()}


def _wrong_meaning(given: str, code: tuple[str, str]) -> str:
    """Why a meaning is not one of the code; "" where it may be one: a synonym, another language, other words.

    PS3.3 8.3 leaves the words free, so only what has nothing in common with the standard's is doubted.
    """
    owners = _owners().get(_letters(given))
    if owners is not None:
        return "" if code in owners else _ANOTHERS
    if not given.isascii():
        return ""
    said = frozenset(_words(given))
    if not any(said <= own for own in _vocabulary(code)) and any(
        said <= other and not said.isdisjoint(other - frozenset().union(*_vocabulary(code))) and len(said) > 1
        for one in _known_codes()
        if one != code
        for other in _vocabulary(one)
    ):
        return _ANOTHERS
    letters = _letters(given)
    for meaning in _known_codes()[code]:
        own = _letters(meaning)
        initials = "".join(word[0] for word in _words(meaning))
        if letters in (initials, own) or any(word[:5] in own for word in _words(given) if len(word) > 3):
            return ""
        if any(word[:5] in letters for word in _words(meaning) if len(word) > 3):
            return ""
    return _NOT_ITS_OWN


@standard.per_edition()
def _vocabulary(code: tuple[str, str]) -> tuple[frozenset[str], ...]:
    """The words of each meaning of a code."""
    return tuple(frozenset(_words(meaning)) for meaning in _known_codes()[code])


def _words(text: str) -> list[str]:
    """The words of a meaning in small letters, British spellings made American."""
    return re.findall(
        r"[a-z0-9]+", text.lower().replace("ae", "e").replace("oe", "e").replace("colour", "color")
    )


def _letters(text: str) -> str:
    return "".join(_words(text))
