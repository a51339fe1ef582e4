"""What would be changed, for people and for programs; values are shown as reports show them.

The JSON form has a JSON Patch for each file (see `dcmlint.fixes.json_patch`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from dcmlint.dicom.path import parse_path, tag_text
from dcmlint.findings.finding import Operation
from dcmlint.fixes.plan import Change
from dcmlint.fixes.run import Outcome
from dcmlint.plural import number_of

_MOST_LINES = 40  # of one file, in text
_INDEX = re.compile(r"\[\d+\]")


def text_lines(outcome: Outcome, most: int = _MOST_LINES) -> Iterator[str]:
    """The outcome of one input as lines of text, without its path; ``most`` 0: all changes."""
    groups = _grouped(outcome.changes)
    for number, (change, paths) in enumerate(groups):
        if most and number == most:
            left = sum(len(one) for _, one in groups[number:])
            yield f"  … and {number_of(left, 'more change')} (--verbose)"
            break
        yield from _change_lines(change, paths)
    for refusal in outcome.refusals:
        at = f" at {refusal.path}" if refusal.path else ""
        yield f"  not repaired: {refusal.rule}{at}: {refusal.reason}"


def _grouped(changes: Iterable[Change]) -> list[tuple[Change, list[str]]]:
    """Changes that differ only in the items where they are, together."""
    found: dict[tuple[object, ...], tuple[Change, list[str]]] = {}
    for change in changes:
        operation = change.operation
        key = (
            change.rule, operation.kind, _INDEX.sub("", operation.path), operation.vr, operation.old, operation.value,
            operation.old_bytes, operation.new_bytes, change.label,
        )  # fmt: skip
        found.setdefault(key, (change, []))[1].append(operation.path)
    return list(found.values())


def _change_lines(change: Change, paths: list[str]) -> Iterator[str]:
    operation = change.operation
    many = f" and {number_of(len(paths) - 1, 'other item')}" if len(paths) > 1 else ""
    yield f"  {change.rule} {change.label} ({change.safety}){_sizes(operation)}"
    tag = _tag(operation.path)
    name = (operation.path or "data set") + ("" if operation.path.endswith(")") else tag)
    has_vr = bool(operation.old_vr and operation.vr and operation.old_vr != operation.vr)
    was, then = (f" {operation.old_vr}", f" {operation.vr}") if has_vr else ("", "")
    replaces = operation.kind == "set" or has_vr
    if (replaces or operation.kind in ("remove", "rename", "drop")) and (
        operation.old or operation.old_bytes is not None
    ):
        yield f"    - {name}{was}{many}: {operation.old or '(empty)'}"
    if replaces:
        yield f"    + {name}{then}{many}: {operation.value or '(empty)'}"
    elif operation.kind == "rename":
        yield f"    + {operation.value}{_tag(operation.value)}{many}"
    elif operation.kind in ("encode", "sort"):
        how = "the same value, written anew" if operation.kind == "encode" else "elements in ascending order"
        yield f"    ~ {name}{many}: {how}"


def _sizes(operation: Operation) -> str:
    old, new = operation.old_bytes, operation.new_bytes
    if old is None and new is None:
        return ""
    if old == new:
        return f", {old} bytes"
    if old is None:
        return f", {new} bytes"
    return f", {old} bytes" if new is None else f", {old} -> {new} bytes"


def _tag(path: str) -> str:
    try:
        tag = parse_path(path)[-1].tag
    except ValueError:
        return ""
    return f" {tag_text(tag)}" if tag else ""


def json_value(outcome: Outcome) -> dict[str, Any]:
    """The outcome of one input as a program reads it."""
    import msgspec

    return {
        "path": outcome.path,
        "status": outcome.status,
        "reason": outcome.reason,
        "written": outcome.written,
        "original": outcome.original,
        "old_bytes": outcome.size,
        "new_bytes": outcome.new_size,
        "patch": [change.patch for change in outcome.changes if change.patch is not None],
        "changes": [change.plain() for change in outcome.changes],
        "refusals": [msgspec.to_builtins(refusal) for refusal in outcome.refusals],
        "remaining": outcome.remaining,
        "unsafe": outcome.unsafe,
    }
