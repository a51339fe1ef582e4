"""Rules over the headers of compressed frames, held against what the data set says of its pixels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from dcmlint.dicom.buffers import RangeBuffer
from dcmlint.dicom.byte_ranges import unwrapped
from dcmlint.dicom.codestreams import lossless
from dcmlint.dicom.codestreams.rle import unpacked_lengths
from dcmlint.dicom.frame_map import frame_payload
from dcmlint.facts.pixel.codestream import summary_of
from dcmlint.facts.pixel.encapsulation import layout_of
from dcmlint.facts.pixel.pixels import SAMPLES
from dcmlint.plural import number_of
from dcmlint.rules.builtin_functions.pixel.frame_groups import (
    DCT_PROCESSES,
    JPEG_2000,
    expected_of,
    frame_problem,
    groups,
    some,
    stated_number,
)
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, Undecided, rule_function
from dcmlint.standard.tags import (
    BitsAllocated,
    BitsStored,
    Columns,
    PhotometricInterpretation,
    PixelRepresentation,
    Rows,
    SamplesPerPixel,
)
from dcmlint.standard.uids import (
    HTJ2KLosslessRPCL,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGXLLossless,
    VLWholeSlideMicroscopyImageStorage,
)

_CODINGS: Final = {"vardct": "VarDCT", "vardct-xyb": "VarDCT (XYB)"}
_LOSSLESS: Final = (
    JPEGLSLossless,
    JPEGXLLossless,
    JPEGLossless,
    JPEGLosslessSV1,
)  # PS3.5 A.4.1, A.4.3, A.4.9
_SMALLEST: Final = 64  # PS3.5 10.18: samples across or down in the smallest resolution
_NAMES: Final = {
    "jpeg": "JPEG",
    "jpegls": "JPEG-LS",
    "jpeg2000": "JPEG 2000",
    "htj2k": "High-Throughput JPEG 2000",
    "jpegxl": "JPEG XL",
    "rle": "RLE",
    "jp2-box": "a JP2 file",
    "unknown": "not a code stream",
}
# Processes of Huffman coding: DHT holds the codes. ISO/IEC 10918-1 B.2.4.2
_HUFFMAN: Final = (*DCT_PROCESSES, "lossless")
# Faults of a header that make it another kind, cut it short, or are told by a rule of their own.
_TOLD_ELSEWHERE: Final = frozenset(
    {"empty", "not-a-code-stream", "truncated-header", "bytes-after-end", "no-code-stream-box", "segment-count",
     "mixed-precision", "fill-before-start"}
)  # fmt: skip
# RLE frames that are unpacked of each kind of header, and their largest size in bytes.
_UNPACKED: Final = 4
_LARGEST_UNPACKED: Final = 1 << 20
# Decoders pass over these.
_TOLERATED: Final = frozenset({"bytes-between-segments", "stray-marker", "too-many-segments"})


@rule_function("frame-kind")
def frame_kind(context: RuleContext) -> Iterable[Problem]:
    """Frames that are not a code stream of the kind that the transfer syntax names (PS3.5 A.4.1 to A.4.4)."""
    expected = expected_of(context)
    for stream, frames in groups(context, *_NAMES):
        codes = {problem.code for problem in stream.problems}
        if "empty" in codes:
            continue  # a fragment without bytes is told elsewhere
        if stream.kind == expected.kind and not codes & {"segment-count", "no-code-stream-box"}:
            continue
        what = _NAMES[stream.kind]
        if "segment-count" in codes:
            what = "not an RLE header"
        elif stream.kind == "unknown" and stream.problems:
            what = stream.problems[0].message
        yield frame_problem(
            context, frames, f"the transfer syntax is for {_NAMES[expected.kind]}, but {some(context, frames)}: {what}",
            what, _NAMES[expected.kind],
        )  # fmt: skip


@rule_function("frame-process")
def frame_process(context: RuleContext) -> Iterable[Problem]:
    """JPEG frames of another process than the transfer syntax names (PS3.5 A.4.1, 10.2, 10.3)."""
    expected = expected_of(context)
    if expected.kind == "jpegxl" and expected.processes:
        for stream, frames in groups(context):
            if stream.kind == "jpegxl" and stream.process not in (None, *expected.processes):
                found = f"JPEG XL {_CODINGS.get(str(stream.process), stream.process)} coding"
                yield frame_problem(
                    context, frames, f"{found} in {some(context, frames)}, which no JPEG was recompressed to", found,
                    "VarDCT coding of a recompressed JPEG, which is not XYB",
                )  # fmt: skip
        return
    if expected.kind != "jpeg":
        raise NotApplicable
    for stream, frames in groups(context):
        if stream.process is None:
            continue
        wanted = " or ".join(expected.processes)
        if stream.process not in expected.processes:
            found = f"{stream.process} (SOF{stream.process_marker - 0xC0})"
            yield frame_problem(
                context, frames, f"JPEG process {found} in {some(context, frames)}", found, wanted
            )
        elif (
            expected.precisions
            and stream.precision is not None
            and stream.precision not in expected.precisions
        ):
            bits = " or ".join(map(str, expected.precisions))
            found = f"{stream.precision} bits"
            yield frame_problem(
                context, frames, f"{found} per sample in {some(context, frames)}", found, f"{bits} bits"
            )
        elif context.instance.syntax.uid == JPEGLosslessSV1 and stream.predictor not in (None, 1):
            found = f"selection value {stream.predictor}"
            yield frame_problem(
                context, frames, f"{found} in {some(context, frames)}", found, "selection value 1"
            )
        elif context.instance.syntax.uid == JPEGLossless and stream.predictor not in (None, *range(1, 8)):
            # ISO/IEC 10918-1 Table B.3
            found = f"selection value {stream.predictor}"
            yield frame_problem(
                context, frames, f"{found} in {some(context, frames)}", found, "selection value 1 to 7"
            )


@rule_function("frame-components")
def frame_components(context: RuleContext) -> Iterable[Problem]:
    """Frames with another number of components than Samples per Pixel (PS3.5 8.2.1, G.2)."""
    expected = expected_of(context)
    samples = stated_number(context.dataset, SamplesPerPixel)
    if SAMPLES.get(context.dataset.text(PhotometricInterpretation), samples) != samples:
        raise NotApplicable  # told of the attribute itself
    if expected.kind == "rle":
        # PS3.5 G.2: one segment for each byte of a Composite Pixel Code
        wanted = samples * -(-stated_number(context.dataset, BitsAllocated) // 8)
        for stream, frames in groups(context):
            if stream.segments is not None and stream.segments != wanted:
                message = f"{stream.segments} RLE segments in {some(context, frames)}, expected {wanted}"
                yield frame_problem(
                    context, frames, message, f"{stream.segments} segments", f"{wanted} segments"
                )
        return
    for stream, frames in groups(context):
        if any(problem.code == "frame-header-length" for problem in stream.problems):
            continue
        if stream.components is not None and stream.components != samples:
            found = number_of(stream.components, "component")
            message = f"{found} in {some(context, frames)}, but Samples per Pixel is {samples}"
            yield frame_problem(context, frames, message, found, f"{samples}")


@rule_function("frame-precision")
def frame_precision(context: RuleContext, others: str = "") -> Iterable[Problem]:
    """Frames whose samples have other bits or another sign than the data set says (PS3.5 8.2.1, 8.2.4).

    ``others``: the severity in images that are no whole slide images. There, Bits Stored may be less than Bits
    Allocated, and encoders take the bits that they need.
    """
    expected = expected_of(context)
    stored = stated_number(context.dataset, BitsStored)
    signed = stated_number(context.dataset, PixelRepresentation) == 1
    severity = "" if context.instance.sop_class == VLWholeSlideMicroscopyImageStorage else others
    for stream, frames in groups(context):
        if stream.precision is None:
            continue
        if any(problem.code == "mixed-precision" for problem in stream.problems):
            found = "components of different precision or sign"
            message = f"{found} in {some(context, frames)}"
            yield frame_problem(context, frames, message, found, f"{stored} bits in all components", severity)
            continue
        if expected.precisions and stream.precision not in expected.precisions:
            continue  # not of this transfer syntax at all
        if stream.precision != stored:
            found = f"{stream.precision} bits"
            message = f"{found} per sample in {some(context, frames)}, but Bits Stored is {stored}"
            yield frame_problem(context, frames, message, found, f"{stored} bits", severity)
        elif stream.kind in JPEG_2000 and stream.signed != signed:
            found = "signed" if stream.signed else "unsigned"
            message = f"samples of {some(context, frames)} are {found}, Pixel Representation is {int(signed)}"
            yield frame_problem(context, frames, message, found, "signed" if signed else "unsigned", severity)


@rule_function("frame-size")
def frame_size(context: RuleContext) -> Iterable[Problem]:
    """Frames of another size than Rows and Columns; tiles cut off at the edge are told by another rule."""
    expected = expected_of(context)
    rows, columns = stated_number(context.dataset, Rows), stated_number(context.dataset, Columns)
    if len(context.facts.group("codestream").cropped_edge_tiles):
        return
    if expected.kind == "rle":
        yield from _long_segments(context, rows=True)
    for stream, frames in groups(context):
        if not stream.width or not stream.height or (stream.width, stream.height) == (columns, rows):
            continue
        found = f"{stream.width} × {stream.height}"
        message = f"{found} pixels in {some(context, frames)}, but Columns × Rows is {columns} × {rows}"
        yield frame_problem(context, frames, message, found, f"{columns} × {rows}")


@rule_function("frame-complete")
def frame_complete(context: RuleContext) -> Iterable[Problem]:
    """Frames that end before their code stream does (PS3.5 A.4)."""
    expected = expected_of(context)
    import numpy as np  # not before it is known that there are code streams: its import is slow

    from dcmlint.dicom.distinct import distinct

    cut = [
        frames
        for stream, frames in groups(context)
        if any(problem.code == "truncated-header" for problem in stream.problems)
    ]
    summary = summary_of(context.facts)
    assert summary is not None
    encapsulation = context.facts.group("encapsulation")
    if expected.kind == "rle" and encapsulation.frames_by != "unknown" and not encapsulation.broken:
        yield from _short_segments(context)
    if encapsulation.frames_by != "unknown":
        usual = [frames for stream, frames in groups(context)]
        told = np.concatenate(usual) if usual else np.zeros(0, np.int64)
        cut.append(np.intersect1d(summary.incomplete, told, assume_unique=True))
    frames = distinct(*cut) if cut else np.zeros(0, np.int64)
    if encapsulation.broken:
        frames = frames[frames < summary.total - 1]  # where the file breaks off is told elsewhere
    if len(frames) and expected.kind == "jpegxl":
        yield frame_problem(context, frames, f"{some(context, frames)}: the code stream is truncated (it has more sections)",
                            "fewer bytes than its table of contents lists", "all sections of the code stream")  # fmt: skip
    elif len(frames):
        yield frame_problem(context, frames, f"{some(context, frames)}: the code stream is truncated (no EOI or EOC marker)", "no EOI or EOC marker",
                       "EOI or EOC as the last marker")  # fmt: skip
    elif len(summary.endless):
        raise Undecided(
            "where some JPEG XL code streams end is not read: several frames, extra channels, or an ICC profile"
        )


def _unpacked(context: RuleContext) -> Iterator[tuple[int, int, list[int]]]:
    """Of the first few RLE frames: the frame, the bytes that each segment has by Rows and Columns, and that it unpacks to
    (PS3.5 G.2, G.3)."""
    layout, buffer = layout_of(context.facts), context.instance.dataset.context.buffer
    bits = stated_number(context.dataset, BitsAllocated)
    if layout is None or isinstance(buffer, RangeBuffer) or bits % 8:
        return
    pixels = stated_number(context.dataset, Rows) * stated_number(context.dataset, Columns)
    segments = stated_number(context.dataset, SamplesPerPixel) * bits // 8
    for stream, frames in groups(context):
        if stream.problems or not segments or stream.segments != segments:
            continue  # told elsewhere
        for frame in frames[:_UNPACKED].tolist():
            data = frame_payload(unwrapped(buffer), *layout, frame)
            if len(data) <= _LARGEST_UNPACKED:
                yield frame, pixels, unpacked_lengths(data, pixels)


def _short_segments(context: RuleContext) -> Iterable[Problem]:
    """RLE frames with a segment that unpacks to less than a byte for each pixel."""
    import numpy as np

    unpacked = list(_unpacked(context))
    short = [frame for frame, pixels, lengths in unpacked if min(lengths) < pixels]
    if short:
        at = np.array(sorted(short), np.int64)
        message = f"RLE segments in {some(context, at)} unpack to fewer bytes than a frame has pixels"
        yield frame_problem(context, at, message, "too few bytes", f"{unpacked[0][1]} bytes in each segment")


def _long_segments(context: RuleContext, rows: bool) -> Iterable[Problem]:
    """RLE frames with segments that unpack to more than a byte for each pixel; ``rows``: a row or more of them."""
    import numpy as np

    encapsulation = context.facts.group("encapsulation")
    columns = stated_number(context.dataset, Columns)
    if encapsulation.frames_by == "unknown" or encapsulation.broken:
        return
    unpacked = list(_unpacked(context))
    long = [
        frame
        for frame, pixels, lengths in unpacked
        if (surplus := max(lengths) - pixels) > 0 and (surplus >= columns) is rows
    ]
    if long:
        at = np.array(sorted(long), np.int64)
        message = f"RLE segments in {some(context, at)} unpack to more bytes than a frame has pixels"
        yield frame_problem(context, at, message, "too many bytes", f"{unpacked[0][1]} bytes in each segment")


@rule_function("bytes-after-frame")
def bytes_after_frame(context: RuleContext) -> Iterable[Problem]:
    """Frames with bytes behind their code stream that are no padding (PS3.5 A.4)."""
    if expected_of(context).kind == "rle":
        yield from _long_segments(context, rows=False)
    summary = summary_of(context.facts)
    if summary is None:
        raise Undecided("no frame was examined")
    encapsulation = context.facts.group("encapsulation")
    if encapsulation.frames_by == "unknown":
        return  # which frame a fragment belongs to is told elsewhere
    if len(several := summary.several):
        message = f"a second code stream follows the first one in {some(context, several)}"
        yield frame_problem(
            context, several, message, "two code streams", "one code stream, padded to an even length"
        )
    frames = summary.foreign
    if len(several):
        import numpy as np

        frames = np.setdiff1d(frames, several)
    if encapsulation.broken:
        frames = frames[frames < summary.total - 1]  # where the file breaks off is told elsewhere
    if len(frames):
        message = f"bytes follow the end of the code stream in {some(context, frames)}"
        yield frame_problem(context, frames, message, "", "one code stream, padded to an even length")


@rule_function("frame-tables")
def frame_tables(context: RuleContext) -> Iterable[Problem]:
    """JPEG frames without their quantization or Huffman tables, as abbreviated TIFF streams are."""
    if expected_of(context).kind != "jpeg":
        raise NotApplicable
    for stream, frames in groups(context):
        if any(problem.code in ("truncated-header", "no-frame-header") for problem in stream.problems):
            continue
        missing = [name for name, there, needed in (
            ("DQT", stream.has_dqt, DCT_PROCESSES), ("DHT", stream.has_dht, _HUFFMAN),
        ) if stream.process in needed and not there]  # fmt: skip
        if missing:
            names = " and ".join(missing)
            yield frame_problem(context, frames, f"no {names} before the scan in {some(context, frames)}",
                           f"no {names}", "all tables in each frame")  # fmt: skip


@rule_function("frame-damage")
def frame_damage(context: RuleContext) -> Iterable[Problem]:
    """Frames whose header breaks the grammar of its code stream."""
    expected_of(context)
    for stream, frames in groups(context):
        # Without DHT and DQT, other rules have told it; so have they for all that leads to another kind.
        faults = [problem for problem in stream.problems if problem.code not in _TOLD_ELSEWHERE]
        if not faults:
            continue
        worst = next((fault for fault in faults if fault.code not in _TOLERATED), faults[0])
        severity = "warning" if worst.code in _TOLERATED else ""
        yield frame_problem(context, frames, f"damaged header in {some(context, frames)}: {worst.message}",
                       worst.code.replace("-", " "), severity=severity)  # fmt: skip


@rule_function("jpeg-2000-reversible")
def jpeg_2000_reversible(context: RuleContext) -> Iterable[Problem]:
    """Frames that lose something in a transfer syntax that is lossless only (PS3.5 A.4.3, A.4.4, A.4.9)."""
    expected = expected_of(context)
    if not expected.reversible and context.instance.syntax.uid not in _LOSSLESS:
        raise NotApplicable
    for stream, frames in groups(context):
        if lossless(stream) is not False:
            continue
        if stream.kind == "jpeg" and stream.process != "lossless":
            continue  # the wrong process is told as such
        what, want = "lossy coding", "lossless coding"
        if stream.point_transform:
            what, want = f"point transform {stream.point_transform}", "point transform 0"
        if stream.kind in JPEG_2000:
            what, want = "the irreversible 9/7 wavelet", "5/3, reversible"
        elif stream.near:
            what, want = f"NEAR {stream.near}", "NEAR 0"
        yield frame_problem(context, frames, f"{what} in {some(context, frames)}", what, want)


@rule_function("htj2k-rpcl")
def htj2k_rpcl(context: RuleContext) -> Iterable[Problem]:
    """What the RPCL transfer syntax asks of each frame beside what HTJ2K has (PS3.5 10.18)."""
    expected_of(context)
    if context.instance.syntax.uid != HTJ2KLosslessRPCL:
        raise NotApplicable
    for stream, frames in groups(context, "htj2k"):
        found = []
        if stream.progression not in (None, "RPCL"):
            found.append(f"the order {stream.progression}")
        if not stream.tlm:
            found.append("no TLM segment")
        if None not in (stream.levels, stream.width, stream.height):
            least = -(-min(stream.width or 0, stream.height or 0) // 2 ** min(stream.levels or 0, 32))
            if least > _SMALLEST:
                found.append(
                    f"{number_of(stream.levels or 0, 'decomposition')}, which leaves {least} samples"
                )
        if found:
            yield frame_problem(
                context, frames, f"{', '.join(found)} in {some(context, frames)}", found[0],
                f"RPCL, TLM, a smallest resolution of {_SMALLEST} samples or less",
            )  # fmt: skip


@rule_function("frame-metadata")
def frame_metadata(context: RuleContext, longest: int | str) -> Iterable[Problem]:
    """Frames with Exif or XMP in them, or JPEG frames with a comment of more than ``longest`` bytes."""
    expected_of(context)
    most = int(longest)
    for stream, frames in groups(context):
        found = [name for name, there in (("Exif", stream.exif), ("XMP", stream.xmp)) if there]
        comment = max(stream.comment_lengths, default=0)
        # Encoders of JPEG 2000 name themselves in a comment.
        if stream.kind in ("jpeg", "jpegls") and comment > most:
            found.append(f"a comment of {comment} bytes")
        if found:
            what = " and ".join(found)
            yield frame_problem(context, frames, f"{what} in {some(context, frames)}", what)
