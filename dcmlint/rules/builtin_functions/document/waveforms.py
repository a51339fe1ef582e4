"""Multiplex groups and channels of waveforms (PS3.3 C.10.9), and what the IOD of each class limits (A.34)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.path import name_of
from dcmlint.rules.builtin_functions.numbers import SAMPLE_BITS
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, rule_function
from dcmlint.standard.tags import (
    ChannelDefinitionSequence,
    ChannelMaximumValue,
    ChannelMinimumValue,
    ChannelSensitivity,
    FilterHighFrequency,
    FilterLowFrequency,
    NumberOfWaveformChannels,
    SamplingFrequency,
    SOPClassUID,
    WaveformBitsAllocated,
    WaveformBitsStored,
    WaveformPaddingValue,
    WaveformSampleInterpretation,
    WaveformSequence,
)

_ROOT = "1.2.840.10008.5.1.4.1.1.9."
_NEVER = float("inf")
_16_OR_32 = frozenset({"SS", "SL"})
# PS3.3 A.34: multiplex groups, channels, lowest and highest frequency, sample interpretations; 0: no limit
_LIMITS: dict[str, tuple[int, int, float, float, frozenset[str]]] = {
    f"{_ROOT}1.1": (5, 13, 200, 1000, frozenset({"SS"})),
    f"{_ROOT}1.2": (4, 24, 200, 1000, frozenset({"SS"})),
    f"{_ROOT}1.3": (1, 12, 50, 1000, frozenset({"SB", "SS"})),
    f"{_ROOT}2.1": (4, 8, 0, 400, frozenset({"SS"})),
    f"{_ROOT}3.1": (4, 0, 0, 20000, frozenset({"SS"})),
    f"{_ROOT}4.1": (1, 2, 8000, 8000, frozenset({"UB", "MB", "AB"})),
    f"{_ROOT}4.2": (1, 2, 0, 44100, frozenset({"SB", "SS"})),
    f"{_ROOT}5.1": (1, 1, 0, 600, frozenset({"SB", "SS"})),
    f"{_ROOT}6.1": (1, 1, 0, 100, frozenset({"SB", "SS"})),
    f"{_ROOT}6.2": (0, 0, 0, _NEVER, _16_OR_32),
    f"{_ROOT}7.1": (1, 64, 0, _NEVER, _16_OR_32),
    f"{_ROOT}7.2": (0, 64, 0, _NEVER, _16_OR_32),
    f"{_ROOT}7.3": (0, 4, 0, _NEVER, _16_OR_32),
    f"{_ROOT}7.4": (0, 64, 0, _NEVER, _16_OR_32),
}
# PS3.3 A.34.3.4.4: channels of all multiplex groups together
_TOTAL_CHANNELS = {f"{_ROOT}1.1": 13}
_MOST_GROUPS = 100


def _groups(context: RuleContext) -> list[Dataset]:
    items = context.dataset.items(WaveformSequence)
    if not items:
        raise NotApplicable
    return [items[number] for number in range(min(len(items), _MOST_GROUPS))]


@rule_function("waveform-samples")
def samples(context: RuleContext) -> Iterator[Problem]:
    """WAV003: bits of samples against their interpretation, and the bits of channels against them."""
    for group in _groups(context):
        allocated = group.value(WaveformBitsAllocated)
        wanted = SAMPLE_BITS.get(group.text(WaveformSampleInterpretation))
        if not isinstance(allocated, int):
            continue
        if wanted is not None and allocated != wanted:
            yield Problem(
                message="Waveform Bits Allocated does not fit Waveform Sample Interpretation", level=group,
                tag=WaveformBitsAllocated, found=allocated, want=f"{wanted}",
            )  # fmt: skip
            continue
        for channel in group.items(ChannelDefinitionSequence):
            stored = channel.value(WaveformBitsStored)
            if isinstance(stored, int) and not 1 <= stored <= allocated:
                yield Problem(
                    message="Waveform Bits Stored does not fit Waveform Bits Allocated", level=channel,
                    tag=WaveformBitsStored, found=stored, want=f"1 to {allocated}",
                )  # fmt: skip


@rule_function("waveform-numbers")
def numbers(context: RuleContext) -> Iterator[Problem]:
    """WAV004: frequencies that are not positive, a sensitivity of 0, filters whose limits are crossed."""
    for group in _groups(context):
        frequency = group.value(SamplingFrequency)
        if _is_number(frequency) and frequency <= 0:
            yield Problem(
                message="Sampling Frequency is not positive", level=group, tag=SamplingFrequency, found=frequency,
                want="above 0",
            )  # fmt: skip
        for channel in group.items(ChannelDefinitionSequence):
            sensitivity = channel.value(ChannelSensitivity)
            if _is_number(sensitivity) and sensitivity == 0:
                yield Problem(
                    message="Channel Sensitivity is 0", level=channel, tag=ChannelSensitivity, found=sensitivity,
                    want="a number other than 0",
                )  # fmt: skip
            low, high = channel.value(FilterLowFrequency), channel.value(FilterHighFrequency)
            if _is_number(low) and _is_number(high) and low > high > 0:
                yield Problem(
                    message=f"{name_of(FilterLowFrequency)} is above {name_of(FilterHighFrequency)}", level=channel,
                    tag=FilterLowFrequency, found=low, want=f"at most {high:g}", severity="warning",
                )  # fmt: skip


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float))


# Waveform Sample Interpretations of numbers that can be compared, with whether they have a sign (PS3.3 C.10.9.1.5)
_SIGNED = {"SB": True, "UB": False, "SS": True, "US": False, "SL": True, "UL": False, "SV": True, "UV": False}


@rule_function("waveform-sample-values")
def sample_values(context: RuleContext) -> Iterator[Problem]:
    """WAV008: padding, minimum and maximum values that are no single sample, and a minimum above the maximum."""
    for group in _groups(context):
        bits = group.value(WaveformBitsAllocated)
        kind = group.text(WaveformSampleInterpretation)
        if not isinstance(bits, int) or bits not in (8, 16, 32, 64) or SAMPLE_BITS.get(kind, bits) != bits:
            continue  # WAV003
        size = bits // 8
        channels = group.items(ChannelDefinitionSequence)
        levels = [(group, WaveformPaddingValue)]
        levels += [(one, tag) for one in channels for tag in (ChannelMinimumValue, ChannelMaximumValue)]
        wrong: set[int] = set()
        for level, tag in levels:
            element = level.get(tag)
            if element is not None and element.length and element.length not in (size, size + size % 2):
                wrong.add(id(level))
                yield Problem(
                    message=f"{name_of(tag)} has {element.length} bytes in a waveform of {bits} bits a sample", level=level,
                    tag=tag, said=f"{element.length} bytes", want=f"{size} bytes",
                )  # fmt: skip
        for channel in channels:
            lowest, highest = (channel.raw(tag)[:size] for tag in (ChannelMinimumValue, ChannelMaximumValue))
            if id(channel) in wrong or not lowest or not highest or kind not in _SIGNED:
                continue
            order: Literal["little", "big"] = "little" if channel.little else "big"
            low, high = (int.from_bytes(one, order, signed=_SIGNED[kind]) for one in (lowest, highest))
            if low > high:
                yield Problem(
                    message=f"{name_of(ChannelMinimumValue)} is above {name_of(ChannelMaximumValue)}", level=channel,
                    tag=ChannelMinimumValue, said=f"{low}", want=f"at most {high}",
                )  # fmt: skip


@rule_function("waveform-limits")
def limits(context: RuleContext) -> Iterator[Problem]:
    """WAV005: more groups or channels, or another frequency or sample, than the IOD of the class allows (PS3.3 A.34)."""
    limit = _LIMITS.get(context.dataset.text(SOPClassUID))
    groups = _groups(context)
    if limit is None:
        raise NotApplicable
    most_groups, most_channels, lowest, highest, samples_ = limit
    if most_groups and len(context.dataset.items(WaveformSequence)) > most_groups:
        yield Problem(
            message=f"{len(context.dataset.items(WaveformSequence))} multiplex groups in an object of this class",
            tag=WaveformSequence, said=f"{len(context.dataset.items(WaveformSequence))} items",
            want=f"at most {most_groups}",
        )  # fmt: skip
    counted = [number for group in groups if isinstance(number := group.value(NumberOfWaveformChannels), int)]
    most_together = _TOTAL_CHANNELS.get(context.dataset.text(SOPClassUID), _NEVER)
    if sum(counted) > most_together and max(counted) <= most_channels and len(counted) <= most_groups:
        yield Problem(
            message=f"{sum(counted)} channels in all multiplex groups of an object of this class", tag=WaveformSequence,
            said=f"{sum(counted)} channels", want=f"at most {most_together:g}",
        )  # fmt: skip
    for group in groups:
        channels, frequency = group.value(NumberOfWaveformChannels), group.value(SamplingFrequency)
        kind = group.text(WaveformSampleInterpretation)
        if most_channels and isinstance(channels, int) and channels > most_channels:
            yield Problem(
                message=f"{channels} channels in an object of this class", level=group, tag=NumberOfWaveformChannels,
                found=channels, want=f"at most {most_channels}",
            )  # fmt: skip
        if _is_number(frequency) and frequency > 0 and not lowest <= frequency <= highest:
            want = (
                f"{lowest:g}"
                if lowest == highest
                else f"{lowest:g} to {highest:g}"
                if lowest
                else f"at most {highest:g}"
            )
            yield Problem(
                message="the Sampling Frequency is not one of this class", level=group, tag=SamplingFrequency,
                found=frequency, want=f"{want} Hz",
            )  # fmt: skip
        fits = group.value(WaveformBitsAllocated) == SAMPLE_BITS.get(kind)  # WAV003
        if fits and kind not in samples_:
            yield Problem(
                message="the Waveform Sample Interpretation is not one of this class", level=group,
                tag=WaveformSampleInterpretation, found=kind, want=" or ".join(sorted(samples_)),
            )  # fmt: skip
