"""The headers of elements: the VRs and the forms that they are written in (PS3.5 7.1)."""

from __future__ import annotations

from struct import Struct

# PS3.5 7.1.2: these have two reserved bytes and a 32 bit length.
LONG_VRS = ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV")
SHORT_VRS = ("AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH", "SL", "SS", "ST",
             "TM", "UI", "UL", "US")  # fmt: skip
# The VRs by their letters, and whether they have the long form.
VRS: dict[bytes, tuple[str, bool]] = {vr.encode(): (vr, True) for vr in LONG_VRS} | {
    vr.encode(): (vr, False) for vr in SHORT_VRS
}

# Group, element, VR and a length of 16 bits; group, element and a length of 32 bits; such a length alone.
LITTLE = (Struct("<HH2sH"), Struct("<HHI"), Struct("<I"))
BIG = (Struct(">HH2sH"), Struct(">HHI"), Struct(">I"))
