"""Rules over the headers of compressed frames, held against what the data set says of its pixels.

Each function goes over groups of frames whose headers say the same, so its cost does not grow with the frames.
One defect is told once: a frame of the wrong kind is told by ``frame_kind`` alone, and so on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from dcmlint.dicom.dataset import PIXEL_DATA, Dataset
from dcmlint.facts.builtin.codestream import groups_of, subsampling_name, summary_of
from dcmlint.facts.builtin.encapsulation import layout_of
from dcmlint.facts.builtin.pixels import (
    BITS_ALLOCATED,
    BITS_STORED,
    PHOTOMETRIC_INTERPRETATION,
    SAMPLES,
    SAMPLES_PER_PIXEL,
    WHOLE_SLIDE,
)
from dcmlint.facts.builtin.tiling import COLUMNS, ROWS, whole
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, Undecided, rule_function

if TYPE_CHECKING:
    from dcmlint.dicom.codestreams import Codestream, Expected

_PIXEL_REPRESENTATION: Final = 0x00280103
_FRAME: Final = "PixelData[*]"
_JPEG_2000: Final = ("jpeg2000", "htj2k", "jp2-box")
_NAMES: Final = {
    "jpeg": "JPEG",
    "jpegls": "JPEG-LS",
    "jpeg2000": "JPEG 2000",
    "htj2k": "High-Throughput JPEG 2000",
    "jpegxl": "JPEG XL",
    "rle": "RLE",
    "jp2-box": "a JP2 file",
    "unknown": "no code stream",
}
# Processes whose DCT coefficients are quantized: DQT tells how. ISO/IEC 10918-1 B.2.4.1
_DCT: Final = ("baseline", "extended", "progressive", "hierarchical")
# Processes of Huffman coding: DHT holds the codes. ISO/IEC 10918-1 B.2.4.2
_HUFFMAN: Final = (*_DCT, "lossless")
_SELECTION_VALUE_1: Final = "1.2.840.10008.1.2.4.70"  # PS3.5 A.4.1: process 14, selection value 1
# Faults of a header that make it another kind, cut it short, or are told by a rule of their own.
_TOLD_ELSEWHERE: Final = frozenset(
    {"empty", "not-a-code-stream", "truncated-header", "bytes-after-end", "no-code-stream-box", "segment-count",
     "mixed-precision", "fill-before-start"}
)  # fmt: skip
# Decoders pass over these.
_TOLERATED: Final = frozenset({"bytes-between-segments", "stray-marker", "too-many-segments"})


def _groups(context: RuleContext, *kinds: str) -> Iterator[tuple[Codestream, Any]]:
    """Each group of frames of the expected kind (or of ``kinds``): its header and the numbers of its frames."""
    expected = _expected(context)
    wanted = kinds or ((*_JPEG_2000,) if expected.kind in _JPEG_2000 else (expected.kind,))
    groups = groups_of(context.facts)
    if groups is None:
        raise Undecided("no frame was looked at")
    for group in groups:
        if len(group.frames) and group.codestream.kind in wanted:
            yield group.codestream, group.frames


def _expected(context: RuleContext) -> Expected:
    from dcmlint.dicom.codestreams import EXPECTED

    if context.facts.group("codestream") is None:
        raise NotApplicable
    return EXPECTED[context.instance.syntax.uid]


def _problem(
    context: RuleContext, frames: Any, message: str, found: str = "", want: str = "", severity: str = ""
) -> Problem:
    """A problem of some frames, with the byte of the first one's item."""
    layout = layout_of(context.facts)
    offset = -1
    if layout is not None and len(frames):
        fragments, frame_map = layout
        offset = int(fragments.offsets[frame_map.first_fragment[int(frames[0])]])
    return Problem(
        path=_FRAME, tag=PIXEL_DATA, items=frames, offset=offset, message=message, found=found or None, want=want,
        severity=severity,
    )  # fmt: skip


def _some(context: RuleContext, frames: Any) -> str:
    """"Frame 3", "3 frames" or "all 20 frames", as a sentence begins; frames are counted from 1 there."""
    group = context.facts.group("codestream")
    count = len(frames)
    if count == 1:
        return "the only frame" if group.total == 1 else f"frame {int(frames[0]) + 1} of {group.total}"
    if count == group.total:
        return f"all {count} frames"
    return f"{count} of {group.examined} frames" + (" looked at" if group.sampled else "")


def _stated(dataset: Dataset, tag: int) -> int:
    """A number of the data set that a rule needs.  Raises Undecided without it."""
    number = whole(dataset, tag)
    if number is None:
        from dcmlint.dicom.path import name_of

        raise Undecided(f"{name_of(tag)} missing")
    return number


