"""Hashes that tell copies of an instance from instances that only share their SOP Instance UID."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.instance import Instance
from dcmlint.findings.redact import harmless
from dcmlint.standard.tags import (
    DataSetTrailingPadding,
    DerivationCodeSequence,
    DerivationDescription,
    ExtendedOffsetTable,
    ExtendedOffsetTableLengths,
    PhotometricInterpretation,
    PixelData,
    PlanarConfiguration,
)

# A file up to this size is hashed whole; of a larger one, what is not pixel data and samples of the rest.
WHOLE = 4 << 20
_SAMPLES, _SAMPLE = 64, 4096
_HEADER = 64 << 20
_ELEMENTS = 4000
_MANY_ITEMS, _ITEMS = 512, 32
_LARGE = 1 << 16
# Change with the encoding: Pixel Data, its offset tables, the group lengths (PS3.5 8, C.7.6.3.1.8), and
# what a lossless change of transfer syntax changes with it (PS3.5 8.2.4), or notes (PS3.3 C.7.6.1.1.3).
_ENCODING = frozenset(
    {
        DataSetTrailingPadding,
        PixelData,
        ExtendedOffsetTable,
        ExtendedOffsetTableLengths,
        PhotometricInterpretation,
        PlanarConfiguration,
        DerivationDescription,
        DerivationCodeSequence,
    }
)
# Bytes of the numbers of each VR (PS3.5 6.2): big endian values are turned round.
_WIDTH = {"US": 2, "SS": 2, "AT": 2, "OW": 2, "UL": 4, "SL": 4, "FL": 4, "OF": 4, "OL": 4, "FD": 8, "OD": 8, "UV": 8,
          "SV": 8, "OV": 8}  # fmt: skip


class Sameness(msgspec.Struct, frozen=True, array_like=True):
    """Three hashes of an instance.

    ``file``: its bytes, all of them if ``whole``; ``content``: its attributes without pixel data, whatever
    the encoding; ``pixels``: its pixel data as encoded; ``colour``: how its pixel data are to be read.
    """

    file: bytes
    content: bytes
    pixels: bytes
    colour: str
    whole: bool


def sameness(instance: Instance) -> Sameness:
    """The hashes of an instance."""
    buffer, size = instance.buffer, len(instance.buffer)
    element = instance.dataset.get(PixelData)
    deflated = instance.syntax.deflated
    whole = size <= WHOLE and isinstance(buffer, WholeBuffer)
    content = _content(instance.dataset)
    pixels = blake2b(digest_size=16)
    if element is not None and not deflated:
        start, end = element.start, min(element.end, size)
        if element.fragments is not None:
            pixels.update(element.fragments.lengths.tobytes())
        pixels.update((end - start).to_bytes(8, "little", signed=True))
        if whole:
            pixels.update(buffer[start:end])
        elif isinstance(buffer, WholeBuffer):
            _sample(pixels, buffer, start, end)
    file = blake2b(size.to_bytes(8, "little"), digest_size=16)
    if whole and element is not None and not deflated:
        # The pixels have been hashed: their digest stands for them.
        file.update(buffer[0 : element.start])
        file.update(pixels.digest())
        file.update(buffer[min(element.end, size) : size])
    elif whole:
        file.update(buffer[0:size])
    else:
        head = element.start if element is not None and not deflated else size
        if isinstance(buffer, WholeBuffer):
            file.update(buffer[0 : min(head, _HEADER, size)])
        # What is read in ranges, perhaps from afar, is not read a second time.
        file.update(content)
        file.update(pixels.digest())
    colour = harmless(
        f"{instance.dataset.text(PhotometricInterpretation)} {instance.dataset.text(PlanarConfiguration)}"[
            :64
        ]
    )
    return Sameness(file.digest(), content, pixels.digest(), colour, whole)


def _sample(digest: Any, buffer: WholeBuffer, start: int, end: int) -> None:
    step = max(1, (end - start) // _SAMPLES)
    for position in range(start, end, step):
        digest.update(buffer[position : min(position + _SAMPLE, end)])
    digest.update(buffer[max(start, end - _SAMPLE) : end])


def _content(dataset: Dataset) -> bytes:
    digest = blake2b(digest_size=16)
    hash_level(digest, dataset)
    return digest.digest()


def hash_level(digest: Any, level: Dataset, budget: int = _ELEMENTS, depth: int = 0) -> int:
    """Feed the elements of a level to a hash: the same for every VR, form of length and byte order.

    Of more than ``budget`` elements the rest is left out; gives what is left of it.
    """
    buffer, little = level.context.buffer, level.context.little
    slices = level.context.slices
    parts: list[bytes] = []
    for tag in sorted(level.elements):
        if tag in _ENCODING or not tag & 0xFFFF or (tag >> 16) & 1:
            continue
        budget -= 1
        if budget < 0:
            break
        element = level.elements[tag]
        parts.append(tag.to_bytes(4, "little"))
        if element.items is not None:
            items = element.items
            count = len(items)
            parts.append(count.to_bytes(8, "little"))
            # Of very long sequences the first and the last items, however they are read.
            few = range(count) if count <= _MANY_ITEMS else [*range(_ITEMS), *range(count - _ITEMS, count)]
            for number in few:
                if not 0 <= number < count or depth > 16 or budget <= 0:
                    continue
                parts.append(b"(")
                digest.update(b"".join(parts))
                parts.clear()
                budget = hash_level(digest, items[number], budget, depth + 1)
        elif element.fragments is None:
            size = element.end - element.start
            if size > _LARGE and not isinstance(buffer, WholeBuffer):
                parts.append(size.to_bytes(8, "little"))
                continue
            raw = slices[element.start : element.end]
            width = None if little else _WIDTH.get(level.value_representation(element))
            if width is not None and len(raw) % width == 0:
                raw = b"".join(raw[at : at + width][::-1] for at in range(0, len(raw), width))
            parts.append(raw.rstrip(b"\0 "))
    digest.update(b"".join(parts))
    return budget
