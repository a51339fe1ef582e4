"""Objects derived from images against the images, where these were checked too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from dcmlint.facts.pixel.pixels import LOSSY_METHODS
from dcmlint.facts.run.entities import patient_key
from dcmlint.facts.run.kept import references_of
from dcmlint.plural import number_of
from dcmlint.rules.functions import NotApplicable, Problem, rule_function
from dcmlint.rules.slide_functions import SlideContext
from dcmlint.standard.classes import DOCUMENTS
from dcmlint.standard.uids import (
    MacularGridThicknessAndVolumeReportStorage,
    ParametricMapStorage,
    SpectaclePrescriptionReportStorage,
)

if TYPE_CHECKING:
    from dcmlint.facts.run.index import KeptFile
    from dcmlint.facts.run.slide_image import SlideImage

SPACING = "SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing"
_SHOWN = 3
_SAME_DIRECTION = 1e-4  # Decimal Strings have 16 characters
_SAME_SPACING = 1e-3


def _sources(context: SlideContext, part: KeptFile) -> list[KeptFile]:
    """The images that a part refers to and that were checked, each once."""
    found: dict[str, KeptFile] = {}
    for reference in references_of(part.kept).instances:
        for one in _each_once(context.index.named(reference.sop_instance)):
            if one is not part:
                found[one.path] = one
    return list(found.values())


def _each_once(parts: list[KeptFile]) -> list[KeptFile]:
    """The members of a concatenation, or an instance without its copies."""
    return parts if len({part.kept.sop_instance for part in parts}) > 1 else parts[:1]


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
                f"{number_of(len(sources), 'referenced image')} checked",
                found=strange[0], want=" or ".join(theirs[:_SHOWN]), files=(part.path, sources[0].path),
            )  # fmt: skip


@rule_function("segmentation-of-image-size")
def image_size(context: SlideContext) -> Iterator[Problem]:
    """DRV016: without a frame of reference, the pixels of a segmentation are those of its image (PS3.3 A.51.5.1)."""
    any_ = False
    for part in context.parts:
        mine = part.kept.size
        if part.kept.frame_of_reference or mine is None:
            continue
        images = [one for one in _sources(context, part) if one.kept.size is not None]
        theirs = list(
            dict.fromkeys((one.kept.size.rows, one.kept.size.columns) for one in images if one.kept.size)
        )
        if not theirs:
            continue
        any_ = True
        if (mine.rows, mine.columns) not in theirs:
            yield Problem(
                message="without a Frame of Reference UID, the pixels of the segmentation are not those of an image that it "
                "refers to", found=f"{mine.rows} rows, {mine.columns} columns",
                want=" or ".join(f"{rows} rows, {columns} columns" for rows, columns in theirs[:_SHOWN]),
                files=(part.path, images[0].path),
            )  # fmt: skip
    if not any_:
        raise NotApplicable


@rule_function("derived-area")
def area(context: SlideContext) -> Iterator[Problem]:
    """DRV002: the Total Pixel Matrix of a derived object lies within that of its source."""
    for part, sources in _derived(context):
        if not part.has_image or part.on_slide or _miscounted(part.image):
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
                path=_outsized(part.image, slides) if begins else "",
                files=(part.path, slides[0].path),
            )  # fmt: skip


def _outsized(image: SlideImage, sources: Sequence[KeptFile]) -> str:
    """Where a matrix that begins within its source and ends outside is wrong: its spacing where the sizes agree."""
    sizes = {(one.image.matrix_columns, one.image.matrix_rows) for one in sources}
    return SPACING if (image.matrix_columns, image.matrix_rows) in sizes else "TotalPixelMatrixColumns"


def _miscounted(image: SlideImage) -> bool:
    """Whether the frames of a TILED_FULL image do not cover its matrix, which is told of the image alone."""
    if image.organization != "TILED_FULL" or not (
        image.matrix_columns and image.matrix_rows and image.frames
    ):
        return False
    if not image.columns or not image.rows:
        return False
    tiles = -(-image.matrix_columns // image.columns) * -(-image.matrix_rows // image.rows)
    return bool(image.frames % tiles) or (
        image.segments is not None and image.frames != tiles * image.segments
    )


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
        elif part.has_image and part.image.lossy == "01" and _nothing_lost(part, images):
            yield Problem(
                message="Lossy Image Compression is 01, but neither a source image nor this object was lossy compressed",
                said="01", want="00", files=(part.path, images[0].path), severity="warning",
            )  # fmt: skip


def _nothing_lost(part: KeptFile, images: list[KeptFile]) -> bool:
    """Whether a segmentation is compressed without loss, all that it refers to is here, and says the same."""
    known = {one.kept.sop_instance for one in images if one.image.lossy == "00"}
    referenced = {one.sop_instance for one in references_of(part.kept).instances}
    return part.kept.transfer_syntax not in LOSSY_METHODS and referenced <= known


@rule_function("derived-patient")
def patient(context: SlideContext) -> Iterator[Problem]:
    """DRV005: what was made of an image is of the image's patient; within one study ENT001 says so."""
    for part, sources in _derived(context):
        mine = patient_key(part.kept.patient)
        for source in sources:
            if part.kept.study and source.kept.study == part.kept.study:
                continue
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
            found = context.index.named(reference.sop_instance)
            if found and all(one.kept.study not in ("", part.kept.study) for one in found):
                yield Problem(
                    message="Referenced Series Sequence contains an image of another study", found=found[0].kept.study,
                    want="Studies Containing Other Referenced Instances Sequence", files=(part.path, found[0].path),
                )  # fmt: skip
                break


