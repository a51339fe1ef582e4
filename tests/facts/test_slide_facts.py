"""Which instances make a slide, and which of them a pyramid."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from pydicom.dataset import FileDataset
from support import slides
from support.modules import uid

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.dicom.instance import read_instance
from dcmlint.engine.members import Members, member_of
from dcmlint.facts.frame import covered as covering
from dcmlint.facts.registry import FactOptions, Facts
from dcmlint.facts.run.index import RunIndex, same_content
from dcmlint.facts.run.slide import Slide


def packed(made: FileDataset | bytes, path: str = "a.dcm", **options: str) -> bytes:
    data = made if isinstance(made, bytes) else slides.to_bytes(made)
    instance = read_instance(WholeBuffer(data))
    assert instance is not None
    return member_of(Facts(instance, FactOptions(**options)), path)


def gathered(instances: Sequence[FileDataset | bytes], folder: str = "x") -> RunIndex:
    members = Members(packed(made, f"{folder}/{number}.dcm") for number, made in enumerate(instances))
    assert not members.crashes
    return RunIndex(members.parts)


def slides_in(instances: Sequence[FileDataset | bytes]) -> list[Slide]:
    return gathered(instances).slides


def test_a_whole_slide_is_one_slide_and_one_pyramid() -> None:
    (slide,) = slides_in(slides.pyramid())
    assert (slide.instances, slide.volumes, slide.labels, slide.overviews, slide.thumbnails) == (
        6,
        3,
        1,
        1,
        1,
    )
    (pyramid,) = slide.pyramids
    assert [level.columns for level in pyramid.levels] == [160, 80, 40]
    assert [part.image.flavour for part in pyramid.thumbnails] == ["THUMBNAIL"]


def test_slides_that_share_nothing_stay_apart() -> None:
    assert len(slides_in([*slides.pyramid(), *slides.pyramid("native")])) == 2


def test_the_members_of_a_concatenation_are_one_level() -> None:
    (slide,) = slides_in(slides.concatenation())
    assert slide.volumes == 1
    assert [len(level.parts) for level in slide.pyramids[0].levels] == [3]
    assert slide.pyramids[0].base.frames == 20


def test_a_container_joins_within_a_study() -> None:
    made = slides.pyramid()
    del made[3].FrameOfReferenceUID
    made[3].SeriesInstanceUID = uid("series of the label")
    assert len(slides_in(made)) == 1
    made[3].ContainerIdentifier = "OTHER"
    assert len(slides_in(made)) == 2


def test_a_container_does_not_split() -> None:
    made = slides.pyramid()
    made[1].ContainerIdentifier = "OTHER"
    assert len(slides_in(made)) == 1


def test_instances_without_container_and_frame_of_reference_go_with_their_series() -> None:
    made = slides.pyramid(levels=2)[:2]
    for one in made:
        del one.ContainerIdentifier, one.FrameOfReferenceUID, one.PyramidUID
    assert len(slides_in(made)) == 1


def test_scans_of_one_slide_are_pyramids_of_their_own() -> None:
    first, second = slides.pyramid(), slides.pyramid()
    for one in second:
        one.SOPInstanceUID = uid("again", one.SOPInstanceUID)
        one.SeriesInstanceUID, one.FrameOfReferenceUID = uid("second series"), uid("second frame")
        if "PyramidUID" in one:
            one.PyramidUID = uid("second pyramid")
    (slide,) = slides_in([*first, *second])
    assert [len(pyramid.levels) for pyramid in slide.pyramids] == [3, 3]
    assert [len(pyramid.thumbnails) for pyramid in slide.pyramids] == [1, 1]


def test_levels_in_series_of_their_own_are_one_pyramid() -> None:
    made = slides.pyramid()[:3]
    for number, one in enumerate(made):
        one.SeriesInstanceUID = uid("series", str(number))
        del one.PyramidUID, one.FrameOfReferenceUID
    (slide,) = slides_in(made)
    assert [len(pyramid.levels) for pyramid in slide.pyramids] == [3]


def test_regions_of_a_slide_are_pyramids_of_their_own() -> None:
    made = [slides.volume(slides.Scan(name="regions"), level) for level in (0, 1)]
    other = [slides.volume(slides.Scan(name="regions", columns=96), level) for level in (0, 1)]
    for one in other:
        one.SOPInstanceUID = uid("region", one.SOPInstanceUID)
        one.TotalPixelMatrixOriginSequence[0].XOffsetInSlideCoordinateSystem = "9"
    for one in (*made, *other):
        del one.PyramidUID
    (slide,) = slides_in([*made, *other])
    assert sorted(len(pyramid.levels) for pyramid in slide.pyramids) == [2, 2]


def test_copies_count_once() -> None:
    made = slides.pyramid()
    (slide,) = slides_in([*made, *made])
    assert slide.instances == 6


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"])
def test_the_same_attributes_in_another_encoding_are_the_same_instance(syntax: str) -> None:
    made = slides.ct()
    one, other = slides.to_bytes(made), slides.to_bytes(made, transfer_syntax=syntax)
    first, second = gathered([one, other]).parts
    assert same_content(first, second)
    made.WindowWidth = "17"
    first, second = gathered([one, slides.to_bytes(made, transfer_syntax=syntax)]).parts
    assert not same_content(first, second)


def test_other_lengths_of_sequences_are_the_same_instance() -> None:
    made = slides.full_native()
    first, second = gathered([slides.to_bytes(made), slides.to_bytes(made, undefined_lengths=True)]).parts
    assert first.kept.sameness.file != second.kept.sameness.file
    assert same_content(first, second)


def test_one_changed_pixel_is_another_instance() -> None:
    data = slides.to_bytes(slides.full_native())
    changed = bytearray(data)
    changed[-5] ^= 1
    first, second = gathered([data, bytes(changed)]).parts
    assert not same_content(first, second)


def test_the_order_of_the_inputs_does_not_matter() -> None:
    made = [*slides.pyramid(), *slides.concatenation()]
    members = [packed(one, f"x/{number}.dcm") for number, one in enumerate(made)]
    want = [[part.path for part in slide.parts] for slide in RunIndex(Members(members).parts).slides]
    for seed in range(5):
        random.Random(seed).shuffle(members)
        found = RunIndex(Members(members).parts).slides
        assert [[part.path for part in slide.parts] for slide in found] == want


@pytest.mark.parametrize("mode", ["safe", "none"])
def test_a_member_holds_no_names(mode: str) -> None:
    made = slides.pyramid()[3]
    made.PatientName, made.PatientID = "Grabowski^Wilhelmina", "XQ-90210"
    made.ContainerIdentifier = made.BarcodeValue = "SLIDE-7788-ZZ"
    member = packed(made, show_values=mode)
    for value in (b"Grabowski", b"Wilhelmina", b"XQ-90210", b"7788-ZZ"):
        assert value not in member


def test_a_member_is_as_small_for_many_frames() -> None:
    few = slides.volume(slides.Scan(name="few", codec="native", sparse=True, columns=64, rows=64, tile=16))
    many = slides.volume(
        slides.Scan(name="many", codec="native", sparse=True, columns=512, rows=512, tile=16)
    )
    assert abs(len(packed(few)) - len(packed(many))) < 64


def test_equal_parts_of_members_are_kept_once() -> None:
    parts = Members(packed(one, f"{number}") for number, one in enumerate(slides.pyramid())).parts
    first, *rest = (part.kept for part in parts)
    assert all(one.patient is first.patient and one.series is first.series for one in rest)


def test_tiles_covered_are_the_same_read_either_way() -> None:
    made = slides.sparse_native(frozenset({0, 3, 19}))
    instance = read_instance(WholeBuffer(slides.to_bytes(made)))
    assert instance is not None
    tiling = Facts(instance).group("tiling")
    found = covering.covered(instance.dataset, tiling)
    assert found is not None
    assert (found.first, found.last, found.tiles) == (1, 18, 17)


def test_tiles_of_long_sequences_are_counted_in_columns() -> None:
    scan = slides.Scan(name="long", codec="native", sparse=True, columns=512, rows=640, tile=16)
    instance = read_instance(WholeBuffer(slides.to_bytes(slides.volume(scan))))
    assert instance is not None
    items = instance.dataset.items(0x52009230)
    assert getattr(items, "shapes", None), "long enough to be read in columns"
    tiling = Facts(instance).group("tiling")
    found = covering.covered(instance.dataset, tiling)
    assert found is not None
    assert (found.first, found.last, found.tiles) == (0, 1279, 1280)
    assert found.planes == (0.0,)
