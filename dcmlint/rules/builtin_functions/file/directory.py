"""DICOMDIR: the links between its records, and the keys that each type of record must have.

PS3.3 Annex F; offsets count from the first byte of the file (PS3.3 F.2.2.2, PS3.10 8).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dcmlint.dicom.dataset import Dataset
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, rule_function
from dcmlint.standard.tags import (
    AccessionNumber,
    CompletionFlag,
    ConceptNameCodeSequence,
    ContentDate,
    ContentLabel,
    ContentTime,
    DirectoryRecordSequence,
    DirectoryRecordType,
    DocumentTitle,
    DoseSummationType,
    InstanceNumber,
    MIMETypeOfEncapsulatedDocument,
    Modality,
    OffsetOfReferencedLowerLevelDirectoryEntity,
    OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity,
    OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity,
    OffsetOfTheNextDirectoryRecord,
    PatientID,
    PatientName,
    PresentationCreationDate,
    PresentationCreationTime,
    RecordInUseFlag,
    RTPlanDate,
    RTPlanLabel,
    RTPlanTime,
    SeriesInstanceUID,
    SeriesNumber,
    StructureSetDate,
    StructureSetLabel,
    StructureSetTime,
    StudyDate,
    StudyDescription,
    StudyID,
    StudyTime,
    VerificationFlag,
)

_ACTIVE = 0xFFFF  # PS3.3 Table F.3-3

# PS3.3 F.5: the keys of the record types in daily use, by type of attribute.
_KEYS: dict[str, tuple[tuple[int, str], ...]] = {
    "PATIENT": ((PatientName, "2"), (PatientID, "1")),  # F.5.1
    "STUDY": (
        (StudyDate, "1"), (StudyTime, "1"), (StudyDescription, "2"), (StudyID, "1"), (AccessionNumber, "2"),
    ),  # F.5.2
    "SERIES": ((Modality, "1"), (SeriesInstanceUID, "1"), (SeriesNumber, "1")),  # F.5.3
    "IMAGE": ((InstanceNumber, "1"),),  # F.5.4
    "RT DOSE": ((InstanceNumber, "1"), (DoseSummationType, "1")),  # F.5.19
    "RT STRUCTURE SET": ((InstanceNumber, "1"), (StructureSetLabel, "1"), (StructureSetDate, "2"), (StructureSetTime, "2")),  # F.5.20
    "RT PLAN": ((InstanceNumber, "1"), (RTPlanLabel, "1"), (RTPlanDate, "2"), (RTPlanTime, "2")),  # F.5.21
    "PRESENTATION": ((PresentationCreationDate, "1"), (PresentationCreationTime, "1"), (InstanceNumber, "1"), (ContentLabel, "1")),  # F.5.23
    "WAVEFORM": ((InstanceNumber, "1"), (ContentDate, "1"), (ContentTime, "1")),  # F.5.24
    "SR DOCUMENT": (
        (InstanceNumber, "1"), (CompletionFlag, "1"), (VerificationFlag, "1"), (ContentDate, "1"), (ContentTime, "1"),
        (ConceptNameCodeSequence, "1"),
    ),  # F.5.25
    "RAW DATA": ((ContentDate, "1"), (ContentTime, "1"), (InstanceNumber, "2")),  # F.5.28
    "ENCAP DOC": ((ContentDate, "2"), (ContentTime, "2"), (InstanceNumber, "1"), (DocumentTitle, "2"), (MIMETypeOfEncapsulatedDocument, "1")),  # F.5.32
}  # fmt: skip


def _records(context: RuleContext) -> list[Dataset]:
    if DirectoryRecordSequence not in context.dataset:
        raise NotApplicable
    return [
        record
        for record in context.dataset.items(DirectoryRecordSequence)
        if record.value(RecordInUseFlag) in (_ACTIVE, None)
    ]


@rule_function("directory-keys")
def directory_keys(context: RuleContext) -> Iterator[Problem]:
    """Each record must have the keys of its type (PS3.3 F.5)."""
    for record in _records(context):
        for tag, type_ in _KEYS.get(record.text(DirectoryRecordType), ()):
            element = record.get(tag)
            if element is None:
                yield Problem(level=record, tag=tag, message=f"a key of the {record.text(DirectoryRecordType)} record is missing",
                              want=f"present (Type {type_})")  # fmt: skip
            elif type_ == "1" and not record.values(tag) and not len(record.items(tag)):
                yield Problem(level=record, tag=tag, message=f"a key of the {record.text(DirectoryRecordType)} record has no value",
                              want="a value (Type 1)", offset=element.offset)  # fmt: skip


@rule_function("directory-offsets")
def directory_offsets(context: RuleContext) -> Iterator[Problem]:
    """Each offset must be 0 or lead to a record (PS3.3 F.2.2.2)."""
    _records(context)
    starts = {record.offset for record in context.dataset.items(DirectoryRecordSequence)}
    for level, tags in _places(context):
        for tag in tags:
            offset = level.value(tag)
            if isinstance(offset, int) and offset and offset not in starts:
                yield Problem(level=level, tag=tag, message="the offset does not point to a directory record", found=offset,
                              want="0, or the first byte of a record's item")  # fmt: skip


def _places(context: RuleContext) -> Iterable[tuple[Dataset, tuple[int, ...]]]:
    yield (
        context.dataset,
        (
            OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity,
            OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity,
        ),
    )
    for record in context.dataset.items(DirectoryRecordSequence):
        yield record, (OffsetOfTheNextDirectoryRecord, OffsetOfReferencedLowerLevelDirectoryEntity)


@rule_function("directory-tree")
def directory_tree(context: RuleContext) -> Iterator[Problem]:
    """Every record in use must be reached from the root exactly once (PS3.3 F.2.2.2)."""
    records = _records(context)
    by_offset = {record.offset: record for record in context.dataset.items(DirectoryRecordSequence)}
    seen: dict[int, int] = {}
    todo = [context.dataset.value(OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity) or 0]
    while todo:
        offset = todo.pop()
        record = by_offset.get(offset)
        if record is None:
            continue
        seen[offset] = seen.get(offset, 0) + 1
        if seen[offset] > 1:
            yield Problem(level=record, message="the directory record is linked twice", want="exactly one link to each record",
                          offset=offset)  # fmt: skip
            continue
        todo += [
            record.value(OffsetOfTheNextDirectoryRecord) or 0,
            record.value(OffsetOfReferencedLowerLevelDirectoryEntity) or 0,
        ]
    for record in records:
        if record.offset not in seen:
            yield Problem(level=record, message="the directory record is not linked", offset=record.offset,
                          want="a link from the root, the previous record or the parent")  # fmt: skip


# PS3.3 Table F.4-1: the record below which a record may be; "" is the root.
_COMPOSITE = (
    "IMAGE", "RADIOTHERAPY", "RT DOSE", "RT STRUCTURE SET", "RT PLAN", "RT TREAT RECORD", "PLAN", "PRESENTATION", "WAVEFORM",
    "SR DOCUMENT", "KEY OBJECT DOC", "SPECTROSCOPY", "RAW DATA", "REGISTRATION", "FIDUCIAL", "ENCAP DOC", "VALUE MAP",
    "STEREOMETRIC", "MEASUREMENT", "SURFACE", "SURFACE SCAN", "TRACT", "ASSESSMENT", "ANNOTATION",
)  # fmt: skip
_ABOVE = {
    "PATIENT": "", "STUDY": "PATIENT", "SERIES": "STUDY", "HL7 STRUC DOC": "PATIENT", "HANGING PROTOCOL": "",
    "PALETTE": "", "IMPLANT": "", "IMPLANT GROUP": "", "IMPLANT ASSY": "", **dict.fromkeys(_COMPOSITE, "SERIES"),
}  # fmt: skip


@rule_function("directory-hierarchy")
def directory_hierarchy(context: RuleContext) -> Iterator[Problem]:
    """A record is below a record of the type that PS3.3 Table F.4-1 names; private and retired types are not judged."""
    _records(context)
    by_offset = {record.offset: record for record in context.dataset.items(DirectoryRecordSequence)}
    seen: set[int] = set()
    todo = [(context.dataset.value(OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity) or 0, "")]
    while todo:
        offset, above = todo.pop()
        record = by_offset.get(offset)
        if record is None or offset in seen:
            continue
        seen.add(offset)
        kind = record.text(DirectoryRecordType)
        wanted = _ABOVE.get(kind)
        if wanted is not None and above != wanted and (not above or above in _ABOVE):
            place = f"a record {wanted}" if wanted else "the root"
            yield Problem(
                level=record, tag=DirectoryRecordType, message=f"the record {kind} is below {above or 'the root'}",
                found=kind, want=f"{kind} below {place}",
            )  # fmt: skip
            todo.append((record.value(OffsetOfTheNextDirectoryRecord) or 0, above))
            continue  # what is below it follows from that
        todo += [
            (record.value(OffsetOfTheNextDirectoryRecord) or 0, above),
            (record.value(OffsetOfReferencedLowerLevelDirectoryEntity) or 0, kind),
        ]
