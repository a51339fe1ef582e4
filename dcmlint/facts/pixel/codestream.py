"""What the headers of compressed frames say. No sample is decoded.

Frames are counted from 0. Files of very many frames are looked at in part: the first and the last frame, those at
the edges of the matrix, and some drawn at random from a fixed seed, so that two runs look at the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from dcmlint.dicom.buffers import RangeBuffer
from dcmlint.expr import UNKNOWN, Unknown
from dcmlint.facts.frame.tiling import Tiling, whole
from dcmlint.facts.pixel.encapsulation import Encapsulation, layout_of
from dcmlint.facts.registry import Facts, facts
from dcmlint.standard.tags import Columns, Rows

if TYPE_CHECKING:
    from dcmlint.dicom.codestreams import Codestream
    from dcmlint.dicom.codestreams.frames import FrameGroup, FrameSummary

# Up to so many frames "auto" looks at each of them.
ALL_UP_TO: Final = 20_000
_DRAWN: Final = 2_000
_MOST_EDGES: Final = 2_000
# Frames drawn of what is read in ranges, from afar perhaps, where each costs a request.
_DRAWN_AFAR: Final = 6
# Samples of luminance for one of chrominance, across and down
_SUBSAMPLINGS: Final[dict[tuple[float, float], str]] = {
    (1, 1): "4:4:4", (2, 1): "4:2:2", (2, 2): "4:2:0", (1, 2): "4:4:0", (4, 1): "4:1:1",
}  # fmt: skip
_JPEG_2000: Final = ("jpeg2000", "htj2k", "jp2-box")


class CodestreamFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The headers of compressed frames, as far as they were looked at.

    ``examined``: frames that were looked at
    ``total``: frames that there are
    ``sampled``: whether only some of the frames were looked at
    ``kinds``: kinds of code stream: jpeg, jpegls, jpeg2000, htj2k, jpegxl, rle, jp2-box, unknown
    ``processes``: JPEG processes and codings of JPEG XL that were met
    ``widths``: widths in pixels that were met
    ``heights``: heights in pixels that were met
    ``components``: numbers of components that were met
    ``precisions``: bits of a sample that were met
    ``subsampling``: chroma subsampling of three components: 4:4:4, 4:2:2, 4:2:0, or factors
    ``sample_share``: samples of most frames, as a share of what they have without chroma subsampling
    ``lossy``: whether a frame has surely lost information; unknown where no header tells
    ``reversible``: whether JPEG 2000 frames use the reversible transform; unknown if some do, absent without any
    ``colour_transform``: whether JPEG 2000 frames use the multiple component transform; unknown if some do
    ``cropped_edge_tiles``: frames at the right or lower edge of the matrix that end with it, if no other is too small
    ``identical_frames``: frames that are equal byte for byte to the commonest of the small ones
    ``identical_share``: their share of the frames that were looked at
    """

    examined: int
    total: int
    sampled: bool
    kinds: Sequence[str] = ()
    processes: Sequence[str] = ()
    widths: Sequence[int] = ()
    heights: Sequence[int] = ()
    components: Sequence[int] = ()
    precisions: Sequence[int] = ()
    subsampling: Sequence[str] = ()
    sample_share: float = 1
    lossy: bool | Unknown = UNKNOWN
    reversible: bool | Unknown | None = None
    colour_transform: bool | Unknown | None = None
    cropped_edge_tiles: Sequence[int] = ()
    identical_frames: int | Unknown = UNKNOWN
    identical_share: float | Unknown = UNKNOWN
    _summary: Any = None


def groups_of(facts: Facts) -> tuple[FrameGroup, ...] | None:
    """The frames that were looked at, grouped by what their headers say; None where none was."""
    summary = summary_of(facts)
    return None if summary is None else summary.groups


def summary_of(facts: Facts) -> FrameSummary | None:
    """What the scan of the frames found; None where none was looked at."""
    group = facts.of(CodestreamFacts)
    summary: FrameSummary | None = None if group is None else group._summary
    return summary


