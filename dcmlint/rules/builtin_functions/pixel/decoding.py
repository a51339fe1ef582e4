"""Decoding a few frames, with whatever decoders are installed: only where it is asked for."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from dcmlint.facts.frame.tiling import whole
from dcmlint.facts.pixel.codestream import summary_of
from dcmlint.facts.pixel.encapsulation import layout_of
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, Undecided, rule_function
from dcmlint.standard.tags import (
    BitsAllocated,
    BitsStored,
    Columns,
    PhotometricInterpretation,
    PixelData,
    PixelRepresentation,
    PlanarConfiguration,
    Rows,
    SamplesPerPixel,
)

if TYPE_CHECKING:
    from dcmlint.dicom.buffers import Buffer
    from dcmlint.dicom.encapsulation import Fragments
    from dcmlint.dicom.frame_map import FrameMap

_MOST_FRAMES: Final = 8
# Frames beyond these are not decoded: a header may ask for more memory than there is.
_LARGEST_STREAM: Final = 1 << 26
_LARGEST_PICTURE: Final = 1 << 26
_ITEM: Final = struct.Struct("<HHI")
# What decoders say of frames that are right but not for them.
_LIMITATIONS: Final = ("does not support", "not supported", "are supported", "cannot decode", "only supports")


@rule_function("frame-decodes")
def frame_decodes(context: RuleContext) -> Iterable[Problem]:
    """Frames that no installed decoder can decode although their headers are right."""
    if not context.facts.options.decode or context.facts.group("codestream") is None:
        raise NotApplicable
    sample = frames_to_decode(context)
    limited = 0
    for frame in sample.frames:
        reason = _refusal(sample.decoder, sample.stream(frame), sample.options)
        if not reason:
            continue
        if any(word in reason for word in _LIMITATIONS):
            limited += 1
            continue
        yield Problem(
            path="PixelData[*]", tag=PixelData, items=[frame], offset=sample.offset(frame),
            message=f"frame {frame + 1} of {sample.total} cannot be decoded", because=reason[:200],
        )  # fmt: skip
    if limited == len(sample.frames):
        raise Undecided("the installed decoders do not support these frames")


class Sample(msgspec.Struct, frozen=True):
    """Some compressed frames of ``total`` whose headers are right, and what it takes to decode them."""

    frames: list[int]
    total: int
    decoder: Any
    options: dict[str, Any]
    buffer: Buffer
    fragments: Fragments
    frame_map: FrameMap

    def stream(self, frame: int) -> bytes:
        """The bytes of a frame."""
        from dcmlint.dicom.frame_map import frame_payload

        payload = frame_payload(self.buffer, self.fragments, self.frame_map, frame)
        return bytes(payload[0 : len(payload)])

    def offset(self, frame: int) -> int:
        """The byte where a frame begins."""
        return int(self.fragments.offsets[self.frame_map.first_fragment[frame]])


def frames_to_decode(context: RuleContext) -> Sample:
    """The first frame, the last and some between.  Raises `Undecided` where none can be decoded."""
    layout = layout_of(context.facts)
    frames = [] if layout is None or context.facts.group("codestream") is None else _chosen(context, *layout)
    if layout is None or not frames:
        raise Undecided("no frame to decode")
    return Sample(
        frames, len(layout[1]), decoder_of(context.instance.syntax.uid), options_of(context),
        context.dataset.context.buffer, *layout,
    )  # fmt: skip


def _chosen(context: RuleContext, fragments: Fragments, frame_map: FrameMap) -> list[int]:
    import numpy as np

    from dcmlint.dicom.codestreams import EXPECTED

    summary = summary_of(context.facts)
    if summary is None:
        return []
    kind = EXPECTED[context.instance.syntax.uid].kind
    good = [
        group.frames
        for group in summary.groups
        if group.codestream.kind == kind and not group.codestream.problems
        and (group.codestream.width or 1) * (group.codestream.height or 1) <= _LARGEST_PICTURE
    ]  # fmt: skip
    if not good:
        return []
    frames = np.setdiff1d(np.concatenate(good), np.concatenate((summary.incomplete, summary.empty)))
    if len(frames) > _MOST_FRAMES:
        drawn = np.random.default_rng(context.facts.options.seed).choice(
            frames, _MOST_FRAMES - 2, replace=False
        )
        frames = np.unique(np.concatenate((frames[[0, -1]], drawn)))
    ends = np.concatenate((np.zeros(1, np.int64), np.cumsum(fragments.lengths)))
    first = frame_map.first_fragment[frames]
    sizes = ends[first + frame_map.count[frames]] - ends[first]
    chosen: list[int] = frames[sizes <= _LARGEST_STREAM].tolist()
    return chosen


def decoder_of(uid: str) -> Any:
    """The decoder of a transfer syntax.  Raises `Undecided` where none is installed."""
    try:
        from pydicom.pixels import get_decoder
    except ImportError:
        raise Undecided("no decoder is installed") from None
    try:
        decoder = get_decoder(uid)
    except NotImplementedError:
        raise Undecided("there is no decoder for the transfer syntax") from None
    if not decoder.is_available:
        raise Undecided("no decoder for the transfer syntax is installed")
    return decoder


def options_of(context: RuleContext) -> dict[str, Any]:
    """What a decoder has to know of a frame.  Raises `Undecided` for what cannot be decoded."""
    dataset = context.dataset
    tags = {"rows": Rows, "columns": Columns, "samples_per_pixel": SamplesPerPixel,
            "bits_allocated": BitsAllocated, "bits_stored": BitsStored, "pixel_representation": PixelRepresentation}  # fmt: skip
    numbers = {name: whole(dataset, tag) for name, tag in tags.items()}
    missing: Sequence[str] = [name for name, number in numbers.items() if number is None or number < 0]
    if missing:
        raise Undecided(f"{missing[0].replace('_', ' ')} missing")
    if (numbers["rows"] or 0) * (numbers["columns"] or 0) > _LARGEST_PICTURE:
        raise Undecided("frames too large to decode")
    return {
        **numbers,
        "planar_configuration": whole(dataset, PlanarConfiguration) or 0,
        "photometric_interpretation": dataset.text(PhotometricInterpretation),
        "pixel_keyword": "PixelData",
        "number_of_frames": 1,
    }


def decoded_frame(decoder: Any, frame: bytes, options: dict[str, Any]) -> Any:
    """The pixels of one frame in RGB or gray, rows by columns (by samples); None if it cannot be decoded."""
    data = _one_frame(frame) if decoder.is_encapsulated else frame
    made: list[Any] = []
    refused = _tried(
        lambda: made.append(decoder.as_array(data, index=0, validate=False, raw=False, **options)[0])
    )
    return None if refused else made[0]


def _one_frame(frame: bytes) -> bytes:
    """One frame as encapsulated Pixel Data: an empty Basic Offset Table and one fragment (PS3.5 A.4)."""
    padded = frame + b"\0" * (len(frame) % 2)
    return _ITEM.pack(0xFFFE, 0xE000, 0) + _ITEM.pack(0xFFFE, 0xE000, len(padded)) + padded


def _refusal(decoder: Any, frame: bytes, options: dict[str, Any]) -> str:
    """Why a frame cannot be decoded; empty if it can."""
    value = _one_frame(frame)
    return _tried(lambda: decoder.as_buffer(value, index=0, validate=False, **options))


def _tried(decode: Callable[[], object]) -> str:
    """Why decoding fails, without what pydicom logs or warns of; empty if it does not."""
    import logging

    log = logging.getLogger("pydicom")
    silent = log.disabled
    log.disabled = True  # it would print a traceback for each frame
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what pydicom warns of, other rules tell
            decode()
    except (RuntimeError, ValueError, NotImplementedError, AttributeError, IndexError, OSError) as problem:
        text = " ".join(str(problem).split())
        return (
            text.removeprefix("Unable to decode as exceptions were raised by all available plugins: ")
            or "refused"
        )
    finally:
        log.disabled = silent
    return ""
