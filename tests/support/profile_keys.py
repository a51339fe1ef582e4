"""The keys of the schema of profiles, for the tests that change each of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tools.profile_schema import profile_schema


def keys() -> Iterator[str]:
    """The keys of the schema, as paths; below examples, own rules and references the language of rules begins."""
    schema = profile_schema()
    pending: list[tuple[str, Any, tuple[str, ...]]] = [("", schema, ())]
    while pending:
        path, node, seen = pending.pop()
        if name := node.get("$ref", "").rpartition("/")[2]:
            if name not in seen:
                pending.append((path, schema["$defs"][name], (*seen, name)))
            continue
        for key, below in node.get("properties", {}).items():
            here = f"{path}.{key}".lstrip(".")
            yield here
            if key not in ("examples", "own_rules"):
                pending.append((here, below, seen))
        for below in (*node.get("anyOf", ()), node.get("items"), node.get("additionalProperties")):
            if isinstance(below, dict):
                pending.append((path, below, seen))
