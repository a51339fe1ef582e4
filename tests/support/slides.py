"""Clean VL Whole Slide Microscopy images, made from scratch: each breaks no rule until a test changes it.

Every function returns new ``FileDataset`` objects, so tests may change what they get. All UIDs and dates
are fixed, and two samples of different names never share a slide. Only the code streams depend on the
version of Pillow.

A scan lies on the glass as scanners see it: rows run down the slide's Y, columns down its X
(Image Orientation (Slide) 0\\-1\\0\\-1\\0\\0, PS3.3 C.8.12.2.1.1).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset, FileDataset

from .derived import annotations_of, segmentation_of
from .general import basic_sr, ct, enhanced_ct, mr, sc, us
from .modules import (
    SCAN_DATE,
    SCAN_DATETIME,
    brightfield_path,
    decimal,
    equipment,
    fluorescence_path,
    item,
    macro_path,
    new_file,
    patient_and_study,
    series,
    specimen,
    uid,
)
from .pictures import Codec, Pixels, encode, fluorescence, label_picture, overview_picture, tiles, tissue
from .writing import ABSENT, OffsetTable, changed, frames_of, put, put_frames, to_bytes

__all__ = [
    "ABSENT", "OffsetTable", "Scan", "annotations_of", "basic_sr", "changed", "concatenation", "ct", "enhanced_ct",
    "frames_of", "full_j2k_lossless", "full_j2k_lossy", "full_jpeg", "full_native", "label", "mono", "mr",
    "overview", "put", "put_frames", "pyramid", "sc", "segmentation_of", "sparse_jpeg", "sparse_native",
    "sparse_z_two_paths", "thumbnail", "to_bytes", "us", "volume", "z_stack_two_paths",
]  # fmt: skip

VL_WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"  # PS3.4 B.5
_SYNTAX: dict[Codec, str] = {  # PS3.5 10
    "native": "1.2.840.10008.1.2.1",
    "jpeg": "1.2.840.10008.1.2.4.50",
    "j2k-lossless": "1.2.840.10008.1.2.4.90",
    "j2k-lossy": "1.2.840.10008.1.2.4.91",
}
_COLOUR: dict[Codec, str] = {  # PS3.3 C.8.12.4.1.5
    "native": "RGB",
    "jpeg": "YBR_FULL_422",
    "j2k-lossless": "YBR_RCT",
    "j2k-lossy": "YBR_ICT",
}
_METHOD: dict[Codec, str] = {"jpeg": "ISO_10918_1", "j2k-lossy": "ISO_15444_1"}  # PS3.3 C.7.6.1.1.5.1
_ORIENTATION = ["0", "-1", "0", "-1", "0", "0"]
_ORIGIN = (18.0, 40.0)  # mm; the section lies well inside the glass (PS3.3 Figure C.8-16)
_DEPTH = 0.003  # mm, depth of field of the lens, and of the section
_PLANE_GAP = 0.0015  # mm between focal planes


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What a slide was scanned with: sizes in pixels, ``spacing`` of the base level in mm.

    ``order`` of a sparse image's tiles: ``boustrophedon`` as a stage moves, or ``raster``.
    """

    name: str
    container: str = "EX24-17-A1-1"
    columns: int = 160
    rows: int = 128
    tile: int = 32
    spacing: float = 0.0005
    codec: Codec = "jpeg"
    sparse: bool = False
    order: str = "boustrophedon"
    planes: int = 1
    paths: int = 1
    monochrome: bool = False
    bits: int = 8


@dataclass(frozen=True, kw_only=True)
class _Picture:
    """One instance's place in its slide and its frames, encoded, in the order of TILED_FULL."""

    role: str
    number: int
    image_type: tuple[str, str, str, str]
    columns: int
    rows: int
    tile_columns: int
    tile_rows: int
    spacing: float
    origin: tuple[float, float]
    frames: tuple[bytes, ...]


@cache
def _level_frames(scan: Scan, level: int) -> tuple[bytes, ...]:
    """All tiles of a level: row by row, then plane by plane, then path by path (PS3.3 C.7.6.17.3)."""
    columns, rows, scale = scan.columns >> level, scan.rows >> level, 1 << level
    encoded: list[bytes] = []
    for path in range(scan.paths):
        for plane in range(scan.planes):
            seed = 1 + 20 * path + plane
            picture: Pixels = (
                fluorescence(columns, rows, scale, seed, scan.bits)
                if scan.monochrome
                else tissue(columns, rows, scale, seed)
            )
            encoded += [encode(tile, scan.codec) for tile in tiles(picture, scan.tile, scan.tile)]
    return tuple(encoded)


