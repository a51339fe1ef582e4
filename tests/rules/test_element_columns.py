"""Values of long sequences: the checks by column find what the checks item by item find."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from pydicom.dataset import Dataset, FileDataset
from support import slides
from support.slides import Scan, put

from dcmlint.dicom import tokens
from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.dicom.columns import Columns
from dcmlint.dicom.instance import Instance, read_instance
from dcmlint.rules.tables.elements import ElementCheck
from dcmlint.rules.tables.walk import TableCheck

pytestmark = pytest.mark.usefixtures("columns_from_few_items_on")


SCAN = Scan(name="many-tiles", columns=80, rows=64, tile=8, codec="native", monochrome=True, sparse=True)
VL_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
FRAME = "PerFrameFunctionalGroupsSequence[{}]."
POSITION = FRAME + "PlanePositionSlideSequence[0]."
CONTENT = FRAME + "FrameContentSequence[0]."


def found(data: bytes) -> tuple[Instance, Counter[tuple[str, int]], Counter[tuple[str, int]]]:
    """How often each check failed at each tag: of elements, and of tables."""
    instance = read_instance(WholeBuffer(data))
    assert instance is not None
    elements, tables = ElementCheck(instance, set()), TableCheck(instance)
    elements.run()
    tables.run()
    counts = []
    for problems in (elements.problems, tables.problems):
        counted: Counter[tuple[str, int]] = Counter()
        for problem in problems:
            counted[problem.check, problem.tag] += max(1, problem.count)
        counts.append(counted)
    return instance, counts[0], counts[1]


def plainly(
    data: bytes, monkeypatch: pytest.MonkeyPatch
) -> tuple[Counter[tuple[str, int]], Counter[tuple[str, int]]]:
    with monkeypatch.context() as patch:
        patch.setattr(tokens, "MANY_ITEMS", 1 << 40)
        instance, elements, tables = found(data)
    assert not isinstance(instance.dataset.items(0x52009230), Columns)
    return elements, tables


def every(step: int, path: str, value: Any, vr: str | None = None) -> Callable[[FileDataset], None]:
    def change(made: FileDataset) -> None:
        for number in range(0, 80, step):
            put(made, path.format(number), value, vr)

    return change


def _derived_from(frame: int) -> Dataset:
    source = Dataset()
    source.ReferencedSOPClassUID, source.ReferencedSOPInstanceUID = VL_SLIDE, "2.25.1"
    source.ReferencedFrameNumber = frame
    group = Dataset()
    group.SourceImageSequence = [source]
    return group


DEFECTS: dict[str, Callable[[FileDataset], None]] = {
    "clean": lambda made: None,
    "a decimal with a comma": every(7, POSITION + "XOffsetInSlideCoordinateSystem", "1,5"),
    "a decimal that is too long": every(9, POSITION + "XOffsetInSlideCoordinateSystem", "1.00000000000000001"),
    "a decimal in all frames": every(1, POSITION + "YOffsetInSlideCoordinateSystem", "1e"),
    "a decimal padded with NUL": every(5, POSITION + "XOffsetInSlideCoordinateSystem", b"1\0"),
    "two decimals": every(6, POSITION + "ZOffsetInSlideCoordinateSystem", "1\\2"),
    "no decimal": every(4, POSITION + "ZOffsetInSlideCoordinateSystem", ""),
    "two integers": every(8, POSITION + "ColumnPositionInTotalImagePixelMatrix", b"\1\0\0\0\2\0\0\0"),
    "half an integer": every(8, POSITION + "ColumnPositionInTotalImagePixelMatrix", b"\1\0"),
    "a date that is none": every(3, CONTENT + "FrameAcquisitionDateTime", b"20241315"),
    "an identifier that is too long": every(
        10, FRAME + "OpticalPathIdentificationSequence[0].OpticalPathIdentifier", "x" * 18
    ),
    "an attribute of no frame": every(5, FRAME + "PatientName", "A^B"),
    "an odd length": every(11, CONTENT + "FrameComments", b"odd"),
    "a code": every(2, FRAME + "FrameContentSequence[0].CardiacCyclePosition", "START"),
    "one code of two": lambda made: [
        put(made, CONTENT.format(n) + "CardiacCyclePosition", "END_SYSTOLE" if n % 3 else "BEGIN")
        for n in range(80)
    ] and None,
    "frame 0": lambda made: [
        put(made, FRAME.format(n) + "DerivationImageSequence", [_derived_from(n % 5)]) for n in range(80)
    ] and None,
    "a VR": every(12, POSITION + "ZOffsetInSlideCoordinateSystem", b"0 ", "LO"),
}  # fmt: skip


@pytest.mark.parametrize("name", DEFECTS)
@pytest.mark.parametrize("undefined", [False, True])
def test_the_same_by_column_and_by_item(name: str, undefined: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    made = copy.deepcopy(slides.volume(SCAN))
    DEFECTS[name](made)
    data = slides.to_bytes(made, undefined_lengths=undefined)
    instance, elements, tables = found(data)
    assert isinstance(instance.dataset.items(0x52009230), Columns)
    assert (elements, tables) == plainly(data, monkeypatch)
    assert bool(elements or tables) is (name not in ("clean", "an odd length"))


def test_which_items_is_said() -> None:
    made = slides.volume(SCAN)
    for number in (13, 40, 66, 79):
        put(made, POSITION.format(number) + "XOffsetInSlideCoordinateSystem", "1,5")
    instance = read_instance(WholeBuffer(slides.to_bytes(made)))
    assert instance is not None
    check = ElementCheck(instance, set())
    check.run()
    (problem,) = check.problems
    assert (problem.check, problem.count) == ("value.ds-grammar", 4)
    assert [list(group.numbers) for group in problem.groups] == [[13, 40, 66]]
    assert problem.found == "1,5 "
