from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from dcmlint.intake import digest as digests
from dcmlint.intake import part as parts
from dcmlint.intake.part import Part


def test_a_large_part_is_flushed_while_it_comes_and_flushed_to_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[int] = []
    real = parts._flush

    def flush(fd: int) -> None:
        flushed.append(os.fstat(fd).st_size)
        real(fd)

    monkeypatch.setattr(parts, "_flush", flush)
    monkeypatch.setattr(parts, "_FLUSH_BYTES", 1000)
    part = Part(str(tmp_path / "one.part"), limit=10**6, digest=True, ahead=True)
    part.open(b"head")
    for _ in range(10):
        part.write(memoryview(bytes(600)))
        if part._flusher is not None:
            part._flusher.join()
    part.finish(durable=True)
    assert flushed == [1204, 2404, 3604, 4804, 6004, 6004]
    assert part.sha256 == hashlib.sha256(bytes(6000)).hexdigest()


def test_what_is_dropped_while_it_is_flushed_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "_FLUSH_BYTES", 100)
    part = Part(str(tmp_path / "one.part"), limit=1000, digest=False, ahead=True)
    part.open()
    part.write(memoryview(bytes(600)))
    part.write(memoryview(bytes(600)))
    assert part.refusal is not None
    assert list(tmp_path.iterdir()) == []
    parts._flush_path(str(tmp_path / "one.part"))  # nothing happens


def test_a_part_that_cannot_be_hashed_is_refused_as_transient(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "_DIRECT", 0)
    part = Part(str(tmp_path / "one.part"), limit=1000, digest=True)
    part.open(b"head")
    part.write(memoryview(bytes(600)))
    (tmp_path / "one.part").unlink()
    part.finish(durable=False)
    assert part.refusal is not None
    assert part.refusal.status == 0xA700
