"""References between instances of a run, and objects derived from slides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dcmlint import standard
from dcmlint.facts.run.entities import patient_key
from dcmlint.facts.run.kept import references_of
from dcmlint.rules.functions import NotApplicable, Problem, rule_function
from dcmlint.rules.slide_functions import SlideContext, counted

if TYPE_CHECKING:
    from dcmlint.facts.run.index import KeptFile
    from dcmlint.facts.run.referenced import Reference
    from dcmlint.facts.run.slide_image import SlideImage

_SHOWN = 3
_SAME_DIRECTION = 1e-4


def _kind(uid: str) -> str:
    known = standard.load().uid(uid)
    return known.name.removesuffix(" Storage") if known is not None else "unknown SOP Class"


def _referring(context: SlideContext) -> Iterator[tuple[KeptFile, Reference]]:
    any_ = False
    for part in context.parts:
        for reference in references_of(part.kept).instances:
            any_ = True
            yield part, reference
    if not any_:
        raise NotApplicable


@rule_function("references-outside")
def outside(context: SlideContext) -> Iterator[Problem]:
    """REF001: instances that are referred to but were not checked, counted once for the series."""
    known, sources = context.index.instances, context.index.concatenation_sources
    missing: dict[str, str] = {}
    files: dict[str, None] = {}
    for part, reference in _referring(context):
        if reference.sop_instance not in known and reference.sop_instance not in sources:
            missing.setdefault(reference.sop_instance, reference.sop_class)
            files[part.path] = None
    if missing:
        kinds = Counter(_kind(uid) for uid in missing.values()).most_common(_SHOWN)
        yield Problem(
            message=f"{counted(len(missing), 'referenced instance')} not among the files: "
            + ", ".join(f"{count} {kind}" for kind, count in kinds),
            files=tuple(files),
        )  # fmt: skip


@rule_function("references-sop-class")
def sop_class(context: SlideContext) -> Iterator[Problem]:
    """REF002: a reference names the SOP Class that the instance has."""
    for part, reference in _referring(context):
        found = context.index.instances.get(reference.sop_instance, [])
        classes = {one.kept.sop_class for one in found}
        if found and reference.sop_class and reference.sop_class not in classes:
            yield Problem(
                message=f"the instance {reference.sop_instance} is referenced as {_kind(reference.sop_class)}, "
                f"but is {_kind(found[0].kept.sop_class)}",
                found=reference.sop_class, want=found[0].kept.sop_class, path=_through(reference),
                files=(part.path, found[0].path),
            )  # fmt: skip


@rule_function("references-series")
def series(context: SlideContext) -> Iterator[Problem]:
    """REF003: a reference names the series and the study that the instance stands in."""
    for part, reference in _referring(context):
        found = context.index.instances.get(reference.sop_instance, [])
        for said, values, noun in (
            (reference.series, [one.kept.series for one in found], "series"),
            (reference.study, [one.kept.study for one in found], "study"),
        ):
            if said and any(values) and said not in values:
                yield Problem(
                    message=f"the instance {reference.sop_instance} is referenced in another {noun}",
                    found=said, want=next(filter(None, values)), path=_through(reference),
                    files=(part.path, found[0].path),
                )  # fmt: skip
                break


def _through(reference: Reference) -> str:
    entry = standard.load().dictionary.entry(reference.through)
    return entry.keyword if entry is not None else ""


def _sources(context: SlideContext, part: KeptFile) -> list[KeptFile]:
    """The images that a part refers to and that were checked, each once."""
    found: dict[str, KeptFile] = {}
    for reference in references_of(part.kept).instances:
        for one in context.index.instances.get(reference.sop_instance, [])[:1]:
            if one is not part:
                found[one.path] = one
    return list(found.values())


def _derived(context: SlideContext) -> Iterator[tuple[KeptFile, list[KeptFile]]]:
    any_ = False
    for part in context.parts:
        sources = _sources(context, part)
        if sources:
            any_ = True
            yield part, sources
    if not any_:
        raise NotApplicable


@rule_function("derived-frame-of-reference")
def frame_of_reference(context: SlideContext) -> Iterator[Problem]:
    """DRV001: what was made of an image lies in the image's frame of reference."""
    for part, sources in _derived(context):
        theirs = list(
            dict.fromkeys(one.kept.frame_of_reference for one in sources if one.kept.frame_of_reference)
        )
        mine = [part.kept.frame_of_reference, *references_of(part.kept).frames_of_reference]
        strange = [uid for uid in dict.fromkeys(mine) if uid and uid not in theirs]
        if theirs and strange:
            yield Problem(
                message=f"the Frame of Reference UID {strange[0]} is not that of any of the "
                f"{counted(len(sources), 'referenced image')} checked",
                found=strange[0], want=" or ".join(theirs[:_SHOWN]), files=(part.path, sources[0].path),
            )  # fmt: skip


@rule_function("derived-area")
def area(context: SlideContext) -> Iterator[Problem]:
    """DRV002: the Total Pixel Matrix of a derived object lies within that of its source."""
    for part, sources in _derived(context):
        if not part.has_image or part.on_slide:
            continue
        slides = [one for one in sources if one.on_slide and one.image.flavour in ("VOLUME", "THUMBNAIL")]
        slides = [one for one in slides if one.kept.frame_of_reference == part.kept.frame_of_reference]
        areas = [found for one in slides if (found := _beyond(part.image, one.image)) is not None]
        if areas and min(areas) > 0:
            begins = any(_begins_within(part.image, one.image) for one in slides)
            yield Problem(
                message=f"the Total Pixel Matrix lies up to {min(areas):.4g} mm outside that of the "
                f"referenced {slides[0].role}",
                # Where it begins within the image, its size or its spacing is what is wrong, not its origin.
                path="TotalPixelMatrixColumns" if begins else "",
                files=(part.path, slides[0].path),
            )  # fmt: skip