def _pixel_module(scan: Scan, picture: _Picture, sizes: Sequence[bytes]) -> Dataset:
    """Image Pixel (C.7.6.3) and what the image says of its lossy compression (C.7.6.1.1.5)."""
    samples = 1 if scan.monochrome else 3
    made = item(
        SamplesPerPixel=samples,
        PhotometricInterpretation="MONOCHROME2" if scan.monochrome else _COLOUR[scan.codec],
        Rows=picture.tile_rows,
        Columns=picture.tile_columns,
        BitsAllocated=scan.bits,
        BitsStored=scan.bits,
        HighBit=scan.bits - 1,
        PixelRepresentation=0,
        LossyImageCompression="01" if scan.codec in _METHOD else "00",
    )
    if scan.monochrome:
        made.update(item(PresentationLUTShape="IDENTITY", RescaleIntercept="0", RescaleSlope="1"))
    else:
        made.PlanarConfiguration = 0
    if scan.codec in _METHOD:
        native = len(sizes) * picture.tile_rows * picture.tile_columns * samples * scan.bits // 8
        made.LossyImageCompressionRatio = decimal(round(native / sum(map(len, sizes)), 2))
        made.LossyImageCompressionMethod = _METHOD[scan.codec]
    return made


def _optical_paths(scan: Scan, flavour: str) -> Dataset:
    if flavour in ("LABEL", "OVERVIEW"):
        paths = [macro_path()]
    elif scan.monochrome:
        paths = [fluorescence_path(str(n + 1), 405.0 + 83.0 * n) for n in range(scan.paths)]
    else:
        paths = [brightfield_path(str(n + 1)) for n in range(scan.paths)]
    return item(NumberOfOpticalPaths=len(paths), OpticalPathSequence=paths)


def _whole_slide_module(scan: Scan, picture: _Picture) -> Dataset:
    """Whole Slide Microscopy Image (C.8.12.4), Tile Organization (C.8.12.14), Multi-frame (C.7.6.16)."""
    flavour = picture.image_type[2]
    glass_shown = "YES" if flavour in ("LABEL", "OVERVIEW") else "NO"
    planes = scan.planes if flavour == "VOLUME" else 1
    x, y = picture.origin
    made = item(
        ImageType=list(picture.image_type),
        InstanceNumber=str(picture.number),
        ContentDate=SCAN_DATE,
        ContentTime="101900",
        AcquisitionDateTime=SCAN_DATETIME,
        AcquisitionUID=uid(scan.name, "acquisition"),
        AcquisitionContextSequence=[],
        NumberOfFrames=str(len(picture.frames)),
        ImagedVolumeWidth=picture.columns * picture.spacing,
        ImagedVolumeHeight=picture.rows * picture.spacing,
        # micrometres (C.8.12.4.1.2), while all else is in millimetres
        ImagedVolumeDepth=1000 * (_PLANE_GAP * planes if planes > 1 else _DEPTH),
        TotalPixelMatrixColumns=picture.columns,
        TotalPixelMatrixRows=picture.rows,
        TotalPixelMatrixFocalPlanes=planes,
        TotalPixelMatrixOriginSequence=[
            item(
                XOffsetInSlideCoordinateSystem=decimal(x),
                YOffsetInSlideCoordinateSystem=decimal(y),
                ZOffsetInSlideCoordinateSystem="0",
            )
        ],
        ImageOrientationSlide=_ORIENTATION,
        VolumetricProperties="VOLUME",
        SpecimenLabelInImage=glass_shown,
        BurnedInAnnotation=glass_shown,
        RecognizableVisualFeatures="NO",
        FocusMethod="AUTO",
        ExtendedDepthOfField="NO",
    )
    if picture.image_type[0] == "DERIVED":
        made.DerivationDescription = "Resampled from the base level"
    if flavour in ("VOLUME", "THUMBNAIL"):
        made.PyramidUID = uid(scan.name, "pyramid")
        made.PyramidLabel = "H&E"
    if flavour == "LABEL":
        made.LabelText = made.BarcodeValue = scan.container
    return made


