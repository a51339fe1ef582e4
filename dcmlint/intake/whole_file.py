"""A Part 10 file that comes as a whole, in pieces: its own File Meta Information stays before its data set."""

from __future__ import annotations

from dcmlint.intake import part10
from dcmlint.intake.part import Part
from dcmlint.intake.status import CANNOT_UNDERSTAND, DATA_SET_MISMATCH, Answer


class WholeFile:
    """Writes pieces of a file to a ``*.part`` file; ``meta`` is known once its head has come.

    ``part.refusal`` says why nothing is kept: no Part 10 file, too large, no space.
    """

    def __init__(self, path: str, *, limit: int, sender: str = "", called: str = "") -> None:
        self.part = Part(path, limit=limit, digest=True)
        self.meta: part10.FileMeta | None = None
        self._head = bytearray()
        self._sender, self._called = sender, called

    def write(self, data: memoryview) -> None:
        """Take the next bytes."""
        if self.meta is not None or self.part.refusal is not None:
            self.part.write(data)
            return
        self._head += data
        self._begin(whole=False)

    def finish(self, *, durable: bool) -> Answer | None:
        """Everything came; gives the refusal, if nothing is kept."""
        if self.meta is None and self.part.refusal is None:
            self._begin(whole=True)
        self.part.finish(durable=durable)
        return self.part.refusal

    def drop(self) -> None:
        """It did not come whole."""
        self.part.drop()

    def _begin(self, *, whole: bool) -> None:
        head = bytes(self._head)
        try:
            meta = part10.parse_file_meta(head, whole=whole)
        except part10.NoFileMetaError as error:
            self._refuse(Answer(CANNOT_UNDERSTAND, str(error)[:64]))
            return
        if meta is None:
            return
        if not (meta.sop_class and meta.sop_instance and meta.transfer_syntax):
            self._refuse(Answer(DATA_SET_MISMATCH, "no class, instance or transfer syntax in the File Meta"))
            return
        self.meta = meta
        kept = head[: meta.offset]
        if part10.dataset_offset(kept) != meta.offset:
            # Without the right group length the data set could not be found again: then it gets a head of ours.
            kept = part10.file_meta(
                meta.sop_class, meta.sop_instance, meta.transfer_syntax, self._sender, self._called
            )
        self.part.open(kept)
        self._head.clear()
        self.part.write(memoryview(head)[meta.offset :])

    def _refuse(self, answer: Answer) -> None:
        self.part.refusal = answer
        self._head.clear()
