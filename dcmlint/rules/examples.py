"""The examples of rules as files: a base, edits by DICOM path, and how it is all written.

An example names a base (``use``), a clean instance that comes with dcmlint or, ending in ``.dcm``, a file
beside the rule.  Every other key changes it; the page "Examples of rules" of the documentation has them all.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from dcmlint import standard
from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.dicom.charsets import Charset
from dcmlint.dicom.encode import (
    Draft,
    DraftElement,
    DraftFile,
    Encapsulated,
    Writing,
    draft_of,
    encode_file,
    written_vr,
)
from dcmlint.dicom.instance import read_instance
from dcmlint.dicom.path import ALL_ITEMS, Step, parse_path
from dcmlint.errors import RuleError, did_you_mean
from dcmlint.rules.example_values import hex_bytes, integer, integers, patched, value_bytes
from dcmlint.rules.model import Example, RuleSource
from dcmlint.rules.yaml_source import Tagged
from dcmlint.standard.tags import (
    BitsAllocated,
    Columns,
    ExtendedOffsetTable,
    ExtendedOffsetTableLengths,
    FileMetaInformationGroupLength,
    PixelData,
    Rows,
    SamplesPerPixel,
    SpecificCharacterSet,
)

BASES = Path(__file__).resolve().parent / "bases"
_FRAME = re.compile(r"frame\[(\d+|\*)\]")
_LARGEST = 64 << 20
_MOST_REPEATS = 1 << 20


class ExampleFile(msgspec.Struct, frozen=True):
    """One file of an example, as it would stand on a disk."""

    name: str
    data: bytes


def base_names() -> list[str]:
    """The bases that come with dcmlint."""
    return sorted(path.name.removesuffix(".dcm.gz") for path in BASES.glob("*.dcm.gz"))


def example_files(source: RuleSource, number: int) -> tuple[ExampleFile, ...]:
    """The files of example ``number`` (0-based) of a rule; none where it only gives facts.

    Raises RuleError with file, line and column for a base, path or value that makes no sense.
    """
    example: Example = source.rule.examples[number]
    key = f"$.examples[{number}]"
    if example.dataset is not None:
        return (_file(source, example.dataset, f"{key}.dataset", 0),)
    return tuple(_file(source, one, f"{key}.datasets[{i}]", i) for i, one in enumerate(example.datasets))


def repair_files(
    source: RuleSource, repair: int, number: int
) -> tuple[ExampleFile, ExampleFile | None, tuple[ExampleFile, ...]]:
    """The files of an example of a repair (both 0-based): before, after (None: refused), and those beside it.

    Raises RuleError as `example_files` does.
    """
    example = source.rule.repairs[repair].examples[number]
    key = f"$.repairs[{repair}].examples[{number}]"
    before = _file(source, example.before, f"{key}.before", 0)
    after = None if example.after is None else _file(source, example.after, f"{key}.after", 0)
    beside = tuple(_file(source, one, f"{key}.beside[{i}]", i + 1) for i, one in enumerate(example.beside))
    return before, after, beside


def _file(source: RuleSource, edits: Mapping[str, Any], mark: str, number: int) -> ExampleFile:
    def wrong(message: str, key: str) -> RuleError:
        place = source.marks.get(f"{mark}.{key}") or source.marks.get(mark, (0, 0))
        return RuleError(message, source.file, *place)

    use = edits.get("use")
    if not isinstance(use, str):
        raise wrong("a data set needs a base: use", "use")
    try:
        base, frame_size = _draft(use, source.file if use.endswith(".dcm") else "")
        draft = base.copy()
        made = _Edits(draft, frame_size)
    except ValueError as problem:
        raise wrong(str(problem), "use") from None
    for key, value in edits.items():
        try:
            if key not in ("use", "encoding", "bytes", "folder"):
                made.apply(key, value)
        except ValueError as problem:
            raise wrong(f"{key}: {problem}", key) from None
    try:
        writing = msgspec.convert(edits.get("encoding", {}), Writing, strict=False)
    except msgspec.ValidationError as problem:
        raise wrong(f"encoding: {problem}", "encoding") from None
    for keyword in (*writing.twice, *writing.last):
        if standard.load().dictionary.by_keyword(keyword) is None:
            raise wrong(f"encoding: {keyword!r} is not a keyword of the data dictionary", "encoding")
    if made.keeps_group_length:
        writing = msgspec.structs.replace(writing, meta_group_length=False)
    data = encode_file(draft, writing)
    try:
        data = patched(data, edits["bytes"]) if "bytes" in edits else data
    except ValueError as problem:
        raise wrong(f"bytes: {problem}", "bytes") from None
    folder = f"{edits['folder']}/" if "folder" in edits else ""
    return ExampleFile(f"{folder}{number + 1}-{Path(use).name.removesuffix('.dcm')}.dcm", data)


def _base_bytes(use: str, beside: str) -> bytes:
    try:
        if use.endswith(".dcm"):
            path = Path(beside).parent / use
            if path.stat().st_size > _LARGEST:
                raise ValueError(f"the base {use!r} is too large")
            return path.read_bytes()
        if use in base_names():
            return gzip.decompress((BASES / f"{use}.dcm.gz").read_bytes())
    except OSError as problem:
        raise ValueError(f"the base {use!r} cannot be read: {problem.strerror}") from None
    hint = did_you_mean(use, base_names(), f"there are {', '.join(base_names())}")
    raise ValueError(f"there is no base {use!r}: {hint}")


@lru_cache(maxsize=64)
def _draft(use: str, beside: str) -> tuple[DraftFile, int]:
    """The draft of a base, to be copied, and the bytes of one of its native frames."""
    instance = read_instance(WholeBuffer(_base_bytes(use, beside)))
    if instance is None:
        raise ValueError(f"the base {use!r} is not DICOM")
    dataset = instance.dataset
    # Rows, Columns, Samples per Pixel, Bits Allocated: PS3.3 C.7.6.3
    sizes = [dataset.value(tag) for tag in (Rows, Columns, SamplesPerPixel, BitsAllocated)]
    bits = 1
    for size in sizes:
        bits *= size if isinstance(size, int) else 0
    return draft_of(instance), bits // 8


class _Edits:
    """Applies the edits of one data set to its draft.  Every method raises ValueError with what is wrong."""

    def __init__(self, file: DraftFile, frame_size: int) -> None:
        self._file, self._frame_size = file, frame_size
        self.keeps_group_length = False

    def apply(self, key: str, value: Any) -> None:
        frame = _FRAME.fullmatch(key)
        if frame is not None:
            self._frame(frame[1], value)
        elif key == "preamble":
            self._file.preamble = None if _is(value, "absent") else value_bytes("OB", value).ljust(128, b"\0")
        elif key == "bot":
            self._basic_offsets(value)
        elif key in ("eot", "eot_lengths"):
            self._extended_offsets(ExtendedOffsetTable if key == "eot" else ExtendedOffsetTableLengths, value)
        elif key.startswith("file."):
            if self._file.meta is None:
                raise ValueError("the base has no file meta information")
            self._set(self._file.meta, key.removeprefix("file."), value)
            self.keeps_group_length |= FileMetaInformationGroupLength in {
                step.tag for step in parse_path(key[5:])
            }
        else:
            self._set(self._file.dataset, key, value)

    # -- elements and items -----------------------------------------------------------------------------

    def _set(self, level: Draft, path: str, value: Any) -> None:
        *parents, last = parse_path(path)
        levels = [level]
        for step in parents:
            if step.index is None:
                raise ValueError(f"{path}: a sequence on the way needs an item, [0]")
            levels = [item for one in levels for item in self._items(one, step)]
        for one in levels:
            if last.index is None:
                self._element(one, _resolved(one, last), value)
            else:
                self._item(one, last, value)

    def _items(self, level: Draft, step: Step) -> list[Draft]:
        """The items that a step goes into; the one after the last is made."""
        items = _sequence(level, _resolved(level, step)).value
        assert isinstance(items, list)
        if step.index == ALL_ITEMS:
            return items
        assert step.index is not None
        if step.index == len(items):
            items.append(Draft())
        if step.index > len(items):
            raise ValueError(f"there are only {len(items)} items")
        return [items[step.index]]

    def _item(self, level: Draft, step: Step, value: Any) -> None:
        items = _sequence(level, _resolved(level, step)).value
        assert isinstance(items, list)
        assert step.index is not None
        if step.index == ALL_ITEMS:
            raise ValueError("[*] needs an attribute after it")
        if step.index > len(items) or (step.index == len(items) and _is(value, "absent")):
            raise ValueError(f"there are only {len(items)} items")
        if _is(value, "absent"):
            del items[step.index]
            return
        items[step.index : step.index + 1] = [self._new_item(value)]

    def _element(self, level: Draft, tag: int, value: Any) -> None:
        if _is(value, "absent"):
            if level.elements.pop(tag, None) is None:
                raise ValueError("it is absent in the base already")
            return
        vr = written_vr(tag, level)
        if isinstance(value, Tagged) and value.tag == "vr":
            if isinstance(value.value, dict):
                raise ValueError("!vr takes a VR, or a list: the VR, then the value")
            if isinstance(value.value, str):
                if tag not in level.elements:
                    raise ValueError("!vr without a value changes the VR of what is there, and nothing is")
                level.elements[tag].vr = value.value
                return
            if len(value.value) < 2 or not isinstance(value.value[0], str):
                raise ValueError("!vr takes a VR, or a list: the VR, then the value")
            vr, *rest = value.value
            value = rest[0] if len(rest) == 1 else rest
        if isinstance(value, Tagged) and value.tag == "copy":
            found = self._found(str(value.value))
            if not isinstance(found, DraftElement):
                raise ValueError(f"!copy {value.value}: an item cannot stand for an element")
            level.elements[tag] = Draft([DraftElement(tag, found.vr, found.value)]).copy().elements[tag]
            return
        value = _repeated(value)
        made: bytes | list[Draft]
        if _are_items(value) or (vr == "SQ" and (value == [] or _is(value, "empty"))):
            made = [self._new_item(one) for one in _listed(value)]
        else:
            made = value_bytes(vr, value, _charset(level, self._file.dataset))
        level.elements[tag] = DraftElement(tag, vr, made)

    def _new_item(self, value: Any) -> Draft:
        if isinstance(value, Tagged) and value.tag == "copy":
            found = self._found(str(value.value))
            if not isinstance(found, Draft):
                raise ValueError(f"!copy {value.value}: no item")
            return found.copy()
        if _is(value, "empty"):
            return Draft()
        if not isinstance(value, dict):
            raise ValueError("an item is a mapping, !copy or !empty")
        made = Draft()
        for key, one in value.items():
            self._set(made, key, one)
        return made

    def _found(self, path: str) -> Draft | DraftElement:
        """What stands at a path of the main data set."""
        level = self._file.dataset
        steps = parse_path(path)
        for number, step in enumerate(steps):
            element = level.elements.get(_resolved(level, step))
            if element is None:
                raise ValueError(f"!copy {path}: nothing is there")
            if step.index is None:
                if number < len(steps) - 1:
                    raise ValueError(f"!copy {path}: a sequence on the way needs an item, [0]")
                return element
            items = element.value
            if not isinstance(items, list) or not 0 <= step.index < len(items):
                raise ValueError(f"!copy {path}: there is no such item")
            level = items[step.index]
        return level

    # -- pixel data -------------------------------------------------------------------------------------

    def _frame(self, index: str, value: Any) -> None:
        element = self._file.dataset.elements.get(PixelData)
        if element is None:
            raise ValueError("there is no Pixel Data")
        stored = element.value
        if isinstance(stored, Encapsulated):
            self._change_frames(stored.frames, index, value, _as_fragments)
        elif isinstance(stored, bytes) and self._frame_size:
            size = self._frame_size
            frames = [[stored[at : at + size]] for at in range(0, len(stored), size)]
            self._change_frames(frames, index, value, lambda data, _: [data])
            element.value = b"".join(piece for frame in frames for piece in frame)
        else:
            raise ValueError("the frames of this base cannot be told apart")

    def _change_frames(
        self, frames: list[list[bytes]], index: str, value: Any, split: Callable[[bytes, int], list[bytes]]
    ) -> None:
        numbers = range(len(frames)) if index == "*" else [int(index)]
        last = numbers[-1] if numbers else -1
        if last > len(frames) or (last == len(frames) and _is(value, "absent")):
            raise ValueError(f"there are only {len(frames)} frames")
        for number in reversed(numbers):
            if _is(value, "absent"):
                del frames[number]
                continue
            old = b"".join(frames[number]) if number < len(frames) else b""
            new, pieces = _changed_frame(old, value, frames)
            frames[number : number + 1] = [split(new, pieces)]

    def _encapsulated(self) -> Encapsulated:
        element = self._file.dataset.elements.get(PixelData)
        if element is None or not isinstance(element.value, Encapsulated):
            raise ValueError("the pixel data of the base are not encapsulated")
        return element.value

    def _basic_offsets(self, value: Any) -> None:
        pixels = self._encapsulated()
        if _is(value, "absent"):
            pixels.basic_item = False
        elif _is(value, "empty"):
            pixels.basic = ()
        elif isinstance(value, Tagged):
            pixels.basic = value_bytes("OB", value)
        else:
            pixels.basic = None if value == "computed" else integers(value)

    def _extended_offsets(self, tag: int, value: Any) -> None:
        """``computed`` makes both tables, numbers one of them."""
        self._encapsulated()
        elements = self._file.dataset.elements
        if value == "computed":
            for one in (tag, ExtendedOffsetTableLengths):
                elements[one] = DraftElement(one, "OV", b"computed")
        else:
            self._element(self._file.dataset, tag, value)


def _changed_frame(old: bytes, value: Any, frames: list[list[bytes]]) -> tuple[bytes, int]:
    """The bytes of a frame after an edit, and in how many fragments they are written."""
    if not isinstance(value, Tagged):
        raise ValueError("a frame takes !absent, !hex, !raw, !truncate, !append, !copy, !bytes or !fragments")
    text = value.value
    if value.tag == "truncate":
        return old[: integer(text)], 1
    if value.tag == "append":
        return old + hex_bytes(text), 1
    if value.tag == "fragments":
        return old, max(1, integer(text))
    if value.tag == "copy":
        match = _FRAME.fullmatch(str(text))
        if match is None or match[1] == "*" or int(match[1]) >= len(frames):
            raise ValueError(f"!copy {text}: no such frame")
        return b"".join(frames[int(match[1])]), 1
    if value.tag == "bytes":
        for patch in text if isinstance(text, list) else [text]:
            at, _, data = str(patch).partition(" ")
            old = patched(old, {"at": at, "hex": data})
        return old, 1
    return value_bytes("OB", value), 1


def _as_fragments(data: bytes, pieces: int) -> list[bytes]:
    """A frame in so many fragments, all but the last of the same even length."""
    if pieces == 1:
        return [data]
    size = -(-len(data) // pieces)
    size = max(2, size + (size & 1))
    return [data[at : at + size] for at in range(0, len(data), size)] or [b""]


def _is(value: Any, tag: str) -> bool:
    return isinstance(value, Tagged) and value.tag == tag


def _repeated(value: Any) -> Any:
    """``!repeat [n, value]``: a text or bytes n times after themselves, or n items."""
    if not _is(value, "repeat"):
        return value
    if not isinstance(value.value, list) or len(value.value) != 2:
        raise ValueError("!repeat takes a list: how often, and what")
    count, what = integer(value.value[0]), value.value[1]
    if not 0 <= count <= _MOST_REPEATS:
        raise ValueError(f"!repeat goes to {_MOST_REPEATS}")
    if isinstance(what, Tagged) and isinstance(what.value, str) and what.tag in ("hex", "raw"):
        return Tagged(what.tag, what.value * count)
    return what * count if isinstance(what, str) else [what] * count


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if _is(value, "empty") else [value]


def _are_items(value: Any) -> bool:
    """Whether a value is a list of items."""
    if isinstance(value, dict):
        return True
    return isinstance(value, list) and any(
        isinstance(one, dict) or _is(one, "copy") or _is(one, "empty") for one in value
    )


def _sequence(level: Draft, tag: int) -> DraftElement:
    element = level.elements.get(tag)
    if element is None:
        if written_vr(tag) != "SQ" and not tag >> 16 & 1:
            raise ValueError("not a sequence")
        element = level.elements[tag] = DraftElement(tag, "SQ", [])
    if not isinstance(element.value, list):
        raise ValueError("not a sequence")
    return element


def _resolved(level: Draft, step: Step) -> int:
    """The tag of a step; with a private creator, in the block that the level gives to it (PS3.5 7.8.1)."""
    if step.creator is None:
        return step.tag
    group = step.tag >> 16
    for block in range(0x10, 0x100):
        own = level.elements.get(group << 16 | block)
        if (
            own is not None
            and isinstance(own.value, bytes)
            and own.value.strip(b" \0") == step.creator.encode()
        ):
            return group << 16 | block << 8 | step.tag & 0xFF
    raise ValueError(f"no private creator {step.creator!r} in group {group:04X}")


def _charset(level: Draft, root: Draft) -> Charset | None:
    for one in (level, root):
        element = one.elements.get(SpecificCharacterSet)
        if element is not None and isinstance(element.value, bytes):
            terms = element.value.decode("ascii", "replace").rstrip(" \0").split("\\")
            return Charset.from_terms([term.strip() for term in terms])[0]
    return None
