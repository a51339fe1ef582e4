"""The UIDs that the network layer itself speaks of (PS3.6 Annex A)."""

from __future__ import annotations

from dcmlint.standard.uids import (
    HTJ2K,
    JPEG2000,
    JPEGXL,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    JPEGXLJPEGRecompression,
    JPEGXLLossless,
    RLELossless,
)
from dcmlint.version import IMPLEMENTATION_CLASS as IMPLEMENTATION_CLASS
from dcmlint.version import implementation_version as implementation_version

# PS3.5 A.1 … A.5: what is not one of these carries its pixels encapsulated.
NATIVE = frozenset(
    (ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian)
)

# PS3.6 Table A-1: retired JPEG processes
RETIRED = frozenset(
    f"1.2.840.10008.1.2.4.{process}" for process in (52, 53, 54, 55, 56, 58, 59, 60, 61, 62, 63, 64, 65, 66)
) | {ExplicitVRBigEndian}

# What a slide archive may meet, the best first: encapsulated before native, explicit before implicit
# (an implicit data set loses the VR of its private elements).
SLIDE_SYNTAXES = (
    JPEGBaseline8Bit,
    JPEG2000,
    JPEG2000Lossless,
    HTJ2KLossless,  # High-Throughput JPEG 2000, lossless only
    HTJ2KLosslessRPCL,  # the same, RPCL
    HTJ2K,  # the same
    JPEGXLLossless,  # JPEG XL lossless
    JPEGXLJPEGRecompression,  # JPEG XL JPEG recompression
    JPEGXL,  # JPEG XL
    JPEGLSLossless,  # JPEG-LS lossless
    JPEGLSNearLossless,  # JPEG-LS near-lossless
    JPEGLosslessSV1,  # JPEG lossless, first-order prediction
    JPEGLossless,  # JPEG lossless
    JPEGExtended12Bit,  # JPEG extended
    RLELossless,  # RLE lossless
    ExplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
)

# What a probe asks for unless told otherwise.
PROBE_SYNTAXES = (
    JPEGBaseline8Bit,
    JPEG2000Lossless,
    JPEG2000,
    HTJ2KLossless,
    HTJ2K,
    JPEGLSLossless,
    JPEGLosslessSV1,
    RLELossless,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
)

# No class of anybody: what accepts it accepts anything (PS3.5 B.2).
UNKNOWN_SOP_CLASS = "2.25.31798634521973460228190437650021874391"
