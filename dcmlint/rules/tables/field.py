"""One value field: as which VR it is looked at, how large its values are, what is told of its problems.

Shared by what checks element by element and what checks columns of a long sequence.  PS3.5 6.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dcmlint.dicom.charsets import CHARSET_VRS, DEFAULT_CHARSET, Charset, CharsetProblem
from dcmlint.dicom.dataset import Dataset, Element
from dcmlint.dicom.values import SINGLE_VALUED, ValueProblem
from dcmlint.plural import number_of

BULK_UNIT = {"OB": 1, "UN": 1, "OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}  # bytes
UNIT = {"US": 2, "SS": 2, "UL": 4, "SL": 4, "FL": 4, "AT": 4, "FD": 8, "SV": 8, "UV": 8}  # bytes
TEXT_VRS = frozenset({
    "AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT",
})  # fmt: skip
LONGEST = 1 << 20  # bytes of a value that are looked at
_SHOWN_BYTES = 4096

Problem = ValueProblem | CharsetProblem


def read_as(level: Dataset, element: Element) -> str:
    """The VR as which a value is looked at: as written, as an open choice of the dictionary falls, or that of a known
    attribute written as UN (PS3.5 6.2.2).
    """
    return level.value_representation(element) if "/" in element.vr or element.vr == "UN" else element.vr


def has_values(name: str, count: int) -> str:
    """How many values an attribute has, as a message."""
    return f"{name} has {number_of(count, 'value')}"


# Of two things that are wrong with one value the first is told, the second follows from it.
_INSTEAD = {
    "ds-length": ("ds-grammar",),
    "is-length": ("is-grammar", "is-range"),
    "ae-length": ("ae-repertoire",),
    "cs-length": ("cs-repertoire",),
    "tm-length": ("tm-legacy-colons", "tm-grammar", "tm-range"),
    "da-length": ("da-legacy-dots", "da-grammar", "da-range"),
    "dt-length": ("dt-grammar", "dt-range", "dt-offset-range"),
}


def told(problems: Iterable[ValueProblem]) -> Iterator[ValueProblem]:
    """The problems of a value that nothing else tells: an odd length is told by the reader."""
    problems = tuple(problems)
    found = {(problem.code, problem.number) for problem in problems}
    for problem in problems:
        instead = _INSTEAD.get(problem.code, ())
        if problem.code != "odd-length" and not any((code, problem.number) in found for code in instead):
            yield problem


def values_in(vr: str, raw: bytes, charset: Charset | None) -> list[str] | None:
    """The values of a text field, undecided bytes as Latin-1; None where nobody can say how many there are.

    A byte 5C within a character of several bytes is no delimiter (PS3.5 6.1.2.5.3); where a character set is not
    known, or the text is not written in it, one cannot tell.
    """
    if vr in SINGLE_VALUED:
        return [raw.decode("latin-1")]
    if vr not in CHARSET_VRS or b"\\" not in raw or (raw.isascii() and b"\x1b" not in raw):
        return raw.decode("latin-1").split("\\")
    charset = charset or DEFAULT_CHARSET
    wrong: list[str] = []
    text = charset.read(raw, vr, lambda code, _: wrong.append(code))
    if not charset.certain or any(code != "escape-not-reset" for code in wrong):
        return None
    return text.split("\\")


def count_of(vr: str, raw: bytes, charset: Charset | None) -> int | None:
    """How many values a text field has; None where nobody can say."""
    values = values_in(vr, raw, charset)
    return None if values is None else len(values)


def wrong_value(vr: str, raw: bytes, problem: Problem, charset: Charset | None) -> str | None:
    """The value that a problem is about; None for numbers, for the whole field, and where it cannot be told apart."""
    values = None if vr in UNIT else values_in(vr, bytes(raw[:_SHOWN_BYTES]), charset)
    if values is None or not 0 < problem.number <= len(values):
        return None
    found = values[problem.number - 1]
    # The pad byte is no part of the value: PS3.5 9.1.
    return found.removesuffix("\0") if vr == "UI" and problem.code != "ui-padding" else found
