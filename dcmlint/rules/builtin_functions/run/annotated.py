"""Bulk annotations, and 3D coordinates of documents, against images that were checked too (PS3.3 C.37.1, C.18.9)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dcmlint.dicom.path import name_of
from dcmlint.facts.run.kept import annotations_in, regions_in
from dcmlint.rules.builtin_functions.numbers import LARGEST_SLIDE
from dcmlint.rules.functions import NotApplicable, Problem, rule_function
from dcmlint.rules.slide_functions import SlideContext

if TYPE_CHECKING:
    from dcmlint.facts.run.derived_object import Annotations, Extent
    from dcmlint.facts.run.index import KeptFile
    from dcmlint.facts.run.slide_image import SlideImage

# 2D coordinates may reach the far edge of the last pixel, and a little beyond by drawing (pixels).
_EDGE = 1.0
# 3D coordinates (mm): half a micrometer for the rounding of the origin and the spacing, and 0.1 % of the side.
_ROUNDED = 5e-4
_SHARE = 1e-3


def _annotated(context: SlideContext) -> Iterator[tuple[KeptFile, Annotations, list[KeptFile]]]:
    """Annotations with the image that they refer to: one instance, or the members of a concatenation."""
    any_ = False
    for part in context.parts:
        said = annotations_in(part.kept)
        found = context.index.named(said.image) if said is not None and said.image else []
        if said is not None and found:
            any_ = True
            yield part, said, found
    if not any_:
        raise NotApplicable


@rule_function("derived-annotations-inside")
def inside(context: SlideContext) -> Iterator[Problem]:
    """DRV004: annotations lie in the Total Pixel Matrix or the frames of their image, or on its part of the slide."""
    any_ = False
    for part in context.parts:
        said = annotations_in(part.kept)
        area = _area(context, part, said) if said is not None else None
        if said is None or area is None:
            continue
        any_ = True
        image, (left, top, right, bottom), unit = area
        out = [one for one in said.extents
               if (one.left < left or one.top < top or one.right > right or one.bottom > bottom)
               and not (unit == "mm" and _off_any_slide(one))]  # fmt: skip
        if out:
            edge = _EDGE if unit == "pixels" else 0.0
            left, top, right, bottom = left + edge, top + edge, right - edge, bottom - edge
            wide, high = right - left, bottom - top
            more = f" (and {len(out) - 1} more groups)" if len(out) > 1 else ""
            yield Problem(
                message=f"annotations extend beyond their image of {wide:.6g} × {high:.6g} {unit}{more}",
                path=_place(out[0]), said=_box(out[0]), want=f"{left:.6g}, {top:.6g} to {right:.6g}, {bottom:.6g}",
                files=(part.path, image.path),
            )  # fmt: skip
    if not any_:
        raise NotApplicable


_Box = tuple[float, float, float, float]


def _off_any_slide(one: Extent) -> bool:
    """Whether coordinates lie where no slide is, which is told of the annotations alone (ANN009)."""
    return max(map(abs, (one.left, one.top, one.right, one.bottom))) > LARGEST_SLIDE


def _area(context: SlideContext, part: KeptFile, said: Annotations) -> tuple[KeptFile, _Box, str] | None:
    """Where the coordinates may lie, and the image that says so; None where no image that was checked does."""
    if said.coordinates == "3D":
        return _on_slide(context, part.kept.frame_of_reference)
    for image in context.index.named(said.image)[:1] if said.image and said.coordinates == "2D" else ():
        size = image.kept.size
        if size is None:
            return None
        wide, high = size.columns, size.rows
        if said.origin == "FRAME" and size.frames > 1 and len(said.frames) != 1:
            return None  # of which frame is not said: DRV013
        if said.origin != "FRAME" and size.matrix_columns and size.matrix_rows:
            wide, high = size.matrix_columns, size.matrix_rows
        return image, (-_EDGE, -_EDGE, wide + _EDGE, high + _EDGE), "pixels"
    return None


def _on_slide(context: SlideContext, frame: str) -> tuple[KeptFile, _Box, str] | None:
    """The part of the slide (mm) that all images in one frame of reference show together, and one of them."""
    images = [one for one in context.index.frames_of_reference.get(frame, []) if frame and one.on_slide]
    shown = [
        (one, box)
        for one in images
        if one.image.flavour == "VOLUME" and (box := _shown(one.image)) is not None
    ]
    if not shown:
        return None
    boxes = [box for _, box in shown]
    return (
        shown[0][0],
        (min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes)),
        "mm",
    )  # fmt: skip


def _shown(image: SlideImage) -> _Box | None:
    """The area of an image in the Slide Coordinate System in mm, with tolerance (PS3.3 C.8.12.2.1.1)."""
    origin, direction = image.origin, image.orientation
    if origin is None or origin[0] is None or origin[1] is None or len(direction) != 6:
        return None
    if not (image.matrix_columns and image.matrix_rows and image.column_spacing and image.row_spacing):
        return None
    along, down = image.matrix_columns * image.column_spacing, image.matrix_rows * image.row_spacing
    xs = [origin[0] + a * direction[0] * along + b * direction[3] * down for a in (0, 1) for b in (0, 1)]
    ys = [origin[1] + a * direction[1] * along + b * direction[4] * down for a in (0, 1) for b in (0, 1)]
    edge = max(image.column_spacing, image.row_spacing) + _ROUNDED + _SHARE * max(along, down)
    return min(xs) - edge, min(ys) - edge, max(xs) + edge, max(ys) + edge


def _box(one: Extent) -> str:
    return f"{one.left:.6g}, {one.top:.6g} to {one.right:.6g}, {one.bottom:.6g}"


def _place(one: Extent) -> str:
    return f"AnnotationGroupSequence[{one.number}].{name_of(one.tag)}"


@rule_function("annotations-optical-paths")
def optical_paths(context: SlideContext) -> Iterator[Problem]:
    """DRV012: the optical paths that annotation groups name are paths of the image."""
    any_ = False
    for part, said, found in _annotated(context):
        theirs = {path for one in found if one.on_slide for path in one.image.paths}
        for number, mine in said.paths:
            if not theirs:
                break
            any_ = True
            strange = [path for path in mine if path not in theirs]
            if strange:
                yield Problem(
                    message=f"the image has no optical path {strange[0]!r}", found=strange[0],
                    path=f"AnnotationGroupSequence[{number}].ReferencedOpticalPathIdentifier",
                    want=" or ".join(sorted(theirs)[:8]), files=(part.path, found[0].path),
                )  # fmt: skip
    if not any_:
        raise NotApplicable


@rule_function("annotations-origin")
def origin(context: SlideContext) -> Iterator[Problem]:
    """DRV013: Pixel Origin Interpretation fits the image: VOLUME has a Total Pixel Matrix, FRAME one frame."""
    for part, said, found in _annotated(context):
        sizes = [one.kept.size for one in found if one.kept.size is not None]
        if not sizes or said.coordinates != "2D":
            continue
        frames = sum(size.frames for size in sizes)
        if said.origin == "VOLUME" and not any(size.matrix_columns and size.matrix_rows for size in sizes):
            yield Problem(
                message="Pixel Origin Interpretation is VOLUME, but the image has no Total Pixel Matrix", found="VOLUME",
                want="FRAME", files=(part.path, found[0].path),
            )  # fmt: skip
        elif said.origin == "FRAME" and frames > 1 and len(said.frames) != 1:
            yield Problem(
                message=f"Pixel Origin Interpretation is FRAME, but {len(said.frames) or 'none'} of the {frames} frames "
                f"{'is' if not said.frames else 'are'} referenced, so the frame of the coordinates is not known",
                said="FRAME", want="Referenced Frame Number with one frame, or VOLUME",
                files=(part.path, found[0].path),
            )  # fmt: skip


@rule_function("report-coordinates-on-slide")
def on_the_slide(context: SlideContext) -> Iterator[Problem]:
    """SR030: 3D coordinates of a document lie where the slide images in their frame of reference are."""
    any_ = False
    for part in context.parts:
        for region in regions_in(part.kept):
            area = _on_slide(context, region.space) if region.space else None
            if area is None:
                continue
            any_ = True
            image, (left, top, right, bottom), unit = area
            if region.left < left or region.top < top or region.right > right or region.bottom > bottom:
                yield Problem(
                    message="3D coordinates extend beyond the slide images in their frame of reference",
                    said=f"{region.left:.6g}, {region.top:.6g} to {region.right:.6g}, {region.bottom:.6g}",
                    want=f"{left:.6g}, {top:.6g} to {right:.6g}, {bottom:.6g} {unit}", files=(part.path, image.path),
                )  # fmt: skip
    if not any_:
        raise NotApplicable
