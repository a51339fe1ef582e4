"""One thing that a validator says of one attribute, in words that can be compared."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["missing", "empty", "value", "present", "vm", "items", "vr", "group", "other"]


class Remark(msgspec.Struct, frozen=True, order=True):
    """``tag`` is GGGGEEEE or "", ``kind`` what is wrong with it, ``severity`` as the validator says."""

    tag: str
    kind: Kind
    severity: str
    text: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What must be equal for two remarks to be the same."""
        return (self.tag, self.kind)
