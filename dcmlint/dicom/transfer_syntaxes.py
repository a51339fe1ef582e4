"""The transfer syntaxes of PS3.5 Annex A, as far as a reader must know them."""

from __future__ import annotations

import msgspec

from dcmlint.standard.uids import (
    DeflatedExplicitVRLittleEndian,
    DeflatedImageFrameCompression,
    EncapsulatedUncompressedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPIPHTJ2KReferenced,
    JPIPHTJ2KReferencedDeflate,
    JPIPReferenced,
    JPIPReferencedDeflate,
    RFC2557MIMEEncapsulation,
    RLELossless,
    SMPTEST211020UncompressedInterlacedActiveVideo,
    SMPTEST211020UncompressedProgressiveActiveVideo,
    SMPTEST211030PCMDigitalAudio,
)


class TransferSyntax(msgspec.Struct, frozen=True):
    """How a data set is written: byte order, VR written or not, deflated or not, pixel data in fragments."""

    uid: str
    explicit: bool = True
    little: bool = True
    deflated: bool = False
    encapsulated: bool = False
    known: bool = True


_FIXED = {
    ImplicitVRLittleEndian: TransferSyntax(ImplicitVRLittleEndian, explicit=False),
    ExplicitVRLittleEndian: TransferSyntax(ExplicitVRLittleEndian),
    DeflatedExplicitVRLittleEndian: TransferSyntax(DeflatedExplicitVRLittleEndian, deflated=True),
    ExplicitVRBigEndian: TransferSyntax(ExplicitVRBigEndian, little=False),
    # JPIP refers to its pixels by URL: no pixel data here.  PS3.5 A.6, A.7, A.11, A.12
    JPIPReferenced: TransferSyntax(JPIPReferenced),
    JPIPReferencedDeflate: TransferSyntax(JPIPReferencedDeflate, deflated=True),
    JPIPHTJ2KReferenced: TransferSyntax(JPIPHTJ2KReferenced),
    JPIPHTJ2KReferencedDeflate: TransferSyntax(JPIPHTJ2KReferencedDeflate, deflated=True),
    # SMPTE ST 2110 carries pixels in real-time flows.  PS3.5 A.9
    SMPTEST211020UncompressedProgressiveActiveVideo: TransferSyntax(
        SMPTEST211020UncompressedProgressiveActiveVideo
    ),
    SMPTEST211020UncompressedInterlacedActiveVideo: TransferSyntax(
        SMPTEST211020UncompressedInterlacedActiveVideo
    ),
    SMPTEST211030PCMDigitalAudio: TransferSyntax(SMPTEST211030PCMDigitalAudio),
    # A vendor's implicit little endian with big endian pixels, seen in old GE files.
    "1.2.840.113619.5.2": TransferSyntax("1.2.840.113619.5.2", explicit=False, known=False),
}

_ENCAPSULATED = frozenset(
    {
        EncapsulatedUncompressedExplicitVRLittleEndian,
        DeflatedImageFrameCompression,
        RLELossless,
        RFC2557MIMEEncapsulation,
    }
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
