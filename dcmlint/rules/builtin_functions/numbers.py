"""Numbers that several rooms of functions hold values to."""

from __future__ import annotations

# A slide is 26 mm x 76 mm, the largest whole mounts 4 times that; the origin lies at its corner (PS3.3 C.8.12.2.1).
LARGEST_SLIDE = 260.0
# PS3.3 C.10.9.1.5: bits of each sample interpretation
SAMPLE_BITS = {"SB": 8, "UB": 8, "MB": 8, "AB": 8, "SS": 16, "US": 16, "SL": 32, "UL": 32, "SV": 64, "UV": 64}
# PS3.3 C.18.7.1.1: fewest values, most values, and what their number is a multiple of
_TIMES: dict[str, tuple[int, int | None, int]] = {
    "POINT": (1, 1, 1), "MULTIPOINT": (1, None, 1), "SEGMENT": (2, 2, 1), "MULTISEGMENT": (2, None, 2),
    "BEGIN": (1, 1, 1), "END": (1, 1, 1),
}  # fmt: skip


def number_wanted(count: float, fewest: int, most: int | None, step: int = 1) -> str:
    """The number that is expected in place of ``count``; "" where that is right.

    ``most`` None: any number from ``fewest`` on; ``step``: what the number is a multiple of.
    """
    if count >= fewest and (most is None or count <= most) and not count % step:
        return ""
    return f"{fewest}" if most == fewest else f"at least {fewest}" + (", in pairs" if step == 2 else "")


def positions_wanted(kind: str, count: int) -> str:
    """How many positions a temporal range type has (PS3.3 C.18.7.1.1); "" where the number is right, or the type unknown."""
    return number_wanted(count, *_TIMES[kind]) if kind in _TIMES else ""
