"""The UIDs that the network layer itself speaks of (PS3.6 Annex A)."""

from __future__ import annotations

from functools import cache
from importlib import metadata

VERIFICATION = "1.2.840.10008.1.1"
WHOLE_SLIDE_MICROSCOPY = "1.2.840.10008.5.1.4.1.1.77.1.6"
STORAGE_SERVICE_CLASS = "1.2.840.10008.4.2"

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED_LITTLE = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
JPEG_2000_LOSSLESS = "1.2.840.10008.1.2.4.90"
JPEG_2000 = "1.2.840.10008.1.2.4.91"

# PS3.5 A.1 … A.5: what is not one of these carries its pixels encapsulated.
NATIVE = frozenset((IMPLICIT_LITTLE, EXPLICIT_LITTLE, DEFLATED_LITTLE, EXPLICIT_BIG))

# PS3.6 Table A-1: retired JPEG processes
RETIRED = frozenset(
    f"1.2.840.10008.1.2.4.{process}" for process in (52, 53, 54, 55, 56, 58, 59, 60, 61, 62, 63, 64, 65, 66)
) | {EXPLICIT_BIG}

# What a slide archive may meet, the best first: encapsulated before native, explicit before implicit
# (an implicit data set loses the VR of its private elements).
SLIDE_SYNTAXES = (
    JPEG_BASELINE,
    JPEG_2000,
    JPEG_2000_LOSSLESS,
    "1.2.840.10008.1.2.4.201",  # High-Throughput JPEG 2000, lossless only
    "1.2.840.10008.1.2.4.202",  # the same, RPCL
    "1.2.840.10008.1.2.4.203",  # the same
    "1.2.840.10008.1.2.4.110",  # JPEG XL lossless
    "1.2.840.10008.1.2.4.111",  # JPEG XL JPEG recompression
    "1.2.840.10008.1.2.4.112",  # JPEG XL
    "1.2.840.10008.1.2.4.80",  # JPEG-LS lossless
    "1.2.840.10008.1.2.4.81",  # JPEG-LS near-lossless
    "1.2.840.10008.1.2.4.70",  # JPEG lossless, first-order prediction
    "1.2.840.10008.1.2.4.57",  # JPEG lossless
    "1.2.840.10008.1.2.4.51",  # JPEG extended
    "1.2.840.10008.1.2.5",  # RLE lossless
    EXPLICIT_LITTLE,
    DEFLATED_LITTLE,
    EXPLICIT_BIG,
    IMPLICIT_LITTLE,
)

# What a probe asks for unless told otherwise.
PROBE_SYNTAXES = (
    JPEG_BASELINE,
    JPEG_2000_LOSSLESS,
    JPEG_2000,
    "1.2.840.10008.1.2.4.201",
    "1.2.840.10008.1.2.4.203",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.5",
    EXPLICIT_LITTLE,
    EXPLICIT_BIG,
    IMPLICIT_LITTLE,
)

# Of dcmlint itself, made from a random UUID (PS3.5 B.2).
IMPLEMENTATION_CLASS = "2.25.224583371862745912043598276640917532186"
# No class of anybody: what accepts it accepts anything (PS3.5 B.2).
UNKNOWN_SOP_CLASS = "2.25.31798634521973460228190437650021874391"


@cache
def implementation_version() -> str:
    """Implementation Version Name, 1 to 16 characters (PS3.7 D.3.3.2.3)."""
    try:
        version = metadata.version("dcmlint")
    except metadata.PackageNotFoundError:  # a tree that was never installed
        return "DCMLINT"
    return f"DCMLINT_{version}".replace(".", "_")[:16]
