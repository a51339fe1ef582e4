"""An instance: preamble, file meta group, data set, and everything that was odd in their encoding.

PS3.10 clause 7.
"""

from __future__ import annotations

import zlib
from io import BytesIO
from typing import Literal

import msgspec

from dcmlint import standard
from dcmlint.dicom.buffers import Buffer, WholeBuffer
from dcmlint.dicom.dataset import Dataset, FileContext, Oddity
from dcmlint.dicom.headers import VRS
from dcmlint.dicom.tokens import INFLATED, Reader
from dcmlint.dicom.transfer_syntaxes import TransferSyntax, transfer_syntax
from dcmlint.standard.tags import (
    FileMetaInformationGroupLength,
    MediaStorageSOPClassUID,
    SOPClassUID,
    SOPInstanceUID,
    TransferSyntaxUID,
)
from dcmlint.standard.uids import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

# A header of this size inflated is larger than any that was met; the bound stops bombs.
MAX_INFLATED = 256 << 20  # bytes of a deflated data set; of a small file less, but for what images may have
SMALL_INFLATED = 64 << 20
MAX_RATIO = 100
_LEAST = 8  # bytes of the shortest header of an element (PS3.5 7.1)


class Instance:
    """What was read of one DICOM file or stream.

    ``status``: "checked" when all of it could be read, else "partial".  ``meta`` is None when there is no
    file meta information.  Offsets are bytes of the file; those of a deflated data set, of the inflated bytes.
    """

    __slots__ = ("buffer", "dataset", "meta", "oddities", "preamble", "status", "syntax")

    def __init__(self, buffer: Buffer) -> None:
        self.buffer = buffer
        self.oddities: list[Oddity] = []
        self.status = "checked"
        self.preamble = b""
        self.meta: Dataset | None = None
        self.syntax: TransferSyntax = transfer_syntax(ExplicitVRLittleEndian)
        self.dataset: Dataset = Dataset(FileContext(buffer, self.syntax), True, 0)

    @property
    def sop_class(self) -> str:
        """The SOP Class UID of the data set, else the one of the file meta group, else ""."""
        uid = self.dataset.text(SOPClassUID)
        return uid or (self.meta.text(MediaStorageSOPClassUID) if self.meta is not None else "")

    @property
    def sop_instance(self) -> str:
        """The SOP Instance UID of the data set, or ""."""
        return self.dataset.text(SOPInstanceUID)

    def close(self) -> None:
        """Close what the bytes come from; values that were not read yet are lost."""
        self.buffer.close()


def _bare_syntax(head: bytes) -> str | None:
    """The transfer syntax that a data set without file meta information seems to have; None if it is none.

    The first element must be one of a low group with a VR, or of a length that a first element can have.
    """
    order: Literal["little", "big"]
    if len(head) < 12:
        return None
    for little in (True, False):
        order = "little" if little else "big"
        group = int.from_bytes(head[0:2], order)
        element = int.from_bytes(head[2:4], order)
        if group not in (0x0002, 0x0004, 0x0008):
            continue
        entry = standard.load().dictionary.entry(group << 16 | element)
        if entry is None and element != 0:
            continue
        if head[4:6] in VRS:
            return ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        length = int.from_bytes(head[4:8], order)
        if little and length < 1 << 16:
            return ImplicitVRLittleEndian
    return None


def looks_like_dicom(head: bytes) -> bool:
    """Whether the first bytes (132 or more, where there are as many) are those of a DICOM file or of a bare data set."""
    return head[128:132] == b"DICM" or _bare_syntax(head) is not None or _prefix_alone(head)


def _prefix_alone(head: bytes) -> bool:
    """Whether the prefix stands at the very beginning: the preamble before it was left out."""
    return head[:4] == b"DICM" and _bare_syntax(head[4:]) is not None


