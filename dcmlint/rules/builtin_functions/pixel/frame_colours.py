"""Rules of colour: Photometric Interpretation, the transfer syntax, and what the components of the frames are.

PS3.3 C.7.6.3.1.2 and C.8.12.4.1.5, PS3.5 8.2.1 and 8.2.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from dcmlint.facts.frame.tiling import whole
from dcmlint.facts.pixel.codestream import subsampling_name
from dcmlint.rules.builtin_functions.pixel.frame_groups import (
    DCT_PROCESSES,
    JPEG_2000,
    colour_of,
    expected_of,
    frame_problem,
    groups,
    some,
)
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, rule_function
from dcmlint.standard.tags import PhotometricInterpretation, PixelData, SamplesPerPixel
from dcmlint.standard.uids import (
    DeflatedExplicitVRLittleEndian,
    DeflatedImageFrameCompression,
    EncapsulatedUncompressedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
    VLWholeSlideMicroscopyImageStorage,
)


@rule_function("jpeg-colour")
def jpeg_colour(context: RuleContext) -> Iterable[Problem]:
    """JPEG frames that are surely YCbCr where RGB is said, or the other way round (PS3.3 C.7.6.3.1.2)."""
    from dcmlint.dicom.codestreams import chroma_subsampled, surely_rgb, surely_ycbcr

    kind, colour = expected_of(context).kind, colour_of(context.dataset)
    if kind == "jpegxl" and colour == "XYB":
        yield from _not_xyb(context)
        return
    if kind != "jpeg":
        raise NotApplicable
    if colour != "RGB" and not colour.startswith("YBR_"):
        raise NotApplicable
    for stream, frames in groups(context):
        if colour == "RGB" and surely_ycbcr(stream):
            why = "chroma is subsampled" if chroma_subsampled(stream) else "APP14 marker"
            message = f"the components of {some(context, frames)} are YCbCr ({why}), not RGB"
            yield frame_problem(
                context,
                frames,
                message,
                "YCbCr",
                "an RGB code stream, or Photometric Interpretation YBR_FULL_422",
            )
        elif colour.startswith("YBR_") and surely_rgb(stream):
            why = "component IDs R, G, B" if stream.component_ids == (0x52, 0x47, 0x42) else "APP14 marker"
            message = f"the components of {some(context, frames)} are RGB ({why}), not {colour}"
            yield frame_problem(
                context, frames, message, "RGB", f"{colour} components, or Photometric Interpretation RGB"
            )
        elif (
            colour == "RGB" and stream.jfif and stream.components == 3 and stream.process in DCT_PROCESSES
            and not surely_rgb(stream)
        ):  # fmt: skip
            # ISO/IEC 10918-5: JFIF means YCbCr; a scanner is known that writes it with RGB samples.
            message = f"Photometric Interpretation is RGB, but {some(context, frames)} is JFIF, which means YCbCr: readers disagree"
            yield frame_problem(context, frames, message.replace("frames is", "frames are"), "JFIF",
                           "no JFIF marker, or Photometric Interpretation YBR_FULL_422", "warning")  # fmt: skip


def _not_xyb(context: RuleContext) -> Iterable[Problem]:
    """JPEG XL frames of other samples than XYB (ISO/IEC 18181-1 Annex D)."""
    for stream, frames in groups(context):
        if stream.kind == "jpegxl" and (
            stream.process == "vardct" or (stream.process == "modular" and stream.reversible is None)
        ):
            message = (
                f"Photometric Interpretation is XYB, but the samples of {some(context, frames)} are not XYB"
            )
            yield frame_problem(context, frames, message, "not XYB", "XYB samples, or another term")


@rule_function("jpeg-subsampling")
def jpeg_subsampling(context: RuleContext) -> Iterable[Problem]:
    """JPEG frames that are not 4:2:2 although YBR_FULL_422 is said (PS3.3 C.7.6.3.1.2, note)."""
    from dcmlint.dicom.codestreams import surely_rgb

    if expected_of(context).kind != "jpeg" or colour_of(context.dataset) != "YBR_FULL_422":
        raise NotApplicable
    for stream, frames in groups(context):
        name = subsampling_name(stream)
        if name and name != "4:2:2" and not surely_rgb(stream):
            yield frame_problem(
                context, frames, f"chroma of {some(context, frames)} is {name}", name, "4:2:2"
            )


@rule_function("jpeg-2000-colour")
def jpeg_2000_colour(context: RuleContext) -> Iterable[Problem]:
    """JPEG 2000 frames whose component transform is not the one that is said (PS3.5 8.2.4), or whose chroma is
    subsampled although no YCbCr without transform is said."""
    from dcmlint.dicom.codestreams import chroma_subsampled

    expected = expected_of(context)
    if expected.kind not in JPEG_2000:
        raise NotApplicable
    if not fits_transfer_syntax(context):
        raise NotApplicable  # told of the attribute itself
    colour = colour_of(context.dataset)
    if whole(context.dataset, SamplesPerPixel) != 3:
        raise NotApplicable
    for stream, frames in groups(context):
        if stream.components != 3 or stream.mct is None or stream.reversible is None:
            continue
        if expected.reversible and not stream.reversible:
            continue  # the transform itself is wrong there, told elsewhere
        if stream.mct:
            wanted = "YBR_RCT" if stream.reversible else "YBR_ICT"
            how = f"the {'reversible' if stream.reversible else 'irreversible'} component transform"
            if colour != wanted:
                message = f"Photometric Interpretation is {colour}, but {some(context, frames)} use {how}"
                yield frame_problem(context, frames, _agreeing(message, frames), how, wanted)
        elif chroma_subsampled(stream):
            if colour in _UNSAMPLED:
                message = f"Photometric Interpretation is {colour}, but the chroma of {some(context, frames)} is subsampled"
                yield frame_problem(context, frames, message, "YCbCr, subsampled", "YBR_FULL_422")
        elif colour in ("YBR_RCT", "YBR_ICT"):
            message = f"Photometric Interpretation is {colour}, but {some(context, frames)} use no component transform"
            yield frame_problem(context, frames, _agreeing(message, frames), "no component transform", "RGB")


# Three components of the same size. PS3.3 C.7.6.3.1.2
_UNSAMPLED: Final = frozenset({"RGB", "YBR_FULL", "YBR_RCT", "YBR_ICT"})


def _agreeing(message: str, frames: Any) -> str:
    return message.replace(" use ", " uses ") if len(frames) == 1 else message


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
    if uid in (ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian,
               EncapsulatedUncompressedExplicitVRLittleEndian, RLELossless, DeflatedImageFrameCompression):  # fmt: skip
        return _PLAIN
    head, _, tail = uid.partition("1.2.840.10008.1.2.4.")
    return None if head else _ALLOWED.get(tail)


def fits_transfer_syntax(context: RuleContext) -> bool:
    """Whether the rules of the attribute itself have nothing to say of Photometric Interpretation."""
    if context.instance.sop_class != VLWholeSlideMicroscopyImageStorage:
        return True
    allowed = allowed_colours(context.instance.syntax.uid)
    return allowed is None or context.dataset.text(PhotometricInterpretation) in allowed


def _of_transfer_syntax(context: RuleContext, kinds: Sequence[str], processes: Sequence[str]) -> bool:
    """Whether some frame that was looked at is what the transfer syntax is for, or none was looked at."""
    expected = expected_of(context)
    if not kinds:
        return True
    kind = expected.kind in kinds or (expected.kind in JPEG_2000 and not set(JPEG_2000).isdisjoint(kinds))
    return kind and (
        not expected.processes or not processes or not set(expected.processes).isdisjoint(processes)
    )


# Terms for encapsulated frames alone. PS3.3 C.7.6.3.1.2
_ENCAPSULATED: Final = frozenset({"YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT", "XYB"})
# Terms that a transfer syntax excludes, by the end of its UID. PS3.5 Tables 8.2.1-1, 8.2.1-2, 8.2.3-1, 8.2.4-1; the
# table of JPEG XL is not read
_EXCLUDED: Final = {
    **dict.fromkeys(("50", "51"), _ENCAPSULATED | {"PALETTE COLOR"}),
    **dict.fromkeys(("57", "70"), _ENCAPSULATED),
    "80": _ENCAPSULATED | {"YBR_FULL_422"},
    "81": _ENCAPSULATED | {"YBR_FULL_422", "PALETTE COLOR"},
    **dict.fromkeys(("90", "91", "92", "93", "201", "202", "203"), frozenset({"YBR_PARTIAL_420", "XYB"})),
}
_NATIVE: Final = (
    ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian,
)  # fmt: skip
# MPEG2, MPEG-4 AVC/H.264 and HEVC/H.265 have this one alone. PS3.5 8.2.5 to 8.2.11
_VIDEO: Final = "YBR_PARTIAL_420"
# The terms of the standard that any image may have. PS3.3 C.7.6.3.1.2
_STANDARD: Final = _ENCAPSULATED | {
    "MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "RGB", "YBR_FULL", "YBR_FULL_422",
}  # fmt: skip


@rule_function("colour-of-transfer-syntax")
def colour_of_transfer_syntax(context: RuleContext) -> Iterable[Problem]:
    """PIX111: Photometric Interpretations that no image may have in its transfer syntax."""
    colour = colour_of(context.dataset)
    if colour not in _STANDARD or PixelData not in context.dataset:
        raise NotApplicable
    syntax = context.instance.syntax.uid
    head, _, tail = syntax.partition("1.2.840.10008.1.2.4.")
    want = "a term for such frames"
    if syntax in _NATIVE:
        wrong, want = colour in _ENCAPSULATED, "RGB, YBR_FULL or YBR_FULL_422, as the samples are stored"
    elif syntax == RLELossless:  # PS3.5 Table 8.2.2-1
        wrong = colour in _ENCAPSULATED or colour == "YBR_FULL_422"
    elif not head and tail.split(".")[0] in ("100", "101", "102", "103", "104", "105", "106", "107", "108"):
        wrong, want = colour != _VIDEO, _VIDEO
    else:
        wrong = not head and colour in _EXCLUDED.get(tail, ())
    if wrong:
        yield Problem(
            level=context.dataset, tag=PhotometricInterpretation, found=colour, want=want,
            message=f"{colour} is not allowed in this transfer syntax",
        )  # fmt: skip


@rule_function("colour-for-transfer-syntax")
def colour_for_transfer_syntax(
    context: RuleContext, family: str, reversible_in_general: str = ""
) -> Iterable[Problem]:
    """Photometric Interpretations that a whole slide image may not have in its transfer syntax (C.8.12.4.1.5).

    ``family``: the transfer syntaxes that the rule is for: plain, jpeg or jpeg-2000. ``reversible_in_general``:
    the severity of YBR_RCT that is true of the frames in a transfer syntax which allows lossless frames beside
    lossy ones.
    """
    allowed = allowed_colours(context.instance.syntax.uid)
    if allowed is None or _FAMILIES.get(allowed, "jpeg-2000") != family:
        raise NotApplicable
    colour = colour_of(context.dataset)
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
    want = ", ".join(sorted(allowed))
    if stream is not None and family == "jpeg-2000" and stream.sample_share < 1:
        # No term of the table is true of subsampled components; readers take YBR_FULL_422 (PS3.5 8.2.4).
        if colour == "YBR_FULL_422":
            severity = "warning"
        want = "YBR_FULL_422, which matches the subsampled components, or components without subsampling"
    yield Problem(
        level=context.dataset, tag=PhotometricInterpretation, found=colour, want=want,
        message=f"{colour} is not allowed in this transfer syntax", severity=severity,
    )  # fmt: skip