@facts("codestream", CodestreamFacts, possible=lambda shape: shape.fragments)
def codestream(facts: Facts) -> CodestreamFacts | None:
    """Compressed frames of an image; nothing for native pixels, for video and for unknown transfer syntaxes."""
    instance = facts.instance
    uid = instance.syntax.uid
    layout = layout_of(facts)
    encapsulation = facts.of(Encapsulation)
    if layout is None or encapsulation is None:
        return None
    from dcmlint.dicom.codestreams import EXPECTED
    from dcmlint.dicom.codestreams.frames import scan_frames

    if uid not in EXPECTED:
        return None
    fragments, frame_map = layout
    total = len(frame_map)
    if not total:
        return None
    if facts.options.frames == "none" or (frame_map.by == "unknown" and frame_map.frame_starts is None):
        # Without knowing where frames begin, whatever was read would be a guess.
        return CodestreamFacts(examined=0, total=total, sampled=True)
    which = chosen_frames(facts, total)
    summary = scan_frames(instance.dataset.context.buffer, fragments, frame_map, uid, which)
    return _facts_of(facts, summary)


def chosen_frames(facts: Facts, total: int) -> Any:
    """The frames to look at, as an ascending int64 array; None for all."""
    import numpy as np

    from dcmlint.dicom.distinct import distinct

    wanted = facts.options.frames
    if wanted == "all":
        return None
    ends = np.array([0, total - 1])
    if _is_afar(facts):
        corner = _edges(facts, total)[-1:]
        drawn = np.random.default_rng(facts.options.seed).integers(0, total, _DRAWN_AFAR)
        return distinct(ends, corner, drawn).astype(np.int64)
    if wanted == "auto" and total <= ALL_UP_TO:
        return None
    drawn = np.random.default_rng(facts.options.seed).integers(0, total, _DRAWN)
    return distinct(ends, _edges(facts, total), drawn).astype(np.int64)


def _is_afar(facts: Facts) -> bool:
    """Whether frames cost a request each: they are read in ranges, and are more than was read at once."""
    from dcmlint.dicom.sparse_fragments import READ_WHOLE

    layout = layout_of(facts)
    many = layout is not None and int(layout[0].lengths.sum()) > READ_WHOLE
    return many and isinstance(facts.instance.dataset.context.buffer, RangeBuffer)


def _edges(facts: Facts, total: int) -> Any:
    """Frames in the last column and the last row of tiles of the first plane of a TILED_FULL image."""
    import numpy as np

    tiling = facts.of(Tiling)
    none = np.zeros(0, np.int64)
    if tiling is None or tiling.organization != "TILED_FULL" or not tiling.columns or not tiling.rows:
        return none
    columns, rows = tiling.columns, tiling.rows
    if columns * rows > total + tiling.offset:
        rows = (total + tiling.offset) // columns
    right = np.arange(1, min(rows, _MOST_EDGES) + 1) * columns - 1
    below = np.arange(min(columns, _MOST_EDGES)) + (rows - 1) * columns
    edges = np.concatenate((right, below)) - tiling.offset
    return edges[(edges >= 0) & (edges < total)]


def _facts_of(facts: Facts, summary: FrameSummary) -> CodestreamFacts:
    streams = [group.codestream for group in summary.groups]
    jpeg_2000 = [stream for stream in streams if stream.kind in _JPEG_2000]
    identical = summary.identical.estimate if summary.identical is not None else 0
    return CodestreamFacts(
        examined=summary.examined,
        total=summary.total,
        sampled=summary.examined < summary.total,
        kinds=_met(streams, "kind"),
        processes=_met(streams, "process"),
        widths=_met(streams, "width"),
        heights=_met(streams, "height"),
        components=_met(streams, "components"),
        precisions=_met(streams, "precision"),
        subsampling=tuple(dict.fromkeys(filter(None, map(subsampling_name, streams)))),
        sample_share=_sample_share(summary),
        lossy=_lossy(streams, facts.instance.syntax.uid),
        reversible=_agreed(stream.reversible for stream in jpeg_2000),
        colour_transform=_agreed(stream.mct for stream in jpeg_2000),
        cropped_edge_tiles=_cropped(facts, summary),
        identical_frames=identical,
        identical_share=identical / summary.examined if summary.examined else UNKNOWN,
        _summary=summary,
    )