@rule_function("derived-container")
def container(context: SlideContext) -> Iterator[Problem]:
    """DRV007: what was made of slide images names the container of one of them."""
    for part, sources in _derived(context):
        mine = part.kept.material.container if part.kept.material is not None else None
        theirs = [one.image.container for one in sources if one.on_slide]
        said = [one for one in theirs if one is not None and not one.empty]
        if mine is not None and not mine.empty and said and mine.key not in {one.key for one in said}:
            yield Problem(
                message="Container Identifier differs from that of the source images",
                found=mine.text, want=said[0].text, files=(part.path, sources[0].path),
                severity="info" if _same_specimens(part, sources) else _of_material(part),
            )  # fmt: skip


def _same_specimens(part: KeptFile, sources: Sequence[KeptFile]) -> bool:
    """Whether the specimens of a parametric map say that it is the slide: the container has another name only.

    Writers of parametric maps ask their user for a container, and take the specimens from the image.
    """
    if part.kept.sop_class != ParametricMapStorage:
        return False
    mine = part.kept.material.specimens if part.kept.material is not None else ()
    return bool(mine) and _specimens_on(sources).issuperset(mine)


def _specimens_on(sources: Iterable[KeptFile]) -> set[str]:
    """The Specimen UIDs of the slides among some images."""
    return {uid for one in sources if one.on_slide for uid, _ in one.image.specimens if uid}


def _of_material(part: KeptFile) -> str:
    """An image or annotations show what is on the slide; a document may be about the block that it was cut from."""
    return "" if part.has_image or part.kept.annotations else "warning"


@rule_function("derived-specimens")
def specimens(context: SlideContext) -> Iterator[Problem]:
    """DRV008: the specimens that an object names are on the slides that it was made from."""
    for part, sources in _derived(context):
        mine = part.kept.material.specimens if part.kept.material is not None else ()
        slides = [one for one in sources if one.on_slide]
        theirs = _specimens_on(slides)
        strange = [uid for uid in mine if uid not in theirs]
        if theirs and strange:
            yield Problem(
                message=f"{number_of(len(strange), 'Specimen UID')} of the object: no such specimen is on "
                f"the {number_of(len(slides), 'referenced slide image')}",
                found=strange[0], want=" or ".join(sorted(theirs)[:_SHOWN]), files=(part.path, slides[0].path), severity=_of_material(part),
            )  # fmt: skip


@rule_function("derived-specimen-identifiers")
def specimen_identifiers(context: SlideContext) -> Iterator[Problem]:
    """DRV014: a specimen has the same identifier in an object and in the slide that it was made from."""
    for part, sources in _derived(context):
        mine = part.kept.material.names if part.kept.material is not None else ()
        slides = [one for one in sources if one.on_slide]
        for uid, name in mine:
            theirs = [
                other for one in slides for known, other in one.image.specimens
                if uid and known == uid and other is not None and not other.empty
            ]  # fmt: skip
            if name is not None and not name.empty and theirs and name.key not in {one.key for one in theirs}:
                yield Problem(
                    message="Specimen Identifier differs from that of the same specimen in the source images",
                    found=name.text, want=theirs[0].text, files=(part.path, slides[0].path),
                )  # fmt: skip
                break