def _begins_within(image: SlideImage, source: SlideImage) -> bool:
    mine, theirs = _box(image), _box(source)
    if mine is None or theirs is None:
        return False
    return all(
        -theirs[1][0] <= sum((a - b) * c for a, b, c in zip(mine[0], theirs[0], axis, strict=True)) < size
        for axis, size in ((source.orientation[:2], theirs[2]), (source.orientation[3:5], theirs[3]))
    )


def _beyond(image: SlideImage, source: SlideImage) -> float | None:
    """How far (mm) a matrix reaches beyond another; 0 within a pixel, None where they cannot be compared."""
    mine, theirs = _box(image), _box(source)
    if mine is None or theirs is None:
        return None
    if any(abs(a - b) > _SAME_DIRECTION for a, b in zip(image.orientation, source.orientation, strict=True)):
        return None
    limit = max(*mine[1], *theirs[1]) * 1.5 + 1e-3 * max(mine[2], theirs[2])
    out = 0.0
    # Along a row and along a column, from the source's first pixel on.
    for axis, size, own in (
        (source.orientation[:2], theirs[2], mine[2]),
        (source.orientation[3:5], theirs[3], mine[3]),
    ):
        start = sum((a - b) * c for a, b, c in zip(mine[0], theirs[0], axis, strict=True))
        out = max(out, -start, start + own - size)
    return out if out > limit else 0.0


_Box = tuple[tuple[float, float], tuple[float, float], float, float]


def _box(image: SlideImage) -> _Box | None:
    """Origin, pixel (columns, rows), width and height of a matrix in mm."""
    if (
        image.origin is None
        or image.origin[0] is None
        or image.origin[1] is None
        or len(image.orientation) != 6
    ):
        return None
    if not (image.matrix_columns and image.matrix_rows and image.column_spacing and image.row_spacing):
        return None
    return (
        (image.origin[0], image.origin[1]), (image.column_spacing, image.row_spacing),
        image.matrix_columns * image.column_spacing, image.matrix_rows * image.row_spacing,
    )  # fmt: skip


@rule_function("derived-lossy")
def lossy(context: SlideContext) -> Iterator[Problem]:
    """DRV003: a segmentation of an image that was compressed with loss says so (PS3.3 C.8.20.2.2)."""
    for part, sources in _derived(context):
        images = [one for one in sources if one.has_image]
        if part.has_image and part.image.lossy == "00" and any(one.image.lossy == "01" for one in images):
            source = next(one for one in images if one.image.lossy == "01")
            yield Problem(
                message="Lossy Image Compression is 00, but it is 01 in a source image", said="00",
                want="01", files=(part.path, source.path),
            )  # fmt: skip


@rule_function("derived-annotations-inside")
def annotations_inside(context: SlideContext) -> Iterator[Problem]:
    """DRV004: 2D annotations lie in the Total Pixel Matrix of their image (PS3.3 C.37.1)."""
    for part, sources in _derived(context):
        said = part.kept.annotations
        sizes = [(one, size) for one in sources if (size := _pixels(one)) is not None]
        if said is None or said.extent is None or len(sizes) != 1:
            continue
        (source, (wide, high)), box = sizes[0], said.extent
        if box.left < -1 or box.top < -1 or box.right > wide + 1 or box.bottom > high + 1:
            yield Problem(
                message=f"annotations extend beyond their image of {wide} × {high} pixels",
                said=f"{box.left:.6g}, {box.top:.6g} to {box.right:.6g}, {box.bottom:.6g}",
                want=f"0, 0 to {wide}, {high}", files=(part.path, source.path),
            )  # fmt: skip


def _pixels(part: KeptFile) -> tuple[int, int] | None:
    """Columns and rows of the Total Pixel Matrix of an image, or of a plain image."""
    size = part.kept.size
    if size is None:
        return None
    wide, high = size.matrix_columns or size.columns, size.matrix_rows or size.rows
    return (wide, high) if wide and high else None


@rule_function("derived-patient")
def patient(context: SlideContext) -> Iterator[Problem]:
    """DRV005: what was made of an image is of the image's patient."""
    for part, sources in _derived(context):
        mine = patient_key(part.kept.patient)
        for source in sources:
            theirs = patient_key(source.kept.patient)
            # Two issuers may call one patient differently.
            if (
                mine
                and theirs
                and mine[0] != theirs[0]
                and (mine[1] == theirs[1] or not mine[1] or not theirs[1])
            ):
                yield Problem(
                    message="Patient ID differs from that of the source image",
                    said="another Patient ID", want="the Patient ID of the source image", files=(part.path, source.path),
                )  # fmt: skip
                break


@rule_function("derived-study")
def study(context: SlideContext) -> Iterator[Problem]:
    """DRV006: what Referenced Series Sequence lists is of the study of the object (PS3.3 C.12.2)."""
    for part in context.parts:
        for reference in references_of(part.kept).instances:
            if not reference.series or reference.study or not part.kept.study:
                continue
            found = context.index.instances.get(reference.sop_instance, [])
            if found and all(one.kept.study not in ("", part.kept.study) for one in found):
                yield Problem(
                    message="Referenced Series Sequence contains an image of another study", found=found[0].kept.study,
                    want="Studies Containing Other Referenced Instances Sequence", files=(part.path, found[0].path),
                )  # fmt: skip
                break
