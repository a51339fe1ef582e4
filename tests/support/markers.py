"""Markers that stand for a patient's data: planted in instances, damage around them, and every report to look for them."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from io import BytesIO, StringIO

from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset

import dcmlint
from dcmlint.engine.stream import deliver
from dcmlint.reports.names import format_names
from dcmlint.reports.registry import writer_class
from dcmlint.reports.writer import TextOptions, head_of
from support import slides
from support.html_page import with_data_unpacked

MARKER = "Zxqv"
_TEXT = ("PN", "LO", "SH", "LT", "ST", "UT", "UC", "AE")
_STRICT = ("CS", "DA", "TM", "DT", "DS", "IS", "AS", "UI")
# What PS3.15 Table E.1-1 does not name and every reader needs: shown where it is legal.
_VOCABULARY = ("Manufacturer", "ManufacturerModelName", "SoftwareVersions", "OpticalPathIdentifier", "CodeValue", "CodeMeaning",
               "CodingSchemeDesignator", "CodingSchemeVersion", "ImplementationVersionName")  # fmt: skip


def planted(made: Dataset, chance: random.Random, strict: float) -> Dataset:
    """Markers in every text of a data set, and in some of what is no text."""
    for element in made:
        if element.VR == "SQ":
            for item in element.value:
                planted(item, chance, strict)
        elif element.tag.group & 1 or element.keyword in (*_VOCABULARY, "SpecificCharacterSet"):
            continue
        elif element.VR in _TEXT:
            element.value = f"{MARKER}^{MARKER}"
        elif element.VR in _STRICT and chance.random() < strict:
            element._value = f"{MARKER}{chance.randrange(100)}"
    return made


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Lengths, VRs, order and the end changed at random, at places where elements begin."""
    result = bytearray(data)
    starts = [
        at
        for at in range(132, min(len(data), 12_000) - 8)
        if data[at + 4 : at + 6].isalpha() and data[at + 4 : at + 6].isupper() and not data[at + 1] & ~0x48
    ]
    # A name that stands under Manufacturer is a legal one: nothing can tell.
    movable = [
        at
        for at in starts
        if keyword_for_tag(
            int.from_bytes(data[at : at + 2], "little") << 16
            | int.from_bytes(data[at + 2 : at + 4], "little")
        )
        not in _VOCABULARY
    ]
    for _ in range(chance.randrange(5)):
        at = chance.choice(starts)
        what = chance.randrange(4)
        if what == 0:
            result[at + 6] = chance.randrange(256)
        elif what == 1:
            result[at + 4 : at + 6] = chance.choice(
                (b"CS", b"UI", b"DS", b"IS", b"DA", b"LO", b"UN", b"US", b"XX", b"SQ")
            )
        elif what == 2:
            at, other = chance.choice(movable), chance.choice(movable)
            result[at : at + 4], result[other : other + 4] = result[other : other + 4], result[at : at + 4]
        else:
            result[at + 7] = chance.choice((0, 1))
    return bytes(result[: chance.randrange(200, len(result))] if chance.random() < 0.15 else result)


def written(report: dcmlint.Report) -> Iterator[tuple[str, str]]:
    """A report in every format, at every verbosity, each with the name of its format."""
    for name in format_names():
        made, variant = writer_class(name)
        for show in ("error", "info"):
            sink = BytesIO() if made.binary else StringIO(newline="")
            options = TextOptions(show=show, verbose=True)  # type: ignore[arg-type]
            deliver(report, [made(sink, head_of(report, {}, options, variant))])  # type: ignore[arg-type]
            found = sink.getvalue()
            text = found.decode() if isinstance(found, bytes) else found
            # Letters of base64 can look like a marker, and a marker in what is packed would not be seen.
            yield name, with_data_unpacked(text)


def encoded(made: Dataset) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return slides.to_bytes(made)  # type: ignore[arg-type]
