"""Overlay planes: attributes of repeating groups, of which a table cannot ask by itself (PS3.3 C.9.2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from dcmlint.dicom.path import name_of
from dcmlint.facts.shape import Shape
from dcmlint.findings.finding import OutcomeKind
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, rule_function
from dcmlint.standard.tags import SOPClassUID
from dcmlint.standard.uids import (
    DigitalIntraOralXRayImageStorageForPresentation,
    DigitalIntraOralXRayImageStorageForProcessing,
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalMammographyXRayImageStorageForProcessing,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
)

# PS3.3 Table C.9-2, type 1: Rows, Columns, Type, Origin, Bits Allocated, Bit Position, Data
_REQUIRED: Final = (0x0010, 0x0011, 0x0040, 0x0050, 0x0100, 0x0102, 0x3000)
_BITS_ALLOCATED, _DATA = 0x0100, 0x3000
_ROWS, _COLUMNS, _FRAMES = 0x0010, 0x0011, 0x0015
# PS3.3 A.26.4, A.28.4; A.27.1: mammography meets what A.26 asks for
_NEVER_EMBEDDED: Final = frozenset(
    {
        DigitalXRayImageStorageForPresentation,
        DigitalXRayImageStorageForProcessing,
        DigitalMammographyXRayImageStorageForPresentation,
        DigitalMammographyXRayImageStorageForProcessing,
        DigitalIntraOralXRayImageStorageForPresentation,
        DigitalIntraOralXRayImageStorageForProcessing,
    }
)


def _has_overlays(shape: Shape, parameters: Mapping[str, Any]) -> OutcomeKind | None:
    """Not applicable without an element of an overlay."""
    return None if any(_is_overlay(tag) for tag in shape.present) else "not_applicable"


def _is_overlay(tag: int) -> bool:
    return tag >> 24 == 0x60 and not tag >> 16 & 1


@rule_function("overlay-planes", _has_overlays)
def overlay_planes(context: RuleContext) -> Iterator[Problem]:
    """Attributes that an overlay lacks; data in unused bits of Pixel Data, which is retired, is one problem.

    The IODs of digital X-Ray images never allowed such data: an error there, elsewhere a warning.
    """
    dataset = context.dataset
    never = dataset.text(SOPClassUID) in _NEVER_EMBEDDED
    groups = sorted({tag >> 16 for tag in dataset.elements if _is_overlay(tag)})
    if not groups:
        raise NotApplicable
    for group in groups:
        base = group << 16
        allocated = dataset.value(base | _BITS_ALLOCATED)
        embedded = isinstance(allocated, int) and allocated > 1 and (base | _DATA) not in dataset
        if embedded:
            yield Problem(
                level=dataset, tag=base | _BITS_ALLOCATED, found=allocated, want="1, and Overlay Data",
                severity="error" if never else "warning",
                message=f"the overlay is in unused bits of Pixel Data, which {'the IOD forbids' if never else 'is retired'}",
            )  # fmt: skip
        for number in _REQUIRED:
            tag = base | number
            element = dataset.get(tag)
            missing = element is None or element.start == element.end
            if missing and not (embedded and number == _DATA):
                yield Problem(
                    level=dataset, tag=tag, want="present with a value",
                    message=f"{name_of(tag)} of an overlay is {'missing' if element is None else 'empty'} (Type 1)",
                )  # fmt: skip


@rule_function("overlay-data-lengths", _has_overlays)
def overlay_lengths(context: RuleContext) -> Iterator[Problem]:
    """OVL002: Overlay Data that is shorter or longer than the rows, columns and frames of the overlay."""
    dataset = context.dataset
    any_ = False
    for base in sorted({tag & ~0xFFFF for tag in dataset.elements if _is_overlay(tag)}):
        data = dataset.get(base | _DATA)
        sizes = [dataset.value(base | number) for number in (_ROWS, _COLUMNS)]
        frames = dataset.value(base | _FRAMES)
        whole = [size for size in (*sizes, frames or 1) if isinstance(size, int) and size > 0]
        if data is None or data.start == data.end or len(whole) < 3:
            continue
        any_ = True
        bits = whole[0] * whole[1] * whole[2]
        wanted = (bits + 7) // 8
        # A frame may begin at a byte of its own, as some writers have it: more than is needed is no loss.
        if data.length < wanted or data.length > max(2 * wanted, wanted + whole[2]) + 1:
            yield Problem(
                message=f"{name_of(base | _DATA)} has {data.length} bytes for {bits} bits", tag=base | _DATA,
                said=f"{data.length} bytes", want=f"{wanted + wanted % 2} bytes",
            )  # fmt: skip
    if not any_:
        raise NotApplicable
