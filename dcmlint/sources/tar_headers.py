"""A tar archive that notes where headers cannot be read, where `tarfile` ends or goes on without a word."""

from __future__ import annotations

import tarfile
from typing import Any

from dcmlint.errors import InputError

_BLOCK = 512
# The end marker is two blocks of zeros; writers fill up to the size of their records, some megabytes at most.
_MAX_ZEROS = 16 << 20


class _NotingInfo(tarfile.TarInfo):
    @classmethod
    def fromtarfile(cls, tape: Any) -> Any:
        at = tape.offset
        try:
            return super().fromtarfile(tape)
        except tarfile.HeaderError as error:
            tape.note(at, error)
            raise


class NotingTar(tarfile.TarFile):
    """``ended``: the end marker, a block of zeros, was met; ``lost``: bytes in which no header could be read."""

    tarinfo = _NotingInfo
    errorlevel = 2

    def __init__(self, *given: Any, **options: Any) -> None:
        self.ended = False
        self.lost = 0
        self._zeros = 0
        self._damage: list[tuple[int, int]] = []
        super().__init__(*given, **options)

    def note(self, at: int, error: tarfile.HeaderError) -> None:
        """A header at byte ``at`` (of the unpacked archive) that is none."""
        kind = type(
            error
        ).__name__  # the classes are not public: EOFHeaderError, EmptyHeaderError, Invalid…, Truncated…
        if kind == "EOFHeaderError":
            self.ended = True
            self._zeros += _BLOCK
            if self._zeros > _MAX_ZEROS:
                raise InputError(f"more than {_MAX_ZEROS >> 20} MiB of zeros in the place of headers")
        elif kind != "EmptyHeaderError":
            self.lost += _BLOCK
            if self._damage and self._damage[-1][1] == at:
                self._damage[-1] = (self._damage[-1][0], at + _BLOCK)
            else:
                self._damage.append((at, at + _BLOCK))

    def take_damage(self) -> list[tuple[int, int]]:
        """The damaged ranges (start, end in bytes of the unpacked archive) since the last call."""
        taken, self._damage = self._damage, []
        return taken
