"""What the header says of the pixels: how many frames, and how many bytes they take when nothing compresses them.

PS3.3 C.7.6.3 (Image Pixel), C.7.6.24 and C.7.6.25 (Float and Double Float Image Pixel), PS3.5 8.1.1.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dcmlint.dicom.dataset import Dataset, Element
from dcmlint.expr import UNKNOWN, Unknown
from dcmlint.facts.frame.tiling import whole
from dcmlint.facts.registry import Facts, facts
from dcmlint.standard.tags import (
    BitsAllocated,
    Columns,
    DoubleFloatPixelData,
    FloatPixelData,
    FrameIncrementPointer,
    NumberOfFrames,
    PerFrameFunctionalGroupsSequence,
    PhotometricInterpretation,
    PixelData,
    Rows,
    SamplesPerPixel,
    SharedFunctionalGroupsSequence,
    SOPClassUID,
    TotalPixelMatrixColumns,
)
from dcmlint.standard.uids import (
    HTJ2K,
    JPEG2000,
    JPEG2000MC,
    JPEGXL,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSNearLossless,
    VLWholeSlideMicroscopyImageStorage,
)

# PS3.3 C.7.6.24, C.7.6.25: the bits of one sample follow from the VR, whatever is said of them.
_FLOAT_BITS: Final = {FloatPixelData: 32, DoubleFloatPixelData: 64}
_KEYWORDS: Final = {
    PixelData: "PixelData",
    FloatPixelData: "FloatPixelData",
    DoubleFloatPixelData: "DoubleFloatPixelData",
}
# With one of these an image has frames, and Number of Frames must be there: PS3.3 C.7.6.16, C.8.12.14
_OF_FRAMES: Final = (
    SharedFunctionalGroupsSequence,
    PerFrameFunctionalGroupsSequence,
    TotalPixelMatrixColumns,
    FrameIncrementPointer,
)

# Samples per Pixel of each Photometric Interpretation. PS3.3 C.7.6.3.1.1, C.7.6.3.1.2
SAMPLES: Final = {
    "MONOCHROME1": 1,
    "MONOCHROME2": 1,
    "PALETTE COLOR": 1,
    "RGB": 3,
    "YBR_FULL": 3,
    "YBR_FULL_422": 3,
    "YBR_PARTIAL_422": 3,
    "YBR_PARTIAL_420": 3,
    "YBR_ICT": 3,
    "YBR_RCT": 3,
    "XYB": 3,
}

# Native pixels of these share two chrominance samples between two pixels. PS3.3 C.7.6.3.1.2
_HALVED_CHROMA: Final = frozenset({"YBR_FULL_422", "YBR_PARTIAL_422"})

# Lossy Image Compression Method that a transfer syntax stands for when its code stream is lossy.
# PS3.3 C.7.6.1.1.5.1; both JPEG 2000 terms are met for High-Throughput JPEG 2000.
LOSSY_METHODS: Final[dict[str, tuple[str, ...]]] = {
    JPEGBaseline8Bit: ("ISO_10918_1",),
    JPEGExtended12Bit: ("ISO_10918_1",),
    JPEGLSNearLossless: ("ISO_14495_1",),
    JPEG2000: ("ISO_15444_1",),
    JPEG2000MC: ("ISO_15444_1",),
    HTJ2K: ("ISO_15444_15", "ISO_15444_1"),
    JPEGXL: ("ISO_18181_1",),
}


class Pixels(msgspec.Struct, frozen=True, kw_only=True):
    """The pixels as the header describes them.

    ``element``: keyword of the attribute that holds them: PixelData, FloatPixelData or DoubleFloatPixelData
    ``native``: whether they are not compressed, and stand in a value of defined length
    ``transfer_syntax``: UID of the transfer syntax of the data set
    ``frames``: Number of Frames; 1 for an image that has none; unknown where it is missing or senseless
    ``bytes``: bytes of the value as its length says; absent for compressed pixels
    ``expected_bytes``: bytes that native pixels take; unknown where an attribute that tells is missing or senseless
    ``padded_bytes``: the same, made even by a pad byte
    ``uncompressed_bytes``: bytes of all frames before compression
    ``lossy_methods``: terms of Lossy Image Compression Method that fit the transfer syntax; absent where it is lossless
    """

    element: str
    native: bool
    transfer_syntax: str
    frames: int | Unknown
    bytes: int | None = None
    expected_bytes: int | Unknown = UNKNOWN
    padded_bytes: int | Unknown = UNKNOWN
    uncompressed_bytes: int | Unknown = UNKNOWN
    lossy_methods: tuple[str, ...] | None = None


@facts("pixels", Pixels, possible=lambda shape: shape.has(*_KEYWORDS))
def pixels(facts: Facts) -> Pixels | None:
    """The pixels of an image; nothing for an instance without any."""
    instance = facts.instance
    dataset = instance.dataset
    element = next((dataset.elements[tag] for tag in _KEYWORDS if tag in dataset), None)
    if element is None or element.items is not None:
        return None
    frames = number_of_frames(dataset)
    # An unknown transfer syntax is read as a native one; its Pixel Data may be in fragments all the same.
    native = element.fragments is None and not instance.syntax.encapsulated and instance.syntax.known
    uid = instance.syntax.uid
    expected = _bytes_of(_frame_bits(dataset, element, native), frames)
    full = _bytes_of(_frame_bits(dataset, element, False), frames)
    return Pixels(
        element=_KEYWORDS[element.tag],
        native=native,
        transfer_syntax=uid,
        frames=frames,
        bytes=element.length if native else None,
        expected_bytes=expected if native else UNKNOWN,
        padded_bytes=expected + expected % 2 if native and isinstance(expected, int) else UNKNOWN,
        uncompressed_bytes=full,
        lossy_methods=LOSSY_METHODS.get(uid),
    )


def number_of_frames(dataset: Dataset) -> int | Unknown:
    """Number of Frames (PS3.3 C.7.6.6); 1 where an image of one frame need not say so."""
    if NumberOfFrames in dataset:
        stated = whole(dataset, NumberOfFrames)
        return stated if stated is not None and stated > 0 else UNKNOWN
    return UNKNOWN if any(tag in dataset for tag in _OF_FRAMES) else 1


def _frame_bits(dataset: Dataset, element: Element, native: bool) -> int | Unknown:
    """Bits of one frame; ``native``: as it is stored, where chrominance may be halved."""
    rows, columns = whole(dataset, Rows), whole(dataset, Columns)
    samples = whole(dataset, SamplesPerPixel) if element.tag == PixelData else 1
    bits = _FLOAT_BITS.get(element.tag) or whole(dataset, BitsAllocated)
    if not rows or not columns or not samples or not bits or min(rows, columns, samples, bits) < 1:
        return UNKNOWN
    if bits != 1 and bits % 8:  # PS3.3 C.7.6.3: 1 or a multiple of 8
        return UNKNOWN
    colour = dataset.text(PhotometricInterpretation)
    if SAMPLES.get(colour, samples) != samples and element.tag == PixelData:
        # One of the two is wrong, which another rule says.
        return UNKNOWN
    if (
        native
        and colour in _HALVED_CHROMA
        and dataset.text(SOPClassUID) == VLWholeSlideMicroscopyImageStorage
    ):
        return UNKNOWN  # not allowed there (PS3.3 C.8.12.4.1.5): nobody knows what is meant
    if native and colour in _HALVED_CHROMA:
        return rows * columns * 2 * bits if columns % 2 == 0 else UNKNOWN
    return rows * columns * samples * bits


def _bytes_of(bits: int | Unknown, frames: int | Unknown) -> int | Unknown:
    """Bytes of all frames: single bits run on from frame to frame (PS3.5 8.1.1)."""
    if not isinstance(bits, int) or not isinstance(frames, int):
        return UNKNOWN
    return -(-bits * frames // 8)
