"""Items are one thing: however a sequence was read, every rule and every table finds the same in it.

The examples of all rules are held to it in `test_examples`.
"""

from __future__ import annotations

import random
from functools import cache
from hashlib import blake2b
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from support import slides
from support.slides import Scan, put

from dcmlint.dicom import tokens
from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.dicom.instance import read_instance
from dcmlint.engine.session import Checker, Task
from dcmlint.engine.settings import Settings
from dcmlint.facts.run.sameness import hash_level

NEVER = 1 << 40
SCAN = Scan(name="two-readers", columns=80, rows=64, tile=8, codec="native", monochrome=True, sparse=True)
FRAMES = 80
FRAME = "PerFrameFunctionalGroupsSequence[{}]."


@cache
def checker(group: bool) -> Checker:
    return Checker(Settings(group=group, frames="all"))


def said(data: bytes, threshold: int, group: bool = True) -> tuple[Any, ...] | None:
    """What a check says with this threshold: findings, outcomes, reasons."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokens, "MANY_ITEMS", threshold)
        result = checker(group).check_buffer(Task("a.dcm", True), WholeBuffer(data))
    if result is None:
        return None
    return sorted(result.findings, key=repr), result.outcomes, result.undecided


def same(data: bytes, threshold: int, group: bool = True) -> None:
    ours, wanted = said(data, threshold, group), said(data, NEVER, group)
    if ours is None or wanted is None:
        assert ours is wanted
        return
    assert ours[0] == wanted[0]
    assert ours[1:] == wanted[1:]


VALUES: dict[str, tuple[Any, ...]] = {
    "PlanePositionSlideSequence[0].XOffsetInSlideCoordinateSystem": ("1,5", "", b"  ", b"\0\0", "1\\2", b"1\0", "1e400"),
    "PlanePositionSlideSequence[0].ZOffsetInSlideCoordinateSystem": ("", b"    ", "abc", slides.ABSENT, b"1.00000000000000001 "),
    "PlanePositionSlideSequence[0].ColumnPositionInTotalImagePixelMatrix": (0, -4, b"\1\0", b"\1\0\0\0\2\0\0\0", slides.ABSENT),
    "FrameContentSequence[0].DimensionIndexValues": ([1, 2, 3], b"\0\0", slides.ABSENT),
    "FrameContentSequence[0].CardiacCyclePosition": ("BEGIN", "END_SYSTOLE", b"  "),
    "FrameContentSequence[0].FrameAcquisitionDateTime": ("20241315", "20240101101010", b" "),
    "FrameContentSequence[0].FrameComments": (b"odd", "x" * 5000, b"\xfcml ", b"\x1b$B"),
    "FrameContentSequence[0].SpecificCharacterSet": ("ISO_IR 100", "ISO_IR 192", "WRONG"),
    "OpticalPathIdentificationSequence[0].OpticalPathIdentifier": ("x" * 18, "2", b"  ", slides.ABSENT),
    "PatientName": ("A^B", b"\xfc^\xe9 "),
    "WindowCenter": (["1", "2"], "40"),
    "WindowWidth": ("0", "0.5", "400", b"  "),
    "ImageOrientationPatient": (["1", "0", "0", "0", "1", "0"], ["1", "0", "0", "0", "2", "0"]),
    "PixelSpacing": (["1", "0"], ["1", "1"]),
    "PixelMeasuresSequence[0].SliceThickness": ("0", b"  "),
}  # fmt: skip


@cache
def undamaged(undefined: bool) -> bytes:
    return slides.to_bytes(slides.volume(SCAN), undefined_lengths=undefined)


def changed(seed: int, undefined: bool) -> bytes:
    """A slide in which some attributes of some frames have other values."""
    rng = random.Random(seed)
    made = slides.volume(SCAN)
    for path in rng.sample(sorted(VALUES), rng.randint(1, 5)):
        step = rng.choice([1, 1, 2, 7, 40])
        for number in range(rng.randrange(3), FRAMES, step):
            try:
                put(made, FRAME.format(number) + path, rng.choice(VALUES[path]))
            except (KeyError, IndexError):
                put(made, FRAME.format(number) + path.split("[")[0], [])
    return slides.to_bytes(made, undefined_lengths=undefined)


SEEDS = st.integers(0, 1 << 30)
THRESHOLDS = st.integers(1, FRAMES)


@settings(max_examples=15)
@given(SEEDS, THRESHOLDS, st.booleans(), st.booleans())
@example(1, 1, False, True)
@example(2, 1, True, False)
def test_changed_values(seed: int, threshold: int, undefined: bool, group: bool) -> None:
    same(changed(seed, undefined), threshold, group)


@settings(max_examples=15)
@given(SEEDS, THRESHOLDS, st.booleans())
def test_damaged_bytes(seed: int, threshold: int, undefined: bool) -> None:
    """Bytes are turned, cut out, put in, or the file is cut."""
    rng = random.Random(seed)
    data = bytearray(undamaged(undefined))
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(400, len(data))
        kind = rng.randrange(4)
        if kind == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del data[at : at + rng.choice([1, 2, 8])]
        elif kind == 2:
            data[at:at] = rng.randbytes(rng.choice([1, 2, 8]))
        elif rng.random() < 0.3:
            del data[at:]
    same(bytes(data), threshold)


def test_places_of_nested_sequences() -> None:
    """Sequence in sequence, both long or one of them: the numbers are those of each item on the way."""
    made = slides.volume(SCAN)
    made.ReferencedSeriesSequence = [Dataset() for _ in range(3)]
    for series in range(3):
        made.ReferencedSeriesSequence[series].ReferencedInstanceSequence = [Dataset() for _ in range(6)]
        put(made, f"ReferencedSeriesSequence[{series}].SeriesInstanceUID", f"1.2.{series + 1}")
        for number in range(6):
            at = f"ReferencedSeriesSequence[{series}].ReferencedInstanceSequence[{number}]."
            put(made, at + "ReferencedSOPClassUID", "1.2.840.10008.5.1.4.1.1.7")
            put(made, at + "ReferencedSOPInstanceUID", "1.02" if series and number > 3 else "1.2")
    data = slides.to_bytes(made)
    for threshold in (1, 2, 4):
        same(data, threshold)
    result = said(data, 1)
    assert result is not None
    (finding,) = [f for f in result[0] if f.path.endswith("ReferencedSOPInstanceUID") and f.count > 1]
    assert finding.count == 4
    assert finding.places == tuple(
        f"ReferencedSeriesSequence[{series}].ReferencedInstanceSequence[{number}].ReferencedSOPInstanceUID"
        for series, number in ((1, 4), (1, 5), (2, 4))
    )


def frames_of(count: int) -> Dataset:
    """A segmentation-like list: many items, each with references and codes of its own."""
    made = slides.sparse_native()
    sources = []
    for number in range(count):
        source = Dataset()
        source.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        source.ReferencedSOPInstanceUID = f"1.2.3.{number % 40}"
        purpose = Dataset()
        purpose.CodeValue, purpose.CodingSchemeDesignator = ("121322" if number % 7 else "121999"), "DCM"
        purpose.CodeMeaning = "Source image for image processing operation"
        source.PurposeOfReferenceCodeSequence = [purpose]
        sources.append(source)
    made.SourceImageSequence = sources
    return made


def test_references_and_codes_of_a_long_sequence() -> None:
    data = slides.to_bytes(frames_of(80))  # type: ignore[arg-type]
    # Codes of slides are checked by rules of their own.
    data = data.replace(b"1.2.840.10008.5.1.4.1.1.77.1.6", b"1.2.840.10008.5.1.4.1.1.77.1.4")
    same(data, 1)
    found = said(data, 1)
    assert found is not None
    codes = [one for one in found[0] if one.rule == "COD003"]
    assert sum(one.count for one in codes) == 12
    assert {one.path for one in codes} == {
        "SourceImageSequence[0].PurposeOfReferenceCodeSequence[0].CodeValue"
    }


def test_references_of_a_long_sequence_itself() -> None:
    from dcmlint.dicom.instance import read_instance
    from dcmlint.facts.run.referenced import references

    data = slides.to_bytes(frames_of(80))  # type: ignore[arg-type]
    came = []
    for threshold in (1, NEVER):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tokens, "MANY_ITEMS", threshold)
            came.append(references(read_instance(WholeBuffer(data)).dataset))
    assert came[0] == came[1]
    assert len(came[0].instances) >= 40


def test_references_that_stand_elsewhere_or_are_no_uids() -> None:
    """Of a frame only its own references are to be listed, not one further down; a class may be written as a number."""
    from dcmlint.dicom.instance import read_instance
    from dcmlint.facts.run.referenced import references
    from dcmlint.rules.builtin_functions.file.identity import _references

    made = slides.volume(SCAN)
    for number in range(FRAMES):
        source = frames_of(1).SourceImageSequence[0]
        source.ReferencedSOPInstanceUID = f"1.2.3.{number}"
        derivation = Dataset()
        derivation.SourceImageSequence = [source]
        if number == 2:
            deeper = Dataset()
            deeper.SourceImageSequence = [source]
            derivation.SourceImageSequence = [deeper]
        if number == 3:
            source.add_new("ReferencedSOPClassUID", "UL", [0x31313131] * 6)
        made.PerFrameFunctionalGroupsSequence[number].DerivationImageSequence = [derivation]
    data = slides.to_bytes(made)
    came = []
    for threshold in (1, NEVER):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tokens, "MANY_ITEMS", threshold)
            dataset = read_instance(WholeBuffer(data)).dataset
            listed = sorted(one for one in _references(dataset) if one[2])
            came.append((sorted(map(repr, references(dataset).instances)), listed))
    assert came[0] == came[1]
    assert [frame for _, frame, _, _ in came[0][1]] == [n for n in range(FRAMES) if n != 2]
    same(data, 1)


def test_references_of_many_frames_are_counted_alike() -> None:
    """How often an instance is referenced, and where first, does not depend on how the frames were read."""
    made = slides.sparse_native()
    for frame in made.PerFrameFunctionalGroupsSequence[1:]:
        source = Dataset()
        source.ReferencedSOPClassUID, source.ReferencedSOPInstanceUID = made.SOPClassUID, "2.25.17"
        derivation = Dataset()
        derivation.SourceImageSequence = [source]
        frame.DerivationImageSequence = [derivation]
    data = slides.to_bytes(made)
    same(data, 1)
    result = said(data, 1)
    assert result is not None
    count = len(made.PerFrameFunctionalGroupsSequence) - 1
    messages = {finding.path: finding.message for finding in result[0] if finding.rule == "IOD021"}
    where = "DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID"
    assert f", {count} times" in messages[f"PerFrameFunctionalGroupsSequence[1].{where}"]


def test_the_same_content_has_the_same_digest() -> None:
    """Instances of one UID are compared by their content: however each of them was read."""
    data = slides.to_bytes(slides.sparse_native())
    digests = set()
    for threshold in (1, NEVER):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tokens, "MANY_ITEMS", threshold)
            instance = read_instance(WholeBuffer(data))
        assert instance is not None
        digest = blake2b()
        hash_level(digest, instance.dataset)
        digests.add(digest.digest())
    assert len(digests) == 1