def _met(streams: Sequence[Codestream], name: str) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(value for stream in streams if (value := getattr(stream, name)) is not None))


def _agreed(values: Iterator[bool | None]) -> bool | Unknown | None:
    found = set(values)
    if not found:
        return None
    only = found.pop()
    return UNKNOWN if found or only is None else only


def _lossy(streams: Sequence[Codestream], uid: str) -> bool | Unknown:
    """True as soon as one frame has lost something: PS3.3 C.7.6.1.1.5 speaks of one or more of the frames.

    Frames of another kind than the transfer syntax names do not count: one of the two is wrong.
    """
    from dcmlint.dicom.codestreams import EXPECTED, lossless

    kind = EXPECTED[uid].kind
    kinds = _JPEG_2000 if kind in _JPEG_2000 else (kind,)
    verdicts = {lossless(stream) for stream in streams if stream.kind in kinds}
    if False in verdicts:
        return True
    return UNKNOWN if None in verdicts or not verdicts else False


def subsampling_name(stream: Codestream) -> str:
    """4:4:4, 4:2:2, 4:2:0, 4:4:0, 4:1:1, else the factors; empty where there are not three components."""
    factors = stream.subsampling[:3]
    if len(factors) < 3 or any(0 in pair for pair in factors):
        return ""
    if stream.kind in ("jpeg", "jpegls"):
        (h, v), first, second = factors
        ratios = [(h / a, v / b) for a, b in (first, second)]
    else:  # separations: the larger, the fewer samples
        (h, v), first, second = factors
        ratios = [(a / h, b / v) for a, b in (first, second)]
    if ratios[0] == ratios[1] and ratios[0] in _SUBSAMPLINGS:
        return _SUBSAMPLINGS[ratios[0]]
    return " ".join(f"{a}x{b}" for a, b in factors)


def _sample_share(summary: FrameSummary) -> float:
    """What chroma subsampling leaves of the samples, in the largest group of frames."""
    largest = max(summary.groups, key=lambda group: len(group.frames), default=None)
    if largest is None or not subsampling_name(largest.codestream):
        return 1
    factors = largest.codestream.subsampling[:3]
    if largest.codestream.kind in ("jpeg", "jpegls"):
        samples: list[float] = [h * v for h, v in factors]
    else:
        samples = [1 / (h * v) for h, v in factors]
    return min(1, sum(samples) / (3 * max(samples)))


def _cropped(facts: Facts, summary: FrameSummary) -> Any:
    """Frames that are too small, if they are tiles at the edge and are just as large as what is left of the matrix.

    A TILED_FULL image only, where the number of a frame tells its place (PS3.3 C.7.6.17.3).
    """
    import numpy as np

    tiling = facts.of(Tiling)
    if tiling is None or tiling.organization != "TILED_FULL" or not tiling.columns or not tiling.rows:
        return ()
    dataset = facts.instance.dataset
    rows, columns = whole(dataset, Rows), whole(dataset, Columns)
    if not rows or not columns or not tiling.matrix_columns or not tiling.matrix_rows:
        return ()
    left_over = (tiling.matrix_columns - (tiling.columns - 1) * columns,
                 tiling.matrix_rows - (tiling.rows - 1) * rows)  # fmt: skip
    found = []
    for group in summary.groups:
        width, height = group.codestream.width, group.codestream.height
        if not width or not height or (width, height) == (columns, rows):
            continue
        place = group.frames + tiling.offset
        last_column = place % tiling.columns == tiling.columns - 1
        last_row = place // tiling.columns % tiling.rows == tiling.rows - 1
        fits: Any = (width == np.where(last_column & (width != columns), left_over[0], columns)) & (
            height == np.where(last_row & (height != rows), left_over[1], rows)
        )
        if not fits.all():
            return ()
        found.append(group.frames)
    return np.sort(np.concatenate(found)) if found else ()
