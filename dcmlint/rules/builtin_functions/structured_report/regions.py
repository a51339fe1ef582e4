"""Frames and coordinates of documents against the images that they refer to, where these were checked too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dcmlint.facts.run.kept import regions_in
from dcmlint.rules.functions import NotApplicable, Problem, rule_function
from dcmlint.rules.slide_functions import SlideContext

if TYPE_CHECKING:
    from dcmlint.facts.report.regions import ImageSize, Region
    from dcmlint.facts.run.index import KeptFile

# Coordinates may reach the far edge of the last pixel, and a little beyond by drawing.
_EDGE = 1.0


def _pairs(context: SlideContext) -> Iterator[tuple[KeptFile, Region, KeptFile, ImageSize]]:
    """What documents say of an image, with the image."""
    any_ = False
    for part in context.parts:
        for region in regions_in(part.kept):
            if region.space:
                continue
            for image in context.index.named(region.sop_instance)[:1]:
                if image.kept.size is not None:
                    any_ = True
                    yield part, region, image, image.kept.size
    if not any_:
        raise NotApplicable


@rule_function("report-frames-of-images")
def frames(context: SlideContext) -> Iterator[Problem]:
    """SR021: the frames that a document refers to are frames of the image."""
    for part, region, image, size in _pairs(context):
        # The frames of a concatenation are those of all its members.
        whole = image.kept.sop_instance == region.sop_instance
        if whole and region.frame > size.frames:
            yield Problem(
                message=f"frame {region.frame} is referenced, but the image has {size.frames} frames",
                found=region.frame, want=f"1 to {size.frames}", files=(part.path, image.path),
            )  # fmt: skip


@rule_function("report-coordinates-in-images")
def coordinates(context: SlideContext) -> Iterator[Problem]:
    """SR022: the coordinates of a document lie within the image, or within its Total Pixel Matrix."""
    for part, region, image, size in _pairs(context):
        columns, rows = size.columns, size.rows
        if region.whole:
            columns, rows = max(columns, size.matrix_columns), max(rows, size.matrix_rows)
        if region.right > columns + _EDGE or region.bottom > rows + _EDGE:
            yield Problem(
                message=f"coordinates extend beyond their image of {columns} × {rows} pixels",
                said=f"{region.right:.6g}, {region.bottom:.6g}", want=f"at most {columns}, {rows}",
                files=(part.path, image.path),
            )  # fmt: skip
