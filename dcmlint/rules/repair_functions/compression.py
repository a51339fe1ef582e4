"""What the code streams of all frames prove of color and of lossy compression (PS3.3 C.7.6.3.1.2, C.7.6.1.1.5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from dcmlint.dicom.edits import Edit
from dcmlint.dicom.value_decimal import decimal_string
from dcmlint.facts.pixel.codestream import summary_of
from dcmlint.rules.repairs import Failed, Refused, RepairContext, repair_function, set_values
from dcmlint.standard.tags import (
    LossyImageCompression,
    LossyImageCompressionMethod,
    LossyImageCompressionRatio,
    PhotometricInterpretation,
    SamplesPerPixel,
)
from dcmlint.standard.uids import VLWholeSlideMicroscopyImageStorage

if TYPE_CHECKING:
    from dcmlint.dicom.codestreams import Codestream

_JPEG_2000 = ("jpeg2000", "htj2k")


def _streams(context: RepairContext) -> tuple[Codestream, ...]:
    """One code stream for each way in which frames differ.  Raises `Refused` unless every frame was looked at."""
    summary = summary_of(context.facts)
    if summary is None or not summary.groups:
        raise Refused("no code stream was looked at")
    if summary.examined != summary.total:
        raise Refused("only some of the frames were looked at (--frames all)")
    return tuple(group.codestream for group in summary.groups)


@repair_function("proven-photometric-interpretation")
def proven_photometric_interpretation(context: RepairContext, failed: Failed) -> Iterable[Edit]:
    """The Photometric Interpretation that the headers of all code streams have in common."""
    dataset = context.instance.dataset
    if dataset.value(SamplesPerPixel) != 3:
        raise Refused("Samples per Pixel is not 3")
    slide = context.instance.sop_class == VLWholeSlideMicroscopyImageStorage
    proven = {_photometric(stream, slide) for stream in _streams(context)}
    if len(proven) != 1 or "" in proven:
        raise Refused("the code streams do not prove one Photometric Interpretation")
    value = proven.pop()
    if value == dataset.text(PhotometricInterpretation):
        raise Refused("Photometric Interpretation is what the code streams prove")
    yield set_values(dataset, PhotometricInterpretation, (value,))


def _photometric(stream: Codestream, slide: bool) -> str:
    """What a code stream surely is, or ""."""
    from dcmlint.dicom.codestreams import chroma_subsampled, surely_rgb, surely_ycbcr

    if stream.components != 3:
        return ""
    if stream.kind in _JPEG_2000:
        if not stream.mct or stream.reversible is None:
            return ""  # without a transform the components may be anything
        return "YBR_RCT" if stream.reversible else "YBR_ICT"
    if surely_rgb(stream):
        return "RGB"
    if surely_ycbcr(stream):
        # PS3.3 C.8.12.4.1.5: of slides the only term for YCbCr in JPEG
        return "YBR_FULL_422" if slide or chroma_subsampled(stream) else "YBR_FULL"
    return ""


@repair_function("lossy-compression")
def lossy_compression(context: RepairContext, failed: Failed) -> Iterable[Edit]:
    """Lossy Image Compression 01, with method and ratio of this compression where they are absent or empty."""
    if context.facts("codestream.lossy") is not True:
        raise Refused("no code stream proves that anything was lost")
    dataset = context.instance.dataset
    if dataset.text(LossyImageCompression) != "01":
        yield set_values(dataset, LossyImageCompression, ("01",))
    yield from _method_and_ratio(context)


def _method_and_ratio(context: RepairContext) -> Iterator[Edit]:
    dataset = context.instance.dataset
    methods, ratios = dataset.values(LossyImageCompressionMethod), dataset.values(LossyImageCompressionRatio)
    terms = context.facts("pixels.lossy_methods")
    if not methods and isinstance(terms, tuple) and len(ratios) <= 1:
        yield set_values(dataset, LossyImageCompressionMethod, (terms[0],))
    if not ratios and len(methods) <= 1:
        yield set_values(dataset, LossyImageCompressionRatio, (_ratio(context),))


@repair_function("real-compression-ratio")
def real_compression_ratio(context: RepairContext, failed: Failed) -> Iterable[Edit]:
    """Lossy Image Compression Ratio as the bytes of the frames have it, where there was one compression."""
    dataset = context.instance.dataset
    if (
        len(dataset.values(LossyImageCompressionRatio)) > 1
        or len(dataset.values(LossyImageCompressionMethod)) > 1
    ):
        raise Refused("there were several compressions: only the last could be computed")
    if context.facts("codestream.lossy") is not True:
        raise Refused("no code stream proves that anything was lost")
    yield set_values(dataset, LossyImageCompressionRatio, (_ratio(context),))


def _ratio(context: RepairContext) -> str:
    full, compressed = (
        context.facts("pixels.uncompressed_bytes"),
        context.facts("encapsulation.payload_bytes"),
    )
    if not isinstance(full, int) or not isinstance(compressed, int) or full <= 0 or compressed <= 0:
        raise Refused("the bytes before compression are not known")
    return decimal_string(round(full / compressed, 2))
