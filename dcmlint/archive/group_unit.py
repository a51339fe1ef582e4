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
from dcmlint.engine.session import CANNOT_OPEN
from dcmlint.profiles.apply import together_with_profile

# The members of groups, group by group: a group is never divided, and may be of more than 2 GiB.
MEMBERS = pa.schema(
    [
        ("group", pa.int64()),
        ("path", pa.large_string()),
        ("kept", pa.large_binary()),
        ("exempt", pa.large_list(pa.int32())),
    ]
)
_ROWS = 1024  # that are taken from a batch at a time
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


def not_checked(members: pa.RecordBatch, work: Work) -> pa.RecordBatch:
    """The result of one group in which no rule came to an end, since the process that checked it died: see `check_batch`."""
    checker = checker_of(work)
    path = members.column("path")[0].as_py()
    reason = (
        f"not checked together with the {members.num_rows - 1} instances that belong to it: the process died"
    )
    findings = checker.unreadable(path, CANNOT_OPEN, reason).findings
    ends = [{"rule": active.id, "end": "error", "count": 1} for active in checker.planner.together]
    row = {"findings": list(map(finding_row, findings)), "explained": [], "outcomes": ends}
    return pa.RecordBatch.from_pylist([row], GROUP_RESULTS)


def parts_of(members: pa.RecordBatch) -> tuple[pa.RecordBatch, ...]:
    """A batch of several groups in two parts, each of whole groups; one of a single group stays whole."""
    groups = members.column("group")
    first, middle, last = (groups[place].as_py() for place in (0, len(groups) // 2, len(groups) - 1))
    if first == last:
        return (members,)
    # Where the group in the middle begins, or ends if it is the first one.
    ended = middle == first
    inside = (place for place, group in enumerate(groups) if (group.as_py() == middle) != ended)
    place = next(inside)
    return members.slice(0, place), members.slice(place)


def _groups(batch: pa.RecordBatch) -> Iterator[tuple[Members, dict[str, tuple[int, ...]]]]:
    """Each group: its members, and the exceptions of the profile that match them."""
    rows = (row for start in range(0, batch.num_rows, _ROWS) for row in batch.slice(start, _ROWS).to_pylist())
    for _, group in groupby(rows, key=lambda row: row["group"]):
        members, exempt = Members(), dict[str, tuple[int, ...]]()
        for row in group:
            members.append(row["kept"])
            if row["exempt"]:
                exempt[row["path"]] = tuple(row["exempt"])
        yield members, exempt