def read_instance(buffer: Buffer, *, stated_syntax: str | None = None) -> Instance | None:
    """Read an instance; None when the bytes are not DICOM.

    ``stated_syntax``: the Transfer Syntax UID when it is known from elsewhere (an association), which makes
    a data set without file meta information normal.
    """
    instance = Instance(buffer)
    head = buffer[0:512]
    start = 0
    if head[128:132] == b"DICM":
        instance.preamble = head[:128]
        start = 132
    elif _prefix_alone(head) and stated_syntax is None:
        instance.oddities.append(Oddity("prefix-alone", 0))
        start = 4
    elif stated_syntax is None and _bare_syntax(head) is None:
        return None
    elif stated_syntax is None:
        instance.oddities.append(Oddity("no-preamble", 0))
    uid = stated_syntax
    if buffer[start : start + 2] in (b"\x02\x00", b"\x00\x02") and stated_syntax is None:
        start = _read_meta(instance, start)
        meta = instance.meta
        assert meta is not None
        while instance.status != "partial" and buffer[start : start + 4] in _META_BEGINS:
            start = _pass_meta(instance, meta, start)
        uid = meta.text(TransferSyntaxUID)
        stated = meta.get(TransferSyntaxUID)
        lost = meta.may_have(TransferSyntaxUID) if stated is None else not meta.is_whole(stated)
        if not uid and not lost:
            instance.oddities.append(Oddity("transfer-syntax-missing", start, meta, TransferSyntaxUID))
    elif stated_syntax is None and len(buffer) - start >= _LEAST:
        instance.oddities.append(Oddity("no-meta", start))
    if instance.status == "partial":
        instance.dataset.cut = True
        return instance
    syntax = (
        transfer_syntax(uid)
        if uid
        else transfer_syntax(_bare_syntax(buffer[start : start + 16]) or ExplicitVRLittleEndian)
    )
    if uid and not syntax.known:
        instance.oddities.append(Oddity("transfer-syntax-unknown", start, instance.meta, TransferSyntaxUID))
    syntax = _as_written(instance, buffer, start, syntax)
    packed = len(buffer)
    if syntax.deflated:
        buffer, start = _inflate(instance, buffer, start), 0
    instance.syntax = syntax
    context = FileContext(buffer, syntax)
    dataset = instance.dataset = Dataset(context, syntax.explicit, start)
    reader = Reader(buffer, context)
    reader.oddities = instance.oddities
    if len(buffer) > MAX_RATIO * packed:
        reader.bounds = INFLATED
    reader.read_level(dataset, start, len(buffer))
    dataset.end = len(buffer)
    instance.oddities += reader.beyond.values()
    if reader.truncated or reader.stopped or start >= len(buffer):
        instance.status = "partial"
    # What was not inflated is missing at the end too.
    dataset.cut = dataset.cut or instance.status == "partial"
    if syntax.deflated and any(oddity.code.startswith("deflate-") for oddity in instance.oddities):
        # What was not inflated is missing at the end: that was told.
        instance.oddities = [oddity for oddity in instance.oddities if oddity.code != "truncated"]
    if start >= len(buffer) and not any(oddity.code.startswith("deflate-") for oddity in instance.oddities):
        instance.oddities.append(
            Oddity("dataset-missing", start, dataset, 0, "the end of the file", "a data set")
        )
    return instance


def _read_meta(instance: Instance, start: int) -> int:
    """Read the file meta group; returns where the data set begins (PS3.10 7.1)."""
    buffer = instance.buffer
    letters = buffer[start + 4 : start + 6]
    implicit = len(letters) == 2 and letters not in VRS
    big = buffer[start : start + 2] == b"\x00\x02"
    syntax = transfer_syntax(
        ImplicitVRLittleEndian if implicit else ExplicitVRBigEndian if big else ExplicitVRLittleEndian
    )
    context = FileContext(buffer, syntax)
    meta = instance.meta = Dataset(context, syntax.explicit, start)
    reader = Reader(buffer, context)
    end = reader.read_level(meta, start, len(buffer), stop=0x0002)
    meta.end = end
    meta.cut = meta.cut or end >= len(buffer)
    instance.oddities += reader.oddities
    if implicit or big:
        instance.oddities.append(Oddity("meta-implicit", start, meta))
    length = meta.get(FileMetaInformationGroupLength)
    if length is None and meta.may_have(FileMetaInformationGroupLength):
        pass  # nothing of the group could be read
    elif length is None:
        instance.oddities.append(
            Oddity("meta-group-length-missing", start, meta, FileMetaInformationGroupLength)
        )
    else:
        stated = meta.value(FileMetaInformationGroupLength)
        if stated != end - length.end and not meta.cut:
            instance.oddities.append(
                Oddity(
                    "meta-group-length",
                    length.offset,
                    meta,
                    FileMetaInformationGroupLength,
                    str(stated),
                    str(end - length.end),
                )
            )
    if reader.truncated or reader.stopped:
        instance.status = "partial"
    return end