def _colour(dataset: Dataset) -> str:
    text = dataset.text(PHOTOMETRIC_INTERPRETATION)
    if not text:
        raise Undecided("PhotometricInterpretation missing")
    return text


@rule_function("frame_kind")
def frame_kind(context: RuleContext) -> Iterable[Problem]:
    """Frames that are no code stream of the kind that the transfer syntax names (PS3.5 A.4.1 to A.4.4)."""
    expected = _expected(context)
    for stream, frames in _groups(context, *_NAMES):
        codes = {problem.code for problem in stream.problems}
        if "empty" in codes:
            continue  # a fragment without bytes is told elsewhere
        if stream.kind == expected.kind and not codes & {"segment-count", "no-code-stream-box"}:
            continue
        what = _NAMES[stream.kind]
        if "segment-count" in codes:
            what = "no RLE header"
        elif stream.kind == "unknown" and stream.problems:
            what = stream.problems[0].message
        yield _problem(
            context, frames, f"the transfer syntax is for {_NAMES[expected.kind]}, but {_some(context, frames)}: {what}",
            what, _NAMES[expected.kind],
        )  # fmt: skip


@rule_function("frame_process")
def frame_process(context: RuleContext) -> Iterable[Problem]:
    """JPEG frames of another process than the transfer syntax names (PS3.5 A.4.1, 10.2, 10.3)."""
    expected = _expected(context)
    if expected.kind != "jpeg":
        raise NotApplicable
    for stream, frames in _groups(context):
        if stream.process is None:
            continue
        wanted = " or ".join(expected.processes)
        if stream.process not in expected.processes:
            found = f"{stream.process} (SOF{stream.process_marker - 0xC0})"
            yield _problem(context, frames, f"JPEG process {found} in {_some(context, frames)}", found, wanted)
        elif expected.precisions and stream.precision is not None and stream.precision not in expected.precisions:
            bits = " or ".join(map(str, expected.precisions))
            found = f"{stream.precision} bits"
            yield _problem(context, frames, f"{found} a sample in {_some(context, frames)}", found, f"{bits} bits")
        elif context.instance.syntax.uid == _SELECTION_VALUE_1 and stream.predictor not in (None, 1):
            found = f"selection value {stream.predictor}"
            yield _problem(context, frames, f"{found} in {_some(context, frames)}", found, "selection value 1")


