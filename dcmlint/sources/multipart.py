"""The first part of an answer of type multipart/related (RFC 2387, PS3.18 8.6.1.2), without holding it."""

from __future__ import annotations

import re
from collections.abc import Callable

from dcmlint.errors import InputError

Read = Callable[[int], bytes]
_BOUNDARY = re.compile(r'boundary="?([^";,]{1,70})"?', re.IGNORECASE)  # RFC 2046 5.1.1: at most 70 characters
_LONGEST_HEAD = 1 << 16
_PIECE = 1 << 16


def first_part(read: Read, content_type: str) -> Read:
    """Reads what the first part holds; where the answer has no parts, all of it.  Raises `InputError`."""
    if not content_type.lower().startswith("multipart/"):
        return read
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise InputError("a multipart answer without a boundary")
    return _Part(read, b"--" + found[1].encode("ascii", "replace")).read


class _Part:
    def __init__(self, read: Read, boundary: bytes) -> None:
        self._source, self._end = read, b"\r\n" + boundary
        # What was read and not given: the boundary may begin at its end.
        self._held = b""
        self._done = False
        head = b"\r\n"
        while b"\r\n\r\n" not in head[head.find(self._end) + 1 :] or self._end not in head:
            piece = read(_PIECE)
            if not piece or len(head) > _LONGEST_HEAD + _PIECE:
                raise InputError("a multipart answer without a part")
            head += piece
        start = head.index(b"\r\n\r\n", head.index(self._end)) + 4
        self._held = head[start:]

    def read(self, size: int) -> bytes:
        """At most so many bytes; none at the end of the part."""
        while not self._done and self._end not in self._held and len(self._held) < size + len(self._end):
            piece = self._source(_PIECE)
            if not piece:
                raise InputError("the answer ends within the instance")
            self._held += piece
        place = self._held.find(self._end)
        if place >= 0:
            self._held, self._done = self._held[:place], True
        upto = min(size, len(self._held) if self._done else len(self._held) - len(self._end))
        given, self._held = self._held[:upto], self._held[upto:]
        return given
