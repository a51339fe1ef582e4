"""What is kept of the instances of a run, to hold those together that belong together."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator

import msgspec

from dcmlint.decoding import decoder
from dcmlint.engine.guard import guarded
from dcmlint.engine.spool import Spool
from dcmlint.facts.registry import Facts
from dcmlint.facts.run.index import KeptFile
from dcmlint.facts.run.kept import Kept
from dcmlint.facts.run.kept import same_to_others as same_kept
from dcmlint.facts.run.related import identities, named
from dcmlint.findings.collapse import without_indices
from dcmlint.findings.finding import RANK, Finding, OutcomeKind


class _Packed(msgspec.Struct, frozen=True, array_like=True):
    """``told``: see `KeptFile`."""

    path: bytes
    kept: Kept | None
    crash: str = ""
    told: dict[str, int] = {}


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = decoder(_Packed)


# Attributes with findings that are remembered of an instance; of more than these it is not one that is odd.
_MOST_TOLD = 100


def member_of(facts: Facts, path: str, findings: Iterable[Finding] = ()) -> bytes:
    """What must be kept of an instance to check the slide that it belongs to; empty for what belongs to none.

    ``findings``: what it was told of alone, and follows from nothing about slides and series.
    """
    packed = b""

    def pack() -> tuple[OutcomeKind, str]:
        nonlocal packed
        member = facts.group("kept")
        packed = (
            b"" if member is None else _ENCODER.encode(_Packed(_bytes(path), member, told=_told(findings)))
        )
        return "pass", ""

    _, crash = guarded(pack)
    return packed if not crash else _ENCODER.encode(_Packed(_bytes(path), None, crash))


def _told(findings: Iterable[Finding]) -> dict[str, int]:
    """The worst rank of the findings at each path, without indices."""
    told: dict[str, int] = {}
    for finding in findings:
        if finding.path and len(told) < _MOST_TOLD:
            path = without_indices(finding.path)
            told[path] = max(told.get(path, 0), RANK[finding.severity])
    return told


def kept_of(packed: bytes) -> Kept | None:
    """What was kept of an instance in `member_of`; None where nothing was."""
    return _DECODER.decode(packed).kept if packed else None


def with_kept(packed: bytes, kept: Kept) -> bytes:
    """A member with something else that is kept of it."""
    return _ENCODER.encode(msgspec.structs.replace(_DECODER.decode(packed), kept=kept))


def of_itself(packed: bytes) -> bytes:
    """A member without what it was told of alone: a difference to others is then found, whatever explains it."""
    return _ENCODER.encode(msgspec.structs.replace(_DECODER.decode(packed), told={})) if packed else b""


def same_to_others(before: bytes, after: bytes) -> bool:
    """Whether rules about slides and series see the same in two members of `member_of`, of one file before and after."""
    if before == after:
        return True
    one, other = kept_of(before), kept_of(after)
    return one is not None and other is not None and same_kept(one, other)


def _bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogatepass")


class Members:
    """The members of a run, in the order of the inputs.  They wait on disk where they are many.

    ``crashes``: reason and path of instances of which nothing could be kept; ``lost``: the folders in which a file
    could not be read, or not completely, or does not say which instance it is.
    """

    def __init__(self, members: Iterable[bytes] = ()) -> None:
        self._packed = Spool(bytes)
        self.crashes: list[tuple[str, str]] = []
        self.lost: set[str] = set()
        for packed in members:
            self.append(packed)

    def append(self, packed: bytes) -> None:
        """Take in what `member_of` gave."""
        if not packed:
            return
        found = _DECODER.decode(packed)
        if found.kept is None:
            self.crashes.append((found.crash, _path(found)))
        else:
            self._packed.append(packed)

    @property
    def parts(self) -> list[KeptFile]:
        """All members at once."""
        return self._of(range(len(self._packed)))

    def related(self) -> Iterator[list[KeptFile]]:
        """The members by what they share, directly or through others: groups in the order of their first paths.

        What one group says is of no concern to another one: see `dcmlint.facts.run.related`.
        """
        count = len(self._packed)
        leaders = array("Q", range(count))

        def find(number: int) -> int:
            while leaders[number] != number:
                leaders[number] = leaders[leaders[number]]
                number = leaders[number]
            return number

        first: dict[int, int] = {}
        references = False
        for number, part in enumerate(self._each()):
            references = references or any(True for _ in named(part.kept))
            for key in identities(part):
                one, other = find(first.setdefault(hash(key), number)), find(number)
                leaders[max(one, other)] = min(one, other)
        for number, part in enumerate(self._each()) if references else ():
            for key in named(part.kept):
                if (there := first.get(hash(key))) is not None:
                    one, other = find(there), find(number)
                    leaders[max(one, other)] = min(one, other)
        del first
        groups: dict[int, array[int]] = {}
        paths: dict[int, str] = {}
        for number, part in enumerate(self._each()):
            leader = find(number)
            groups.setdefault(leader, array("Q")).append(number)
            if leader not in paths or part.path < paths[leader]:
                paths[leader] = part.path
        for leader in sorted(paths, key=paths.__getitem__):
            yield self._of(groups[leader])

    def _each(self) -> Iterator[KeptFile]:
        return (_part(packed) for packed in self._packed)

    def _of(self, numbers: Iterable[int]) -> list[KeptFile]:
        """Members by their numbers; what many of them share is there once."""
        known: dict[object, object] = {}
        parts = []
        for number in numbers:
            part = _part(self._packed[number])
            shared = {
                name: known.setdefault(value, value)
                for name in _SHARED
                if (value := getattr(part.kept, name))
            }
            parts.append(KeptFile(part.path, msgspec.structs.replace(part.kept, **shared), part.told))
        return parts


def _part(packed: bytes) -> KeptFile:
    found = _DECODER.decode(packed)
    assert found.kept is not None
    return KeptFile(_path(found), found.kept, found.told)


def _path(found: _Packed) -> str:
    return found.path.decode("utf-8", "surrogatepass")


_SHARED = ("sop_class", "study", "series", "frame_of_reference", "transfer_syntax", "patient", "study_values",
           "series_values", "equipment", "reference_frame", "references")  # fmt: skip
