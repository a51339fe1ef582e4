"""Results of the engine as rows of the schemas, and rows as results again."""

from __future__ import annotations

from typing import Any

import msgspec

from dcmlint.archive.keyed import keyed
from dcmlint.archive.links import links_of
from dcmlint.engine.members import kept_of, with_kept
from dcmlint.engine.session import Result
from dcmlint.findings.finding import Finding, Fix, Place, Reference, Subject
from dcmlint.sources.key import Key
from dcmlint.standard.tags import (
    InstitutionName,
    Manufacturer,
    ManufacturerModelName,
    Modality,
    SeriesInstanceUID,
    SoftwareVersions,
    SourceApplicationEntityTitle,
    StudyDate,
    StudyInstanceUID,
)

# The attributes of each instance that stand beside its findings, as a report may show them.
COLUMNS = {
    "study_instance_uid": StudyInstanceUID,
    "series_instance_uid": SeriesInstanceUID,
    "modality": Modality,
    "manufacturer": Manufacturer,
    "model": ManufacturerModelName,
    "software_versions": SoftwareVersions,
    "study_date": StudyDate,
    "institution": InstitutionName,
    "source_ae_title": SourceApplicationEntityTitle,
}


def row_of(
    key: Key,
    result: Result,
    sender: str,
    secret: bytes = b"",
    *,
    bytes_read: int,
    requests: int,
    seconds: float,
) -> dict[str, Any]:
    """The row of `RESULTS` for one instance of an object; ``sender``: the one that its key names, or ""; ``secret``: see
    `dcmlint.archive.keyed`."""
    record = result.record
    counts = dict.fromkeys(("error", "warning", "info"), 0)
    for finding in result.findings:
        counts[finding.severity] += not finding.suppressed
    row: dict[str, Any] = {
        "key": key.key, "size": key.size, "modified": key.modified, "etag": key.etag, "path": text(record.path),
        "status": record.status, "title": record.title, "sop_class": record.sop_class,
        "sop_instance_uid": record.sop_instance_uid, "transfer_syntax": record.transfer_syntax,
        "sender": sender, "errors": counts["error"], "warnings": counts["warning"], "infos": counts["info"],
        "passed": record.passed, "not_applicable": record.not_applicable, "planned": result.planned,
        "outcomes": list(result.outcomes.items()), "undecided": list(result.undecided.items()),
        "unreviewed": result.unreviewed, "sampled": result.sampled,
        "bytes_read": bytes_read, "requests": requests, "seconds": seconds,
        "findings": [finding_row(one) for one in result.findings], "facts": _facts(result, secret),
    }  # fmt: skip
    row.update(zip(COLUMNS, result.columns or ("",) * len(COLUMNS), strict=True))
    return row


def _facts(result: Result, secret: bytes) -> dict[str, Any] | None:
    directory = result.directory
    if not result.member and directory is None and not result.exempt:
        return None
    path, member = result.record.path, result.member
    kept = kept_of(member)
    if kept is not None and secret:
        kept = keyed(kept, secret)
        member = with_kept(member, kept)
    return {
        "path": text(path), "kept": member, "links": [] if kept is None else links_of(path, kept),
        "directory": None if directory is None else [text(name) for name in directory.names],
        "exempt": list(result.exempt),
    }  # fmt: skip


def text(path: str) -> str:
    """A text as UTF-8 can hold it: bytes of a file name that are none are shown by their numbers."""
    try:
        return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        return path.encode("utf-8", "backslashreplace").decode("utf-8")


def finding_row(finding: Finding) -> dict[str, Any]:
    """The row of `FINDINGS` for a finding."""
    return {
        "path": None if finding.file is None else text(finding.file), "rule": finding.rule, "name": finding.name,
        "severity": finding.severity, "basis": finding.basis, "subject": finding.subject.kind,
        "subject_id": text(finding.subject.id), "files": [text(one) for one in finding.subject.files],
        "attribute": finding.path, "tag": finding.tag, "byte": finding.offset, "message": text(finding.message),
        "found": text(finding.is_), "expected": text(finding.want), "computed_from": text(finding.because),
        "clauses": [msgspec.structs.asdict(one) for one in finding.references], "places": list(finding.places),
        "count": finding.count, "fingerprint": finding.fingerprint, "suppressed": finding.suppressed,
        "remedy": finding.remedy, "confidence": finding.confidence,
        "related": [msgspec.structs.asdict(one) for one in finding.related],
        "fixes": msgspec.json.encode(finding.fixes).decode() if finding.fixes else "",
    }  # fmt: skip


def finding_of(row: dict[str, Any]) -> Finding:
    """The finding of a row of `FINDINGS`."""
    return Finding(
        rule=row["rule"], name=row["name"], severity=row["severity"], basis=row["basis"],
        subject=Subject(row["subject"], row["subject_id"], tuple(row["files"])), file=row["path"],
        path=row["attribute"], tag=row["tag"], offset=row["byte"], message=row["message"], is_=row["found"],
        want=row["expected"], because=row["computed_from"],
        references=tuple(Reference(**one) for one in row["clauses"]), places=tuple(row["places"]),
        count=row["count"], fingerprint=row["fingerprint"], suppressed=row["suppressed"], remedy=row["remedy"],
        confidence=row["confidence"], related=tuple(Place(**one) for one in row["related"]),
        fixes=msgspec.json.decode(row["fixes"], type=tuple[Fix, ...]) if row["fixes"] else (),
    )  # fmt: skip
