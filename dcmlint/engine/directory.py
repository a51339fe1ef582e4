"""A DICOMDIR and the files beside it, held against each other both ways.

PS3.10 8 (file IDs), PS3.3 F.3.2.2 (Referenced File ID).
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.instance import Instance
from dcmlint.dicom.path import name_of
from dcmlint.engine.maker import FindingMaker, Where
from dcmlint.engine.plan import ActiveRule
from dcmlint.engine.settings import Settings
from dcmlint.facts.run.entities import entity, said_by
from dcmlint.facts.run.index import KeptFile
from dcmlint.facts.run.referenced import kept_uid
from dcmlint.findings.finding import Finding, OutcomeKind, Subject
from dcmlint.findings.problem import Problem
from dcmlint.findings.redact import show_uid
from dcmlint.plural import number_of
from dcmlint.standard.tags import (
    DirectoryRecordSequence,
    DirectoryRecordType,
    Modality,
    OffsetOfReferencedLowerLevelDirectoryEntity,
    OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity,
    OffsetOfTheNextDirectoryRecord,
    PatientID,
    RecordInUseFlag,
    ReferencedFileID,
    ReferencedSOPClassUIDInFile,
    ReferencedSOPInstanceUIDInFile,
    ReferencedTransferSyntaxUIDInFile,
    SeriesInstanceUID,
    StudyInstanceUID,
)
from dcmlint.standard.uids import MediaStorageDirectoryStorage

NOT_THERE, NOT_NAMED, CONTRADICTED = "DIR004", "DIR005", "DIR007"
_LISTED = 3
# What a record, or one above it, says of a file: PS3.3 Table F.3-3, F.5.1 to F.5.3.
_OF_FILE: Final = (
    ReferencedSOPClassUIDInFile, ReferencedSOPInstanceUIDInFile, ReferencedTransferSyntaxUIDInFile, StudyInstanceUID,
    SeriesInstanceUID, PatientID, Modality,
)  # fmt: skip
# The UIDs of a record by its type; a record of any other type is that of a file.
_UIDS: Final = {"PATIENT": (), "STUDY": (StudyInstanceUID,), "SERIES": (SeriesInstanceUID,)}
# These are the same for everybody and may be shown.
_PUBLIC: Final = (ReferencedSOPClassUIDInFile, ReferencedTransferSyntaxUIDInFile)
_INACTIVE: Final = 0  # PS3.3 Table F.3-3


class Described(msgspec.Struct, frozen=True):
    """What the records say of a file: ``said`` by tag, a UID as it is kept or a hash, with the number of the record."""

    name: str
    said: dict[int, tuple[str | bytes, int]]


class Directory(msgspec.Struct, frozen=True):
    """The files that a DICOMDIR names: paths relative to its folder, with slashes."""

    path: str
    names: tuple[str, ...]
    described: tuple[Described, ...] = ()


def directory_of(instance: Instance, path: str) -> Directory | None:
    """The files that an instance names, when it is a DICOMDIR."""
    if instance.sop_class != MediaStorageDirectoryStorage:
        return None
    names = [name for record in instance.dataset.items(DirectoryRecordSequence) if (name := _file_of(record))]
    return Directory(path, tuple(dict.fromkeys(names)), tuple(_described(instance.dataset)))


def _file_of(record: Dataset) -> str:
    parts = [str(part) for part in record.values(ReferencedFileID)]
    return "" if any(part in ("", ".", "..") or "/" in part for part in parts) else "/".join(parts)


def _described(dataset: Dataset) -> Iterator[Described]:
    """The files of the records that the offsets lead to, each with what is said of it there and above (PS3.3 F.2.2.2)."""
    records = dataset.items(DirectoryRecordSequence)
    by_offset = {record.offset: (number, record) for number, record in enumerate(records)}
    todo: list[tuple[int, dict[int, tuple[str | bytes, int]]]] = [
        (dataset.value(OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity) or 0, {})
    ]
    while todo:
        offset, above = todo.pop()
        number, record = by_offset.pop(offset, (-1, None))
        if record is None:
            continue
        said = above | _said(record, number)
        name = _file_of(record)
        if name and record.value(RecordInUseFlag) != _INACTIVE:
            yield Described(name, said)
        todo += [
            (record.value(OffsetOfTheNextDirectoryRecord) or 0, above),
            (record.value(OffsetOfReferencedLowerLevelDirectoryEntity) or 0, said),
        ]


def _said(record: Dataset, number: int) -> dict[int, tuple[str | bytes, int]]:
    kind = record.text(DirectoryRecordType)
    told: dict[int, str | bytes] = {tag: kept_uid(record.text(tag)) for tag in _UIDS.get(kind, _OF_FILE[:3])}
    if kind in ("PATIENT", "SERIES"):
        told |= {tag: one.key for tag, one in said_by(entity(record, (PatientID, Modality), "none")).items()}
    return {tag: (value, number) for tag, value in told.items() if value}


def _of_member(part: KeptFile) -> dict[int, str | bytes]:
    kept = part.kept
    hashed = said_by(kept.patient) | said_by(kept.series_values)
    return {
        ReferencedSOPClassUIDInFile: kept.sop_class, ReferencedSOPInstanceUIDInFile: kept.sop_instance,
        ReferencedTransferSyntaxUIDInFile: kept.transfer_syntax, StudyInstanceUID: kept.study,
        SeriesInstanceUID: kept.series,
        **{tag: hashed[tag].key for tag in (PatientID, Modality) if tag in hashed},
    }  # fmt: skip


def check_directories(
    directories: Sequence[Directory],
    paths: Iterable[str],
    members: Callable[[], Iterable[KeptFile]] | None,
    rules: Mapping[str, ActiveRule],
    settings: Settings,
) -> Iterator[tuple[str, tuple[Finding, ...], dict[str, OutcomeKind]]]:
    """Files that a DICOMDIR names and that are not among the inputs, inputs below it that it does not name, and records that contradict their files.

    ``members`` gives what was kept of the inputs; without it, what records say of them stays undecided.  Gives the path of the DICOMDIR, findings and outcomes.
    """
    given = {_normal(path) for path in paths} if directories else set()
    compared = CONTRADICTED in rules and any(one.described for one in directories)
    by_path = (
        {_normal(one.path).casefold(): one for one in members()} if compared and members is not None else {}
    )
    for directory in directories:
        base = posixpath.dirname(_normal(directory.path))
        named = {posixpath.normpath(posixpath.join(base, name)) for name in directory.names}
        below = {path for path in given if path.startswith(f"{base}/" if base else "")} - {
            _normal(directory.path)
        }
        folded = {path.casefold() for path in below}
        absent = sorted(path for path in named if path.casefold() not in folded)
        folded_names = {one.casefold() for one in named}
        strangers = sorted(path for path in below if path.casefold() not in folded_names)
        found: list[tuple[str, list[tuple[Problem, Where]]]] = []
        for rule_id, wrong, of_one, of_more in (
            (NOT_THERE, absent, "that the DICOMDIR references does not exist", "that the DICOMDIR references do not exist"),
            (NOT_NAMED, strangers, "beside the DICOMDIR has no directory record", "beside the DICOMDIR have no directory record"),
        ):  # fmt: skip
            shown = ", ".join(posixpath.relpath(path, base or ".") for path in wrong[:_LISTED])
            words = of_one if len(wrong) == 1 else of_more
            problem = Problem(message=f"{number_of(len(wrong), 'file')} {words}: {shown}")
            where = Where("DirectoryRecordSequence", DirectoryRecordSequence)
            found.append((rule_id, [(problem, where)] if wrong else []))
        if CONTRADICTED in rules and (members is None or not directory.described):
            yield directory.path, (), {CONTRADICTED: "undecided" if members is None else "not_applicable"}
        elif CONTRADICTED in rules:
            found.append((CONTRADICTED, list(_contradictions(directory, base, by_path, settings))))
        for rule_id, problems in found:
            active = rules.get(rule_id)
            if active is None:
                continue
            maker = FindingMaker(Subject("file", directory.path, (directory.path,)), directory.path, settings)
            findings = tuple(one for problem, where in problems for one in maker.make(active, problem, where))
            yield directory.path, findings, {rule_id: "fail" if problems else "pass"}


def _contradictions(
    directory: Directory, base: str, by_path: Mapping[str, KeptFile], settings: Settings
) -> Iterator[tuple[Problem, Where]]:
    """One problem for each attribute that records and the files that they name do not agree in."""
    wrong: dict[int, list[tuple[str, int, str | bytes, str | bytes]]] = {}
    for one in directory.described:
        part = by_path.get(posixpath.normpath(posixpath.join(base, one.name)).casefold())
        if part is None or part.kept.partial == "header":
            continue
        is_in_file = _of_member(part)
        for tag, (value, number) in one.said.items():
            other = is_in_file.get(tag)
            if other and other != value:
                wrong.setdefault(tag, []).append((one.name, number, value, other))
    for tag in (tag for tag in _OF_FILE if tag in wrong):
        name, number, value, other = wrong[tag][0]
        more = len(wrong[tag]) - 1
        shown = (
            [show_uid(str(uid), settings.show_values, settings.mask_uids) for uid in (value, other)]
            if tag in _PUBLIC
            else ["", ""]
        )
        problem = Problem(
            message=f"{name_of(tag)} is not that of the file {name}"
            + (f" (nor of {number_of(more, 'other file')})" if more else ""),
            said=shown[0], want=shown[1] or "the value in the file",
        )  # fmt: skip
        yield problem, Where(f"DirectoryRecordSequence[{number}].{name_of(tag)}", tag)


def _normal(path: str) -> str:
    return posixpath.normpath(path.replace("\\", "/"))
