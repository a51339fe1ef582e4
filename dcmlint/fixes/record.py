"""What was done to an instance, written into it: Original Attributes and Contributing Equipment.

PS3.3 C.12.1.1.9 and Table C.12-1 (SOP Common Module).
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.edits import AppendItem, Edit, text
from dcmlint.dicom.encode import Draft, DraftElement
from dcmlint.dicom.values import check_value
from dcmlint.fixes.supplied import Supplied
from dcmlint.standard.tags import (
    AttributeModificationDateTime,
    CodeMeaning,
    CodeValue,
    CodingSchemeDesignator,
    ContributingEquipmentSequence,
    ContributionDateTime,
    ContributionDescription,
    Manufacturer,
    ManufacturerModelName,
    ModifiedAttributesSequence,
    ModifyingSystem,
    NonconformingDataElementValue,
    NonconformingModifiedAttributesSequence,
    OriginalAttributesSequence,
    PurposeOfReferenceCodeSequence,
    ReasonForTheAttributeModification,
    SelectorAttribute,
    SelectorSequencePointer,
    SelectorSequencePointerItems,
    SelectorValueNumber,
    SoftwareVersions,
    SourceOfPreviousValues,
)
from dcmlint.version import __version__

_LONGEST = 1 << 16  # bytes of an element that is kept as it was
_LONGEST_DESCRIPTION = 1024  # characters of an ST (PS3.5 6.2)
_LONGEST_SYSTEM = 64  # characters of an LO


def record_edits(
    before: Dataset,
    after: Dataset,
    tags: Iterable[int],
    rules: Iterable[str],
    supplied: Supplied | None,
    now: datetime.datetime,
) -> tuple[Edit, ...]:
    """The edits that write into ``after`` how the attributes of ``before`` were that were changed.

    ``tags``: attributes of the main data set in which something was changed; ``rules``: for which.
    """
    stamp = now.strftime("%Y%m%d%H%M%S.%f") + now.strftime("%z")
    return (
        AppendItem(
            level=after, tag=OriginalAttributesSequence, item=_original(before, tags, stamp, supplied)
        ),
        AppendItem(level=after, tag=ContributingEquipmentSequence, item=_equipment(stamp, rules, supplied)),
    )


def _original(before: Dataset, tags: Iterable[int], stamp: str, supplied: Supplied | None) -> Draft:
    """PS3.3 Table C.12.1.1.9: the values that were there, those that are no values of their VR apart."""
    wrong: list[Draft] = []
    kept = _previous(before, sorted(set(tags)), (), wrong)
    fields = [
        _text(SourceOfPreviousValues, "LO", ""),
        _text(AttributeModificationDateTime, "DT", stamp),
        _text(
            ModifyingSystem,
            "LO",
            (f"dcmlint {__version__}" if supplied is None else supplied.by)[:_LONGEST_SYSTEM],
        ),
        _text(ReasonForTheAttributeModification, "CS", "CORRECT"),
        DraftElement(ModifiedAttributesSequence, "SQ", [Draft(kept)]),
    ]
    if wrong:
        fields.append(DraftElement(NonconformingModifiedAttributesSequence, "SQ", wrong))
    return Draft(fields)


def _previous(
    level: Dataset, tags: Iterable[int], within: tuple[tuple[int, int], ...], wrong: list[Draft]
) -> list[DraftElement]:
    """Elements of a level as they were; those whose values are none of their VR go to ``wrong``, from items as well.

    ``within``: the sequences around the level, and the number of the item in each, the outermost first.
    """
    kept: list[DraftElement] = []
    for tag in tags:
        element = level.get(tag)
        if element is None or element.fragments is not None or element.end - element.offset > _LONGEST:
            continue
        vr, raw = level.value_representation(element), level.raw(tag)
        if element.items is not None:
            items = [
                Draft(_previous(item, [one.tag for one in item], (*within, (tag, number)), wrong))
                for number, item in enumerate(element.items, 1)
            ]
            kept.append(DraftElement(tag, "SQ", items))
        elif len(raw) & 1 or check_value(vr, raw, charset=level.charset):
            wrong.append(_nonconforming(tag, raw, within))
        elif level.little:
            kept.append(DraftElement(tag, vr, raw))
    return kept


def _nonconforming(tag: int, raw: bytes, within: tuple[tuple[int, int], ...]) -> Draft:
    """PS3.3 Table C.12-1 with the Selector Attribute Macro: where a value was, and its bytes."""
    fields = [
        DraftElement(SelectorAttribute, "AT", _tag_bytes(tag)),
        DraftElement(SelectorValueNumber, "US", b"\1\0"),
        DraftElement(NonconformingDataElementValue, "OB", raw + b"\0" * (len(raw) & 1)),
    ]
    if within:
        numbers = "\\".join(str(number) for _, number in within)
        fields += [
            DraftElement(SelectorSequencePointer, "AT", b"".join(_tag_bytes(one) for one, _ in within)),
            _text(SelectorSequencePointerItems, "IS", numbers),
        ]
    return Draft(sorted(fields, key=lambda one: one.tag))


def _tag_bytes(tag: int) -> bytes:
    return (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little")


def _equipment(stamp: str, rules: Iterable[str], supplied: Supplied | None) -> Draft:
    """PS3.3 Table C.12-1: who contributed, and what for (PS3.16 CID 7005: Modifying Equipment)."""
    said = f"Repaired: {', '.join(sorted(set(rules)))}"
    if supplied is not None:
        said += f". Values supplied by {supplied.by}: {', '.join(supplied.names)}"
    purpose = Draft([
        _text(CodeValue, "SH", "109103"),
        _text(CodingSchemeDesignator, "SH", "DCM"),
        _text(CodeMeaning, "LO", "Modifying Equipment"),
    ])  # fmt: skip
    return Draft([
        _text(Manufacturer, "LO", "dcmlint"),
        _text(ManufacturerModelName, "LO", "dcmlint fix"),
        _text(SoftwareVersions, "LO", __version__),
        _text(ContributionDateTime, "DT", stamp),
        _text(ContributionDescription, "ST", said[:_LONGEST_DESCRIPTION]),
        DraftElement(PurposeOfReferenceCodeSequence, "SQ", [purpose]),
    ])  # fmt: skip


def _text(tag: int, vr: str, value: str) -> DraftElement:
    return DraftElement(tag, vr, text(vr, value.encode("ascii", "replace")))