def _functional_groups(scan: Scan, picture: _Picture) -> Dataset:
    """Shared Functional Groups (A.32.8-2) and Multi-frame Dimension (C.7.6.17) without any index."""
    several = scan.planes > 1 and picture.image_type[2] == "VOLUME"
    measures = item(
        PixelSpacing=[decimal(picture.spacing)] * 2,
        SliceThickness=decimal(_PLANE_GAP if several else _DEPTH),
    )
    if several:
        measures.SpacingBetweenSlices = decimal(_PLANE_GAP)
    frame_type = item(FrameType=list(picture.image_type))
    return item(
        DimensionOrganizationType="TILED_FULL",
        DimensionOrganizationSequence=[
            item(DimensionOrganizationUID=uid(scan.name, picture.role, "dimensions"))
        ],
        SharedFunctionalGroupsSequence=[
            item(
                PixelMeasuresSequence=[measures],
                WholeSlideMicroscopyImageFrameTypeSequence=[frame_type],
            )
        ],
    )


def _instance(scan: Scan, picture: _Picture) -> FileDataset:
    flavour = picture.image_type[2]
    made = new_file(
        VL_WHOLE_SLIDE,
        uid(scan.name, picture.role, "instance"),
        _SYNTAX[scan.codec],
        (
            patient_and_study(scan.name, scan.container.rsplit("-", 2)[0]),
            series(scan.name, "SM"),
            item(
                FrameOfReferenceUID=uid(scan.name, "frame of reference"),
                PositionReferenceIndicator="SLIDE_CORNER",
            ),
            equipment(),
            specimen(scan.name, scan.container),
            _whole_slide_module(scan, picture),
            _functional_groups(scan, picture),
            _optical_paths(scan, flavour),
            _pixel_module(scan, picture, picture.frames),
        ),
    )
    _store(made, scan, picture.frames)
    return made


def _store(dataset: Dataset, scan: Scan, frames: Sequence[bytes]) -> None:
    if scan.codec == "native":
        value = b"".join(frames)
        dataset.PixelData = value + b"\0" * (len(value) % 2)
        dataset["PixelData"].VR = "OW" if scan.bits > 8 else "OB"
    else:
        put_frames(dataset, frames)


@dataclass(frozen=True)
class _Tile:
    """Where one frame lies: 0-based tile, focal plane and optical path, and its place in TILED_FULL."""

    frame: int
    column: int
    row: int
    plane: int
    path: int


def _tile_order(scan: Scan, across: int, down: int) -> Iterator[_Tile]:
    for path in range(scan.paths):
        for plane in range(scan.planes):
            for row in range(down):
                back = scan.order == "boustrophedon" and row % 2
                for column in range(across - 1, -1, -1) if back else range(across):
                    frame = column + across * (row + down * (plane + scan.planes * path))
                    yield _Tile(frame, column, row, plane, path)


