"""Encapsulated documents: that the bytes are of the kind that the SOP Class says, whole, and as long as stated (PS3.3 C.24)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from dcmlint.dicom.dataset import Element
from dcmlint.rules.functions import (
    NotApplicable,
    Problem,
    RuleContext,
    Undecided,
    applies_with,
    rule_function,
)
from dcmlint.standard.tags import (
    EncapsulatedDocument,
    EncapsulatedDocumentLength,
    HL7InstanceIdentifier,
    SOPClassUID,
)
from dcmlint.standard.uids import (
    EncapsulatedCDAStorage,
    EncapsulatedMTLStorage,
    EncapsulatedOBJStorage,
    EncapsulatedPDFStorage,
    EncapsulatedSTLStorage,
)

_HEAD: Final = 1 << 16
_TAIL: Final = 1 << 10
# Readers of PDF look for its header and its end within 1024 bytes of the ends of a file (ISO 32000-1, Annex H).
_PDF_HEADER: Final = re.compile(rb"%PDF-\d")
_CDA_ROOT: Final = re.compile(rb"<(?:[\w.-]+:)?ClinicalDocument[\s>/]")
_CDA_END: Final = re.compile(rb"</(?:[\w.-]+:)?ClinicalDocument\s*>")
_CDA_ID: Final = re.compile(rb"""<(?:[\w.-]+:)?id\s[^>]*?\broot\s*=\s*["']([^"']+)["']""")
_OBJ_LINE: Final = re.compile(rb"^(v|vn|vt|vp|f|l|p|o|g|s|mtllib|usemtl)\s", re.MULTILINE)
_MTL_LINE: Final = re.compile(rb"^newmtl\s", re.MULTILINE)
# A binary STL file: 80 bytes, the number of triangles, 50 bytes for each
_STL_HEADER, _STL_TRIANGLE = 84, 50


def _document(context: RuleContext) -> Element:
    element = context.dataset.get(EncapsulatedDocument)
    if element is None or element.start == element.end:
        raise NotApplicable
    return element


def _ends(context: RuleContext, element: Element) -> tuple[bytes, bytes]:
    """The first 64 KiB and the last 1 KiB of a document, without a byte order mark and the zeros of padding."""
    buffer = context.dataset.context.buffer
    head = bytes(buffer[element.start : min(element.end, element.start + _HEAD)])
    tail = bytes(buffer[max(element.start, element.end - _TAIL) : element.end])
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):  # UTF-16: read as if it were ASCII
        head, tail = head.replace(b"\0", b""), tail.replace(b"\0", b"")
    return head, tail.rstrip(b"\0")


@rule_function("document-kind", applies_with(EncapsulatedDocument))
def kind(context: RuleContext) -> Iterator[Problem]:
    """DOC001: documents that are not of the kind of their SOP Class."""
    element = _document(context)
    head, _ = _ends(context, element)
    wanted = {
        EncapsulatedPDFStorage: "a PDF document, which starts with %PDF-",
        EncapsulatedCDAStorage: "an XML document with the root element ClinicalDocument",
        EncapsulatedSTLStorage: "a binary STL file",
        EncapsulatedOBJStorage: "an OBJ file",
        EncapsulatedMTLStorage: "an MTL file",
    }.get(context.dataset.text(SOPClassUID))
    if wanted is None:
        raise NotApplicable
    if not _fits(context.dataset.text(SOPClassUID), head):
        yield Problem(
            message="the document is not of the kind that its SOP Class says", tag=EncapsulatedDocument,
            said=_looks(head), want=wanted,
        )  # fmt: skip


def _fits(sop_class: str, head: bytes) -> bool:
    """Whether a document may be of the kind of its SOP Class."""
    if sop_class == EncapsulatedPDFStorage:
        return _PDF_HEADER.search(head[:1024]) is not None
    if sop_class == EncapsulatedCDAStorage:
        return _CDA_ROOT.search(head) is not None or _may_follow(head)
    if sop_class == EncapsulatedSTLStorage:
        return _may_be_stl(head)
    if sop_class == EncapsulatedOBJStorage:
        return _OBJ_LINE.search(head) is not None and b"\0" not in head.rstrip(b"\0")
    return _MTL_LINE.search(head) is not None


def _may_follow(head: bytes) -> bool:
    """Whether XML goes on behind what was read, so that the root may come later (comments, style sheets)."""
    return len(head) >= _HEAD - 1 and head.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(b"<")


def _may_be_stl(head: bytes) -> bool:
    """Whether it is no text and no other known kind; the length tells the rest (DOC003)."""
    text = (
        head.lstrip()[:6].lower().startswith(b"solid") and re.search(rb"\bfacet\s+normal\b", head) is not None
    )
    return not text and not _PDF_HEADER.match(head) and not head.startswith((b"PK\3\4", b"<?xml"))


def _looks(head: bytes) -> str:
    """What a document looks like, by its first bytes: never its text."""
    start = head.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    for magic, name in (
        (b"%PDF-", "a PDF document"), (b"\x89PNG", "a PNG image"), (b"\xff\xd8\xff", "a JPEG image"), (b"PK\3\4", "a ZIP archive"),
        (b"{\\rtf", "an RTF document"), (b"GIF8", "a GIF image"), (b"II*\0", "a TIFF image"), (b"MM\0*", "a TIFF image"),
        (b"<!DOCTYPE html", "an HTML document"), (b"<html", "an HTML document"), (b"<", "another XML document"),
        (b"solid", "a text STL file"),
    ):  # fmt: skip
        if start.startswith(magic):
            return name
    return "something else"


@rule_function("document-length", applies_with(EncapsulatedDocumentLength))
def length(context: RuleContext) -> Iterator[Problem]:
    """DOC002: Encapsulated Document Length against the document, with and without its padding byte."""
    element, stated = _document(context), context.dataset.value(EncapsulatedDocumentLength)
    if not isinstance(stated, int):
        raise NotApplicable
    if stated not in (element.length, element.length - 1):
        yield Problem(
            message=f"Encapsulated Document Length is {stated}, but the document has {element.length} bytes",
            tag=EncapsulatedDocumentLength, said=str(stated), want=f"{element.length - 1} or {element.length}",
        )  # fmt: skip


@rule_function("document-complete", applies_with(EncapsulatedDocument))
def complete(context: RuleContext) -> Iterator[Problem]:
    """DOC003: documents that end too early: no %%EOF, no closing root element, triangles missing."""
    element, sop_class = _document(context), context.dataset.text(SOPClassUID)
    if sop_class not in (EncapsulatedPDFStorage, EncapsulatedCDAStorage, EncapsulatedSTLStorage):
        raise NotApplicable
    if not context.dataset.is_whole(element):
        raise Undecided("the file ends within the document")
    stated = context.dataset.value(EncapsulatedDocumentLength)
    if isinstance(stated, int) and stated > element.length:
        raise NotApplicable  # DOC002
    head, tail = _ends(context, element)
    if sop_class == EncapsulatedPDFStorage and _PDF_HEADER.search(head[:1024]) and b"%%EOF" not in tail:
        yield Problem(
            message="the PDF document has no end",
            tag=EncapsulatedDocument,
            want="%%EOF in the last 1024 bytes",
        )
    if sop_class == EncapsulatedCDAStorage and _CDA_ROOT.search(head) and not _CDA_END.search(tail):
        empty = re.search(rb"<(?:[\w.-]+:)?ClinicalDocument[^<>]*/>", head)
        if empty is None:
            yield Problem(
                message="the XML document has no end",
                tag=EncapsulatedDocument,
                want="the end of its root element",
            )
    if sop_class == EncapsulatedSTLStorage and _may_be_stl(head):
        count = int.from_bytes(head[80:84], "little")
        bytes_ = _STL_HEADER + _STL_TRIANGLE * count
        if len(head) < _STL_HEADER or element.length not in (bytes_, bytes_ + bytes_ % 2):
            yield Problem(
                message=f"{count} triangles of a binary STL file are {bytes_} bytes, not {element.length}",
                tag=EncapsulatedDocument, said=f"{element.length} bytes", want=f"{bytes_} bytes",
            )  # fmt: skip


@rule_function("document-identifier", applies_with(HL7InstanceIdentifier))
def identifier(context: RuleContext) -> Iterator[Problem]:
    """DOC004: an HL7 Instance Identifier that is not the id of the encapsulated CDA document (PS3.3 C.24.2)."""
    element, given = _document(context), context.dataset.text(HL7InstanceIdentifier)
    found = _CDA_ID.search(_ends(context, element)[0])
    if context.dataset.text(SOPClassUID) != EncapsulatedCDAStorage or not given or found is None:
        raise NotApplicable
    root = found[1].decode("ascii", "replace").strip()
    if given.partition("^")[0].strip().lower() != root.lower():
        yield Problem(
            message="HL7 Instance Identifier is not the id of the document", tag=HL7InstanceIdentifier, found=given,
            want="the root of the id of ClinicalDocument, with ^ and its extension",
        )  # fmt: skip
