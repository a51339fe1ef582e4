"""Defects put into clean slides, one at a time: what the catalogue of rules calls *break it*.

A mutation names the rule that must find it.  They are written from the defect's side, without a look at the
examples in the rule files, so that a rule that only knows its own examples is found out.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pydicom.dataset import FileDataset
from support import slides
from support.slides import ABSENT, Scan, put, to_bytes

__all__ = [
    "ABSENT",
    "BASES",
    "MUTATIONS",
    "Files",
    "Mutation",
    "break_one",
    "break_set",
    "fresh",
    "fresh_set",
    "written",
]

Files = dict[str, bytes]  # the bytes of each file by its name


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """A defect and who must find it.

    ``rule``: the rule that reports it; ``name``: the defect in a few words; ``severity``: where it differs
    from the rule's; ``also``: further rules that may speak above information, each with the reason why it is
    a consequence of the same defect; ``times``: findings of the rule after repeats were joined;
    ``select``: rules that are off unless asked for; ``base``: the clean instance, or slide, that it was made from.
    """

    rule: str
    name: str
    make: Callable[[], Files]
    base: str = ""
    is_set: bool = False
    severity: str = ""
    also: Mapping[str, str] = field(default_factory=dict)
    times: int = 1
    select: tuple[str, ...] = ()
    decode: bool = False


MUTATIONS: list[Mutation] = []


def full_with_positions() -> FileDataset:
    """TILED_FULL with the positions that it may leave out (PS3.3 Table A.32.8-2)."""
    made = slides.volume(Scan(name="full with positions", codec="native", sparse=True, order="raster"))
    made.DimensionOrganizationType = "TILED_FULL"
    return made


BASES: dict[str, Callable[[], FileDataset]] = {
    "native": slides.full_native,
    "jpeg": slides.full_jpeg,
    "j2k-lossless": slides.full_j2k_lossless,
    "j2k-lossy": slides.full_j2k_lossy,
    "sparse": slides.sparse_native,
    "sparse-jpeg": slides.sparse_jpeg,
    "mono": slides.mono,
    "mono-16": lambda: slides.mono(16),
    "z-stack": slides.z_stack_two_paths,
    "z-stack-colour": lambda: slides.z_stack_two_paths(monochrome=False),
    "sparse-z": slides.sparse_z_two_paths,
    "full with positions": full_with_positions,
    "label": slides.label,
    "overview": slides.overview,
    "thumbnail": slides.thumbnail,
}
SETS: dict[str, Callable[[], list[FileDataset]]] = {
    "pyramid": slides.pyramid,
    "pyramid of 4": lambda: slides.pyramid(levels=4),
    "native pyramid": lambda: slides.pyramid("native"),
    "concatenation": slides.concatenation,
}


@cache
def _base(name: str) -> FileDataset:
    return BASES[name]()


@cache
def _set(name: str) -> list[FileDataset]:
    return SETS[name]()


def fresh(base: str) -> FileDataset:
    """A clean instance that may be changed."""
    return copy.deepcopy(_base(base))


def fresh_set(base: str) -> list[FileDataset]:
    """Clean instances of one slide that may be changed."""
    return copy.deepcopy(_set(base))


def apply(made: FileDataset, changes: Mapping[str, Any]) -> FileDataset:
    """Set each path of ``changes``; ``file.`` begins those of the File Meta Information."""
    for path, value in changes.items():
        if path.startswith("file."):
            put(made.file_meta, path.removeprefix("file."), value)
        else:
            put(made, path, value)
    return made


def written(instances: Sequence[FileDataset], folder: str = "slide") -> Files:
    """The files of instances, all in one folder."""
    return {f"{folder}/{number}.dcm": to_bytes(one) for number, one in enumerate(instances)}


Edit = Callable[[FileDataset], FileDataset | None]


def break_one(
    rule: str, name: str, base: str, changes: Mapping[str, Any] | None = None, *, edit: Edit | None = None,
    patch: Callable[[bytes], bytes] | None = None, writing: Mapping[str, Any] | None = None, **more: Any,
) -> None:  # fmt: skip
    """A defect of one instance: attributes by path, an edit of the data set, a patch of the file's bytes."""

    def make() -> Files:
        made = fresh(base)
        if edit is not None:
            made = edit(made) or made
        data = to_bytes(apply(made, changes or {}), **dict(writing or {}))
        return {"slide/0.dcm": patch(data) if patch is not None else data}

    MUTATIONS.append(Mutation(rule=rule, name=name, make=make, base=base, **more))


SetEdit = Callable[[list[FileDataset]], list[FileDataset] | None]


def break_set(
    rule: str, name: str, base: str, changes: Mapping[int, Mapping[str, Any]] | None = None, *,
    edit: SetEdit | None = None, **more: Any,
) -> None:  # fmt: skip
    """A defect between instances: attributes of the instances by number, or an edit of the list."""

    def make() -> Files:
        made = fresh_set(base)
        if edit is not None:
            made = edit(made) or made
        for number, paths in (changes or {}).items():
            apply(made[number], paths)
        return written(made)

    MUTATIONS.append(Mutation(rule=rule, name=name, make=make, base=base, is_set=True, **more))
