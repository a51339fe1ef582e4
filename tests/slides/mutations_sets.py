"""Defects between the instances of a slide: pyramids and concatenations."""

from __future__ import annotations

import copy
from dataclasses import replace

from mutations import ABSENT, break_one, break_set
from pydicom.dataset import FileDataset
from support import slides
from support.modules import uid
from support.pictures import icc_profile
from support.slides import Scan, put

PYRAMID = Scan(name="pyramid-jpeg")
MEASURES = "SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]."
FRAME_TYPE = "SharedFunctionalGroupsSequence[0].WholeSlideMicroscopyImageFrameTypeSequence[0].FrameType"
ORIGIN = "TotalPixelMatrixOriginSequence[0]."
LABEL, OVERVIEW, THUMBNAIL = 3, 4, 5

# -- PYR: instances 0 to 2 are levels, then label, overview, thumbnail ------------------------------------------

break_set("PYR001", "another Frame of Reference", "pyramid", {2: {"FrameOfReferenceUID": uid("elsewhere")}})
break_set("PYR002", "another container", "pyramid", {2: {
    "ContainerIdentifier": "OTHER", "SpecimenDescriptionSequence[0].SpecimenIdentifier": "EX24-17-A1-1"}})  # fmt: skip
break_set(
    "PYR003",
    "another specimen",
    "pyramid",
    {2: {"SpecimenDescriptionSequence[0].SpecimenUID": uid("another specimen")}},
)
break_set(
    "PYR004", "one level without pyramid", "pyramid", {2: {"PyramidUID": ABSENT, "PyramidLabel": ABSENT}}
)
break_set("PYR005", "one level of another pyramid", "pyramid", {2: {"PyramidUID": uid("another pyramid")}})
break_set("PYR006", "another acquisition", "pyramid", {2: {"AcquisitionUID": uid("another acquisition")}})
break_set(
    "PYR007",
    "one level in another series",
    "pyramid",
    {2: {"SeriesInstanceUID": uid("another series"), "SeriesNumber": "2"}},
)
break_set(
    "PYR008", "one level 3.4 mm off", "pyramid", {2: {ORIGIN + "XOffsetInSlideCoordinateSystem": "21.4"}}
)
break_set("PYR009", "one level upside down", "pyramid", {2: {"ImageOrientationSlide": r"0\1\0\1\0\0"}})
break_set("PYR010", "the spacing of the level above", "pyramid",
          {2: {MEASURES + "PixelSpacing": r"0.001\0.001", "ImagedVolumeWidth": 0.04, "ImagedVolumeHeight": 0.032}})  # fmt: skip
break_set("PYR011", "a level of 101.5 %", "pyramid",
          {1: {MEASURES + "PixelSpacing": r"0.001015\0.001015", "ImagedVolumeWidth": 0.0812, "ImagedVolumeHeight": 0.06496}})  # fmt: skip
break_set("PYR012", "a level that imaged less", "pyramid", {2: {"ImagedVolumeWidth": 0.03}})


def _twice(made: list[FileDataset], number: int) -> None:
    again = copy.deepcopy(made[number])
    again.SOPInstanceUID = again.file_meta.MediaStorageSOPInstanceUID = uid("again", str(number))
    again.InstanceNumber = "20"
    made.append(again)


break_set("PYR013", "one level twice", "pyramid", edit=lambda made: _twice(made, 1))


def _odd_ratio(made: list[FileDataset]) -> None:
    level = slides.volume(replace(PYRAMID, columns=130, rows=104), 0)
    other = made[1]
    for keyword in ("TotalPixelMatrixColumns", "TotalPixelMatrixRows", "NumberOfFrames", "PixelData",
                    "LossyImageCompressionRatio"):  # fmt: skip
        other[keyword] = level[keyword]
    put(other, MEASURES + "PixelSpacing", [f"{0.0005 * 160 / 130:.10g}"] * 2)


break_set("PYR014", "a ratio of 1.23", "pyramid", edit=_odd_ratio)
break_set("PYR015", "two levels left out", "pyramid of 4", edit=lambda made: [made[0], *made[3:]])


def _large_base(_: list[FileDataset]) -> list[FileDataset]:
    return [
        slides.volume(Scan(name="large", columns=4128, rows=16, codec="native", tile=48, spacing=0.00025))
    ]


break_set("PYR016", "a base and nothing else", "pyramid", edit=_large_base)
NONE = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
break_set(
    "PYR017", "two levels that were not resampled", "pyramid", {1: {"ImageType": NONE, FRAME_TYPE: NONE}}
)
break_set("PYR018", "no base", "pyramid of 4", edit=lambda made: made[2:])
break_set("PYR019", "two labels", "pyramid", edit=lambda made: _twice(made, LABEL))
break_set("PYR020", "a thumbnail of another scale", "pyramid",
          {THUMBNAIL: {MEASURES + "PixelSpacing": r"0.006\0.006", "ImagedVolumeWidth": 0.12, "ImagedVolumeHeight": 0.096}})  # fmt: skip
break_set("PYR021", "two instances of one number", "pyramid", {1: {"InstanceNumber": "1"}})


