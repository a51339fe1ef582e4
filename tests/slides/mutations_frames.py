"""Defects of the pixel description, of code streams and of what they are packed in."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import partial
from io import BytesIO

from mutations import ABSENT, break_one
from PIL import Image
from pydicom.dataset import FileDataset
from support import slides
from support.modules import item
from support.pictures import encode, tissue
from support.slides import Scan, put

SYNTAX = "file.TransferSyntaxUID"
JPEG, EXTENDED = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"
ITEM = b"\xfe\xff\x00\xe0"

Stream = Callable[[bytes], bytes]


def in_frame(
    made: FileDataset, *, change: Stream, frame: int | None = None, offset_table: str = "basic"
) -> None:
    """Another code stream for one frame, or for all."""
    frames = slides.frames_of(made)
    for number in range(len(frames)) if frame is None else [frame]:
        frames[number] = change(frames[number])
    slides.put_frames(made, frames, offset_table)


def jpeg(
    columns: int = 32, rows: int = 32, *, gray: bool = False, subsampling: int = 1, **how: object
) -> bytes:
    """A code stream of Pillow: 4:4:4, 4:2:2 or 4:2:0 for ``subsampling`` 0, 1, 2."""
    picture = tissue(columns, rows)
    out = BytesIO()
    image = Image.fromarray(picture[:, :, 0] if gray else picture)
    image.save(out, "JPEG", quality=80, subsampling=-1 if gray else subsampling, **how)
    return out.getvalue()


def j2k(**how: object) -> bytes:
    """A J2K code stream of Pillow."""
    out = BytesIO()
    settings = {
        "no_jp2": True,
        "mct": 1,
        "num_resolutions": 3,
        "quality_mode": "rates",
        "quality_layers": [6],
    } | how
    Image.fromarray(tissue(32, 32)).save(out, "JPEG2000", **settings)
    return out.getvalue()


def segments(frame: bytes) -> list[bytes]:
    """A JPEG stream cut at its markers: SOI, each segment, and all from SOS on."""
    parts, at = [frame[:2]], 2
    while frame[at + 1] != 0xDA:
        (length,) = struct.unpack_from(">H", frame, at + 2)
        parts.append(frame[at : at + 2 + length])
        at += 2 + length
    return [*parts, frame[at:]]


def without(frame: bytes, marker: int) -> bytes:
    """A JPEG stream without the segments of a marker."""
    return b"".join(part for part in segments(frame) if part[1] != marker)


def patched(frame: bytes, marker: int, at: int, value: int) -> bytes:
    """A JPEG stream with another byte ``at`` a place of the segments of a marker."""
    return b"".join(
        part[:at] + bytes([value]) + part[at + 1 :] if part[1] == marker else part for part in segments(frame)
    )


# -- the description ---------------------------------------------------------------------------------------

break_one("PIX001", "MONOCHROME1", "mono", {"PhotometricInterpretation": "MONOCHROME1"})
break_one("PIX001", "PALETTE COLOR", "mono", {"PhotometricInterpretation": "PALETTE COLOR"})
break_one("PIX002", "RGB of one sample", "mono", {"PhotometricInterpretation": "RGB"})
break_one("PIX002", "gray of three samples", "native", {"PhotometricInterpretation": "MONOCHROME2", "OpticalPathSequence[0].ICCProfile": ABSENT,
          "PresentationLUTShape": "IDENTITY", "RescaleIntercept": "0", "RescaleSlope": "1"})  # fmt: skip
break_one("PIX003", "colour by plane", "native", {"PlanarConfiguration": 1})
break_one("PIX004", "12 of 16 bits", "mono-16", {"BitsStored": 12, "HighBit": 11})
break_one("PIX005", "native YBR_FULL_422", "native", {"PhotometricInterpretation": "YBR_FULL_422"})
break_one("PIX006", "YBR_RCT in JPEG", "jpeg", {"PhotometricInterpretation": "YBR_RCT"})
break_one("PIX007", "YBR_ICT in JPEG 2000 lossless", "j2k-lossless", {"PhotometricInterpretation": "YBR_ICT"})
break_one("PIX008", "RGB with subsampled chroma", "jpeg", {"PhotometricInterpretation": "RGB"})
break_one("PIX009", "422 that is 444", "jpeg", edit=partial(in_frame, change=lambda _: jpeg(subsampling=0)))
break_one("PIX010", "RGB with a colour transform", "j2k-lossless", {"PhotometricInterpretation": "RGB"})


def _irreversible(made: FileDataset) -> None:
    in_frame(made, change=lambda _: j2k(mct=0, irreversible=True))
    made.PhotometricInterpretation = "RGB"


break_one("PIX011", "irreversible in the lossless syntax", "j2k-lossless", edit=_irreversible)
break_one(
    "PIX012",
    "JP2 boxes",
    "j2k-lossless",
    edit=partial(in_frame, change=lambda _: j2k(no_jp2=False, irreversible=False, quality_layers=[0])),
)
break_one("PIX013", "progressive", "jpeg", edit=partial(in_frame, change=lambda _: jpeg(progressive=True)))
break_one(
    "PIX014", "one gray frame", "jpeg", edit=partial(in_frame, change=lambda _: jpeg(gray=True), frame=9)
)
break_one("PIX015", "a frame of 12 bits", "jpeg", {SYNTAX: EXTENDED},
          edit=partial(in_frame, change=lambda frame: patched(patched(frame, 0xC0, 4, 12), 0xC0, 1, 0xC1), frame=9))  # fmt: skip
break_one(
    "PIX016", "a frame of 32 x 40", "jpeg", edit=partial(in_frame, change=lambda _: jpeg(rows=40), frame=7)
)
break_one(
    "PIX017",
    "half a frame",
    "jpeg",
    edit=partial(in_frame, change=lambda frame: frame[: len(frame) // 2], frame=7),
)
break_one(
    "PIX018", "no Huffman tables", "jpeg", edit=partial(in_frame, change=lambda frame: without(frame, 0xC4))
)

# -- fragments and tables ----------------------------------------------------------------------------------


def fragments(made: FileDataset, *, pieces: Sequence[bytes], table: Sequence[int] = ()) -> None:
    """Pixel Data of these fragments, as they are."""
    value = ITEM + struct.pack("<I", 4 * len(table)) + struct.pack(f"<{len(table)}I", *table)
    for piece in pieces:
        value += ITEM + struct.pack("<I", len(piece)) + piece
    made.PixelData = value
    made["PixelData"].is_undefined_length = True


def _three_fragments(made: FileDataset) -> None:
    fragments(made, pieces=slides.frames_of(made)[:3])


def _empty_fragment(made: FileDataset) -> None:
    pieces = slides.frames_of(made)
    fragments(made, pieces=[*pieces[:7], b"", *pieces[8:]])


def offsets(made: FileDataset) -> list[int]:
    """Where each frame begins (PS3.5 A.4)."""
    starts, at = [], 0
    for frame in slides.frames_of(made):
        starts.append(at)
        at += 8 + len(frame) + len(frame) % 2
    return starts


def basic_table(made: FileDataset, *, change: Callable[[list[int]], list[int]]) -> None:
    """Another Basic Offset Table."""
    fragments(made, pieces=slides.frames_of(made), table=change(offsets(made)))


break_one("PIX019", "3 fragments for 20 frames", "jpeg", edit=_three_fragments)
break_one("PIX020", "an empty fragment", "jpeg", edit=_empty_fragment)
break_one("PIX021", "two fragments a frame", "jpeg", writing={"fragments_per_frame": 2})
break_one(
    "PIX022", "19 offsets for 20 frames", "jpeg", edit=partial(basic_table, change=lambda table: table[:-1])
)
break_one(
    "PIX023",
    "an offset beside its item",
    "jpeg",
    edit=partial(basic_table, change=lambda t: [*t[:3], t[3] + 4, *t[4:]]),
)
break_one(
    "PIX023",
    "all offsets beside their items",
    "jpeg",
    edit=partial(basic_table, change=lambda t: [one + 8 for one in t]),
)
break_one("PIX023", "two offsets in the wrong order", "jpeg",
          edit=partial(basic_table, change=lambda t: [*t[:3], t[4], t[3], *t[5:]]))  # fmt: skip


def extended(
    made: FileDataset, *, change: Callable[[list[int], list[int]], tuple[list[int], list[int] | None]]
) -> None:
    """Another Extended Offset Table and its Lengths; no lengths for None."""
    lengths = [len(one) + len(one) % 2 for one in slides.frames_of(made)]
    table, sizes = change(offsets(made), lengths)
    fragments(made, pieces=slides.frames_of(made))
    made.ExtendedOffsetTable = struct.pack(f"<{len(table)}Q", *table)
    if sizes is not None:
        made.ExtendedOffsetTableLengths = struct.pack(f"<{len(sizes)}Q", *sizes)


def _both_tables(made: FileDataset) -> None:
    table = offsets(made)
    extended(made, change=lambda starts, sizes: (starts, sizes))
    fragments(made, pieces=slides.frames_of(made), table=table)


break_one("PIX025", "both offset tables", "jpeg", edit=_both_tables)
break_one(
    "PIX026",
    "3 extended offsets for 20 frames",
    "jpeg",
    edit=partial(extended, change=lambda t, n: (t[:3], n)),
)
break_one("PIX027", "no extended lengths", "jpeg", edit=partial(extended, change=lambda t, n: (t, None)))
break_one("PIX028", "an extended offset beside its item", "jpeg",
          edit=partial(extended, change=lambda t, n: ([*t[:3], t[3] + 4, *t[4:]], n)))  # fmt: skip
break_one("PIX029", "an extended length too long", "jpeg",
          edit=partial(extended, change=lambda t, n: (t, [*n[:3], n[3] + 1000, *n[4:]])))  # fmt: skip
break_one("PIX030", "an extended table for native frames", "native", {
    "ExtendedOffsetTable": struct.pack("<20Q", *range(0, 61440, 3072)),
    "ExtendedOffsetTableLengths": struct.pack("<20Q", *[3072] * 20)})  # fmt: skip


def _many_frames(_: FileDataset) -> FileDataset:
    return slides.volume(Scan(name="many", columns=128, rows=128, tile=8))


break_one("PIX031", "256 frames and no table", "jpeg", edit=_many_frames, writing={"offset_table": "empty"})
break_one("PIX032", "no delimiter", "jpeg", patch=lambda data: data[:-8])


def _shorter(made: FileDataset) -> None:
    made.PixelData = made.PixelData[:-300]


break_one("PIX033", "300 bytes short", "native", edit=_shorter)

# -- lossy compression -------------------------------------------------------------------------------------

NOT_LOSSY = {
    "LossyImageCompression": "00",
    "LossyImageCompressionRatio": ABSENT,
    "LossyImageCompressionMethod": ABSENT,
}

break_one("PIX034", "JPEG that never was lossy", "jpeg", NOT_LOSSY)
break_one("PIX034", "JPEG 2000 9/7 that never was lossy", "j2k-lossy", NOT_LOSSY)
break_one("PIX035", "no ratio", "jpeg", {"LossyImageCompressionRatio": ABSENT})
break_one("PIX036", "the method of JPEG 2000", "jpeg", {"LossyImageCompressionMethod": "ISO_15444_1"})
break_one(
    "PIX037",
    "two methods, one ratio",
    "jpeg",
    {"LossyImageCompressionMethod": ["ISO_15444_1", "ISO_10918_1"]},
)
break_one("PIX038", "a ratio of 1000", "jpeg", {"LossyImageCompressionRatio": "1000"})
break_one("PIX039", "a ratio of blanks", "jpeg", {"LossyImageCompressionRatio": b" " * 16})


def _sixteen(made: FileDataset) -> None:
    made.BitsAllocated = made.BitsStored = 16
    made.HighBit = 15
    made.PixelData = b"".join(bytes([0, one]) for one in made.PixelData)
    made["PixelData"].VR = "OW"


break_one("PIX040", "colours of 16 bits", "native", edit=_sixteen)


def _nested(made: FileDataset) -> None:
    put(made, "(0009,0010)", "EXAMPLE", "LO")
    inner = item()
    put(inner, "(7FE0,0010)", bytes(64), "OB")
    put(made, "(0009,1001)", [inner], "SQ")


break_one("PIX041", "pixels in a private sequence", "native", edit=_nested)


def _blank(made: FileDataset) -> None:
    white = encode(tissue(32, 32) // 255 + 240, "jpeg")
    frames = slides.frames_of(made)
    slides.put_frames(made, [white if number % 2 else frame for number, frame in enumerate(frames)])
    made.LossyImageCompressionRatio = str(round(61440 / sum(map(len, slides.frames_of(made))), 2))


break_one("PIX042", "every other frame white", "jpeg", edit=_blank)
