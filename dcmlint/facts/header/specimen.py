"""The specimens of a slide: PS3.3 C.7.6.22, PS3.16 TID 8001 to 8004."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from dcmlint.dicom.dataset import Dataset
from dcmlint.facts.registry import Facts, facts
from dcmlint.standard.tags import (
    CodeValue,
    CodingSchemeDesignator,
    ConceptCodeSequence,
    ConceptNameCodeSequence,
    DateTime,
    IssuerOfTheSpecimenIdentifierSequence,
    SpecimenDescriptionSequence,
    SpecimenIdentifier,
    SpecimenPreparationSequence,
    SpecimenPreparationStepContentItemSequence,
    SpecimenUID,
    TextValue,
)

Code = tuple[str, str]
_ENOUGH = 4096

# PS3.16 TID 8001 and 8002: concept names of a preparation step
SPECIMEN_ID: Code = ("121041", "DCM")
PROCESSING_TYPE: Code = ("111701", "DCM")
PROCESSED_AT: Code = ("111702", "DCM")
PARENT_ID: Code = ("111705", "DCM")
# PS3.16 CID 8111
STAINING: Code = ("127790008", "SCT")
# PS3.16 TID 8003
USING_SUBSTANCE: Code = ("424361007", "SCT")


class Content(msgspec.Struct, frozen=True):
    """One content item of a step: its concept name, and its value as code, text or date and time."""

    item: Dataset
    name: Code
    code: Code
    text: str
    moment: str


class Specimen(msgspec.Struct, frozen=True, kw_only=True):
    """The Specimen Description Sequence; items are 0-based.

    ``count``: number of specimens
    ``repeated``: items whose UID, or whose identifier with its issuer, an earlier item has
    ``steps``: preparation steps of all specimens
    ``stained``: a staining step names a substance
    """

    count: int
    repeated: tuple[int, ...]
    steps: int
    stained: bool


@facts("specimen", Specimen, possible=lambda shape: shape.has(SpecimenDescriptionSequence))
def specimen(facts: Facts) -> Specimen | None:
    """The specimens of a slide; absent without a Specimen Description Sequence."""
    dataset = facts.instance.dataset
    if SpecimenDescriptionSequence not in dataset:
        return None
    items = dataset.items(SpecimenDescriptionSequence)
    uids: set[str] = set()
    identifiers: set[tuple[str, bytes]] = set()
    repeated: list[int] = []
    steps, stained = 0, False
    for number, item in enumerate(items):
        uid, identifier = item.text(SpecimenUID), item.text(SpecimenIdentifier)
        key = (identifier, _beginning(item, IssuerOfTheSpecimenIdentifierSequence))
        if (uid and uid in uids) or (identifier and key in identifiers):
            repeated.append(number)
        uids.add(uid)
        identifiers.add(key)
        for step in item.items(SpecimenPreparationSequence):
            steps += 1
            stained = stained or is_stained(step)
    return Specimen(count=len(items), repeated=tuple(repeated), steps=steps, stained=stained)


def contents(step: Dataset) -> Iterator[Content]:
    """The content items of a preparation step, in their order."""
    for item in step.items(SpecimenPreparationStepContentItemSequence):
        yield Content(
            item,
            _code(item, ConceptNameCodeSequence),
            _code(item, ConceptCodeSequence),
            item.text(TextValue),
            item.text(DateTime),
        )


def is_stained(step: Dataset) -> bool:
    """Whether a step is a staining that names a substance, by code or in words (PS3.16 TID 8003)."""
    found = list(contents(step))
    return any(one.name == PROCESSING_TYPE and one.code == STAINING for one in found) and any(
        one.name == USING_SUBSTANCE and (one.code[0] or one.text) for one in found
    )


def _beginning(item: Dataset, tag: int) -> bytes:
    """The bytes of a short value, the first of a long one: enough to tell two issuers apart."""
    element = item.get(tag)
    if element is None:
        return b""
    return item.context.buffer[element.start : min(element.end, element.start + _ENOUGH)]


def _code(item: Dataset, sequence: int) -> Code:
    codes = item.items(sequence)
    return (codes[0].text(CodeValue), codes[0].text(CodingSchemeDesignator)) if len(codes) else ("", "")
