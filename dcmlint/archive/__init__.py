"""Archives: many objects, checked in shards on one machine or several, with the results in Parquet.

- `scan_batch`, `Work`: the pure function from an Arrow batch of keys to an Arrow batch of results
- `split_batch`: a batch of results as the rows of instances, findings and facts
- `KEYS`, `RESULTS`, `INSTANCES`, `FINDINGS`, `FACTS`, `OUTCOMES`, `RUNS`: the schemas
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dcmlint.archive.schema import FACTS, FINDINGS, INSTANCES, KEYS, OUTCOMES, RESULTS, RUNS
    from dcmlint.archive.unit import scan_batch, split_batch
    from dcmlint.archive.work import Work

_WHERE = {
    "Work": "dcmlint.archive.work",
    **dict.fromkeys(("scan_batch", "split_batch"), "dcmlint.archive.unit"),
    **dict.fromkeys(
        ("FACTS", "FINDINGS", "INSTANCES", "KEYS", "OUTCOMES", "RESULTS", "RUNS"), "dcmlint.archive.schema"
    ),
}

__all__ = [
    "FACTS",
    "FINDINGS",
    "INSTANCES",
    "KEYS",
    "OUTCOMES",
    "RESULTS",
    "RUNS",
    "Work",
    "scan_batch",
    "split_batch",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        from importlib import import_module

        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'dcmlint.archive' has no attribute {name!r}")
