"""All frames of an instance: their headers, grouped where they say the same, and their ends.

A slide has some hundred thousand frames whose headers are equal byte for byte. That was seen when their item
headers were read (`encapsulation.Glance`), so only one frame of each kind is read again, and those that are
like no other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
from msgspec.structs import replace

from dcmlint.dicom.buffers import RangeBuffer
from dcmlint.dicom.byte_ranges import ByteRange, FramePayload, release_pages, unwrapped
from dcmlint.dicom.codestreams import read_header
from dcmlint.dicom.codestreams.codestream import (
    BLOCK,
    END_MARKER,
    Codestream,
    CodestreamProblem,
)
from dcmlint.dicom.codestreams.ends import begins_again, end_of, has_end
from dcmlint.dicom.codestreams.jpeg import least_scan
from dcmlint.dicom.codestreams.openings import header_key, tells_size
from dcmlint.dicom.distinct import counted, distinct, first_places
from dcmlint.dicom.encapsulation import Fragments
from dcmlint.dicom.frame_map import FrameMap, frame_payload
from dcmlint.standard.uids import RLELossless

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
# A second code stream in a frame is looked for in some frames only, up to these bytes of one and of all.
_LARGEST_SEARCHED: Final = 1 << 22
_MOST_SEARCHED: Final = 1 << 24
_END: Final = int.from_bytes(END_MARKER, "little")


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

    ``examined`` of ``total`` frames were looked at. ``incomplete`` have no end, ``surplus`` more than
    one byte after it, ``foreign`` other bytes than padding after it, ``empty`` no byte at all; ``several``: frames in which a second
    code stream was found, of those that were searched; of ``endless`` it
    cannot be told where they end (JPEG XL). ``ungrouped`` are those whose headers were read but not kept,
    since there were too many kinds: their ends were not looked at. ``payload_bytes`` is the sum
    over all fragments, whatever was examined.
    """

    groups: tuple[FrameGroup, ...]
    examined: int
    total: int
    incomplete: Indices
    surplus: Indices
    foreign: Indices
    several: Indices
    endless: Indices
    empty: Indices
    ungrouped: Indices
    payload_bytes: int
    identical: IdenticalFrames | None

    def where(self, attribute: str) -> Indices:
        """The frames of all groups whose code stream has something true in ``attribute``, as "exif"."""
        hits = [group.frames for group in self.groups if getattr(group.codestream, attribute)]
        return np.sort(np.concatenate(hits)) if hits else np.zeros(0, np.int64)


class _Groups:
    """The kinds of header met so far."""

    def __init__(self, uid: str | None) -> None:
        self.uid = uid
        self.streams: list[Codestream] = []
        self.by_facts: dict[Codestream, int] = {}
        self.by_key: dict[bytes, int] = {}
        # How much of a new kind of header is read at once.
        self.block = BLOCK

    def find(self, data: FramePayload) -> tuple[int, int]:
        """The group of a frame, -1 if there are too many, and the length of its header."""
        keyed = self._key(data)
        known = self.by_key.get(keyed[0]) if keyed is not None else None
        if keyed is not None and known is not None:
            return known, keyed[1]
        stream = read_header(data, self.uid)
        group = self._add(stream)
        if keyed is None and self.block < _LARGEST_BLOCK and stream.header_length > self.block - BLOCK // 2:
            # From now on headers as long as this one, with an ICC profile perhaps, are read in one piece.
            self.block = min(stream.header_length + BLOCK, _LARGEST_BLOCK)
            keyed = self._key(data)
        if keyed is not None and tells_size(stream):
            if len(self.by_key) >= _MAX_KEYS:
                self.by_key.clear()
            self.by_key[keyed[0]] = group
        return group, stream.header_length

    def _key(self, data: FramePayload) -> tuple[bytes, int] | None:
        return header_key(data[0 : min(self.block, len(data))])

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
        """Whether the end of frames of this group is looked for (unknown kinds are not asked for one)."""
        return group >= 0 and has_end(self.streams[group].kind)


