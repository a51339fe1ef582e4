"""Holds the File Meta Information to what it must say: PS3.10 7.1."""

from __future__ import annotations

from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.path import name_of
from dcmlint.rules.tables.collector import ProblemCollector
from dcmlint.standard.tags import (
    FileMetaInformationVersion,
    ImplementationClassUID,
    MediaStorageSOPClassUID,
    MediaStorageSOPInstanceUID,
)

# PS3.10 Table 7.1-1, type 1; Group Length and Transfer Syntax UID are told by the reader.
_META = (
    FileMetaInformationVersion,
    MediaStorageSOPClassUID,
    MediaStorageSOPInstanceUID,
    ImplementationClassUID,
)
_VERSION = b"\0\1"  # PS3.10 7.1: the only version that there is
_SHOWN_VERSION = 8  # bytes of another one


def check_meta_group(collector: ProblemCollector, meta: Dataset) -> None:
    """Each attribute of Type 1 must be present with a value, and the version be the one that there is."""
    for tag in _META:
        element = meta.get(tag)
        if (element is None and meta.may_have(tag)) or (element is not None and not meta.is_whole(element)):
            continue
        if element is None or element.end == element.start:
            what = "is missing" if element is None else "has no value"
            collector.add(
                "meta-type-1", meta, tag, f"{name_of(tag)} {what}; Type 1 in the File Meta Information",
                want="present with a value", offset=-1 if element is None else element.offset,
            )  # fmt: skip
        elif tag == FileMetaInformationVersion and meta.raw(tag)[:_SHOWN_VERSION] != _VERSION:
            collector.add(
                "meta-version", meta, tag, "File Meta Information Version is not version 1",
                said=meta.raw(tag)[:_SHOWN_VERSION].hex(" ").upper(), want="00 01", offset=element.offset,
            )  # fmt: skip
