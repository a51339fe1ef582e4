"""One value field: as which VR it is looked at, how large its values are, what is told of its problems.

Shared by what checks element by element and what checks columns of a long sequence.  PS3.5 6.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dcmlint.dicom.charsets import CharsetProblem
from dcmlint.dicom.dataset import Dataset, Element
from dcmlint.dicom.values import SINGLE_VALUED, ValueProblem

BULK_UNIT = {"OB": 1, "UN": 1, "OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}  # bytes
UNIT = {"US": 2, "SS": 2, "UL": 4, "SL": 4, "FL": 4, "AT": 4, "FD": 8, "SV": 8, "UV": 8}  # bytes
LONGEST = 1 << 20  # bytes of a value that are looked at
_SHOWN_BYTES = 4096

Problem = ValueProblem | CharsetProblem


def read_as(level: Dataset, element: Element) -> str:
    """The VR as which a value is looked at: as written, or as an open choice of the dictionary falls."""
    return level.value_representation(element) if "/" in element.vr else element.vr


def told(problems: Iterable[ValueProblem]) -> Iterator[ValueProblem]:
    """The problems of a value that nothing else tells: an odd length is told by the reader, and a date and time
    that is too long by what makes it so."""
    problems = tuple(problems)
    for problem in problems:
        if problem.code != "odd-length" and not (problem.code == "dt-length" and len(problems) > 1):
            yield problem


def wrong_value(vr: str, raw: bytes, problem: Problem) -> str | None:
    """The value that a problem is about, byte for byte as Latin-1; None for numbers and for the whole field."""
    raw = bytes(raw[:_SHOWN_BYTES])
    values = [raw] if vr in SINGLE_VALUED else raw.split(b"\\")
    if not 0 < problem.number <= len(values) or vr in UNIT:
        return None
    found = values[problem.number - 1].decode("latin-1")
    # The pad byte is no part of the value: PS3.5 9.1.
    return found.removesuffix("\0") if vr == "UI" and problem.code != "ui-padding" else found