def _make_sparse(made: FileDataset, scan: Scan, picture: _Picture, missing: frozenset[int]) -> None:
    """Turn a TILED_FULL image into TILED_SPARSE: one position a frame, and indices of what varies."""
    across, down = -(-picture.columns // scan.tile), -(-picture.rows // scan.tile)
    kept = [tile for tile in _tile_order(scan, across, down) if tile.frame not in missing]
    plane_position = "PlanePositionSlideSequence"
    # keyword, functional group, 0-based ordinal of each frame; a dimension that never varies is left out
    dimensions = (
        ("OpticalPathIdentifier", "OpticalPathIdentificationSequence", [t.path for t in kept]),
        ("ZOffsetInSlideCoordinateSystem", plane_position, [t.plane for t in kept]),
        ("RowPositionInTotalImagePixelMatrix", plane_position, [t.row for t in kept]),
        ("ColumnPositionInTotalImagePixelMatrix", plane_position, [t.column for t in kept]),
    )
    varying = [d for d in dimensions if len(set(d[2])) > 1 or d[0].startswith(("Row", "Column"))]
    indices = np.stack([np.unique(d[2], return_inverse=True)[1] + 1 for d in varying], axis=1)
    x, y = picture.origin
    made.DimensionOrganizationType = "TILED_SPARSE"
    made.DimensionIndexSequence = [
        item(
            DimensionOrganizationUID=uid(scan.name, picture.role, "dimensions"),
            DimensionIndexPointer=_tag(keyword),
            FunctionalGroupPointer=_tag(group),
            DimensionDescriptionLabel=keyword,
        )
        for keyword, group, _ in varying
    ]
    made.PerFrameFunctionalGroupsSequence = [
        item(
            FrameContentSequence=[
                item(
                    FrameReferenceDateTime=SCAN_DATETIME,
                    FrameAcquisitionDateTime=SCAN_DATETIME,
                    FrameAcquisitionDuration=2.5,
                    DimensionIndexValues=index.tolist(),
                )
            ],
            PlanePositionSlideSequence=[
                item(
                    ColumnPositionInTotalImagePixelMatrix=tile.column * scan.tile + 1,
                    RowPositionInTotalImagePixelMatrix=tile.row * scan.tile + 1,
                    # rows run along -Y and columns along -X of the slide
                    XOffsetInSlideCoordinateSystem=decimal(x - tile.row * scan.tile * picture.spacing),
                    YOffsetInSlideCoordinateSystem=decimal(y - tile.column * scan.tile * picture.spacing),
                    ZOffsetInSlideCoordinateSystem=decimal(1000 * _PLANE_GAP * tile.plane),  # um
                )
            ],
            OpticalPathIdentificationSequence=[item(OpticalPathIdentifier=str(tile.path + 1))],
        )
        for tile, index in zip(kept, indices, strict=True)
    ]
    frames = [picture.frames[tile.frame] for tile in kept]
    made.NumberOfFrames = str(len(frames))
    made.update(_pixel_module(scan, picture, frames))
    _store(made, scan, frames)


def _tag(keyword: str) -> int:
    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword
    return int(tag)


def volume(scan: Scan, level: int = 0, missing: frozenset[int] = frozenset()) -> FileDataset:
    """One level of ``scan``: each level halves the matrix and doubles the spacing of the one before.

    ``missing`` are frames of the full grid (0-based) that a sparse scan leaves out.
    """
    picture = _Picture(
        role=f"level {level}",
        number=1 + level,
        image_type=(
            ("DERIVED", "PRIMARY", "VOLUME", "RESAMPLED")
            if level
            else ("ORIGINAL", "PRIMARY", "VOLUME", "NONE")
        ),
        columns=scan.columns >> level,
        rows=scan.rows >> level,
        tile_columns=scan.tile,
        tile_rows=scan.tile,
        spacing=scan.spacing * (1 << level),
        origin=_ORIGIN,
        frames=_level_frames(scan, level),
    )
    made = _instance(scan, picture)
    if scan.sparse:
        _make_sparse(made, scan, picture, missing)
    return made


def _associated(
    scan: Scan, flavour: str, number: int, picture: Pixels, spacing: float, origin: tuple[float, float]
) -> FileDataset:
    rows, columns = picture.shape[:2]
    resampled = flavour == "THUMBNAIL"
    return _instance(
        replace(scan, sparse=False, planes=1),
        _Picture(
            role=flavour.lower(),
            number=number,
            image_type=(
                "DERIVED" if resampled else "ORIGINAL",
                "PRIMARY",
                flavour,
                "RESAMPLED" if resampled else "NONE",
            ),
            columns=columns,
            rows=rows,
            tile_columns=columns,
            tile_rows=rows,
            spacing=spacing,
            origin=origin,
            frames=(encode(picture, scan.codec),),
        ),
    )


def _in_colour(scan: Scan) -> Scan:
    """The macro camera sees colour, whatever the scan was made with."""
    return replace(scan, monochrome=False, bits=8, paths=1)


def label(scan: Scan | None = None) -> FileDataset:
    """The paper label of a slide: one frame of 96 x 64 pixels, 0.2 mm each."""
    scan = _in_colour(scan or Scan(name="label"))
    return _associated(scan, "LABEL", 11, label_picture(96, 64, scan.container), 0.2, (25.5, 75.5))


def overview(scan: Scan | None = None) -> FileDataset:
    """The whole glass with its label: one frame of 152 x 52 pixels, 0.5 mm each."""
    scan = _in_colour(scan or Scan(name="overview"))
    return _associated(scan, "OVERVIEW", 12, overview_picture(152, 52, scan.container), 0.5, (26.0, 76.0))


def thumbnail(scan: Scan | None = None) -> FileDataset:
    """The scanned region at an eighth of its resolution, in one frame."""
    scan = scan or Scan(name="thumbnail")
    picture: Pixels = (
        fluorescence(scan.columns // 8, scan.rows // 8, 8, 1, scan.bits)
        if scan.monochrome
        else tissue(scan.columns // 8, scan.rows // 8, 8)
    )
    return _associated(scan, "THUMBNAIL", 13, picture, scan.spacing * 8, _ORIGIN)


def full_native() -> FileDataset:
    """TILED_FULL, native RGB, explicit little endian: 160 x 128 pixels in 5 x 4 tiles of 32 x 32."""
    return volume(Scan(name="full-native", codec="native"))


def full_jpeg() -> FileDataset:
    """TILED_FULL, JPEG Baseline, YBR_FULL_422 4:2:2; sizes as in ``full_native``."""
    return volume(Scan(name="full-jpeg", codec="jpeg"))


def full_j2k_lossless() -> FileDataset:
    """TILED_FULL, JPEG 2000 reversible (5/3) with YBR_RCT; sizes as in ``full_native``."""
    return volume(Scan(name="full-j2k-lossless", codec="j2k-lossless"))


def full_j2k_lossy() -> FileDataset:
    """TILED_FULL, JPEG 2000 irreversible (9/7) with YBR_ICT; sizes as in ``full_native``."""
    return volume(Scan(name="full-j2k-lossy", codec="j2k-lossy"))


def sparse_native(missing: frozenset[int] = frozenset()) -> FileDataset:
    """TILED_SPARSE, native RGB, all 20 tiles but ``missing``, in the order of a stage that turns back."""
    return volume(Scan(name="sparse-native", codec="native", sparse=True), missing=missing)


def sparse_jpeg(missing: frozenset[int] = frozenset()) -> FileDataset:
    """TILED_SPARSE as ``sparse_native``, but JPEG Baseline."""
    return volume(Scan(name="sparse-jpeg", sparse=True), missing=missing)


def mono(bits: int = 8) -> FileDataset:
    """TILED_FULL, native MONOCHROME2 of one fluorescence path, 8 or 16 ``bits``."""
    return volume(Scan(name=f"mono-{bits}", codec="native", monochrome=True, bits=bits))


def z_stack_two_paths(monochrome: bool = True) -> FileDataset:
    """TILED_FULL, native: 3 x 2 tiles, 3 focal planes 1.5 um apart, 2 optical paths: 36 frames."""
    name = "z-stack-mono" if monochrome else "z-stack-colour"
    return volume(_stack(name, monochrome))


def sparse_z_two_paths(monochrome: bool = True) -> FileDataset:
    """TILED_SPARSE with the frames of ``z_stack_two_paths``, each with its position, plane and path."""
    name = "sparse-z-mono" if monochrome else "sparse-z-colour"
    return volume(replace(_stack(name, monochrome), sparse=True))


def _stack(name: str, monochrome: bool) -> Scan:
    return Scan(name=name, columns=96, rows=64, codec="native", planes=3, paths=2, monochrome=monochrome)


def pyramid(codec: Codec = "jpeg", levels: int = 3, scan: Scan | None = None) -> list[FileDataset]:
    """A slide: ``levels`` of VOLUME, base first, then LABEL, OVERVIEW and THUMBNAIL."""
    scan = scan or Scan(name=f"pyramid-{codec}", codec=codec)
    return [
        *(volume(scan, level) for level in range(levels)),
        label(scan),
        overview(scan),
        thumbnail(scan),
    ]


def concatenation(codec: Codec = "jpeg", sizes: Sequence[int] = (8, 8, 4)) -> list[FileDataset]:
    """One TILED_FULL image of 20 frames, cut into members of ``sizes`` frames (C.7.6.16.2.2.4)."""
    scan = Scan(name=f"concatenation-{codec}", codec=codec)
    source = volume(scan)
    frames = _level_frames(scan, 0)
    members: list[FileDataset] = []
    for number, size in enumerate(sizes, start=1):
        member = copy.deepcopy(source)
        offset = sum(sizes[: number - 1])
        own = uid(scan.name, "member", str(number))
        member.SOPInstanceUID = member.file_meta.MediaStorageSOPInstanceUID = own
        member.ConcatenationUID = uid(scan.name, "concatenation")
        member.SOPInstanceUIDOfConcatenationSource = source.SOPInstanceUID
        member.InConcatenationNumber = number
        member.InConcatenationTotalNumber = len(sizes)
        member.ConcatenationFrameOffsetNumber = offset
        member.NumberOfFrames = str(size)
        _store(member, scan, frames[offset : offset + size])
        members.append(member)
    return members
