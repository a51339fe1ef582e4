"""Values that instances of a slide must share: one function, and what it can compare."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from dcmlint import standard
from dcmlint.facts.pixel.pixels import SAMPLES
from dcmlint.facts.run.index import grouped
from dcmlint.rules.functions import NotApplicable, Problem, rule_function
from dcmlint.rules.slide_functions import Difference, SlideContext, Value, difference, plain, problem, shown

if TYPE_CHECKING:
    from dcmlint.facts.run.index import KeptFile
    from dcmlint.facts.run.slide import Slide

Compared = Callable[["KeptFile"], Value | None]


def _frame_of_reference(part: KeptFile) -> Value | None:
    return plain(part.kept.frame_of_reference) if part.kept.frame_of_reference else None


def _container(part: KeptFile) -> Value | None:
    container = part.image.container
    return shown(container) if container is not None and not container.empty else None


def _specimens(part: KeptFile) -> Value | None:
    # PS3.3 C.7.6.22.1.2: identifier and UID together name a specimen.
    specimens = part.image.specimens
    if not all(uid for uid, _ in specimens) or not specimens:
        return None  # without a UID (SPEC005) there is nothing to compare
    key = frozenset((uid, said.key if said is not None else b"") for uid, said in specimens)
    return Value(
        key,
        ", ".join(
            f"{uid or 'no UID'} {said.text if said is not None else ''}".strip() for uid, said in specimens
        ),
    )


def _pyramid(part: KeptFile) -> Value | None:
    return plain(part.image.pyramid) if part.image.pyramid else None


def _acquisition(part: KeptFile) -> Value | None:
    return plain(part.image.acquisition) if part.image.acquisition else None


def _transfer_syntax(part: KeptFile) -> Value | None:
    known = standard.load().uid(part.kept.transfer_syntax)
    return Value(part.kept.transfer_syntax, known.name if known is not None else part.kept.transfer_syntax)


def _pixel_format(part: KeptFile) -> Value | None:
    image = part.image
    if image.samples is None or image.bits_stored is None or not image.photometric:
        return None
    if SAMPLES.get(image.photometric, image.samples) != image.samples:
        return None  # the two contradict each other, which is told of the file
    color = image.photometric if image.photometric.startswith(("MONOCHROME", "PALETTE")) else "color"
    return plain(f"{color}, {image.samples} × {image.bits_stored} bits")


def _series(part: KeptFile) -> Value | None:
    member = part.kept
    return Value((member.study, member.series), f"series {member.series}") if member.series else None


COMPARED: dict[str, Compared] = {
    "frame of reference": _frame_of_reference,
    "container": _container,
    "specimens": _specimens,
    "pyramid": _pyramid,
    "acquisition": _acquisition,
    "transfer syntax": _transfer_syntax,
    "pixel format": _pixel_format,
    "series": _series,
}

# What each is made of, as findings about one instance name it.
SOURCES: dict[str, tuple[str, ...]] = {
    "frame of reference": ("FrameOfReferenceUID",),
    "container": ("ContainerIdentifier",),
    "specimens": ("SpecimenDescriptionSequence",),
    "pyramid": ("PyramidUID",),
    "acquisition": ("AcquisitionUID",),
    "transfer syntax": ("TransferSyntaxUID",),
    "pixel format": ("SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated", "BitsStored"),
    "series": ("SeriesInstanceUID",),
}

# UIDs that a de-identifier must replace by the same new one everywhere (PS3.15 Table E.1-1, action U).
REPLACED = ("frame of reference", "pyramid", "acquisition", "specimens")


def one_each(slide: Slide) -> list[KeptFile]:
    """The instances of a slide, of a concatenation the first: within one, CONC009 compares."""
    volumes = [level.parts[0] for pyramid in slide.pyramids for level in pyramid.levels]
    return volumes + [part for part in slide.parts if part.image.flavour != "VOLUME"]


def replaced_by_file(parts: Sequence[KeptFile], value: Compared) -> Difference | None:
    """A difference that looks as if a de-identifier had replaced UIDs file by file: no two are the same."""
    saying = [part for part in parts if value(part) is not None]
    if len(saying) < 2 or not all(part.image.removed == "YES" for part in saying):
        return None
    differs = difference(saying, value)
    return differs if differs is not None and len(differs.values) == len(saying) else None


def channels_of(part: KeptFile) -> tuple[object, ...]:
    """What light an image shows: its optical paths, and what tells those with the same identifier apart."""
    return part.image.sorted_paths, part.image.channels


@rule_function("slide-same")
def same(
    context: SlideContext,
    value: str,
    what: str,
    among: Sequence[str] = (),
    within: str = "pyramid",
    unless: str = "",
    apart: str = "",
) -> Iterator[Problem]:
    """Instances must agree in a value.

    ``among``: flavours that are compared (none: all); ``within``: a "pyramid" or the whole "slide";
    ``unless``: a value whose difference explains this one; ``apart``: "channels": images of other channels are not
    compared, for each may be an acquisition of its own (cyclic immunofluorescence).
    """
    compared = COMPARED[value]
    groups = list(_groups(context.slide, within, among))
    if apart == "channels":
        groups = [some for group in groups for some in grouped(group, channels_of).values()]
    if not any(len(group) > 1 for group in groups):
        raise NotApplicable
    for group in groups:
        differs = difference(group, compared)
        if differs is None or (value in REPLACED and replaced_by_file(group, compared) is not None):
            continue
        if unless and _explained(differs, difference(group, COMPARED[unless])):
            continue
        yield problem(differs, what, *SOURCES[value])


def _groups(slide: Slide, within: str, among: Sequence[str]) -> Iterator[list[KeptFile]]:
    if within == "slide":
        yield [part for part in one_each(slide) if not among or part.image.flavour in among]
        return
    for pyramid in slide.pyramids:
        group = [level.parts[0] for level in pyramid.levels]
        yield group + (list(pyramid.thumbnails) if "THUMBNAIL" in among else [])


def _explained(differs: Difference, by: Difference | None) -> bool:
    return by is not None and _partition(differs) == _partition(by)


def _partition(differs: Difference) -> set[frozenset[str]]:
    return {frozenset(part.path for part in parts) for _, parts in differs.values}


@rule_function("slide-barcodes-agree")
def barcodes(context: SlideContext) -> Iterator[Problem]:
    """PYR029: one barcode on all instances, which names the container."""
    parts = [
        part
        for part in one_each(context.slide)
        if part.image.barcode is not None and not part.image.barcode.empty
    ]
    if not parts:
        raise NotApplicable
    differs = difference(
        parts, lambda part: shown(part.image.barcode) if part.image.barcode is not None else None
    )
    if differs is not None:
        yield problem(differs, "the barcodes of the instances differ", "BarcodeValue")
        return
    strange = [part for part in parts if part.image.barcode_names_container is False]
    if strange:
        image = strange[0].image
        yield Problem(
            message="the barcode does not contain the Container Identifier",
            found=image.barcode.text if image.barcode is not None else None,
            want=image.container.text if image.container is not None else "", files=(strange[0].path,),
        )  # fmt: skip


@rule_function("slide-icc-profiles-same")
def profiles(context: SlideContext) -> Iterator[Problem]:
    """PYR024: an optical path has the same ICC profile in every level."""
    for pyramid in context.slide.pyramids:
        parts = [level.parts[0] for level in pyramid.levels]
        for path in _identifiers(parts):
            differs = difference(parts, partial(_profile, path=path))
            if differs is not None:
                yield problem(
                    differs,
                    f"the ICC profiles of optical path {path} differ",
                    "OpticalPathSequence.ICCProfile",
                )


def _identifiers(parts: Iterable[KeptFile]) -> list[str]:
    return list(dict.fromkeys(path for part in parts for path in part.image.paths))


def _profile(part: KeptFile, path: str) -> Value | None:
    for identifier, profile in zip(part.image.paths, part.image.profiles, strict=False):
        if identifier == path:
            return Value(profile, f"profile {profile.hex()}") if profile else None
    return None


@rule_function("slide-optical-paths-same")
def optical_paths(context: SlideContext) -> Iterator[Problem]:
    """PYR023: every level has the same optical paths, in one instance or in one for each."""
    for pyramid in context.slide.pyramids:
        sizes: dict[tuple[int, int], list[KeptFile]] = {}
        for level in pyramid.levels:
            sizes.setdefault((level.columns, level.rows), []).append(level.parts[0])
        paths = {
            size: frozenset(path for part in parts for path in part.image.paths)
            for size, parts in sizes.items()
        }
        differs = difference([parts[0] for parts in sizes.values()], partial(_paths, by_size=paths))
        if differs is not None:
            yield problem(differs, "the levels have different optical paths", "OpticalPathSequence")


def _paths(part: KeptFile, by_size: Mapping[tuple[int, int], frozenset[str]]) -> Value | None:
    found = by_size.get((part.image.matrix_columns or 0, part.image.matrix_rows or 0))
    return Value(found, "paths " + ", ".join(sorted(found))) if found else None
