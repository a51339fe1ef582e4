"""Pixel values of segmentations: segments of label maps, fractions (PS3.3 C.8.20.2).

Native pixels are read in parts, up to a limit; of compressed ones a sample is decoded where that is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from dcmlint.dicom.buffers import RangeBuffer
from dcmlint.facts.frame.tiling import whole
from dcmlint.facts.pixel.pixels import Pixels
from dcmlint.rules.builtin_functions.pixel.decoding import (
    decoded_frame,
    frames_to_decode,
)
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, Undecided, rule_function
from dcmlint.standard.tags import (
    BitsAllocated,
    Columns,
    MaximumFractionalValue,
    PixelData,
    PixelPaddingValue,
    Rows,
    SegmentationType,
    SegmentNumber,
    SegmentSequence,
)

# Bytes of native pixels that are looked at, and of what is read in ranges, from afar perhaps.
_MOST: Final = 1 << 28
_MOST_AFAR: Final = 1 << 20
_PART: Final = 1 << 22
_SHOWN: Final = 3


@rule_function("label-map-values")
def label_map_values(context: RuleContext) -> Iterator[Problem]:
    """SEG005: pixel values of a label map that no item of Segment Sequence describes."""
    dataset = context.dataset
    if dataset.text(SegmentationType) != "LABELMAP" or PixelData not in dataset:
        raise NotApplicable
    numbers = {whole(item, SegmentNumber) for item in dataset.items(SegmentSequence)}
    if not numbers or None in numbers:
        raise Undecided(
            "Segment Sequence has an item without Segment Number" if numbers else "no Segment Sequence"
        )
    # Where no segment is: PS3.3 C.8.20.2
    described = numbers | {whole(dataset, PixelPaddingValue)}
    yield from _strange(
        context, [value for value in described if value is not None], "has no item in Segment Sequence",
        "a Segment Number",
    )  # fmt: skip


@rule_function("fractional-values")
def fractional_values(context: RuleContext) -> Iterator[Problem]:
    """SEG006: pixel values of a fractional segmentation above its Maximum Fractional Value."""
    dataset = context.dataset
    if dataset.text(SegmentationType) != "FRACTIONAL" or PixelData not in dataset:
        raise NotApplicable
    most = whole(dataset, MaximumFractionalValue)
    if most is None:
        raise Undecided("MaximumFractionalValue missing")
    if most >= 255:  # the most that the 8 bits of a fraction hold: PS3.3 Table C.8.20-2
        return
    yield from _strange(context, range(most + 1), f"is above Maximum Fractional Value {most}", f"0 to {most}")


def _strange(context: RuleContext, right: Iterable[int], message: str, want: str) -> Iterator[Problem]:
    """A problem of the pixel values that are not ``right``."""
    import numpy as np

    dataset = context.dataset
    bits, rows, columns = (whole(dataset, tag) for tag in (BitsAllocated, Rows, Columns))
    if bits not in (8, 16) or not rows or not columns:
        raise Undecided("BitsAllocated is neither 8 nor 16, or Rows or Columns missing")
    unit, frame = bits // 8, rows * columns * bits // 8
    wrong = np.ones(1 << bits, bool)
    wrong[[value for value in right if 0 <= value < len(wrong)]] = False
    pixels = context.facts.of(Pixels)
    examine = _native if pixels is not None and pixels.native else _decoded
    seen, first, open_ = np.zeros(len(wrong), bool), -1, None
    try:
        for place, values in examine(context, unit, frame):
            there = np.bincount(values, minlength=len(wrong)) > 0
            if first < 0 and (there & wrong).any():
                first = (place + int(np.argmax(wrong[values])) * unit) // frame
            seen |= there
    except Undecided as left:
        open_ = left
    strange = np.flatnonzero(seen & wrong).tolist()
    if strange:
        shown = ", ".join(str(value) for value in strange[:_SHOWN])
        more = f" or {len(strange) - _SHOWN} more" if len(strange) > _SHOWN else ""
        yield Problem(
            path="PixelData[*]", tag=PixelData, items=[first], said=shown + more, want=want,
            message=f"pixel value {shown}{more} {message} (first in frame {first + 1})",
        )  # fmt: skip
    elif open_ is not None:
        raise open_


def _native(context: RuleContext, unit: int, frame: int) -> Iterator[tuple[int, Any]]:
    """Parts of native pixels: the byte where a part begins, and its values."""
    import numpy as np

    dataset = context.dataset
    element, buffer = dataset.elements[PixelData], dataset.context.buffer
    size = (element.end - element.start) // frame * frame  # without a pad byte
    end = min(size, _MOST_AFAR if isinstance(buffer, RangeBuffer) else _MOST)
    kind = "u1" if unit == 1 else "<u2" if dataset.little else ">u2"
    for place in range(0, end, _PART):
        raw = buffer[element.start + place : element.start + min(end, place + _PART)]
        yield place, np.frombuffer(raw, kind, count=len(raw) // unit)
    if not dataset.is_whole(element):
        raise Undecided("Pixel Data is truncated")
    if end < size:
        raise Undecided(f"{end} of {size} bytes of pixels were examined")


def _decoded(context: RuleContext, unit: int, frame: int) -> Iterator[tuple[int, Any]]:
    """Some decoded frames, as parts."""
    if not context.facts.options.decode:
        raise Undecided("compressed pixels are decoded with --decode only")
    sample = frames_to_decode(context)
    decoded = 0
    for number in sample.frames:
        values: Any = decoded_frame(sample.decoder, sample.stream(number), sample.options)
        if values is not None:
            decoded += 1
            yield number * frame, values.reshape(-1)
    if decoded < sample.total:
        raise Undecided(f"{decoded} of {sample.total} frames were decoded")