@rule_function("frame_components")
def frame_components(context: RuleContext) -> Iterable[Problem]:
    """Frames with another number of components than Samples per Pixel (PS3.5 8.2.1, G.2)."""
    expected = _expected(context)
    samples = _stated(context.dataset, SAMPLES_PER_PIXEL)
    if SAMPLES.get(context.dataset.text(PHOTOMETRIC_INTERPRETATION), samples) != samples:
        raise NotApplicable  # told of the attribute itself
    if expected.kind == "rle":
        # PS3.5 G.2: one segment for each byte of a Composite Pixel Code
        wanted = samples * -(-_stated(context.dataset, BITS_ALLOCATED) // 8)
        for stream, frames in _groups(context):
            if stream.segments is not None and stream.segments != wanted:
                message = f"{stream.segments} RLE segments in {_some(context, frames)}, {wanted} are wanted"
                yield _problem(context, frames, message, f"{stream.segments} segments", f"{wanted} segments")
        return
    for stream, frames in _groups(context):
        if any(problem.code == "frame-header-length" for problem in stream.problems):
            continue
        if stream.components is not None and stream.components != samples:
            found = f"{stream.components} component{'s' * (stream.components != 1)}"
            message = f"{found} in {_some(context, frames)}, but Samples per Pixel is {samples}"
            yield _problem(context, frames, message, found, f"{samples}")


@rule_function("frame_precision")
def frame_precision(context: RuleContext, others: str = "") -> Iterable[Problem]:
    """Frames whose samples have other bits or another sign than the data set says (PS3.5 8.2.1, 8.2.4).

    ``others``: the severity in images that are no whole slide images. There, Bits Stored may be less than Bits
    Allocated, and encoders take the bits that they need.
    """
    expected = _expected(context)
    stored = _stated(context.dataset, BITS_STORED)
    signed = _stated(context.dataset, _PIXEL_REPRESENTATION) == 1
    severity = "" if context.instance.sop_class == WHOLE_SLIDE else others
    for stream, frames in _groups(context):
        if stream.precision is None or any(problem.code == "mixed-precision" for problem in stream.problems):
            continue
        if expected.precisions and stream.precision not in expected.precisions:
            continue  # not of this transfer syntax at all
        if stream.precision != stored:
            found = f"{stream.precision} bits"
            message = f"{found} a sample in {_some(context, frames)}, but Bits Stored is {stored}"
            yield _problem(context, frames, message, found, f"{stored} bits", severity)
        elif stream.kind in _JPEG_2000 and stream.signed != signed:
            found = "signed" if stream.signed else "unsigned"
            message = f"samples of {_some(context, frames)} are {found}, Pixel Representation is {int(signed)}"
            yield _problem(context, frames, message, found, "signed" if signed else "unsigned", severity)


@rule_function("frame_size")
def frame_size(context: RuleContext) -> Iterable[Problem]:
    """Frames of another size than Rows and Columns; tiles cut off at the edge are told by another rule."""
    _expected(context)
    rows, columns = _stated(context.dataset, ROWS), _stated(context.dataset, COLUMNS)
    if len(context.facts.group("codestream").cropped_edge_tiles):
        return
    for stream, frames in _groups(context):
        if not stream.width or not stream.height or (stream.width, stream.height) == (columns, rows):
            continue
        found = f"{stream.width} x {stream.height}"
        message = f"{found} pixels in {_some(context, frames)}, but Columns x Rows is {columns} x {rows}"
        yield _problem(context, frames, message, found, f"{columns} x {rows}")


@rule_function("frame_complete")
def frame_complete(context: RuleContext) -> Iterable[Problem]:
    """Frames that end before their code stream does (PS3.5 A.4)."""
    import numpy as np

    _expected(context)
    cut = [
        frames
        for stream, frames in _groups(context)
        if any(problem.code == "truncated-header" for problem in stream.problems)
    ]
    summary = summary_of(context.facts)
    assert summary is not None
    encapsulation = context.facts.group("encapsulation")
    if encapsulation.frames_by != "unknown":
        usual = [frames for stream, frames in _groups(context)]
        told = np.concatenate(usual) if usual else np.zeros(0, np.int64)
        cut.append(np.intersect1d(summary.incomplete, told, assume_unique=True))
    frames = np.unique(np.concatenate(cut)) if cut else np.zeros(0, np.int64)
    if encapsulation.broken:
        frames = frames[frames < summary.total - 1]  # where the file breaks off is told elsewhere
    if len(frames):
        yield _problem(context, frames, f"the code stream of {_some(context, frames)} has no end", "no end marker",
                       "EOI or EOC as the last marker")  # fmt: skip


@rule_function("frame_tables")
def frame_tables(context: RuleContext) -> Iterable[Problem]:
    """JPEG frames without their quantization or Huffman tables, as abbreviated TIFF streams are."""
    if _expected(context).kind != "jpeg":
        raise NotApplicable
    for stream, frames in _groups(context):
        if any(problem.code in ("truncated-header", "no-frame-header") for problem in stream.problems):
            continue
        missing = [name for name, there, needed in (
            ("DQT", stream.has_dqt, _DCT), ("DHT", stream.has_dht, _HUFFMAN),
        ) if stream.process in needed and not there]  # fmt: skip
        if missing:
            names = " and ".join(missing)
            yield _problem(context, frames, f"no {names} before the scan in {_some(context, frames)}",
                           f"no {names}", "all tables in each frame")  # fmt: skip


@rule_function("frame_damage")
def frame_damage(context: RuleContext) -> Iterable[Problem]:
    """Frames whose header breaks the grammar of its code stream."""
    _expected(context)
    for stream, frames in _groups(context):
        # Without DHT and DQT, other rules have told it; so have they for all that leads to another kind.
        faults = [problem for problem in stream.problems if problem.code not in _TOLD_ELSEWHERE]
        if not faults:
            continue
        worst = next((fault for fault in faults if fault.code not in _TOLERATED), faults[0])
        severity = "warning" if worst.code in _TOLERATED else ""
        yield _problem(context, frames, f"damaged header in {_some(context, frames)}: {worst.message}",
                       worst.code.replace("-", " "), severity=severity)  # fmt: skip


@rule_function("jpeg_colour")
def jpeg_colour(context: RuleContext) -> Iterable[Problem]:
    """JPEG frames that are surely YCbCr where RGB is said, or the other way round (PS3.3 C.7.6.3.1.2)."""
    from dcmlint.dicom.codestreams import chroma_subsampled, surely_rgb, surely_ycbcr

    if _expected(context).kind != "jpeg":
        raise NotApplicable
    colour = _colour(context.dataset)
    if colour != "RGB" and not colour.startswith("YBR_"):
        raise NotApplicable
    for stream, frames in _groups(context):
        if colour == "RGB" and surely_ycbcr(stream):
            why = "chroma is subsampled" if chroma_subsampled(stream) else "APP14 says so"
            message = f"the components of {_some(context, frames)} are YCbCr ({why}), not RGB"
            yield _problem(context, frames, message, "YCbCr", "RGB components, or YBR_FULL_422 said")
        elif colour.startswith("YBR_") and surely_rgb(stream):
            why = "named R, G, B" if stream.component_ids == (0x52, 0x47, 0x42) else "APP14 says so"
            message = f"the components of {_some(context, frames)} are RGB ({why}), not {colour}"
            yield _problem(context, frames, message, "RGB", f"{colour} components, or RGB said")
        elif (
            colour == "RGB" and stream.jfif and stream.components == 3 and stream.process in _DCT
            and not surely_rgb(stream)
        ):  # fmt: skip
            # ISO/IEC 10918-5: JFIF means YCbCr; a scanner is known that writes it with RGB samples.
            message = f"RGB is said, but {_some(context, frames)} is JFIF, which means YCbCr: readers disagree"
            yield _problem(context, frames, message.replace("frames is", "frames are"), "JFIF",
                           "no JFIF marker, or YBR_FULL_422 said", "warning")  # fmt: skip


@rule_function("jpeg_subsampling")
def jpeg_subsampling(context: RuleContext) -> Iterable[Problem]:
    """JPEG frames that are not 4:2:2 although YBR_FULL_422 is said (PS3.3 C.7.6.3.1.2, note)."""
    from dcmlint.dicom.codestreams import surely_rgb

    if _expected(context).kind != "jpeg" or _colour(context.dataset) != "YBR_FULL_422":
        raise NotApplicable
    for stream, frames in _groups(context):
        name = subsampling_name(stream)
        if name and name != "4:2:2" and not surely_rgb(stream):
            yield _problem(context, frames, f"chroma of {_some(context, frames)} is {name}", name, "4:2:2")


@rule_function("jpeg_2000_colour")
def jpeg_2000_colour(context: RuleContext) -> Iterable[Problem]:
    """JPEG 2000 frames whose component transform is not the one that is said (PS3.5 8.2.4)."""
    expected = _expected(context)
    if expected.kind not in _JPEG_2000:
        raise NotApplicable
    if not fits_transfer_syntax(context):
        raise NotApplicable  # told of the attribute itself
    colour = _colour(context.dataset)
    if whole(context.dataset, SAMPLES_PER_PIXEL) != 3:
        raise NotApplicable
    for stream, frames in _groups(context):
        if stream.components != 3 or stream.mct is None or stream.reversible is None:
            continue
        if expected.reversible and not stream.reversible:
            continue  # the transform itself is wrong there, told elsewhere
        if stream.mct:
            wanted = "YBR_RCT" if stream.reversible else "YBR_ICT"
            how = f"the {'reversible' if stream.reversible else 'irreversible'} component transform"
            if colour != wanted:
                message = f"{colour} is said, but {_some(context, frames)} use {how}"
                yield _problem(context, frames, _agreeing(message, frames), how, wanted)
        elif colour in ("YBR_RCT", "YBR_ICT"):
            message = f"{colour} is said, but {_some(context, frames)} use no component transform"
            yield _problem(context, frames, _agreeing(message, frames), "no component transform", "RGB")


def _agreeing(message: str, frames: Any) -> str:
    return message.replace(" use ", " uses ") if len(frames) == 1 else message


@rule_function("jpeg_2000_reversible")
def jpeg_2000_reversible(context: RuleContext) -> Iterable[Problem]:
    """Frames of an irreversible wavelet in a transfer syntax that is lossless only (PS3.5 A.4.4)."""
    expected = _expected(context)
    if not expected.reversible:
        raise NotApplicable
    for stream, frames in _groups(context):
        if stream.reversible is False:
            yield _problem(context, frames, f"the irreversible 9/7 wavelet in {_some(context, frames)}",
                           "9/7", "5/3, reversible")  # fmt: skip


# Photometric Interpretations of each group of transfer syntaxes for whole slide images. PS3.3 C.8.12.4.1.5
_PLAIN: Final = frozenset({"MONOCHROME2", "RGB"})
_JPEG_LOSSY: Final = frozenset({"MONOCHROME2", "RGB", "YBR_FULL_422"})
_REVERSIBLE: Final = frozenset({"MONOCHROME2", "RGB", "YBR_RCT"})
_IRREVERSIBLE: Final = frozenset({"MONOCHROME2", "RGB", "YBR_ICT"})
_FAMILIES: Final = {_PLAIN: "plain", _JPEG_LOSSY: "jpeg"}
_ENUMERATED: Final = frozenset({"MONOCHROME2", "RGB", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"})
_ALLOWED: Final = {
    **dict.fromkeys(("50", "51"), _JPEG_LOSSY),
    **dict.fromkeys(("57", "70", "80", "81"), _PLAIN),
    **dict.fromkeys(("90", "92", "201", "202"), _REVERSIBLE),
    **dict.fromkeys(("91", "93", "203"), _IRREVERSIBLE),
}


def allowed_colours(uid: str) -> frozenset[str] | None:
    """What Photometric Interpretation of a whole slide image may be in a transfer syntax; None where nobody says."""
    if uid in ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2",
               "1.2.840.10008.1.2.1.98", "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.8.1"):  # fmt: skip
        return _PLAIN
    head, _, tail = uid.partition("1.2.840.10008.1.2.4.")
    return None if head else _ALLOWED.get(tail)


def fits_transfer_syntax(context: RuleContext) -> bool:
    """Whether the rules of the attribute itself have nothing to say of Photometric Interpretation."""
    if context.instance.sop_class != WHOLE_SLIDE:
        return True
    allowed = allowed_colours(context.instance.syntax.uid)
    return allowed is None or context.dataset.text(PHOTOMETRIC_INTERPRETATION) in allowed


def _of_transfer_syntax(context: RuleContext, kinds: Sequence[str], processes: Sequence[str]) -> bool:
    """Whether some frame that was looked at is what the transfer syntax is for, or none was looked at."""
    expected = _expected(context)
    if not kinds:
        return True
    kind = expected.kind in kinds or (expected.kind in _JPEG_2000 and not set(_JPEG_2000).isdisjoint(kinds))
    return kind and (not expected.processes or not processes or not set(expected.processes).isdisjoint(processes))


@rule_function("colour_for_transfer_syntax")
def colour_for_transfer_syntax(
    context: RuleContext, family: str, reversible_in_general: str = ""
) -> Iterable[Problem]:
    """Photometric Interpretations that a whole slide image may not have in its transfer syntax (C.8.12.4.1.5).

    ``family``: the transfer syntaxes that the rule is for: plain, jpeg or jpeg-2000. ``reversible_in_general``: the severity of YBR_RCT that is true of the frames in a transfer syntax which allows
    lossless frames beside lossy ones.
    """
    allowed = allowed_colours(context.instance.syntax.uid)
    if allowed is None or _FAMILIES.get(allowed, "jpeg-2000") != family:
        raise NotApplicable
    colour = _colour(context.dataset)
    if colour in allowed or colour not in _ENUMERATED:
        return  # a term that whole slide images never have is told as such
    severity = ""
    stream = context.facts.group("codestream")
    if stream is not None and not _of_transfer_syntax(context, stream.kinds, stream.processes):
        raise NotApplicable  # the transfer syntax is wrong, which the frames tell
    if stream is not None and colour == "YBR_ICT" and allowed is _REVERSIBLE and stream.reversible is False:
        return  # it is true of the frames; the transfer syntax is what is wrong
    if (
        stream is not None and colour == "YBR_RCT" and allowed is _IRREVERSIBLE and stream.reversible is True
        and stream.colour_transform is True
    ):  # fmt: skip
        severity = reversible_in_general
    yield Problem(
        level=context.dataset, tag=PHOTOMETRIC_INTERPRETATION, found=colour, want=", ".join(sorted(allowed)),
        message=f"{colour} is not for this transfer syntax", severity=severity,
    )  # fmt: skip


@rule_function("frame_metadata")
def frame_metadata(context: RuleContext, longest: int | str) -> Iterable[Problem]:
    """Frames with Exif or XMP in them, or JPEG frames with a comment of more than ``longest`` bytes."""
    _expected(context)
    most = int(longest)
    for stream, frames in _groups(context):
        found = [name for name, there in (("Exif", stream.exif), ("XMP", stream.xmp)) if there]
        comment = max(stream.comment_lengths, default=0)
        # Encoders of JPEG 2000 name themselves in a comment.
        if stream.kind in ("jpeg", "jpegls") and comment > most:
            found.append(f"a comment of {comment} bytes")
        if found:
            what = " and ".join(found)
            yield _problem(context, frames, f"{what} in {_some(context, frames)}", what)
