"""How the bytes of an instance are shared out: the header, what fills it, what else the file is."""

from __future__ import annotations

import msgspec

from dcmlint.dicom.dataset import Dataset, Element
from dcmlint.dicom.path import path_of
from dcmlint.facts.registry import Facts, facts
from dcmlint.standard.tags import PixelData

_MANY_ITEMS = 256
_DEPTH = 8
_LARGE = 1 << 16


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes in the file.

    ``header_bytes``: bytes before Pixel Data, or of the whole data set where there is none.
    ``largest_bytes``: bytes of the largest element of the header; 0 for headers below 64 KiB, which nobody asks of.
    ``largest_path``: DICOM path of the largest element of the header.
    ``preamble_kind``: "TIFF" or "BigTIFF" when the preamble makes the file one, "empty" when it is all zero,
    else "other"; absent without preamble.
    """

    header_bytes: int
    largest_bytes: int = 0
    largest_path: str = ""
    preamble_kind: str | None = None


@facts("layout", Layout)
def layout(facts: Facts) -> Layout:
    """What the header of the file is filled with (PS3.10 clause 7)."""
    instance = facts.instance
    dataset = instance.dataset
    pixels = dataset.get(PixelData)
    header = pixels.offset if pixels is not None else dataset.end
    size, path = _largest(dataset, 0) if header >= _LARGE else (0, "")
    return Layout(
        header_bytes=header,
        largest_bytes=size, largest_path=path, preamble_kind=preamble_kind(instance.preamble),
    )  # fmt: skip


def preamble_kind(preamble: bytes) -> str | None:
    """What a preamble is the beginning of (TIFF 6.0 section 2; PS3.10 7.1 leaves the preamble to applications)."""
    if not preamble:
        return None
    if preamble[:4] in (b"II*\0", b"MM\0*"):
        return "TIFF"
    if preamble[:4] in (b"II+\0", b"MM\0+"):
        return "BigTIFF"
    return "other" if preamble.strip(b"\0") else "empty"


def _largest(level: Dataset, depth: int) -> tuple[int, str]:
    """The largest element before Pixel Data: into a sequence only where one part of it is most of it."""
    best: Element | None = None
    for element in level:
        if element.tag == PixelData and level.parent is None:
            break
        if best is None or element.end - element.offset > best.end - best.offset:
            best = element
    if best is None:
        return 0, ""
    size = best.end - best.offset
    if best.items is not None and len(best.items) <= _MANY_ITEMS and depth < _DEPTH:
        inner = max((_largest(item, depth + 1) for item in best.items), default=(0, ""))
        if 2 * inner[0] > size:
            return inner
    return size, path_of(level, best.tag)
