"""Annotations and displays of waveforms against the channels and samples that they are about (PS3.3 C.10.9, C.10.10)."""

from __future__ import annotations

from collections.abc import Iterator

from dcmlint.dicom.dataset import Dataset
from dcmlint.rules.builtin_functions.numbers import positions_wanted
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, rule_function
from dcmlint.standard.tags import (
    ChannelDisplaySequence,
    NumberOfWaveformChannels,
    NumberOfWaveformSamples,
    ReferencedDateTime,
    ReferencedSamplePositions,
    ReferencedTimeOffsets,
    ReferencedWaveformChannels,
    TemporalRangeType,
    WaveformAnnotationSequence,
    WaveformPresentationGroupSequence,
    WaveformSequence,
)

_TEMPORAL = (ReferencedSamplePositions, ReferencedTimeOffsets, ReferencedDateTime)


def _annotations(context: RuleContext) -> tuple[Dataset, ...]:
    items = context.dataset.items(WaveformAnnotationSequence)
    if not items or not context.dataset.items(WaveformSequence):
        raise NotApplicable
    return tuple(items)


@rule_function("waveform-annotation-channels")
def annotated_channels(context: RuleContext) -> Iterator[Problem]:
    """WAV006: annotations of multiplex groups or channels that the waveform does not have (PS3.3 C.10.10.1.1)."""
    annotations = _annotations(context)
    groups = context.dataset.items(WaveformSequence)
    for annotation in annotations:
        numbers = annotation.values(ReferencedWaveformChannels)
        pairs = zip(numbers[::2], numbers[1::2], strict=False)
        for group, channel in pairs:
            if not isinstance(group, int) or not isinstance(channel, int):
                continue
            known = groups[group - 1].value(NumberOfWaveformChannels) if 0 < group <= len(groups) else 0
            # Channel 0 stands for all channels of the group.
            if not 0 < group <= len(groups) or (isinstance(known, int) and channel > known):
                yield Problem(
                    message="an annotation of a channel that the waveform does not have", level=annotation,
                    tag=ReferencedWaveformChannels, said=f"group {group}, channel {channel}",
                    want=f"groups 1 to {len(groups)}" if not known else f"channels 0 to {known}",
                )  # fmt: skip
                break


@rule_function("waveform-annotation-times")
def annotated_times(context: RuleContext) -> Iterator[Problem]:
    """WAV007: the number of positions against the temporal range, segments that end before they begin, samples beyond the data."""
    annotations = _annotations(context)
    groups = context.dataset.items(WaveformSequence)
    any_ = False
    for annotation in annotations:
        kind = annotation.text(TemporalRangeType)
        for tag in _TEMPORAL:
            given = annotation.values(tag)
            if not given or not kind:
                continue
            any_ = True
            want = positions_wanted(kind, len(given))
            if want:
                yield Problem(
                    message=f"temporal coordinates of type {kind} have {len(given)} values", level=annotation, tag=tag,
                    said=f"{len(given)} values", want=want,
                )  # fmt: skip
            elif (
                tag != ReferencedDateTime and kind in ("SEGMENT", "MULTISEGMENT")
                and any(first > last for first, last in zip(given[::2], given[1::2], strict=True))
            ):  # fmt: skip
                yield Problem(
                    message="a segment ends before it begins", level=annotation, tag=tag, found=given,
                    want="the first position before the last one",
                )  # fmt: skip
        positions = [one for one in annotation.values(ReferencedSamplePositions) if isinstance(one, int)]
        about = annotation.values(ReferencedWaveformChannels)[::2]
        counts = {
            groups[group - 1].value(NumberOfWaveformSamples) for group in about
            if isinstance(group, int) and 0 < group <= len(groups)
        }  # fmt: skip
        known = [count for count in counts if isinstance(count, int)]
        if positions and known and not (min(positions) >= 1 and max(positions) <= max(known)):
            yield Problem(
                message="an annotation of a sample that the waveform does not have", level=annotation,
                tag=ReferencedSamplePositions, found=max(positions) if min(positions) >= 1 else min(positions),
                want=f"1 to {max(known)}",
            )  # fmt: skip
    if not any_:
        raise NotApplicable


@rule_function("waveform-display-channels")
def displayed_channels(context: RuleContext) -> Iterator[Problem]:
    """WAV009: displays of several channels at once, or of a channel that the waveform does not have (PS3.3 Table C.10-9)."""
    groups = context.dataset.items(WaveformSequence)
    displays = [
        display
        for page in context.dataset.items(WaveformPresentationGroupSequence)
        for display in page.items(ChannelDisplaySequence)
        if display.values(ReferencedWaveformChannels)
    ]
    if not displays or not groups:
        raise NotApplicable
    for display in displays:
        numbers = display.values(ReferencedWaveformChannels)
        if len(numbers) != 2:
            yield Problem(
                message="a displayed channel is given by its multiplex group and its number", level=display,
                tag=ReferencedWaveformChannels, found=numbers, want="2 values",
            )  # fmt: skip
            continue
        group, channel = numbers
        if not isinstance(group, int) or not isinstance(channel, int):
            continue
        known = groups[group - 1].value(NumberOfWaveformChannels) if 0 < group <= len(groups) else 0
        if not 0 < group <= len(groups) or (isinstance(known, int) and not 0 < channel <= known):
            yield Problem(
                message="a displayed channel that the waveform does not have", level=display,
                tag=ReferencedWaveformChannels, said=f"group {group}, channel {channel}",
                want=f"channels 1 to {known}" if known else f"groups 1 to {len(groups)}",
            )  # fmt: skip
