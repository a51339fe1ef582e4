"""The oddities of the reader as problems."""

from __future__ import annotations

from dcmlint.dicom.dataset import Oddity
from dcmlint.dicom.instance import Instance
from dcmlint.dicom.oddities import ODDITIES
from dcmlint.dicom.path import tag_text
from dcmlint.findings.problem import Problem


def encoding_problems(instance: Instance) -> list[Problem]:
    """What was odd in the encoding of an instance, fragments of its pixel data apart."""
    return [_problem(oddity) for oddity in instance.oddities]


def _problem(oddity: Oddity) -> Problem:
    text = ODDITIES[oddity.code]
    where = f" at {tag_text(oddity.tag)}" if oddity.tag else ""
    return Problem(
        check=f"encoding.{oddity.code}", level=oddity.level, tag=oddity.tag,
        message=f"{text}{where} (byte {oddity.offset:#x})", said=oddity.found, want=oddity.wanted,
        offset=oddity.offset, count=oddity.count,
    )  # fmt: skip
