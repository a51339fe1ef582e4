"""The JSON Schema of the JSON report: what `dcmlint.reports.json_report` writes, as a contract.

``python tools/generate.py`` writes it to ``schemas/report.json``.  Fields may be added, never changed; every
field that is described is always there.
"""

from __future__ import annotations

from typing import Any, get_args

from dcmlint.engine.exhibit import AssociationStatus
from dcmlint.findings.finding import Basis, Confidence, OutcomeKind, Severity, Status, SubjectKind

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}


def report_schema() -> dict[str, Any]:
    """The schema of a whole report; a line of JSON Lines is its ``finding``, the last one its ``end`` (JSON Schema 2020-12)."""
    return {
        "$schema": DIALECT,
        "title": "dcmlint report",
        **_object(
            {
                "schema": {"const": 1, "description": "The version of this contract."},
                "tool": {"const": "dcmlint"},
                "version": {**_TEXT, "description": "The version of dcmlint."},
                "edition": {**_TEXT, "description": "The edition of DICOM that the tables are from."},
                "profile": _TEXT,
                "config": {
                    "type": ["string", "null"],
                    "description": "The configuration file that was read.",
                },
                "files": {"type": "array", "items": {"$ref": "#/$defs/file"}},
                "skipped": {"type": "array", "items": {"$ref": "#/$defs/skipped"}},
                "associations": {"type": "array", "items": {"$ref": "#/$defs/association"}},
                "findings": {"type": "array", "items": {"$ref": "#/$defs/finding"}},
                "outcomes": {
                    "description": "By rule, how many instances, slides or associations had each outcome.",
                    "type": "object",
                    "additionalProperties": _object(dict.fromkeys(get_args(OutcomeKind), _COUNT)),
                },
                "undecided": _unsettled("Rules that could not be decided, with each reason."),
                "crashed": _unsettled("Rules that crashed: a defect of dcmlint, not of the data."),
                "summary": {"$ref": "#/$defs/summary"},
                "exit_code": {
                    "enum": [0, 1, 3, 4],
                    "description": "0 nothing to fail for, 1 findings, 3 no input, 4 incomplete.",
                },
            },
            "Everything that a run found, in the order of its inputs.",
        ),
        "$defs": {
            "end": {
                "description": "The last line of JSON Lines.",
                "type": "object",
                "properties": {
                    "schema": {"const": 1},
                    "summary": {"$ref": "#/$defs/summary"},
                    "exit_code": {"enum": [0, 1, 3, 4]},
                },
                "required": ["schema", "summary", "exit_code"],
            },
            "file": _file(),
            "skipped": _object(
                {"path": _TEXT, "kind": {**_TEXT, "description": "What it is: gzip, TIFF, text …"}},
                "An input that was found, not named, and is no DICOM.",
            ),
            "association": _association(),
            "subject": _subject(),
            "finding": _finding(),
            "summary": _summary(),
        },
    }


def _unsettled(description: str) -> dict[str, Any]:
    where = {**_TEXT, "description": "The first file or subject where it was so."}
    return {
        "description": description,
        "type": "array",
        "items": _object({"rule": _TEXT, "reason": _TEXT, "first": where}, "A rule, and why."),
    }


def _file() -> dict[str, Any]:
    return _object(
        {
            "path": {**_TEXT, "description": "As given or reached; a member of an archive after '!'."},
            "sop_class": _uid("SOP Class UID, or empty."),
            "sop_instance_uid": _uid("SOP Instance UID, or empty."),
            "transfer_syntax": _uid("Transfer Syntax UID, or empty."),
            "status": _one_of(Status),
            "title": {**_TEXT, "description": "What it is, in a few words."},
            "passed": {**_COUNT, "description": "Rules that were decided and hold."},
            "not_applicable": {**_COUNT, "description": "Rules that do not apply to it."},
            "undecided": {"type": "array", "items": _TEXT, "description": "Rules that could not be decided."},
            "crashed": {"type": "array", "items": _TEXT, "description": "Rules that crashed."},
            "not_checked": {
                "type": "array",
                "items": _TEXT,
                "description": "What of it was not checked: a phrase each.",
            },
        },
        "One input, and how far it could be checked.",
    )


def _association() -> dict[str, Any]:
    context = _object(
        {
            "sop_class": _uid("SOP Class UID."),
            "sop_class_name": _TEXT,
            "proposed": {"type": "array", "items": _TEXT, "description": "Transfer Syntax UIDs."},
            "names": {"type": "array", "items": _TEXT},
            "result": {
                "type": "integer",
                "description": "As in PS3.8 Table 9-18; -1 not answered, -2 not asked.",
            },
            "answer": {**_TEXT, "description": "The result in words, or the syntax that was chosen."},
            "chosen": _uid("Transfer Syntax UID, or empty."),
        },
        "One presentation context and what was answered.",
    )
    return _object(
        {
            "id": {**_TEXT, "description": "How findings name it: host and port, or who called."},
            "title": _TEXT,
            "status": _one_of(AssociationStatus),
            "undecided": {"type": "array", "items": _TEXT},
            "contexts": {"type": "array", "items": context},
            "facts": {"type": "object", "description": "What rules read, by group; null: cannot be known."},
        },
        "One endpoint or association that was looked at.",
    )


