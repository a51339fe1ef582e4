"""Durations and sizes as people write them: ``90s``, ``5m``, ``3d``; ``64MB``, ``20GB``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
}
_WRITTEN = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]+)")


class Duration(float):
    """Seconds."""

    expected = 'a duration such as "30s", "5m", "24h" or "3d"'


class Size(int):
    """Bytes."""

    expected = 'a size such as "64MB" or "20GB"'


def schema(kind: type) -> dict[str, str]:
    """What a schema says of a duration or a size."""
    if kind is Duration or kind is Size:
        units = "|".join(_SECONDS) if kind is Duration else "|".join(_BYTES)
        case = units + "|" + units.lower() if kind is Size else units
        return {"type": "string", "pattern": rf"^\s*[0-9]+(\.[0-9]+)?\s*({case})\s*$", "title": kind.expected}
    raise NotImplementedError(kind)


def convert(kind: type, value: Any) -> Any:
    """A duration or size from what a file says; ``ValueError`` with what is expected."""
    if kind is Duration:
        return Duration(_amount(value, _SECONDS, Duration.expected, 0.001))
    if kind is Size:
        return Size(_amount(value, _BYTES, Size.expected, 1))
    raise NotImplementedError(kind)


def _amount(value: Any, units: Mapping[str, float], expected: str, least: float) -> float:
    if isinstance(value, str):
        found = _WRITTEN.fullmatch(value.strip())
        unit = found[2].upper() if found and units is _BYTES else found[2].lower() if found else ""
        if found and unit in units:
            amount = float(found[1]) * float(units[unit])
            if amount >= least:
                return amount
    raise ValueError(f"{value!r} is not {expected}")
