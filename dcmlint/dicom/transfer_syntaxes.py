"""The transfer syntaxes of PS3.5 Annex A, as far as a reader must know them."""

from __future__ import annotations

import msgspec

IMPLICIT_LITTLE = "1.2.840.10008.1.2"  # PS3.5 A.1
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"  # PS3.5 A.2
DEFLATED = "1.2.840.10008.1.2.1.99"  # PS3.5 A.5
EXPLICIT_BIG = "1.2.840.10008.1.2.2"  # PS3.5 A.3, retired in 2006
ENCAPSULATED_UNCOMPRESSED = "1.2.840.10008.1.2.1.98"  # PS3.5 A.4.11
DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"  # PS3.5 A.4.13


class TransferSyntax(msgspec.Struct, frozen=True):
    """How a data set is written: byte order, VR written or not, deflated or not, pixel data in fragments."""

    uid: str
    explicit: bool = True
    little: bool = True
    deflated: bool = False
    encapsulated: bool = False
    known: bool = True


_FIXED = {
    IMPLICIT_LITTLE: TransferSyntax(IMPLICIT_LITTLE, explicit=False),
    EXPLICIT_LITTLE: TransferSyntax(EXPLICIT_LITTLE),
    DEFLATED: TransferSyntax(DEFLATED, deflated=True),
    EXPLICIT_BIG: TransferSyntax(EXPLICIT_BIG, little=False),
    # JPIP refers to its pixels by URL: no pixel data here.  PS3.5 A.6, A.7, A.11, A.12
    "1.2.840.10008.1.2.4.94": TransferSyntax("1.2.840.10008.1.2.4.94"),
    "1.2.840.10008.1.2.4.95": TransferSyntax("1.2.840.10008.1.2.4.95", deflated=True),
    "1.2.840.10008.1.2.4.204": TransferSyntax("1.2.840.10008.1.2.4.204"),
    "1.2.840.10008.1.2.4.205": TransferSyntax("1.2.840.10008.1.2.4.205", deflated=True),
    # SMPTE ST 2110 carries pixels in real-time flows.  PS3.5 A.9
    "1.2.840.10008.1.2.7.1": TransferSyntax("1.2.840.10008.1.2.7.1"),
    "1.2.840.10008.1.2.7.2": TransferSyntax("1.2.840.10008.1.2.7.2"),
    "1.2.840.10008.1.2.7.3": TransferSyntax("1.2.840.10008.1.2.7.3"),
    # A vendor's implicit little endian with big endian pixels, seen in old GE files.
    "1.2.840.113619.5.2": TransferSyntax("1.2.840.113619.5.2", explicit=False, known=False),
}

_ENCAPSULATED = frozenset(
    {ENCAPSULATED_UNCOMPRESSED, DEFLATED_FRAMES, "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.6.1"}
    | {f"1.2.840.10008.1.2.4.{n}" for n in (*range(50, 67), 70, 80, 81, 90, 91, 92, 93)}
    | {f"1.2.840.10008.1.2.4.{n}" for n in (*range(100, 109), 110, 111, 112, 201, 202, 203)}
    | {f"1.2.840.10008.1.2.4.{n}.1" for n in range(100, 107)}
)


def transfer_syntax(uid: str) -> TransferSyntax:
    """The way of writing that a Transfer Syntax UID names; an unknown one is read as explicit little endian.

    PS3.5 Annex A: all encapsulated transfer syntaxes write the data set in explicit VR little endian.
    """
    fixed = _FIXED.get(uid)
    if fixed is not None:
        return fixed
    known = uid in _ENCAPSULATED
    return TransferSyntax(uid, encapsulated=known, known=known)
