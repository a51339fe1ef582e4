"""Ellipses and rectangles of annotations, which four points describe (PS3.3 C.37.1.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from dcmlint.facts.header.annotation_groups import FIXED
from dcmlint.rules.builtin_functions.annotations.groups import groups
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, rule_function
from dcmlint.standard.tags import AnnotationCoordinateType

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]

# Points are drawn by hand and rounded: a part of the longest side, and a pixel (2D) or a micrometer (3D).
_LOOSE = 0.02
_ROUNDED = {"2D": 1.0, "3D": 1e-3}
# Shapes looked at at a time (memory).
_CHUNK = 1 << 18


@rule_function("annotation-shapes")
def shapes(context: RuleContext) -> Iterator[Problem]:
    """ANN011: the points of an ELLIPSE end its axes, those of a RECTANGLE are its corners in order."""
    looked_at = False
    slack = _ROUNDED.get(context.dataset.text(AnnotationCoordinateType))
    for group in groups(context):
        check = _CHECKS.get(group.graphic_type)
        points = group.points() if check is not None and slack is not None else None
        if check is None or slack is None or points is None or len(points) % FIXED[group.graphic_type]:
            continue
        looked_at = True
        wrong, first = 0, -1
        four = points.reshape(-1, 4, group.dimensions)
        for start in range(0, len(four), _CHUNK):
            found = _where(check, four[start : start + _CHUNK].astype(float), slack)
            if first < 0 and len(found):
                first = start + int(found[0])
            wrong += len(found)
        if wrong:
            yield Problem(
                message=f"{wrong} of {len(four)} {_PLURAL[group.graphic_type]} do not have the points that their type requires",
                level=group.item, tag=group.coordinates, said=f"first in annotation {first + 1}",
                want=_WANT[group.graphic_type],
            )  # fmt: skip
    if not looked_at:
        raise NotApplicable


def _where(check: Callable[[Floats, float], Flags], four: Floats, slack: float) -> npt.NDArray[np.intp]:
    import numpy as np

    with np.errstate(invalid="ignore", over="ignore"):
        return np.flatnonzero(check(four, slack) & np.isfinite(four).all(axis=(1, 2)))


def _ellipses(four: Floats, slack: float) -> Flags:
    """Which have axes that do not halve each other at right angles, or begin with the minor axis."""
    import numpy as np

    major, minor = four[:, 1] - four[:, 0], four[:, 3] - four[:, 2]
    lengths = np.linalg.norm(major, axis=1), np.linalg.norm(minor, axis=1)
    longest = np.maximum(*lengths)
    apart = np.linalg.norm(four[:, 0] + four[:, 1] - four[:, 2] - four[:, 3], axis=1) / 2
    slanted = np.abs((major * minor).sum(axis=1)) > 4 * _LOOSE * lengths[0] * lengths[1]
    flags: Flags = (
        (longest == 0)
        | (apart > np.maximum(_LOOSE * longest, slack))
        | (slanted & (lengths[1] > 2 * slack))
        | (lengths[0] < lengths[1] * (1 - _LOOSE) - slack)
    )
    return flags


def _rectangles(four: Floats, slack: float) -> Flags:
    """Which have corners that are not in order around, or no right angles."""
    import numpy as np

    one, two = four[:, 1] - four[:, 0], four[:, 3] - four[:, 0]
    lengths = np.linalg.norm(one, axis=1), np.linalg.norm(two, axis=1)
    longest = np.maximum(*lengths)
    # The diagonals of a rectangle halve each other, and are equally long.
    apart = np.linalg.norm(four[:, 0] + four[:, 2] - four[:, 1] - four[:, 3], axis=1)
    slanted = np.abs((one * two).sum(axis=1)) > 4 * _LOOSE * lengths[0] * lengths[1]
    flags: Flags = (
        (longest == 0)
        | (apart > np.maximum(2 * _LOOSE * longest, 2 * slack))
        | (slanted & (np.minimum(*lengths) > 2 * slack))
    )
    return flags


_CHECKS = {"ELLIPSE": _ellipses, "RECTANGLE": _rectangles}
_PLURAL = {"ELLIPSE": "ellipses", "RECTANGLE": "rectangles"}
_WANT = {
    "ELLIPSE": "the end points of the major axis, then those of the minor axis, which bisect each other at right angles",
    "RECTANGLE": "the four corners in their order around the rectangle",
}
