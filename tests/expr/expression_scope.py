"""A data set, its facts and the names for them, small enough to print in the documentation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dcmlint.expr import ABSENT, BOOL, ITEMS, NUMBER, TEXT, UNKNOWN, AttributeName, FactType, list_of

DICTIONARY = {
    "TransferSyntaxUID": AttributeName(0x00020010, "UI", "1"),
    "ImageType": AttributeName(0x00080008, "CS", "2-n"),
    "SOPClassUID": AttributeName(0x00080016, "UI", "1"),
    "StudyDate": AttributeName(0x00080020, "DA", "1"),
    "ContentDate": AttributeName(0x00080023, "DA", "1"),
    "Modality": AttributeName(0x00080060, "CS", "1"),
    "CodeValue": AttributeName(0x00080100, "SH", "1"),
    "PatientName": AttributeName(0x00100010, "PN", "1"),
    "PatientID": AttributeName(0x00100020, "LO", "1"),
    "SliceThickness": AttributeName(0x00180050, "DS", "1"),
    "SoftwareVersions": AttributeName(0x00181020, "LO", "1-n"),
    "NumberOfFrames": AttributeName(0x00280008, "IS", "1"),
    "FrameIncrementPointer": AttributeName(0x00280009, "AT", "1-n"),
    "FrameTime": AttributeName(0x00181063, "DS", "1"),
    "Rows": AttributeName(0x00280010, "US", "1"),
    "Columns": AttributeName(0x00280011, "US", "1"),
    "PixelSpacing": AttributeName(0x00280030, "DS", "2"),
    "SmallestImagePixelValue": AttributeName(0x00280106, "US or SS", "1"),
    "WindowCenter": AttributeName(0x00281050, "DS", "1-n"),
    "ICCProfile": AttributeName(0x00282000, "OB", "1"),
    "LUTData": AttributeName(0x00283006, "US or OW", "1-n"),
    "TotalPixelMatrixColumns": AttributeName(0x00480006, "UL", "1"),
    "OpticalPathSequence": AttributeName(0x00480105, "SQ", "1"),
    "OpticalPathIdentifier": AttributeName(0x00480106, "SH", "1"),
    "IlluminationTypeCodeSequence": AttributeName(0x00220016, "SQ", "1"),
    "PixelData": AttributeName(0x7FE00010, "OB or OW", "1"),
}

FACTS = {
    "tiling.columns": FactType(NUMBER, "tiles in a row"),
    "tiling.rows": FactType(NUMBER, "rows of tiles"),
    "tiling.positions": FactType(list_of(NUMBER), "a list that may be an array"),
    "pyramid.levels": FactType(NUMBER, "absent here"),
    "pixels.mean": FactType(NUMBER, "unknown here"),
    "slide.has_label": FactType(BOOL),
    "slide.is_fluorescent": FactType(BOOL),
    "slide.stain": FactType(TEXT, "", frozenset((0x00100010,))),
    "slide.levels": FactType(ITEMS),
}


class Names:
    """The names of the tests."""

    def attribute(self, keyword: str) -> AttributeName | None:
        return DICTIONARY.get(keyword)

    def attribute_names(self) -> Iterable[str]:
        return DICTIONARY

    def fact(self, name: str) -> FactType | None:
        return FACTS.get(name)

    def fact_names(self) -> Iterable[str]:
        return FACTS


class Level:
    """One level of a data set, in memory."""

    def __init__(
        self,
        values: Mapping[str | int, object],
        facts: Mapping[str, object] = {},
        file: Level | None = None,
        parent: Level | None = None,
    ) -> None:
        self.values = {
            key if isinstance(key, int) else DICTIONARY[key].tag: value for key, value in values.items()
        }
        self.facts, self.parent = facts, parent
        self.reads = 0
        self._file = file

    @property
    def root(self) -> Level:
        return self if self.parent is None else self.parent.root

    @property
    def file(self) -> Level:
        return self._file or self

    def attribute(self, tag: int) -> object:
        self.reads += 1
        return self.values.get(tag, ABSENT)

    def fact(self, name: str) -> object:
        return self.facts.get(name, ABSENT)

    def up(self, tag: int) -> object:
        level: Level | None = self
        while level is not None:
            if tag in level.values:
                return level.values[tag]
            level = level.parent
        return ABSENT


NAMES = Names()
PATHS = (
    Level({"OpticalPathIdentifier": "1", "ICCProfile": b"profile", "IlluminationTypeCodeSequence": (Level({"CodeValue": "111744"}),)}),
    Level({"OpticalPathIdentifier": "2", "IlluminationTypeCodeSequence": ()}),
)  # fmt: skip
# What the documentation prints of it, in this order.
SAMPLE: dict[str | int, object] = {
    "Modality": "SM",
    "ImageType": ("ORIGINAL", "PRIMARY", "VOLUME", "NONE"),
    "StudyDate": "20240131",
    "PatientName": None,
    "PatientID": "S24-100",
    "Rows": 512,
    "Columns": 256,
    "NumberOfFrames": 25,
    "PixelSpacing": (0.5, 0.25),
    "WindowCenter": 40.0,
    "FrameIncrementPointer": 0x00181063,
    "SliceThickness": UNKNOWN,
    "OpticalPathSequence": PATHS,
    "PixelData": b"\0" * 8,
    0x00091001: "ACME",
}
FACT_VALUES: dict[str, object] = {
    "tiling.columns": 11,
    "tiling.rows": 5,
    "tiling.positions": [1, 11, 21],
    "pixels.mean": UNKNOWN,
    "slide.has_label": True,
    "slide.stain": "H&E",
}
LETS: dict[str, object] = {"want": 55}
LET_TYPES = {"want": NUMBER}
FILE = Level({"TransferSyntaxUID": "1.2.840.10008.1.2.4.50"})


def sample() -> Level:
    """The sample data set."""
    return Level(SAMPLE, FACT_VALUES, FILE)
