"""The instances of a run, by what they belong to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from dcmlint.facts.run.entities import patient_key
from dcmlint.facts.run.kept import Kept, image_of
from dcmlint.facts.run.slide_image import SlideImage
from dcmlint.standard.uids import VLWholeSlideMicroscopyImageStorage

if TYPE_CHECKING:
    from dcmlint.facts.run.slide import Slide

K = TypeVar("K")


class KeptFile:
    """One instance among others: its path and what was kept of it.

    ``told``: the paths, without indices, of the findings about it alone, and the rank of the worst at each.
    """

    __slots__ = ("_image", "kept", "path", "told")

    def __init__(self, path: str, kept: Kept, told: Mapping[str, int] = MappingProxyType({})) -> None:
        self.path, self.kept, self.told = path, kept, told
        self._image: SlideImage | None = None

    def __repr__(self) -> str:
        return f"KeptFile({self.path!r})"

    @property
    def on_slide(self) -> bool:
        """Whether it is a whole slide microscopy image."""
        return self.kept.sop_class == VLWholeSlideMicroscopyImageStorage

    @property
    def image(self) -> SlideImage:
        """What the image says; only for what has a Total Pixel Matrix or is on a slide."""
        if self._image is None:
            self._image = image_of(self.kept)
            assert self._image is not None, self.path
        return self._image

    @property
    def has_image(self) -> bool:
        """Whether there is an image with a Total Pixel Matrix."""
        return bool(self.kept.image)

    @property
    def role(self) -> str:
        """What it is on its slide, in a word and a size: VOLUME 1110x1484."""
        image = self.image
        size = (
            f" {image.matrix_columns}x{image.matrix_rows}"
            if image.matrix_columns and image.matrix_rows
            else ""
        )
        number = image.concatenated.number if image.concatenated is not None else None
        return f"{image.flavour or 'image'}{size}{f' part {number}' if number is not None else ''}"


class Series:
    """The instances of one Series Instance UID, in the order of their paths."""

    __slots__ = ("parts", "uid")

    def __init__(self, uid: str, parts: Sequence[KeptFile]) -> None:
        self.uid, self.parts = uid, tuple(parts)


def grouped(parts: Iterable[KeptFile], key: Callable[[KeptFile], K]) -> dict[K, list[KeptFile]]:
    """Parts by a key, in their order."""
    result: dict[K, list[KeptFile]] = {}
    for part in parts:
        result.setdefault(key(part), []).append(part)
    return result


class RunIndex:
    """All instances of a run, sorted by path, so that the order of the inputs does not matter."""

    def __init__(self, parts: Iterable[KeptFile], lost: Collection[str] = ()) -> None:
        """``lost``: the folders in which a file could not be read, or not completely, or does not say which instance it is.

        A file of which only the begin could be read is not compared with others: what it lacks may stand in the rest.
        """
        found = sorted(parts, key=lambda part: part.path)
        self.parts: tuple[KeptFile, ...] = tuple(part for part in found if part.kept.partial != "header")
        self._uids = {part.kept.sop_instance for part in found if part.kept.partial == "header"}
        self.lost = lost

    @cached_property
    def told(self) -> dict[str, Mapping[str, int]]:
        """By path, what instances were told of alone; those of which nothing was found are left out."""
        return {part.path: part.told for part in self.parts if part.told}

    @cached_property
    def slides(self) -> list[Slide]:
        """The slides, in the order of their first paths."""
        from dcmlint.facts.run.slide import slides_of

        return slides_of(self)

    @cached_property
    def slide_of(self) -> dict[int, Slide]:
        """The slide of each part, by the part's ``id``."""
        return {id(part): slide for slide in self.slides for part in slide.parts}

    @cached_property
    def slides_in_folder(self) -> dict[str, list[Slide]]:
        """The slides that have an instance in a folder."""
        result: dict[str, list[Slide]] = {}
        for slide in self.slides:
            for folder in dict.fromkeys(folder_of(part.path) for part in slide.parts):
                result.setdefault(folder, []).append(slide)
        return result

    @cached_property
    def series(self) -> dict[str, Series]:
        """By Series Instance UID; "" holds what has none."""
        return {
            uid: Series(uid, parts) for uid, parts in grouped(self.parts, lambda p: p.kept.series).items()
        }

    @cached_property
    def studies(self) -> dict[str, list[KeptFile]]:
        """By Study Instance UID; "" holds what has none."""
        return grouped(self.parts, lambda part: part.kept.study)

    @cached_property
    def frames_of_reference(self) -> dict[str, list[KeptFile]]:
        """By Frame of Reference UID; "" holds what has none."""
        return grouped(self.parts, lambda part: part.kept.frame_of_reference)

    @cached_property
    def patients(self) -> dict[tuple[bytes, bytes] | None, list[KeptFile]]:
        """By (hashes of) Patient ID and its issuer; None holds what has no ID."""
        return grouped(self.parts, lambda part: patient_key(part.kept.patient))

    @cached_property
    def concatenation_sources(self) -> dict[str, list[KeptFile]]:
        """The members of concatenations by the UID of the undivided instance that they come from."""
        result: dict[str, list[KeptFile]] = {}
        for part in self.parts:
            one = part.image.concatenated if part.on_slide else None
            if one is not None and one.source:
                result.setdefault(one.source, []).append(part)
        return result

    def named(self, uid: str) -> list[KeptFile]:
        """What a reference to an instance leads to: the instance, or the members of a concatenation of it."""
        return self.instances.get(uid) or self.concatenation_sources.get(uid, [])

    def is_here(self, uid: str) -> bool:
        """Whether a reference leads to anything, were it a file of which only the begin could be read."""
        return uid in self._uids or bool(self.named(uid))

    @cached_property
    def instances(self) -> dict[str, list[KeptFile]]:
        """By SOP Instance UID."""
        return grouped(self.parts, lambda part: part.kept.sop_instance)


def folder_of(path: str) -> str:
    """The folder of a path, with either separator."""
    return path.replace("\\", "/").rpartition("/")[0]


def same_content(one: KeptFile, other: KeptFile) -> bool:
    """Whether two files hold the same instance: the same bytes, or the same attributes in another encoding.

    With the same transfer syntax, the encoded pixel data must be the same as well.
    """
    a, b = one.kept.sameness, other.kept.sameness
    if a.file == b.file:
        return True
    if a.content != b.content:
        return False
    if one.kept.transfer_syntax == other.kept.transfer_syntax:
        return a.pixels == b.pixels and a.colour == b.colour
    return True
