"""The Arrow schemas of keys and results, and the version that files in Parquet carry.

Columns may be added; a column is never renamed, and its type and meaning never change: that would be another version.
``docs/archives.md`` describes each column.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

VERSION = 2

_TEXTS = pa.list_(pa.string())
_TEXT_MAP = pa.map_(pa.string(), pa.string())
_MOMENT = pa.timestamp("us", "UTC")


def _struct(**fields: Any) -> Any:
    return pa.list_(pa.struct(list(fields.items())))


# What is to be checked.  ``kind``: object; archive: a ZIP or tar that is opened; problem or skipped: ``note`` says why it
# cannot be read, or what it is.  ``named``: somebody named it, so that it is a finding if it is no DICOM.  ``size`` in bytes.
KEYS = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("size", pa.int64()),
        pa.field("modified", _MOMENT),
        pa.field("etag", pa.string()),
        pa.field("kind", pa.string()),
        pa.field("named", pa.bool_()),
        pa.field("note", pa.string()),
    ]
)

_INSTANCE = [
    ("key", pa.string()),
    ("size", pa.int64()),
    ("modified", _MOMENT),
    ("etag", pa.string()),
    ("path", pa.string()),
    ("status", pa.string()),
    ("title", pa.string()),
    ("sop_class", pa.string()),
    ("sop_instance_uid", pa.string()),
    ("transfer_syntax", pa.string()),
    ("study_instance_uid", pa.string()),
    ("series_instance_uid", pa.string()),
    ("modality", pa.string()),
    ("manufacturer", pa.string()),
    ("model", pa.string()),
    ("software_versions", pa.string()),
    ("study_date", pa.string()),
    ("institution", pa.string()),
    ("source_ae_title", pa.string()),
    ("sender", pa.string()),
    ("errors", pa.int32()),
    ("warnings", pa.int32()),
    ("infos", pa.int32()),
    ("passed", pa.int32()),
    ("not_applicable", pa.int32()),
    ("planned", pa.bool_()),
    ("outcomes", _TEXT_MAP),
    ("undecided", _TEXT_MAP),
    ("unreviewed", pa.string()),
    ("sampled", pa.bool_()),
    ("bytes_read", pa.int64()),
    ("requests", pa.int32()),
    ("seconds", pa.float32()),
]
INSTANCES = pa.schema(_INSTANCE)

_FINDING = [
    ("path", pa.string()),
    ("rule", pa.string()),
    ("name", pa.string()),
    ("severity", pa.string()),
    ("basis", pa.string()),
    ("subject", pa.string()),
    ("subject_id", pa.string()),
    ("files", _TEXTS),
    ("attribute", pa.string()),
    ("tag", pa.string()),
    ("byte", pa.int64()),
    ("message", pa.string()),
    ("found", pa.string()),
    ("expected", pa.string()),
    ("computed_from", pa.string()),
    ("clauses", _struct(part=pa.string(), section=pa.string(), table=pa.string(), edition=pa.string())),
    ("places", _TEXTS),
    ("count", pa.int64()),
    ("fingerprint", pa.string()),
    ("suppressed", pa.bool_()),
    ("remedy", pa.string()),
    ("confidence", pa.string()),
    ("related", _struct(file=pa.string(), path=pa.string(), offset=pa.int64(), message=pa.string())),
    ("fixes", pa.string()),
]
FINDINGS = pa.schema(_FINDING)

# What the pass over slides, series, studies and patients needs of an instance: see `dcmlint.archive.links`.
_FACT = [
    ("path", pa.string()),
    ("kept", pa.binary()),
    ("links", pa.list_(pa.int64())),  # signed: Spark knows no others
    ("directory", _TEXTS),
    ("exempt", pa.list_(pa.int32())),
]
FACTS = pa.schema(_FACT)

# One row for each instance, with its findings and facts in it: what the pure function gives.
RESULTS = pa.schema([*_INSTANCE, ("findings", pa.list_(pa.struct(_FINDING))), ("facts", pa.struct(_FACT))])

EXPLAINED = pa.schema([("rule", pa.string()), ("path", pa.string())])

OUTCOMES = pa.schema(
    [
        ("rule", pa.string()),
        ("pass", pa.int64()),
        ("fail", pa.int64()),
        ("not_applicable", pa.int64()),
        ("undecided", pa.int64()),
        ("error", pa.int64()),
    ]
)

RUNS = pa.schema(
    [
        ("run", pa.string()),
        ("schema_version", pa.int32()),
        ("status", pa.string()),
        ("started", _MOMENT),
        ("ended", _MOMENT),
        ("source", pa.string()),
        ("engine", pa.string()),
        ("tool_version", pa.string()),
        ("edition", pa.string()),
        ("profile", pa.string()),
        ("settings", pa.string()),
        ("rules_digest", pa.string()),
        ("keys", pa.int64()),
        ("instances", pa.int64()),
        ("checked", pa.int64()),
        ("partial", pa.int64()),
        ("unreadable", pa.int64()),
        ("skipped", pa.int64()),
        ("errors", pa.int64()),
        ("warnings", pa.int64()),
        ("infos", pa.int64()),
        ("reused", pa.int64()),
        ("bytes_listed", pa.int64()),
        ("bytes_read", pa.int64()),
        ("requests", pa.int64()),
        ("exit_code", pa.int32()),
    ]
)
