"""Rules on optical paths that compare several attributes of one item: PS3.3 C.8.12.5."""

from __future__ import annotations

import math
from collections.abc import Iterator

from dcmlint.dicom.dataset import Dataset
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, Undecided, rule_function

OPTICAL_PATHS = 0x00480105
_PHOTOMETRIC, _PALETTE = 0x00280004, 0x00480120
# Red, Green, Blue: descriptor, data, segmented data (PS3.3 C.7.9)
_LUTS = ((0x00281101, 0x00281201, 0x00281221), (0x00281102, 0x00281202, 0x00281222),
         (0x00281103, 0x00281203, 0x00281223))  # fmt: skip

_WAVELENGTHS = (0x00220055, 0x00220001, 0x00220003)
_BANDS = (0x00220002, 0x00220004)
# From far ultraviolet to what microscopes call infrared, in nm.
_SHORTEST, _LONGEST = 150, 2500


@rule_function("wavelengths")
def wavelengths(context: RuleContext) -> Iterator[Problem]:
    """Wavelengths and pass bands that are no nanometres, or run from long to short."""
    looked_at = False
    for path in context.dataset.items(OPTICAL_PATHS):
        for tag in (*_WAVELENGTHS, *_BANDS):
            values = [one for one in path.values(tag) if isinstance(one, (int, float))]
            # A cutoff filter has one side only; binary numbers have no empty value to say so.
            if tag in _BANDS:
                values = [one for one in values if one and math.isfinite(one)]
            looked_at = looked_at or bool(values)
            strange = next((one for one in values if not _SHORTEST <= one <= _LONGEST), None)
            if strange is not None:
                yield Problem(
                    message="the wavelength is not plausible in nanometres", level=path, tag=tag, found=strange,
                    want=f"{_SHORTEST} to {_LONGEST} nm",
                )  # fmt: skip
            elif tag in _BANDS and len(values) == 2 and values[0] >= values[1]:
                yield Problem(
                    message="the pass band does not run from the shorter to the longer wavelength", level=path,
                    tag=tag, found=tuple(values), want="the shorter wavelength first",
                )  # fmt: skip
    if not looked_at:
        raise NotApplicable


@rule_function("palette")
def palette(context: RuleContext) -> Iterator[Problem]:
    """Palettes of optical paths on color images, and palettes whose three tables differ in length."""
    found = [path for path in context.dataset.items(OPTICAL_PATHS) if len(path.items(_PALETTE))]
    if not found:
        raise NotApplicable
    interpretation = context.dataset.text(_PHOTOMETRIC)
    if not interpretation:
        raise Undecided("PhotometricInterpretation missing")
    for path in found:
        if interpretation != "MONOCHROME2":
            yield Problem(
                message="a palette is for MONOCHROME2 images only", level=path, tag=_PALETTE,
                because=f"PhotometricInterpretation {interpretation[:16]}",
            )  # fmt: skip
        else:
            yield from _unequal(path.items(_PALETTE)[0])


def _unequal(item: Dataset) -> Iterator[Problem]:
    """Tables of different length (PS3.3 C.7.6.3.1.5: the first value of the descriptors is the same)."""
    entries = [item.value(descriptor) for descriptor, _, _ in _LUTS]
    if None not in entries and len(set(entries)) > 1:
        yield Problem(
            message="the three palette tables have different numbers of entries", level=item, tag=_LUTS[0][0],
            found=tuple(entries), want="the same number for red, green and blue",
        )  # fmt: skip
        return
    data = [item.get(plain) for _, plain, _ in _LUTS]
    sizes = [element.end - element.start for element in data if element is not None]
    if len(sizes) == len(_LUTS) and len(set(sizes)) > 1:
        yield Problem(
            message="the three palette tables have different lengths", level=item, tag=_LUTS[0][1],
            because=f"lengths {', '.join(map(str, sizes))} bytes", want="the same length for red, green and blue",
        )  # fmt: skip
