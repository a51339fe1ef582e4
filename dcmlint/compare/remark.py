"""One thing that a validator says of one attribute, in words that can be compared."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

_VALUE = re.compile(r"[<=\"]|\s'")

Kind = Literal["missing", "empty", "value", "present", "vm", "items", "vr", "group", "other"]


class Remark(msgspec.Struct, frozen=True, order=True):
    """``tag`` is GGGGEEEE or "", ``kind`` what is wrong with it, ``severity`` as the validator says."""

    tag: str
    kind: Kind
    severity: str
    text: str = ""

    @property
    def opening(self) -> str:
        """The text up to what may be a value: other validators print values as they stand."""
        return _VALUE.split(self.text, maxsplit=1)[0].strip()

    @property
    def key(self) -> tuple[str, str]:
        """What must be equal for two remarks to be the same."""
        return (self.tag, self.kind)