def _subject() -> dict[str, Any]:
    return _object(
        {
            "kind": _one_of(SubjectKind),
            "id": {**_TEXT, "description": "A path, a UID or an endpoint."},
            "files": {"type": "array", "items": _TEXT},
        },
        "What a finding is about.",
    )


def _finding() -> dict[str, Any]:
    return _object(
        {
            "rule": {**_TEXT, "pattern": r"^[A-Z]{2,5}\d{3}$"},
            "name": _TEXT,
            "severity": _one_of(Severity),
            "basis": _one_of(Basis),
            "subject": {"$ref": "#/$defs/subject"},
            "file": {"type": ["string", "null"]},
            "path": {**_TEXT, "description": "A DICOM path; items are 0-based; empty where there is none."},
            "tag": {**_TEXT, "pattern": "^([0-9A-F]{8})?$"},
            "offset": {"type": ["integer", "null"], "minimum": 0, "description": "The byte in the file."},
            "message": _TEXT,
            "is": {**_TEXT, "description": "What was found; values as --show-values allows."},
            "want": _TEXT,
            "because": {**_TEXT, "description": "The operands of what failed."},
            "references": {"type": "array", "items": _TEXT},
            "places": {
                "type": "array",
                "items": _TEXT,
                "description": "The first places of a repeated finding.",
            },
            "count": {"type": "integer", "minimum": 1},
            "fingerprint": {
                **_TEXT,
                "description": "Stays the same from run to run; never made from values.",
            },
            "suppressed": {"type": "boolean"},
            "remedy": {**_TEXT, "description": "What to do."},
            "confidence": {**_one_of(Confidence), "description": "How sure it is that this is a defect."},
            "related": {
                "type": "array",
                "items": _object(
                    {
                        "file": {"type": ["string", "null"], "description": "null: the file of the finding."},
                        "path": _TEXT,
                        "offset": {"type": ["integer", "null"], "minimum": 0},
                        "message": _TEXT,
                    },
                    "Another place that belongs to a finding.",
                ),
            },
            "fixes": {"type": "array", "items": _fix()},
        },
        "One defect of one subject.",
    )


def _fix() -> dict[str, Any]:
    size = {"type": ["integer", "null"], "minimum": 0}
    operation = _object(
        {
            "kind": {"enum": ["set", "remove", "encode", "rename", "sort", "drop"]},
            "path": _TEXT,
            "vr": {**_TEXT, "description": "The VR then."},
            "old_vr": {**_TEXT, "description": "The VR as it is written now."},
            "old": {**_TEXT, "description": "The value now, as far as it may be shown."},
            "value": {
                **_TEXT,
                "description": "The value then, as far as it may be shown; of rename, the new path.",
            },
            "old_bytes": {**size, "description": "Bytes of the value field now."},
            "new_bytes": {**size, "description": "Bytes of the value field then."},
        },
        "One step, on the element at a path.",
    )
    return _object(
        {
            "label": _TEXT,
            "applicability": {
                "enum": ["safe", "unsafe"],
                "description": "safe: keeps what the data say; unsafe: somebody must say that it is meant.",
            },
            "reason": {**_TEXT, "description": "Why it is unsafe."},
            "operations": {
                "type": "array",
                "items": operation,
                "description": "The steps at the first place of the finding.",
            },
        },
        "What `dcmlint fix` would do.",
    )


def _summary() -> dict[str, Any]:
    counts = (
        "files", "checked", "partial", "unreadable", "skipped", "errors", "warnings", "infos", "suppressed", "rules",
        "not_applicable", "undecided", "crashed", "sampled", "associations",
    )  # fmt: skip
    return _object(
        {
            **dict.fromkeys(counts, _COUNT),
            "seconds": {"type": "number", "minimum": 0},
            "unreviewed": {
                "type": "array",
                "items": _TEXT,
                "description": "IODs whose conditions nobody has reviewed.",
            },
            "unknown_classes": {
                "type": "array",
                "items": _TEXT,
                "description": "SOP Classes that the tables do not have: their modules and attributes were not checked.",
            },
            "not_checked": {
                "type": "array",
                "items": _TEXT,
                "description": "Parameters of the profile without a value, each with the rules that were not checked.",
            },
            "kept": {
                "type": "array",
                "items": _TEXT,
                "description": "Rules that the settings or another profile would have switched off or lowered, and the profile locks.",
            },
            "not_concerned": _TEXT
            | {
                "description": "The profile, if none of its own rules applied to any of the files; else empty.",
            },
        },
        "Counts over the run; findings that are suppressed do not count.",
    )


def _object(properties: dict[str, Any], description: str = "") -> dict[str, Any]:
    made: dict[str, Any] = {"description": description} if description else {}
    return {**made, "type": "object", "properties": properties, "required": list(properties)}


def _one_of(literal: Any) -> dict[str, Any]:
    return {"enum": list(get_args(literal))}


def _uid(description: str) -> dict[str, Any]:
    return {**_TEXT, "description": description}