def scan_frames(
    buf: ByteRange,
    fragments: Fragments,
    frame_map: FrameMap,
    transfer_syntax_uid: str | None,
    which: Indices | None = None,
) -> FrameSummary:
    """Read the header and look for the end of each frame, or of the frames ``which`` (ascending, from 0).

    Costs one read for each kind of header, and one or two for each frame whose header or end is of none that was
    seen with the items. Never raises on what the bytes say; numbers in ``which`` that are no frames are left out.
    """
    buf = unwrapped(buf)
    total = len(frame_map)
    frames = np.arange(total, dtype=np.int64) if which is None else distinct(which).astype(np.int64)
    frames = frames[(frames >= 0) & (frames < total)]
    ends = np.concatenate((np.zeros(1, np.int64), np.cumsum(fragments.lengths, dtype=np.int64)))
    first, count = frame_map.first_fragment[frames], frame_map.count[frames]
    sizes = ends[first + count] - ends[first]
    scan = _Scan(buf, fragments, frame_map, transfer_syntax_uid)
    members = scan.run(frames, first, count, sizes)
    whole = (count == 1) & (sizes > 0)
    return FrameSummary(
        groups=_collect(scan.groups.streams, members, frames),
        examined=len(frames),
        total=total,
        incomplete=np.array(sorted(scan.incomplete), np.int64),
        surplus=np.array(sorted(scan.surplus), np.int64),
        foreign=np.array(sorted(scan.foreign), np.int64),
        several=np.array(scan.begin_again(frames, sizes), np.int64),
        endless=np.array(sorted(scan.endless), np.int64),
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

    def __init__(self, buf: ByteRange, fragments: Fragments, frame_map: FrameMap, uid: str | None) -> None:
        self.buf, self.fragments, self.frame_map = buf, fragments, frame_map
        self.groups = _Groups(uid)
        self.incomplete: list[int] = []
        self.surplus: list[int] = []
        self.foreign: list[int] = []
        self.endless: list[int] = []
        self._released = 0

    def run(self, frames: Indices, first: Indices, count: Indices, sizes: Indices) -> NDArray[np.int32]:
        """The group of each frame, -1 for none. Looks for the ends of the frames on the way."""
        members = np.full(len(frames), -1, np.int32)
        kinds, tails = self._glance(first, count)
        ended = (tails >> 16 == _END) | (tails >> 8 & 0xFFFF == _END)
        # What has to be read: the first of each kind, and the frames like no other.
        alone = kinds == 0
        alone[first_places(kinds)] = True
        to_read = np.flatnonzero(alone)
        where = self.fragments.offsets
        # Frames without a fragment have the size 0 and begin nowhere.
        starts = np.where(count > 0, where[np.minimum(first, len(where) - 1)] + 8, 0) if len(where) else first
        for at in range(0, len(to_read), _CHUNK):
            part = to_read[at : at + _CHUNK]
            columns = (part, frames[part], starts[part], sizes[part], count[part], kinds[part])
            rows = zip(*(column.tolist() for column in columns), strict=True)
            for place, frame, start, size, fragments, kind in rows:
                self._passed(start)
                data = self._payload(frame) if fragments > 1 else FramePayload(self.buf, (start,), (size,))
                group, header_length = self.groups.find(data)
                least = header_length + max(4, least_scan(self.groups.streams[group]) if group >= 0 else 0)
                if kind:
                    alike = kinds == kind
                    members[alike] = group
                    unsure = frames[alike & ~(ended & (sizes >= least))].tolist()
                else:
                    members[place] = group
                    unsure = [] if ended[place] and size >= least else [frame]
                if self.groups.ends(group):
                    for one in unsure:
                        self._judge(one, header_length, self.groups.streams[group])
        return members

    def _glance(self, first: Indices, count: Indices) -> tuple[NDArray[np.uint8], NDArray[np.uint32]]:
        """Of each frame its kind and its last four bytes; 0 where the walk over the items saw nothing of them."""
        glance = self.fragments.glance
        kinds, tails = np.zeros(len(first), np.uint8), np.zeros(len(first), np.uint32)
        if glance is not None:
            kept = count > 0
            tails[kept] = glance.tails[first[kept] + count[kept] - 1]
            # The bytes of RLE have no mark: with its transfer syntax each frame is read as it comes.
            if self.groups.uid != RLELossless:
                kinds[count == 1] = glance.kinds[first[count == 1]]
        return kinds, tails

    def _payload(self, frame: int) -> FramePayload:
        return frame_payload(self.buf, self.fragments, self.frame_map, frame)

    def _judge(self, frame: int, header_length: int, stream: Codestream) -> None:
        """Look for the end of a frame whose last bytes are not the plain case."""
        data = self._payload(frame)
        self._passed(data.position(0))
        end = end_of(data, stream.kind, header_length)
        if end is not None and end < header_length + least_scan(stream):
            self.incomplete.append(frame)
            return
        if end is None:
            self.endless.append(frame)
        elif end > len(data):
            self.incomplete.append(frame)
        elif len(data) - end > 1:
            self.surplus.append(frame)
            # PS3.5 A.4 asks for an even length only; zeros and fill bytes (ISO/IEC 10918-1 B.1.1.2) hurt no reader.
            if data[end : len(data)].strip(b"\0\xff"):
                self.foreign.append(frame)

    def begin_again(self, frames: Indices, sizes: Indices) -> list[int]:
        """The frames with a second code stream, of some spread over all of them."""
        if isinstance(self.buf, RangeBuffer):
            return []  # what costs a request each is not read whole
        fit = (sizes > 0) & (sizes <= _LARGEST_SEARCHED)
        step = max(1, -(-int(sizes[fit].sum()) // _MOST_SEARCHED))
        found, left = [], _MOST_SEARCHED
        for frame in frames[fit][::step].tolist():
            data = self._payload(frame)
            left -= len(data)
            if left < 0:
                break
            self._passed(data.position(0))
            group, header_length = self.groups.find(data)
            if group >= 0 and begins_again(data, self.groups.streams[group].kind, header_length):
                found.append(frame)
        return found

    def _passed(self, position: int) -> None:
        """Give back what was read between the last call and here, once it is much."""
        if position > self._released + _RELEASE_EVERY:
            release_pages(self.buf, self._released, position)
            self._released = position
        elif position < self._released:
            self._released = position


def _identical(buf: ByteRange, starts: Indices, frames: Indices, sizes: Indices) -> IdenticalFrames | None:
    """The frames equal to the commonest of the small ones; None if no two are.

    Blank frames compress to the same bytes and to fewer than others: the length that most frames share
    among the lower half of all lengths (or is the only one) is tried.
    """
    if len(sizes) < 2:
        return None
    values, counts = counted(sizes)
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
