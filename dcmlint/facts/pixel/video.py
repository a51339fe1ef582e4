"""The video stream in encapsulated Pixel Data (PS3.5 A.4.5 to A.4.10)."""

from __future__ import annotations

import msgspec

from dcmlint.facts.pixel.encapsulation import Encapsulation
from dcmlint.facts.registry import Facts, facts


class Video(msgspec.Struct, frozen=True, kw_only=True):
    """The stream by its first bytes.

    ``kind``: mpeg2, program-stream, transport-stream, mp4, annex-b (H.264 or HEVC without a container), picture (of another
    codec), zeros; empty where it cannot be told
    ``columns``: samples of a line, where an MPEG-2 sequence header tells
    ``rows``: lines, the same
    ``rate``: pictures a second, the same
    """

    kind: str
    columns: int | None = None
    rows: int | None = None
    rate: float | None = None


@facts("video", Video, possible=lambda shape: shape.fragments)
def video(facts: Facts) -> Video | None:
    """The stream of a video transfer syntax; nothing for others, or without a fragment."""
    group = facts.of(Encapsulation)
    if group is None or not group.video or not group.fragments:
        return None
    from dcmlint.dicom.codestreams.video import OPENING, read_video

    fragments = group._fragments
    start, length = int(fragments.offsets[0]) + 8, int(fragments.lengths[0])
    header = read_video(bytes(facts.instance.buffer[start : start + min(length, OPENING)]))
    return Video(kind=header.kind, columns=header.columns, rows=header.rows, rate=header.rate)
