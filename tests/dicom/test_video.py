"""Video streams by their first bytes."""

from __future__ import annotations

import pytest

from dcmlint.dicom.codestreams.video import read_video

SEQUENCE = b"\0\0\1\xb3\x2d\x02\x40\x23\x12\x4f\xe3\x81"
EXTENSION = b"\0\0\1\xb5"


def test_a_sequence_header() -> None:
    header = read_video(SEQUENCE)
    assert (header.kind, header.columns, header.rows, header.rate) == ("mpeg2", 720, 576, 25.0)
    assert read_video(SEQUENCE[:8]).columns is None


def test_its_extension_lengthens_the_sizes() -> None:
    # 1 more of 4096 samples, 2 more of 4096 lines, twice the pictures
    bits = 1 << 44 | 1 << 29 | 2 << 27 | 1 << 16 | 1 << 5
    header = read_video(SEQUENCE + EXTENSION + bits.to_bytes(6, "big"))
    assert (header.columns, header.rows, header.rate) == (4096 + 720, 8192 + 576, 50.0)


@pytest.mark.parametrize(
    ("opening", "kind"),
    [
        (b"\0\0\1\xba" + bytes(20), "program-stream"),
        (b"\0\0\0\x18ftypmp42", "mp4"),
        ((b"\x47" + bytes(187)) * 3, "transport-stream"),
        (b"\x47" + bytes(600), ""),
        (b"\0\0\0\1\x67\x64\0\x29", "annex-b"),
        (b"\0\0\1\x40\1\x0c", "annex-b"),
        (b"\0\0\1\x01\0\0", ""),
        (b"\xff\xd8\xff\xe0", "picture"),
        (bytes(100), "zeros"),
        (bytes(3), ""),
        (b"", ""),
    ],
)
def test_kinds(opening: bytes, kind: str) -> None:
    assert read_video(opening).kind == kind