@rule_function("derived-same-pixels")
def same_pixels(context: SlideContext) -> Iterator[Problem]:
    """DRV009: a Total Pixel Matrix as large as that of its source lies on the source's pixels."""
    for part, sources in _derived(context):
        if not part.has_image or part.on_slide:
            continue
        mine = part.image
        slides = [
            one
            for one in sources
            if one.on_slide
            and one.kept.frame_of_reference == part.kept.frame_of_reference
            and (one.image.matrix_columns, one.image.matrix_rows) == (mine.matrix_columns, mine.matrix_rows)
        ]
        apart = [found for one in slides if (found := _apart(mine, one.image)) is not None]
        if (
            apart
            and len(apart) == len(slides)
            and not any((_beyond(mine, one.image) or 0) > 0 for one in slides)
        ):
            path, said, want = apart[0]
            yield Problem(
                message=f"the Total Pixel Matrix is as large as that of the referenced {slides[0].role}, but "
                "does not lie on its pixels",
                path=path, said=said, want=want, files=(part.path, slides[0].path),
            )  # fmt: skip


def _apart(image: SlideImage, source: SlideImage) -> tuple[str, str, str] | None:
    """In what two matrices of one size differ: the path, what one says and what the other; None if in nothing."""
    mine, theirs = _box(image), _box(source)
    if mine is None or theirs is None:
        return None
    if any(abs(a - b) > _SAME_DIRECTION for a, b in zip(image.orientation, source.orientation, strict=True)):
        return "ImageOrientationSlide", _numbers(image.orientation), _numbers(source.orientation)
    if any(abs(a / b - 1) > _SAME_SPACING for a, b in zip(mine[1], theirs[1], strict=True)):
        return (
            SPACING,
            _numbers(mine[1][::-1]), _numbers(theirs[1][::-1]),
        )  # fmt: skip
    return None


def _numbers(values: tuple[float, ...]) -> str:
    return "\\".join(f"{value:g}" for value in values)


@rule_function("derived-of-member")
def of_member(context: SlideContext) -> Iterator[Problem]:
    """DRV010: what is about a whole image refers to the source of a concatenation, not to one of its members."""
    for part, _ in _derived(context):
        for reference in references_of(part.kept).instances:
            found = context.index.instances.get(reference.sop_instance, [])
            member = found[0].image.concatenated if found and found[0].on_slide else None
            if member is not None and member.source and found[0] is not part:
                whole = bool(part.kept.annotations)
                yield Problem(
                    message="a single member of a concatenation is referenced instead of the whole image",
                    found=reference.sop_instance, want=member.source, files=(part.path, found[0].path),
                    # Annotations are about all of an image; other objects may mean the frames of a member.
                    severity="" if whole else "info",
                )  # fmt: skip
                break


# Documents whose SOP Classes do not stand among the others
_REPORTS = (SpectaclePrescriptionReportStorage, MacularGridThicknessAndVolumeReportStorage)


@rule_function("derived-frames")
def frames(context: SlideContext) -> Iterator[Problem]:
    """DRV011: the frames that an object refers to are frames of the image; of documents SR021 speaks."""
    any_ = False
    for part in context.parts:
        if part.kept.sop_class.startswith(DOCUMENTS) or part.kept.sop_class in _REPORTS:
            continue
        for uid, highest in references_of(part.kept).highest.items():
            found = _each_once(context.index.named(uid))
            count = _frames(found)
            if count is None:
                continue
            any_ = True
            if highest > count:
                yield Problem(
                    message=f"frame {highest} is referred to, but the image has {count}", found=highest,
                    want=f"1 to {count}", files=(part.path, found[0].path),
                )  # fmt: skip
    if not any_:
        raise NotApplicable


def _frames(parts: list[KeptFile]) -> int | None:
    """The number of frames of an image or of all members of a concatenation; None where members are missing."""
    sizes = [part.kept.size for part in parts if part.kept.size is not None]
    if not sizes or len(sizes) < len(parts):
        return None
    if len(parts) > 1:
        members = [part.image.concatenated for part in parts]
        totals = {one.total for one in members if one is not None}
        if totals != {len(parts)}:
            return None
    return sum(size.frames for size in sizes)
