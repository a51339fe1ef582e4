"""From a listing to shards: keys are written down as they are listed, so that a run can go on where it was stopped.

A listing is never held: what is in memory is one shard.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from posixpath import dirname
from typing import Literal

import msgspec
import pyarrow as pa

from dcmlint.archive.layout import Folder
from dcmlint.archive.objects import batch_of, digest_of
from dcmlint.sources.key import Key

# The first shards are small, so that a small archive is spread over all processes: this many of each size.
_FIRST, _OF_EACH = 64, 4
_MAX_BYTES = 64 << 30
_LISTED = "listed"
_WAITING = 4  # shards that wait in memory; others are read again
Listing = Callable[[str], Iterable[Key]]
# Gives a shard, by its number and digest, the files of an earlier one, and says whether there is one.
Take = Callable[[int, str], bool]
State = Literal["open", "done", "taken"]


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What of a listing is taken.

    ``share``: of the objects, from 0 to 1, by a hash of the key, so that each run takes the same; ``one_per_series``:
    the first object of each folder, which is a series in most archives.
    """

    share: float = 1.0
    one_per_series: bool = False

    def of(self, keys: Iterable[Key], after: str = "") -> Iterator[Key]:
        """The keys that are taken; ``after``: the key that was taken last before."""
        last = _folder(after) if after else None
        for key in keys:
            if self.one_per_series:
                folder = _folder(key.key)
                if folder == last:
                    continue
                last = folder
            if self.share < 1 and _drawn(key.key) >= self.share:
                continue
            yield key


def _folder(key: str) -> str:
    return dirname(key.replace("\\", "/"))


def _drawn(key: str) -> float:
    """A number from 0 to 1 that belongs to a key."""
    hashed = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=7).digest()
    return float(int.from_bytes(hashed, "big")) / float(1 << 56)


def planned(
    folder: Folder, run: str, listing: Listing, choice: Choice, size: int, listed: Callable[[int], None],
    take: Take = lambda number, digest: False,
) -> Iterator[Shard]:  # fmt: skip
    """`shards`, listed ahead in a thread of its own: of what waits, most lies on the disk.

    ``listed`` is called, in that thread, with the number of objects of each shard.
    """
    waiting: queue.SimpleQueue[Shard | tuple[int, State] | BaseException | None] = queue.SimpleQueue()
    stopped = threading.Event()

    def work() -> None:
        try:
            for shard in shards(folder, run, listing, choice, size, take):
                listed(shard.keys.num_rows)
                waiting.put(shard if waiting.qsize() < _WAITING else (shard.number, shard.state))
                if stopped.is_set():
                    return
            waiting.put(None)
        except BaseException as error:  # noqa: BLE001 - raised where the shards are taken
            waiting.put(error)

    thread = threading.Thread(target=work, daemon=True, name="listing")
    thread.start()
    try:
        while (found := waiting.get()) is not None:
            if isinstance(found, BaseException):
                raise found
            yield found if isinstance(found, Shard) else read_shard(folder, run, *found)
    finally:
        stopped.set()
        thread.join()


class Shard(msgspec.Struct, frozen=True):
    """A piece of the listing: its number, its keys, and a digest of what they say of their contents ("": nothing).

    ``state``: its results are not there (open), are there (done), or were just taken over from an earlier run (taken).
    """

    number: int
    keys: pa.RecordBatch
    digest: str
    state: State = "open"


def shards(
    folder: Folder, run: str, listing: Listing, choice: Choice, size: int,
    take: Take = lambda number, digest: False,
) -> Iterator[Shard]:  # fmt: skip
    """The shards of a run: those that were written down, then those of the rest of the listing.

    ``listing``: the keys behind one that was listed before; ``size``: the most objects in one.  Raises `InputError` where
    the source cannot be listed.
    """
    number, after = 0, ""
    done = set(folder.shards("instances", run))
    digests = []
    for number in folder.shards("keys", run):
        shard = read_shard(folder, run, number)
        after = shard.keys.column("key")[-1].as_py()
        digests.append(shard.digest)
        if number in done:
            shard = msgspec.structs.replace(shard, state="done")
        elif take(number, shard.digest):
            shard = msgspec.structs.replace(shard, state="taken")
        yield shard
        number += 1
    if is_listed(folder, run):
        return
    for keys in _pieces(choice.of(listing(after), after), size, number):
        batch = batch_of(keys)
        digest = digest_of(batch)
        digests.append(digest)
        if take(number, digest):
            yield Shard(number, batch, digest, "taken")
        else:
            folder.write("keys", run, number, pa.Table.from_batches([batch]), {"digest": digest})
            yield Shard(number, batch, digest)
        number += 1
    empty = pa.Table.from_batches([batch_of(())])
    folder.write("keys", run, _LISTED, empty, {"digests": " ".join(digests)})


def read_shard(folder: Folder, run: str, number: int, state: State = "open") -> Shard:
    """A shard that was written down."""
    batch = _one_batch(folder.read("keys", run, number))
    return Shard(number, batch, folder.metadata("keys", run, number).get("digest", ""), state)


def digests_of(folder: Folder, run: str) -> dict[str, int]:
    """The numbers of the shards of a listing that came to its end, by their digests, where they have one."""
    if not is_listed(folder, run):
        return {}
    digests = folder.metadata("keys", run, _LISTED).get("digests", "").split(" ")
    return {digest: number for number, digest in enumerate(digests) if digest}


def is_listed(folder: Folder, run: str) -> bool:
    """Whether the listing of a run came to its end."""
    return folder.file("keys", run, _LISTED).exists()


def _one_batch(table: pa.Table) -> pa.RecordBatch:
    batches = table.replace_schema_metadata(None).combine_chunks().to_batches()
    return batches[0] if batches else batch_of(())


def _pieces(keys: Iterable[Key], size: int, begun: int) -> Iterator[list[Key]]:
    piece: list[Key] = []
    held, number = 0, begun
    for key in keys:
        piece.append(key)
        held += key.size or 0
        if len(piece) >= min(size, _FIRST << number // _OF_EACH) or held >= _MAX_BYTES:
            yield piece
            piece, held, number = [], 0, number + 1
    if piece:
        yield piece
