"""What the data set says of lossy compression, held against the frames (PS3.3 C.7.6.1.1.5)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dcmlint import standard
from dcmlint.expr import UNKNOWN
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, Undecided, rule_function
from dcmlint.standard.tags import LossyImageCompression
from dcmlint.standard.uids import JPEGBaseline8Bit, JPEGExtended12Bit

_KEYWORD: Final = "LossyImageCompression"
# PS3.5 A.4.1: the DCT processes of these lose something, whether frames were looked at or not
_ALWAYS_LOSSY: Final = frozenset({JPEGBaseline8Bit, JPEGExtended12Bit})
# Lossless by name: a frame that is not is told as such.
_LOSSLESS_ONLY: Final = frozenset(
    f"1.2.840.10008.1.2.4.{number}" for number in (57, 70, 80, 90, 92, 110, 201, 202)
)  # fmt: skip


@rule_function("lossy-flag")
def lossy_flag(context: RuleContext, absent: str) -> Iterable[Problem]:
    """Lossy Image Compression that is not 01 although a frame has lost something.

    ``absent``: the severity where the attribute is absent at all and no table asks for it.
    """
    uid = context.instance.syntax.uid
    if context.facts.group("encapsulation") is None or uid in _LOSSLESS_ONLY:
        raise NotApplicable
    codestream = context.facts.group("codestream")
    lossy = UNKNOWN if codestream is None else codestream.lossy
    if uid in _ALWAYS_LOSSY and (codestream is None or not codestream.examined):
        lossy = True
    if lossy is UNKNOWN:
        raise Undecided("the headers do not show whether the compression is lossy")
    if lossy is not True:
        raise NotApplicable
    dataset = context.dataset
    if dataset.text(LossyImageCompression) == "01":
        return
    severity = ""
    if not dataset.values(LossyImageCompression):
        if _demanded(context.instance.sop_class):
            return  # the tables tell it
        severity = absent
    found = dataset.text(LossyImageCompression)
    how = f"is {found}" if found else "is absent"
    yield Problem(
        level=dataset, tag=LossyImageCompression, found=found or None, want="01", severity=severity,
        message=f"Lossy Image Compression {how}, but the frames are lossy compressed",
    )  # fmt: skip


def _demanded(sop_class: str) -> bool:
    """Whether a table of the IOD asks for the attribute without a condition that only its maker can know."""
    tables = standard.load()
    known = tables.sop_class(sop_class)
    if known is None:
        return False
    iod = tables.iod(known.iod)
    rows = (tables.table(table).row(_KEYWORD) for module in iod.modules for table in module.tables)
    return any(
        row is not None and (row.type in ("1", "2") or (row.conditional and row.when is not None))
        for row in rows
    )