def _gray_level(made: list[FileDataset]) -> None:
    gray = slides.volume(Scan(name="pyramid-jpeg", monochrome=True), 2)
    gray.OpticalPathSequence = copy.deepcopy(made[2].OpticalPathSequence)
    del gray.OpticalPathSequence[0].ICCProfile
    made[2] = gray


break_set("PYR022", "one level in gray", "pyramid", edit=_gray_level)
break_set("PYR023", "another path", "pyramid", {2: {"OpticalPathSequence[0].OpticalPathIdentifier": "7"}})
break_set(
    "PYR024",
    "another profile",
    "pyramid",
    {2: {"OpticalPathSequence[0].ICCProfile": icc_profile("Another scanner")}},
)


def _small_tiles(made: list[FileDataset]) -> None:
    made[1] = slides.volume(replace(PYRAMID, tile=16), 1)


break_set("PYR025", "smaller tiles", "pyramid", edit=_small_tiles)
break_set("PYR026", "another device", "pyramid", {2: {"DeviceSerialNumber": "zz"}})
break_set("PYR027", "another patient's name", "pyramid", {2: {"PatientName": "Example^Other"}})


def _same_uid(made: list[FileDataset]) -> None:
    made[2].SOPInstanceUID = made[2].file_meta.MediaStorageSOPInstanceUID = made[1].SOPInstanceUID


break_set("PYR028", "two levels of one UID", "pyramid", edit=_same_uid)
break_set("PYR029", "another bar code", "pyramid", {LABEL: {"BarcodeValue": "BBB"}})
break_set("PYR030", "one level of 2020", "pyramid",
          {2: {"AcquisitionDateTime": "20200315101500+0000"}})  # fmt: skip


def _never_lossy(made: list[FileDataset]) -> None:
    made[2] = slides.volume(Scan(name="pyramid-jpeg", codec="native"), 2)


break_set("PYR031", "a level that never was lossy", "pyramid", edit=_never_lossy)
break_set(
    "PYR032",
    "label and overview, and nothing else",
    "pyramid",
    edit=lambda made: [made[LABEL], made[OVERVIEW]],
)
break_set("PYR032", "a label alone", "pyramid", edit=lambda made: [made[LABEL]], severity="info")

# -- CONC --------------------------------------------------------------------------------------------------

break_set("CONC001", "no source", "concatenation", {1: {"SOPInstanceUIDOfConcatenationSource": ABSENT}})
break_set("CONC002", "number 0", "concatenation", {0: {"InConcatenationNumber": 0}})
break_one("CONC002", "3 of 2", "jpeg", edit=lambda _: _member(3, 2))
break_one("CONC003", "1 of 1", "jpeg", edit=lambda _: _member(1, 1))


def _member(number: int, total: int) -> FileDataset:
    made = slides.concatenation(sizes=(20,))[0]
    made.InConcatenationNumber, made.InConcatenationTotalNumber = number, total
    return made


def _without_second(made: list[FileDataset]) -> list[FileDataset]:
    return [made[0], made[2]]


break_set("CONC004", "the second is missing", "concatenation", edit=_without_second, severity="warning")
break_set(
    "CONC004",
    "two of one number",
    "concatenation",
    {2: {"InConcatenationNumber": 2, "ConcatenationFrameOffsetNumber": 8}},
)
break_set("CONC005", "the first begins at 5", "concatenation", {0: {"ConcatenationFrameOffsetNumber": 5}})


def _fewer_frames(made: list[FileDataset]) -> None:
    last = made[2]
    last.NumberOfFrames = "3"
    slides.put_frames(last, slides.frames_of(last)[:3])


break_set("CONC006", "a frame short", "concatenation", edit=_fewer_frames)
break_set(
    "CONC007",
    "beyond the end",
    "concatenation",
    {0: {"ConcatenationFrameOffsetNumber": 20}},
    edit=lambda made: made[2:],
)


def _own_source(made: list[FileDataset]) -> None:
    for one in made:
        one.SOPInstanceUIDOfConcatenationSource = made[0].SOPInstanceUID


break_set("CONC008", "the first is the source", "concatenation", edit=_own_source)
break_set(
    "CONC009", "another lens", "concatenation", {1: {"OpticalPathSequence[0].ObjectiveLensPower": "40"}}
)
break_set("CONC010", "another number", "concatenation", {1: {"InstanceNumber": "2"}})


def _label_of_two(_: list[FileDataset]) -> list[FileDataset]:
    made = slides.label()
    made.ConcatenationUID, made.SOPInstanceUIDOfConcatenationSource = (
        uid("label", "concatenation"),
        uid("label", "source"),
    )
    made.InConcatenationNumber, made.ConcatenationFrameOffsetNumber = 1, 0
    return [made]


break_set("CONC011", "a label", "concatenation", edit=_label_of_two)
break_set("CONC012", "one of three", "concatenation", edit=lambda made: made[:1])


def _without_uids(made: list[FileDataset]) -> None:
    for number, one in enumerate(made, 1):
        for keyword in ("ConcatenationUID", "SOPInstanceUIDOfConcatenationSource", "InConcatenationNumber",
                        "InConcatenationTotalNumber", "ConcatenationFrameOffsetNumber"):  # fmt: skip
            delattr(one, keyword)
        one.InstanceNumber = str(number)


break_set("CONC013", "split and not told", "concatenation", edit=_without_uids)
