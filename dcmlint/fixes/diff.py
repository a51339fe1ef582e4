"""What would be changed, for people and for programs; values are shown as reports show them.

The JSON form has a JSON Patch (RFC 6902) for each file, on the DICOM JSON Model (PS3.18 F) of its data set.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from dcmlint.dicom.path import parse_path, tag_text
from dcmlint.findings.finding import Operation
from dcmlint.fixes.plan import Change
from dcmlint.fixes.run import Outcome

_MOST_LINES = 40  # of one file, in text
_INDEX = re.compile(r"\[\d+\]")


def text_lines(outcome: Outcome, most: int = _MOST_LINES) -> Iterator[str]:
    """The outcome of one input as lines of text, without its path; ``most`` 0: all changes."""
    groups = _grouped(outcome.changes)
    for number, (change, paths) in enumerate(groups):
        if most and number == most:
            left = sum(len(one) for _, one in groups[number:])
            yield f"  … and {left} more change{'s' * (left != 1)} (--verbose)"
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
    many = f" and {len(paths) - 1} other item{'s' * (len(paths) != 2)}" if len(paths) > 1 else ""
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
        "patch": [patch_of(change) for change in outcome.changes],
        "changes": [msgspec.to_builtins(change) for change in outcome.changes],
        "refusals": [msgspec.to_builtins(refusal) for refusal in outcome.refusals],
        "remaining": outcome.remaining,
        "unsafe": outcome.unsafe,
    }


_OPS = {
    "set": "replace",
    "remove": "remove",
    "encode": "replace",
    "sort": "replace",
    "drop": "replace",
    "rename": "move",
}


def patch_of(change: Change) -> dict[str, Any]:
    """One operation of a JSON Patch."""
    operation = change.operation
    pointer = _pointer(operation.path)
    op = _OPS[operation.kind]
    if operation.kind == "set" and operation.old_bytes is None:
        op = "add"
    made: dict[str, Any] = {"op": op, "path": pointer}
    if op == "move":
        made = {"op": op, "from": pointer, "path": _pointer(operation.value)}
    elif op != "remove":
        value: dict[str, Any] = {"vr": operation.vr} if operation.vr else {}
        if operation.value:
            value["Value"] = operation.value.split("\\")
        made["value"] = value
    return made


def _pointer(path: str) -> str:
    """A DICOM path as a JSON Pointer into the DICOM JSON Model; what is no attribute keeps its name."""
    parts: list[str] = []
    try:
        steps = parse_path(path) if path else ()
    except ValueError:
        return "/" + "/".join(part.replace("~", "~0").replace("/", "~1") for part in path.split("."))
    for step in steps:
        parts.append(f"{step.tag:08X}")
        if step.index is not None:
            parts += ["Value", str(step.index)]
    return "".join(f"/{part}" for part in parts)
