from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest

from dcmlint.intake import digest as digests
from dcmlint.intake.digest import Digest


@pytest.mark.parametrize("direct", [0, 1000, 10**6])
def test_the_digest_is_that_of_all_bytes_in_order(
    tmp_path: Path, direct: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "_DIRECT", direct)
    monkeypatch.setattr(digests, "_PIECE", 700)
    chance = random.Random(direct)
    buffer = bytearray(2000)
    made, expected = Digest(str(tmp_path / "part"), 4), hashlib.sha256()
    with (tmp_path / "part").open("wb", buffering=0) as file:
        file.write(b"head")
        for _ in range(200):
            size = chance.randint(1, 2000)
            buffer[:size] = chance.randbytes(size)  # the same memory again, as a receiver has it
            file.write(memoryview(buffer)[:size])
            made.update(memoryview(buffer)[:size])
            expected.update(memoryview(buffer)[:size])
    assert made.hexdigest() == expected.hexdigest()
    assert made.hexdigest() == expected.hexdigest()


def begun(path: Path, monkeypatch: pytest.MonkeyPatch) -> Digest:
    monkeypatch.setattr(digests, "_DIRECT", 0)
    monkeypatch.setattr(digests, "_PIECE", 1)
    made = Digest(str(path))
    made.update(memoryview(b"some"))
    return made


def test_what_is_given_up_leaves_no_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "part").write_bytes(b"some")
    made = begun(tmp_path / "part", monkeypatch)
    thread = made._thread
    assert thread is not None
    made.drop()
    assert not thread.is_alive()


@pytest.mark.parametrize("there", [None, b"so"])
def test_a_file_that_cannot_be_read_back_is_an_error(
    tmp_path: Path, there: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if there is not None:
        (tmp_path / "part").write_bytes(there)
    made = begun(tmp_path / "part", monkeypatch)
    with pytest.raises(OSError, match=r"shorter|No such file"):
        made.close()
