"""The oddities of the reader as violations."""

from __future__ import annotations

from dcmlint.dicom.dataset import Oddity
from dcmlint.dicom.instance import Instance
from dcmlint.dicom.oddities import ODDITIES
from dcmlint.dicom.path import tag_text
from dcmlint.rules.tables.violation import Violation


def encoding_violations(instance: Instance) -> list[Violation]:
    """What was odd in the encoding of an instance, fragments of its pixel data apart."""
    return [_violation(oddity) for oddity in instance.oddities]


def _violation(oddity: Oddity) -> Violation:
    text = ODDITIES[oddity.code]
    where = f" at {tag_text(oddity.tag)}" if oddity.tag else ""
    return Violation(
        f"encoding.{oddity.code}", oddity.level, oddity.tag, f"{text}{where} (byte {oddity.offset:#x})",
        oddity.found or None, oddity.wanted, "", "", oddity.offset, count=oddity.count,
    )  # fmt: skip
