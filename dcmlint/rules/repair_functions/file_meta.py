"""Repairs of the File Meta Information from the data set that follows it (PS3.10 7.1).

The Transfer Syntax UID is never guessed: a group that does not state it is not rebuilt.
"""

from __future__ import annotations

from collections.abc import Iterable

from dcmlint.dicom.edits import Edit, SetMeta, text
from dcmlint.dicom.encode import Draft, DraftElement, draft_of_level
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
    SOPClassUID,
    SOPInstanceUID,
    TransferSyntaxUID,
)
from dcmlint.version import IMPLEMENTATION_CLASS, implementation_version

_FROM_DATA = {MediaStorageSOPClassUID: SOPClassUID, MediaStorageSOPInstanceUID: SOPInstanceUID}


@repair_function("rebuild-file-meta")
def rebuild_file_meta(context: RepairContext, failed: Failed) -> Iterable[Edit]:
    """The group in explicit VR little endian: its elements, what is absent of type 1, and the UIDs of the data set."""
    instance = context.instance
    meta = instance.meta
    if meta is None or not meta.text(TransferSyntaxUID):
        raise Refused("the transfer syntax is not stated, and is never guessed")
    if not meta.context.little:
        raise Refused("the group is written in big endian")
    draft = draft_of_level(meta)
    draft.elements.pop(FileMetaInformationGroupLength, None)
    for own, other in _FROM_DATA.items():
        uid = instance.dataset.text(other)
        if not uid and not meta.text(own):
            raise Refused("the data set does not say which instance it is")
        if uid:
            draft.elements[own] = DraftElement(own, "UI", _uid(uid))
    if not meta.raw(FileMetaInformationVersion):
        version = DraftElement(FileMetaInformationVersion, "OB", b"\0\1")
        draft.elements[FileMetaInformationVersion] = version
    if not meta.text(ImplementationClassUID):
        # Who writes this file: PS3.10 7.1
        own_class = DraftElement(ImplementationClassUID, "UI", _uid(IMPLEMENTATION_CLASS))
        draft.elements[ImplementationClassUID] = own_class
        name = text("SH", implementation_version().encode())
        draft.elements[ImplementationVersionName] = DraftElement(ImplementationVersionName, "SH", name)
    yield SetMeta(level=meta, meta=Draft(draft.elements.values()))


def _uid(uid: str) -> bytes:
    problems = Problems()
    field = text("UI", uid.encode("ascii", "replace"))
    explain_uid_field(field, problems)
    if problems.problems():
        raise Refused("a UID of the data set is none")
    return field