# File Meta Information Group Length and Version, little and big endian
_META_BEGINS = (b"\x02\0\0\0", b"\x02\0\x01\0", b"\0\x02\0\0", b"\0\x02\0\x01")


def _pass_meta(instance: Instance, meta: Dataset, start: int) -> int:
    """Pass over a file meta group that follows the first one; returns where it ends."""
    again = Dataset(meta.context, meta.explicit, start)
    reader = Reader(instance.buffer, meta.context)
    end = reader.read_level(again, start, len(instance.buffer), stop=0x0002)
    instance.oddities.append(
        Oddity("meta-in-dataset", start, meta, 0, f"{len(again)} elements", "one file meta group")
    )
    if reader.stopped:
        instance.oddities += [oddity for oddity in reader.oddities if oddity.code == "truncated"]
        instance.status = "partial"
    return max(end, start + 4)


def _as_written(instance: Instance, buffer: Buffer, start: int, syntax: TransferSyntax) -> TransferSyntax:
    """The syntax with which the first element can be read: the stated one unless that is impossible."""
    head = buffer[start : start + 12]
    if len(head) < 8:
        return syntax
    seen = _bare_syntax(head)
    # No deflated stream begins like an element with its VR; like one without, it may.
    if seen is None or (syntax.deflated and seen == ImplicitVRLittleEndian):
        return syntax
    actual = transfer_syntax(seen)
    if not syntax.deflated and (actual.explicit, actual.little) == (syntax.explicit, syntax.little):
        return syntax
    found, wanted = _words(actual), _words(syntax)
    if syntax.deflated:
        found, wanted = f"{found}, not deflated", "deflated"
    instance.oddities.append(
        Oddity("transfer-syntax-wrong", start, instance.meta, TransferSyntaxUID, found, wanted)
    )
    return msgspec.structs.replace(syntax, deflated=False, explicit=actual.explicit, little=actual.little)


def _words(syntax: TransferSyntax) -> str:
    return f"{'explicit' if syntax.explicit else 'implicit'} VR {'little' if syntax.little else 'big'} endian"


def _inflate(instance: Instance, buffer: Buffer, start: int) -> Buffer:
    """The inflated bytes of a deflated data set (PS3.5 A.5), as far as they could be inflated."""
    engine = zlib.decompressobj(-15)
    made = BytesIO()  # which gives its bytes away without a copy
    total, position, size = 0, start, len(buffer)
    limit = min(MAX_INFLATED, max(SMALL_INFLATED, MAX_RATIO * size))
    try:
        while position < size and not engine.eof:
            piece = buffer[position : position + (1 << 20)]
            position += len(piece)
            while piece and not engine.eof:
                out = engine.decompress(piece, 1 << 22)
                total += len(out)
                made.write(out)
                piece = engine.unconsumed_tail
                if total > limit:
                    instance.oddities.append(Oddity("deflate-limit", start, None, 0, "", f"{limit} bytes"))
                    instance.status = "partial"
                    return WholeBuffer(made.getvalue())
    except zlib.error:
        pass  # the end is not reached then either
    if not engine.eof:
        instance.oddities.append(
            Oddity("deflate-damaged", start, None, 0, f"{total} bytes inflated", "the whole")
        )
        instance.status = "partial"
    elif (behind := len(engine.unused_data) + size - position) > 1:
        # PS3.5 A.5: one NUL at most makes the length even.
        end = size - behind
        instance.oddities.append(
            Oddity("deflate-trailing", end, None, 0, f"{behind} bytes", "one NUL at most")
        )
    return WholeBuffer(made.getvalue())
