"""The unit of the second pass: a pure function from an Arrow batch of whole groups to what was found in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import pyarrow as pa

from dcmlint.archive.rows import finding_row, text
from dcmlint.archive.schema import EXPLAINED, FINDINGS
from dcmlint.archive.unit import checker_of
from dcmlint.archive.work import Work
from dcmlint.engine.across import check_together
from dcmlint.engine.members import Members
from dcmlint.profiles.apply import together_with_profile

# The members of groups, group by group: a group is never divided.
MEMBERS = pa.schema(
    [("group", pa.int64()), ("path", pa.string()), ("kept", pa.binary()), ("exempt", pa.list_(pa.int32()))]
)
# One row for a batch.  ``outcomes``: how often each rule ended in which way; ``subjects``: slides and series.
GROUP_RESULTS = pa.schema(
    [
        ("findings", pa.list_(pa.struct(list(FINDINGS)))),
        ("explained", pa.list_(pa.struct(list(EXPLAINED)))),
        (
            "outcomes",
            pa.list_(pa.struct([("rule", pa.string()), ("end", pa.string()), ("count", pa.int64())])),
        ),
    ]
)


def check_batch(members: pa.RecordBatch, work: Work) -> pa.RecordBatch:
    """Check the groups of a batch of `MEMBERS`: a batch of `GROUP_RESULTS` with one row."""
    checker = checker_of(work)
    findings: list[dict[str, Any]] = []
    explained: list[dict[str, Any]] = []
    counts: Counter[tuple[str, str]] = Counter()
    for group, exempt in _groups(members):
        found = check_together(group, checker.planner.together, checker.settings)
        for outcomes in found.outcomes:
            counts.update(outcomes.items())
        findings += map(finding_row, together_with_profile(checker.profile, found.findings, exempt))
        explained += [{"rule": rule, "path": text(path)} for rule, path in sorted(found.explained)]
    ends = [{"rule": rule, "end": end, "count": count} for (rule, end), count in sorted(counts.items())]
    row = {"findings": findings, "explained": explained, "outcomes": ends}
    return pa.RecordBatch.from_pylist([row], GROUP_RESULTS)


def _groups(batch: pa.RecordBatch) -> Iterator[tuple[Members, dict[str, tuple[int, ...]]]]:
    """Each group: its members, and the exceptions of the profile that match them."""
    for _, rows in groupby(batch.to_pylist(), key=lambda row: row["group"]):
        listed = list(rows)
        exempt = {row["path"]: tuple(row["exempt"]) for row in listed if row["exempt"]}
        yield Members(row["kept"] for row in listed), exempt
