"""Repairs of the File Meta Information from the data set that follows it (PS3.10 7.1).

The Transfer Syntax UID is never guessed.  Where the group does not state it, or states another one than that in which the
elements are written, it is proven only for data sets without compressed pixels: of the transfer syntaxes of PS3.5 Annex A that do not deflate the data set, one alone has implicit VR
(A.1), and one alone explicit VR in big endian (A.3); all others have explicit VR in little endian, and differ from A.2
only in how they encapsulate Pixel Data, or refer to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dcmlint.dicom.dataset import Dataset, Element
from dcmlint.dicom.edits import AddPreamble, Edit, SetMeta, text
from dcmlint.dicom.encode import Draft, DraftElement, draft_of_level, written_vr
from dcmlint.dicom.headers import VRS
from dcmlint.dicom.instance import Instance
from dcmlint.dicom.items import all_places
from dcmlint.dicom.transfer_syntaxes import transfer_syntax
from dcmlint.dicom.value_problem import Problems
from dcmlint.dicom.value_uid import explain_uid_field
from dcmlint.rules.repairs import Failed, Refused, RepairContext, repair_function
from dcmlint.standard.tags import (
    FileMetaInformationGroupLength,
    FileMetaInformationVersion,
    ImplementationClassUID,
    ImplementationVersionName,
    MediaStorageSOPClassUID,
    MediaStorageSOPInstanceUID,
    PixelData,
    PixelDataProviderURL,
    SOPClassUID,
    SOPInstanceUID,
    TransferSyntaxUID,
)
from dcmlint.standard.uids import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from dcmlint.version import IMPLEMENTATION_CLASS, implementation_version

# Values of these are words whose byte order is that of the transfer syntax (PS3.5 7.3).
_WORDS = frozenset({"OW", "OF", "OD", "OL", "OV"})
_FROM_DATA = {MediaStorageSOPClassUID: SOPClassUID, MediaStorageSOPInstanceUID: SOPInstanceUID}


@repair_function("rebuild-file-meta")
def rebuild_file_meta(context: RepairContext, failed: Failed) -> Iterable[Edit]:
    """The group in explicit VR little endian: its elements, what is absent of type 1, and the UIDs of the data set."""
    meta = context.instance.meta
    if meta is None or failed.level is not meta or not meta.text(TransferSyntaxUID):
        raise Refused(
            "only the File Meta Information is written anew, and only if it states the transfer syntax"
        )
    yield from file_meta_edits(context.instance, "")


@repair_function("proven-transfer-syntax")
def proven_transfer_syntax(context: RepairContext, failed: Failed) -> Iterable[Edit]:
    """The group with the only transfer syntax of the standard in which the data set can be written as it is."""
    yield from file_meta_edits(context.instance, _proven(context.instance))


@repair_function("written-transfer-syntax")
def written_transfer_syntax(context: RepairContext, failed: Failed) -> Iterable[Edit]:
    """The group with the transfer syntax in which the data set is written, in place of the one that it states."""
    instance = context.instance
    meta, written = instance.meta, instance.syntax
    if meta is None:
        raise Refused("no transfer syntax is stated")
    stated = transfer_syntax(meta.text(TransferSyntaxUID))
    uid = _proven(instance)
    if stated.little != written.little and any(
        level.value_representation(element) in _WORDS and element.end > element.start
        for level, element in _elements(instance)
    ):
        raise Refused("the byte order of the elements does not prove that of the pixels and other words")
    pixels = instance.dataset.get(PixelData)
    if stated.encapsulated and pixels is not None:
        native = context.facts("pixels.uncompressed_bytes")
        if not isinstance(native, int) or pixels.length != native + (native & 1):
            raise Refused(
                "a compressed transfer syntax is stated, and nothing proves that the pixels are native"
            )
    yield from file_meta_edits(instance, uid)


def file_meta_edits(instance: Instance, syntax: str) -> Iterable[Edit]:
    """The edits that write the group, with a preamble where there is none; ``syntax`` "": as it is stated.

    Raises `Refused`.
    """
    meta = instance.meta
    draft = Draft(()) if meta is None else draft_of_level(meta)
    draft.elements.pop(FileMetaInformationGroupLength, None)
    for element in draft.elements.values():
        if element.vr.encode("latin-1") not in VRS:
            element.vr = written_vr(element.tag)
    if syntax:
        draft.elements[TransferSyntaxUID] = DraftElement(TransferSyntaxUID, "UI", _uid(syntax))
    for own, other in _FROM_DATA.items():
        uid = instance.dataset.text(other)
        if not uid and (meta is None or not meta.text(own)):
            raise Refused("the data set does not say which instance it is")
        if uid:
            draft.elements[own] = DraftElement(own, "UI", _uid(uid))
    if meta is None or not meta.raw(FileMetaInformationVersion):
        version = DraftElement(FileMetaInformationVersion, "OB", b"\0\1")
        draft.elements[FileMetaInformationVersion] = version
    if meta is None or not meta.text(ImplementationClassUID):
        # Who writes this file: PS3.10 7.1
        own_class = DraftElement(ImplementationClassUID, "UI", _uid(IMPLEMENTATION_CLASS))
        draft.elements[ImplementationClassUID] = own_class
        name = text("SH", implementation_version().encode())
        draft.elements[ImplementationVersionName] = DraftElement(ImplementationVersionName, "SH", name)
    level = instance.dataset if meta is None else meta
    if meta is None and not instance.preamble:
        yield AddPreamble(level=level)
    yield SetMeta(level=level, meta=Draft(draft.elements.values()))


def _proven(instance: Instance) -> str:
    """The transfer syntax that the bytes of the data set prove (see the module).  Raises `Refused`."""
    if _encapsulated(instance):
        raise Refused(
            "Pixel Data is encapsulated, and several transfer syntaxes have such streams: "
            "supply TransferSyntaxUID with --from"
        )
    if PixelDataProviderURL in instance.dataset:
        raise Refused("the pixels are elsewhere: supply TransferSyntaxUID with --from")
    written = instance.syntax
    if not written.explicit:
        return ImplicitVRLittleEndian
    return ExplicitVRLittleEndian if written.little else ExplicitVRBigEndian


def supplied_transfer_syntax(instance: Instance, uid: str) -> Iterable[Edit]:
    """The edits that state a transfer syntax that a person supplies, if the data set can be written in it.

    Raises `Refused`.
    """
    syntax, written = transfer_syntax(uid), instance.syntax
    if not syntax.known or syntax.deflated:
        raise Refused(f"{uid} is not a transfer syntax in which the data set can be written")
    if (syntax.explicit, syntax.little) != (written.explicit, written.little):
        raise Refused("the data set is written with another VR encoding or byte order")
    if PixelData in instance.dataset and syntax.encapsulated != _encapsulated(instance):
        raise Refused("Pixel Data is encapsulated in one of the two, and native in the other")
    yield from file_meta_edits(instance, uid)


def _encapsulated(instance: Instance) -> bool:
    return any(element.fragments is not None for _, element in _elements(instance))


def _elements(instance: Instance) -> Iterator[tuple[Dataset, Element]]:
    for place in all_places(instance.dataset, None):
        for element in place.level:
            yield place.level, element


def _uid(uid: str) -> bytes:
    problems = Problems()
    field = text("UI", uid.encode("ascii", "replace"))
    explain_uid_field(field, problems)
    if problems.problems():
        raise Refused("a UID of the data set is none")
    return field
