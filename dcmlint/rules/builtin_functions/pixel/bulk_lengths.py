"""Bulk values whose length follows from other attributes: lookup tables (PS3.3 C.7.6.3.1.5, C.11.1), waveforms (C.10.9)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.path import name_of
from dcmlint.rules.builtin_functions.numbers import SAMPLE_BITS
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, rule_function
from dcmlint.standard.tags import (
    AlphaPaletteColorLookupTableData,
    AlphaPaletteColorLookupTableDescriptor,
    BluePaletteColorLookupTableData,
    BluePaletteColorLookupTableDescriptor,
    ChannelDefinitionSequence,
    GreenPaletteColorLookupTableData,
    GreenPaletteColorLookupTableDescriptor,
    LUTData,
    LUTDescriptor,
    ModalityLUTSequence,
    NumberOfWaveformChannels,
    NumberOfWaveformSamples,
    PresentationLUTSequence,
    RedPaletteColorLookupTableData,
    RedPaletteColorLookupTableDescriptor,
    SoftcopyVOILUTSequence,
    VOILUTSequence,
    WaveformBitsAllocated,
    WaveformData,
    WaveformSampleInterpretation,
    WaveformSequence,
)

# Descriptor and data of the red, green, blue and alpha palette
_PALETTES: Final = (
    (RedPaletteColorLookupTableDescriptor, RedPaletteColorLookupTableData), (GreenPaletteColorLookupTableDescriptor, GreenPaletteColorLookupTableData), (BluePaletteColorLookupTableDescriptor, BluePaletteColorLookupTableData), (AlphaPaletteColorLookupTableDescriptor, AlphaPaletteColorLookupTableData),
)  # fmt: skip
# Modality LUT, VOI LUT and Presentation LUT Sequence
_LUT_SEQUENCES: Final = (ModalityLUTSequence, VOILUTSequence, PresentationLUTSequence)


@rule_function("lookup-table-lengths")
def lookup_table_lengths(context: RuleContext) -> Iterator[Problem]:
    """Lookup tables that have not the number of entries that their descriptor states."""
    dataset = context.dataset
    tables = [(dataset, *pair) for pair in _PALETTES if pair[0] in dataset and pair[1] in dataset]
    for sequence in _LUT_SEQUENCES:
        items = dataset.items(sequence)
        tables += [(items[number], LUTDescriptor, LUTData) for number in range(min(len(items), 100))]
    for item in list(dataset.items(SoftcopyVOILUTSequence))[:100]:
        tables += [(one, LUTDescriptor, LUTData) for one in list(item.items(VOILUTSequence))[:100]]
    looked_at = False
    for level, descriptor, data in tables:
        stated, bits = level.value(descriptor, 1), level.value(descriptor, 3)
        element = level.get(data)
        if (
            element is None
            or not isinstance(stated, int)
            or bits not in range(8, 17)
            or element.end == element.start
        ):
            continue
        looked_at = True
        # PS3.3 C.7.6.3.1.5: 0 stands for 65536; with VR SS a large number looks negative.
        entries = stated % 65536 or 65536
        # As stated: where the file ends before, that is told of the file.
        length = element.length
        # Entries of 8 bits are packed (C.7.6.3.1.6), or stand in words of their own as writers have always done.
        wanted = {2 * entries} if bits > 8 else {entries, entries + entries % 2, 2 * entries}
        if length not in wanted:
            yield Problem(
                level=level, tag=data, said=f"{length} bytes", want=f"{entries} entries of {bits} bits",
                message=f"{name_of(data)} has {length} bytes instead of {entries} entries of {bits} bits",
            )  # fmt: skip
    if not looked_at:
        raise NotApplicable


@rule_function("waveform-length")
def waveform_length(context: RuleContext) -> Iterator[Problem]:
    """Waveform Data that is shorter or longer than its channels and samples."""
    items = context.dataset.items(WaveformSequence)
    looked_at = False
    for number in range(min(len(items), 100)):
        item: Dataset = items[number]
        counts = [
            item.value(tag)
            for tag in (NumberOfWaveformChannels, NumberOfWaveformSamples, WaveformBitsAllocated)
        ]
        element = item.get(WaveformData)
        whole = [count for count in counts if isinstance(count, int) and count > 0]
        if element is None or len(whole) < len(counts) or whole[2] % 8:
            continue
        looked_at = True
        if len(item.items(ChannelDefinitionSequence)) not in (0, whole[0]):
            continue  # told of their number
        if SAMPLE_BITS.get(item.text(WaveformSampleInterpretation), whole[2]) != whole[2]:
            continue  # WAV003
        length, wanted = element.length, whole[0] * whole[1] * whole[2] // 8
        if length not in (wanted, wanted + wanted % 2):
            yield Problem(
                level=item, tag=WaveformData, said=f"{length} bytes", want=f"{wanted} bytes",
                message=f"{whole[0]} channels of {whole[1]} samples of {whole[2]} bits are {wanted} bytes, not {length}",
            )  # fmt: skip
    if not looked_at:
        raise NotApplicable
