"""Aperio SVS files: enough of them to say what they are, whose scanner wrote them, and what they give away.

SVS is a TIFF whose first ImageDescription begins with "Aperio " and goes on in ``key = value`` parts.  The
directories are read by the optional library tifffile; no pixel is decoded.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from dcmlint.dicom.buffers import Buffer
from dcmlint.facts.registry import Facts, facts

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

SVS = "svs"  # the tag of rules that are about SVS files instead of DICOM
# TIFF 6.0 section 2 and BigTIFF: byte order and version
_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_MOST_PAGES = 64
_LONGEST = 1 << 16  # characters of a description that are looked at
# TIFF 6.0 NewSubfileType, as SVS uses it
_LABEL_TYPE, _MACRO_TYPE = 1, 9
_BARCODE = ("barcode", "barcodeid", "barcodevalue")
# Keys of descriptions that may name a patient, a case, a user or a file called after one.
_IDENTIFYING = frozenset({
    "accession", "accessionnumber", "barcode", "barcodeid", "barcodevalue", "caseid", "case", "dsrid", "filename",
    "imageid", "originalfilename", "parmset", "patient", "patientid", "patientname", "slideid", "title", "user",
})  # fmt: skip


class Svs(msgspec.Struct, frozen=True, kw_only=True):
    """What a TIFF file says of itself.

    ``is_svs``: the first description is that of an Aperio SVS
    ``gt450``: it names a GT 450 as its scanner
    ``tiled``: the first image is tiled
    ``label``: there is a label image
    ``macro``: there is a macro image
    ``barcode``: the descriptions hold a bar code
    ``identifying``: keys of the descriptions that hold something and may identify somebody
    ``images``: image file directories that were looked at
    """

    is_svs: bool
    gt450: bool = False
    tiled: bool = False
    label: bool = False
    macro: bool = False
    barcode: bool = False
    identifying: Sequence[str] = ()
    images: int = 0


def is_tiff(buffer: Buffer) -> bool:
    """Whether the first bytes are those of a TIFF file."""
    return buffer[0:4] in _SIGNATURES


def can_read_svs() -> bool:
    """Whether the library that reads SVS files is installed."""
    from importlib.util import find_spec

    return find_spec("tifffile") is not None


@facts("svs", Svs)
def svs(facts: Facts) -> Svs | None:
    """What a TIFF file says of itself; given where one is checked, absent for DICOM."""
    return None


def read_svs(buffer: Buffer) -> Svs:
    """What a TIFF file says of itself; a damaged one is no SVS.  Needs tifffile."""
    import tifffile

    stream = io.BufferedReader(_Stream(buffer))
    try:
        with tifffile.TiffFile(stream) as file:
            return _described(_pages(file))
    except (tifffile.TiffFileError, struct.error, ValueError, LookupError, TypeError, ArithmeticError, AttributeError,
            OSError, MemoryError, RecursionError):  # fmt: skip
        return Svs(is_svs=False)


def _pages(file: Any) -> Iterable[Any]:
    for number in range(_MOST_PAGES):
        try:
            yield file.pages[number]
        except IndexError:
            return


def _described(pages: Iterable[Any]) -> Svs:
    first: Any = None
    texts: list[str] = []
    label = macro = False
    count = 0
    for page in pages:
        count += 1
        text = str(getattr(page, "description", "") or "")[:_LONGEST]
        first = page if first is None else first
        texts.append(text)
        kind = int(getattr(page, "subfiletype", 0) or 0)
        name = text.partition("\n")[2].strip().lower()
        label = label or kind == _LABEL_TYPE or name.startswith("label")
        macro = macro or kind == _MACRO_TYPE or name.startswith("macro")
    if first is None or not texts[0].startswith("Aperio "):
        return Svs(is_svs=False, images=count)
    fields = _fields(texts)
    return Svs(
        is_svs=True,
        gt450="gt450" in texts[0].lower().replace(" ", ""),
        tiled=bool(getattr(first, "is_tiled", False)),
        label=label,
        macro=macro,
        barcode=any(fields.get(key) for key in _BARCODE),
        identifying=tuple(sorted(key for key, value in fields.items() if value and key in _IDENTIFYING)),
        images=count,
    )


def _fields(texts: Iterable[str]) -> dict[str, str]:
    """The ``key = value`` parts of descriptions, keys in small letters without blanks."""
    fields: dict[str, str] = {}
    for text in texts:
        for part in text.split("|")[1:]:
            key, found, value = part.partition("=")
            if found:
                fields.setdefault("".join(key.lower().split()), value.strip())
    return fields


class _Stream(io.RawIOBase):
    """A buffer as a file that can be read from any place."""

    def __init__(self, buffer: Buffer) -> None:
        super().__init__()
        self._bytes, self._at = buffer, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self._bytes)}[whence]
        if start + offset < 0:
            raise ValueError("before the beginning")
        self._at = start + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, target: WriteableBuffer) -> int:
        view = memoryview(target).cast("B")
        data = (
            self._bytes[self._at : min(len(self._bytes), self._at + len(view))]
            if self._at < len(self._bytes)
            else b""
        )
        view[: len(data)] = data
        self._at += len(data)
        return len(data)
