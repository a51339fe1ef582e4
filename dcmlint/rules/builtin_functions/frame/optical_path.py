"""Rules on optical paths that compare several attributes of one item: PS3.3 C.8.12.5."""

from __future__ import annotations

import math
from collections.abc import Iterator

from dcmlint.dicom.dataset import Dataset
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, Undecided, rule_function
from dcmlint.standard.tags import (
    BluePaletteColorLookupTableData,
    BluePaletteColorLookupTableDescriptor,
    GreenPaletteColorLookupTableData,
    GreenPaletteColorLookupTableDescriptor,
    IlluminationWaveLength,
    ImagePathFilterPassBand,
    ImagePathFilterPassThroughWavelength,
    LightPathFilterPassBand,
    LightPathFilterPassThroughWavelength,
    OpticalPathIdentificationSequence,
    OpticalPathIdentifier,
    OpticalPathSequence,
    PaletteColorLookupTableSequence,
    PerFrameFunctionalGroupsSequence,
    PhotometricInterpretation,
    RedPaletteColorLookupTableData,
    RedPaletteColorLookupTableDescriptor,
    SegmentedBluePaletteColorLookupTableData,
    SegmentedGreenPaletteColorLookupTableData,
    SegmentedRedPaletteColorLookupTableData,
    SharedFunctionalGroupsSequence,
)

# Red, Green, Blue: descriptor, data, segmented data (PS3.3 C.7.9)
_LUTS = ((RedPaletteColorLookupTableDescriptor, RedPaletteColorLookupTableData, SegmentedRedPaletteColorLookupTableData), (GreenPaletteColorLookupTableDescriptor, GreenPaletteColorLookupTableData, SegmentedGreenPaletteColorLookupTableData),
         (BluePaletteColorLookupTableDescriptor, BluePaletteColorLookupTableData, SegmentedBluePaletteColorLookupTableData))  # fmt: skip

_IDENTIFIER = frozenset((OpticalPathIdentifier,))
# SH has 16 characters, more bytes in some character sets (PS3.5 6.2)
_LONGEST_IDENTIFIER = 128
_WAVELENGTHS = (
    IlluminationWaveLength,
    LightPathFilterPassThroughWavelength,
    ImagePathFilterPassThroughWavelength,
)
_BANDS = (LightPathFilterPassBand, ImagePathFilterPassBand)
# From far ultraviolet to what microscopes call infrared, in nm.
_SHORTEST, _LONGEST = 150, 2500


@rule_function("wavelengths-in-nanometres")
def wavelengths(context: RuleContext) -> Iterator[Problem]:
    """Wavelengths and pass bands that are no nanometres, or run from long to short."""
    looked_at = False
    for path in context.dataset.items(OpticalPathSequence):
        for tag in (*_WAVELENGTHS, *_BANDS):
            values = [one for one in path.values(tag) if isinstance(one, (int, float))]
            # A cutoff filter has one side only; binary numbers have no empty value to say so.
            if tag in _BANDS:
                values = [one for one in values if one and math.isfinite(one)]
            looked_at = looked_at or bool(values)
            strange = next((one for one in values if not _SHORTEST <= one <= _LONGEST), None)
            if strange is not None:
                yield Problem(
                    message="The wavelength is not plausible in nanometers", level=path, tag=tag, found=strange,
                    want=f"{_SHORTEST} to {_LONGEST} nm",
                )  # fmt: skip
            elif tag in _BANDS and len(values) == 2 and values[0] >= values[1]:
                yield Problem(
                    message="The pass band is not in ascending order of wavelength", level=path,
                    tag=tag, found=tuple(values), want="the shorter wavelength first",
                )  # fmt: skip
    if not looked_at:
        raise NotApplicable


@rule_function("palette-of-single-channel")
def palette(context: RuleContext) -> Iterator[Problem]:
    """Palettes of optical paths on color images, and palettes whose three tables differ in length."""
    found = [
        path
        for path in context.dataset.items(OpticalPathSequence)
        if len(path.items(PaletteColorLookupTableSequence))
    ]
    if not found:
        raise NotApplicable
    interpretation = context.dataset.text(PhotometricInterpretation)
    if not interpretation:
        raise Undecided("PhotometricInterpretation missing")
    for path in found:
        if interpretation != "MONOCHROME2":
            yield Problem(
                message="A palette is for MONOCHROME2 images only", level=path, tag=PaletteColorLookupTableSequence,
                because=f"PhotometricInterpretation {interpretation[:16]}",
            )  # fmt: skip
        else:
            yield from _unequal(path.items(PaletteColorLookupTableSequence)[0])


def _unequal(item: Dataset) -> Iterator[Problem]:
    """Tables of different length (PS3.3 C.7.6.3.1.5: the first value of the descriptors is the same)."""
    entries = [item.value(descriptor) for descriptor, _, _ in _LUTS]
    if None not in entries and len(set(entries)) > 1:
        yield Problem(
            message="The three palette tables have different numbers of entries", level=item, tag=_LUTS[0][0],
            found=tuple(entries), want="the same number for red, green and blue",
        )  # fmt: skip
        return
    data = [item.get(plain) for _, plain, _ in _LUTS]
    sizes = [element.length for element in data if element is not None and element.is_plain]
    if len(sizes) == len(_LUTS) and len(set(sizes)) > 1:
        yield Problem(
            message="The three palette tables have different lengths", level=item, tag=_LUTS[0][1],
            because=f"lengths {', '.join(map(str, sizes))} bytes", want="the same length for red, green and blue",
        )  # fmt: skip


@rule_function("optical-paths-of-frames")
def optical_paths_of_frames(context: RuleContext) -> Iterator[Problem]:
    """Optical paths that no frame names; undecided where some frame names none."""
    dataset = context.dataset
    used = {
        _identifier(path)
        for group in dataset.items(SharedFunctionalGroupsSequence)[:1]
        for path in group.items(OpticalPathIdentificationSequence)
    }
    if not used:
        # Different values are few, however many frames there are.
        for frame, _ in dataset.items(PerFrameFunctionalGroupsSequence).distinct(_IDENTIFIER):
            paths = frame.items(OpticalPathIdentificationSequence)
            if not len(paths):
                raise Undecided("a frame without Optical Path Identification Sequence")
            used.update(map(_identifier, paths))
    for path in dataset.items(OpticalPathSequence):
        identifier = _identifier(path)
        if identifier and identifier not in used:
            yield Problem(
                message="No frame uses the optical path", level=path, tag=OpticalPathIdentifier,
                found=path.text(OpticalPathIdentifier),
            )  # fmt: skip


def _identifier(path: Dataset) -> bytes:
    return path.raw(OpticalPathIdentifier)[:_LONGEST_IDENTIFIER].strip(b" \0")
