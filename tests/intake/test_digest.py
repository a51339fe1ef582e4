from __future__ import annotations

import hashlib
import random

import pytest

from dcmlint.intake import digest as digests
from dcmlint.intake.digest import Digest


@pytest.mark.parametrize("direct", [0, 1000, 10**6])
def test_the_digest_is_that_of_all_bytes_in_order(direct: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "_DIRECT", direct)
    monkeypatch.setattr(digests, "_PIECE", 700)
    chance = random.Random(direct)
    buffer = bytearray(2000)
    made, expected = Digest(), hashlib.sha256()
    for _ in range(200):
        size = chance.randint(1, 2000)
        buffer[:size] = chance.randbytes(size)  # the same memory again, as a receiver has it
        made.update(memoryview(buffer)[:size])
        expected.update(memoryview(buffer)[:size])
    assert made.hexdigest() == expected.hexdigest()
    assert made.hexdigest() == expected.hexdigest()


def test_what_is_given_up_leaves_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "_DIRECT", 0)
    monkeypatch.setattr(digests, "_PIECE", 1)
    made = Digest()
    made.update(memoryview(b"some"))
    thread = made._thread
    assert thread is not None
    made.close()
    assert not thread.is_alive()
