"""All frames of an instance: their headers, grouped where they say the same, and their ends.

A slide has some hundred thousand frames whose headers are equal byte for byte. Each frame is read once, just
as far as the header of the frame before it goes; only a header that differs is parsed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
from msgspec.structs import replace

from dcmlint.dicom.codestreams import read_header
from dcmlint.dicom.codestreams.codestream import (
    BLOCK,
    END_MARKER,
    Codestream,
    CodestreamProblem,
    find_end,
    has_end_marker,
)
from dcmlint.dicom.codestreams.jpeg import header_key as jpeg_key
from dcmlint.dicom.codestreams.jpeg2000 import header_key as jpeg2000_key
from dcmlint.dicom.encapsulation import ByteRange, Fragments, FramePayload, release_pages, unwrapped
from dcmlint.dicom.frame_map import FrameMap, frame_payload

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Indices = NDArray[np.int64]

# Frames taken at a time: bounds what the lists of a pass hold.
_CHUNK: Final = 1 << 16
# Kinds of header kept apart; hostile files may have one for each frame.
MAX_GROUPS: Final = 4096
_MAX_KEYS: Final = 1024
_LARGEST_BLOCK: Final = 1 << 16
_RELEASE_EVERY: Final = 1 << 24
# Frames that may be alike are compared byte for byte up to these sizes, one and together.
_LARGEST_COMPARED: Final = 1 << 15
_MOST_COMPARED: Final = 1 << 25
_SOD_AT: Final = 12  # SOT has 12 bytes, then SOD. ISO/IEC 15444-1 Table A.5
_SOD: Final = b"\xff\x93"


class FrameGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Frames whose headers state the same facts. ``codestream`` is that of the first; its ``complete`` and
    ``end_offset`` are None, and header length and offsets of problems may differ in the others."""

    codestream: Codestream
    frames: Indices


class IdenticalFrames(msgspec.Struct, frozen=True, kw_only=True):
    """Small frames that are equal byte for byte: as a rule the blank ones.

    ``candidates`` frames of one fragment have the ``length`` in bytes; the first ``compared`` of them were
    compared, and ``frames`` were found equal. Where not all were compared, ``estimate`` holds for all.
    """

    frames: Indices
    length: int
    compared: int
    candidates: int

    @property
    def estimate(self) -> int:
        """How many frames are equal, if those not compared are like those compared."""
        return len(self.frames) * self.candidates // self.compared


class FrameSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What a scan of frames found. Frames are counted from 0; index arrays are int64 and ascend.

    ``examined`` of ``total`` frames were looked at. ``incomplete`` have no end marker, ``surplus`` more than
    one byte after it, ``empty`` no byte at all. ``ungrouped`` are those whose headers were read but not kept,
    since there were too many kinds: their ends were not looked at. ``payload_bytes`` is the sum
    over all fragments, whatever was examined.
    """

    groups: tuple[FrameGroup, ...]
    examined: int
    total: int
    incomplete: Indices
    surplus: Indices
    empty: Indices
    ungrouped: Indices
    payload_bytes: int
    identical: IdenticalFrames | None

    def where(self, attribute: str) -> Indices:
        """The frames of all groups whose code stream has something true in ``attribute``, as "exif"."""
        hits = [group.frames for group in self.groups if getattr(group.codestream, attribute)]
        return np.sort(np.concatenate(hits)) if hits else np.zeros(0, np.int64)


class _Groups:
    """The kinds of header met so far, and the one met last."""

    def __init__(self, uid: str | None) -> None:
        self.uid = uid
        self.streams: list[Codestream] = []
        self.by_facts: dict[Codestream, int] = {}
        self.by_key: dict[bytes, int] = {}
        # A frame that begins with these bytes is in this group; an empty header matches nothing.
        self.header = b""
        self.needs_sod = False
        self.current = -1
        self.header_length = 0
        # How much of a new kind of header is read at once.
        self.block = BLOCK

    def find(self, data: FramePayload) -> int:
        """The group of a frame, -1 if there are too many; makes its header the one met last."""
        block = data[0 : min(self.block, len(data))]
        keyed = jpeg_key(block) or jpeg2000_key(block)
        if keyed is not None:
            key, length = keyed
            known = self.by_key.get(key)
            if known is not None:
                self._remember(block, length, known)
                return known
        stream = read_header(data, self.uid)
        group = self._add(stream)
        if keyed is None and self.block < _LARGEST_BLOCK and stream.header_length > self.block - BLOCK // 2:
            # From now on headers as long as this one, with an ICC profile perhaps, are read in one piece.
            self.block = min(stream.header_length + BLOCK, _LARGEST_BLOCK)
            block = data[0 : min(self.block, len(data))]
            keyed = jpeg_key(block) or jpeg2000_key(block)
        # A size that only DNL told is not the header's.
        if keyed is not None and not stream.dnl and stream.height:
            if len(self.by_key) >= _MAX_KEYS:
                self.by_key.clear()
            self.by_key[keyed[0]] = group
            self._remember(block, keyed[1], group)
        elif stream.kind == "jpegxl" and not stream.problems and block.startswith(b"\xff\x0a"):
            self._remember(block, stream.header_length, group)
        else:
            self.header, self.current, self.header_length = b"", group, stream.header_length
        return group

    def _remember(self, block: bytes, length: int, group: int) -> None:
        self.current, self.header_length = group, length
        self.needs_sod = block.startswith(b"\xff\x4f")
        plain = not self.needs_sod or block[length + _SOD_AT : length + _SOD_AT + 2] == _SOD
        self.header = block[:length] if plain and group >= 0 else b""

    def _add(self, stream: Codestream) -> int:
        problems = tuple(CodestreamProblem(p.code, 0, "") for p in stream.problems)
        facts = replace(stream, header_length=0, problems=problems)
        group = self.by_facts.get(facts)
        if group is None:
            if len(self.streams) >= MAX_GROUPS:
                return -1
            group = self.by_facts[facts] = len(self.streams)
            self.streams.append(stream)
        return group

    def ends(self, group: int) -> bool:
        """Whether frames of this group have an end marker (unknown kinds are not asked for one)."""
        return group >= 0 and has_end_marker(self.streams[group].kind)


def scan_frames(
    buf: ByteRange,
    fragments: Fragments,
    frame_map: FrameMap,
    transfer_syntax_uid: str | None,
    which: Indices | None = None,
) -> FrameSummary:
    """Read the header and look for the end of each frame, or of the frames ``which`` (ascending, from 0).

    Costs about one read of the header's length for each frame. Never raises on what the bytes say; numbers
    in ``which`` that are no frames are left out.
    """
    buf = unwrapped(buf)
    total = len(frame_map)
    frames = np.arange(total, dtype=np.int64) if which is None else np.unique(which).astype(np.int64)
    frames = frames[(frames >= 0) & (frames < total)]
    ends = np.concatenate((np.zeros(1, np.int64), np.cumsum(fragments.lengths, dtype=np.int64)))
    first, count = frame_map.first_fragment[frames], frame_map.count[frames]
    sizes = ends[first + count] - ends[first]
    scan = _Scan(buf, fragments, frame_map, _Groups(transfer_syntax_uid))
    for at in range(0, len(frames), _CHUNK):
        part = slice(at, at + _CHUNK)
        scan.chunk(frames[part], first[part], count[part], sizes[part])
    whole = (count == 1) & (sizes > 0)
    members = np.concatenate(scan.members) if scan.members else np.zeros(0, np.int32)
    return FrameSummary(
        groups=_collect(scan.groups.streams, members, frames),
        examined=len(frames),
        total=total,
        incomplete=np.array(scan.incomplete, np.int64),
        surplus=np.array(scan.surplus, np.int64),
        empty=frames[sizes == 0],
        ungrouped=frames[members == -1],
        payload_bytes=int(ends[-1]),
        identical=_identical(buf, fragments.offsets[first[whole]] + 8, frames[whole], sizes[whole]),
    )


def _collect(
    streams: list[Codestream], members: NDArray[np.int32], frames: Indices
) -> tuple[FrameGroup, ...]:
    order = np.argsort(members, kind="stable")
    sorted_members = members[order]
    bounds = np.searchsorted(sorted_members, np.arange(len(streams) + 1))
    return tuple(
        FrameGroup(codestream=stream, frames=frames[order[bounds[k] : bounds[k + 1]]])
        for k, stream in enumerate(streams)
    )


class _Scan:
    """One pass over frames in ascending order."""

    def __init__(self, buf: ByteRange, fragments: Fragments, frame_map: FrameMap, groups: _Groups) -> None:
        self.buf, self.fragments, self.frame_map, self.groups = buf, fragments, frame_map, groups
        self.members: list[NDArray[np.int32]] = []
        self.incomplete: list[int] = []
        self.surplus: list[int] = []

    def chunk(self, frames: Indices, first: Indices, count: Indices, sizes: Indices) -> None:
        """Take one chunk: the loop that a slide's hundred thousand frames go through.

        One read gives the last 4 bytes of the frame before, the item header between (8 bytes) and the
        header of the frame, so the end of a frame is judged when the next one is read.
        """
        groups, buf = self.groups, self.buf
        where, lengths = self.fragments.offsets, self.fragments.lengths
        usable = len(where) > 0
        last = np.maximum(first + count - 1, 0)
        starts = where[first] + 8 if usable and len(first) else first
        stops = where[last] + 8 + lengths[last] if usable and len(first) else first
        heads = lengths[first] if usable and len(first) else sizes
        found: list[int] = []
        add = found.append
        header, current, reach = groups.header, groups.current, len(groups.header)
        needs_sod, ends = groups.needs_sod, groups.ends(current)
        # Beyond the header the read takes in what may be SOT and SOD.
        beyond = reach + _SOD_AT + 2
        # The frame before: its number, stop, whether its end has still to be judged, size, header length.
        before, before_stop, judge, before_size = -1, -1, False, 0
        before_reach = reach or groups.header_length
        release_from = int(starts[0]) if len(starts) else 0
        release_at = release_from + _RELEASE_EVERY
        rows = zip(
            frames.tolist(), starts.tolist(), stops.tolist(), heads.tolist(), sizes.tolist(), strict=True
        )
        for frame, start, stop, head, size in rows:
            if start - 8 == before_stop:
                block = buf[start - 12 : start + beyond]
                at = 12
                tail = block
            else:
                block = buf[start : start + beyond]
                at = 0
                tail = buf[before_stop - 4 : before_stop] if judge else b""
            if judge and not (
                (tail.startswith(END_MARKER, 2) or tail.startswith(END_MARKER, 1))
                and before_size >= before_reach + 4
            ):
                self._judge(before, before_reach)
            if not (
                reach
                and head >= beyond
                and block.startswith(header, at)
                and (not needs_sod or block.startswith(_SOD, at + reach + _SOD_AT))
            ):
                if head == size:
                    pieces = FramePayload(buf, (start,), (size,))
                else:
                    pieces = frame_payload(buf, self.fragments, self.frame_map, frame)
                current = groups.find(pieces)
                header, reach, needs_sod = groups.header, len(groups.header), groups.needs_sod
                beyond = reach + _SOD_AT + 2
                ends = groups.ends(current)
                before_reach = reach or groups.header_length
            add(current)
            before, before_stop, judge, before_size = frame, stop, ends, size
            if stop > release_at:
                release_pages(buf, release_from, stop)
                release_from, release_at = stop, stop + _RELEASE_EVERY
        if judge:
            tail = buf[before_stop - 4 : before_stop]
            if not (
                (tail.startswith(END_MARKER, 2) or tail.startswith(END_MARKER, 1))
                and before_size >= before_reach + 4
            ):
                self._judge(before, before_reach)
        self.members.append(np.array(found, np.int32))

    def _judge(self, frame: int, header_length: int) -> None:
        """Look for the end marker of a frame whose last bytes are not the plain case."""
        data = frame_payload(self.buf, self.fragments, self.frame_map, frame)
        end = find_end(data, header_length)
        if end is None:
            self.incomplete.append(frame)
        elif len(data) - end > 1:
            self.surplus.append(frame)


def _identical(buf: ByteRange, starts: Indices, frames: Indices, sizes: Indices) -> IdenticalFrames | None:
    """The frames equal to the commonest of the small ones; None if no two are.

    Blank frames compress to the same bytes and to fewer than others: the length that most frames share
    among the lower half of all lengths (or is the only one) is tried.
    """
    if len(sizes) < 2:
        return None
    values, counts = np.unique(sizes, return_counts=True)
    small = values <= float(np.median(sizes))
    best = int(np.argmax(np.where(small, counts, 0)))
    length, count = int(values[best]), int(counts[best])
    if count < 2 or length > _LARGEST_COMPARED:
        return None
    alike, at = frames[sizes == length], starts[sizes == length]
    compared = min(count, max(2, _MOST_COMPARED // length))
    positions = at[:compared].tolist()
    # What most of a first sample are, the blank frame is.
    sample = [buf[a : a + length] for a in positions[:16]]
    wanted = max(sample, key=sample.count)
    same = [k for k, a in enumerate(positions) if buf[a : a + length] == wanted]
    if len(same) < 2:
        return None
    return IdenticalFrames(frames=alike[same], length=length, compared=compared, candidates=count)
