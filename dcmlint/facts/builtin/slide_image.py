"""What the rules about slides need of one image that has a Total Pixel Matrix."""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from dcmlint.dicom.dataset import PIXEL_DATA, Dataset
from dcmlint.facts.builtin.covered import Covered, covered
from dcmlint.facts.builtin.dates import moment
from dcmlint.facts.builtin.entities import Attribute, Said, hashed, printable_text, said
from dcmlint.facts.builtin.frame_columns import PER_FRAME
from dcmlint.facts.builtin.optical_path import OPTICAL_PATH_IDENTIFIER, OPTICAL_PATHS
from dcmlint.facts.builtin.sameness import hash_level
from dcmlint.facts.builtin.tiling import real, whole
from dcmlint.facts.registry import Facts

IMAGE_TYPE, PHOTOMETRIC = 0x00080008, 0x00280004
CONTAINER, BARCODE, ACQUIRED = 0x00400512, 0x22000005, 0x0008002A
SPECIMENS, SPECIMEN_ID, SPECIMEN_UID = 0x00400560, 0x00400551, 0x00400554
ICC_PROFILE, OBJECTIVE_POWER = 0x00282000, 0x00480112
CONCATENATION_UID = 0x00209161
DEIDENTIFICATION_CODES, CODE_VALUE = 0x00120064, 0x00080100
DIMENSION_ORGANIZATIONS, DIMENSION_ORGANIZATION_UID = 0x00209221, 0x00209164

_MOST = 64
# PS3.3 C.7.6.16.2.2.4 names what may differ within a concatenation; Instance Creation Date goes with its time,
# Instance Number has a rule of its own, the offset tables describe the pixel data.
_MEMBER_OWN = frozenset({0x00280008, 0x00209228, 0x00209162, 0x00080018, 0x00080012, 0x00080013, 0x00200013,
                         PER_FRAME, PIXEL_DATA, 0x7FE00001, 0x7FE00002})  # fmt: skip


class Concatenated(msgspec.Struct, frozen=True, array_like=True):
    """An instance's place in its concatenation, and hashes of what all its members must share."""

    uid: str
    source: str
    number: int | None
    total: int | None
    offset: int | None
    shared: tuple[Attribute, ...]


class SlideImage(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """One instance with a Total Pixel Matrix; lengths in mm unless a name says otherwise, None: not stated."""

    image_type: tuple[str, ...]
    number: int | None
    rows: int | None
    columns: int | None
    matrix_columns: int | None
    matrix_rows: int | None
    focal_planes: int | None
    frames: int | None
    organization: str
    row_spacing: float | None
    column_spacing: float | None
    origin: tuple[float | None, float | None, float | None] | None
    orientation: tuple[float, ...]
    volume_width: float | None
    volume_height: float | None
    paths: tuple[str, ...]
    profiles: tuple[bytes, ...]
    objective: float | None
    samples: int | None
    bits_stored: int | None
    photometric: str
    lossy: str
    label_shown: str
    burned_in: str
    extended_depth: str
    pyramid: str
    acquisition: str
    acquired: Said | None
    acquired_days: float | None
    container: Said | None
    barcode: Said | None
    barcode_names_container: bool | None
    specimens: tuple[tuple[str, Said | None], ...]
    dimension_organizations: tuple[str, ...]
    header_bytes: int
    removed: str
    deidentification: tuple[str, ...]
    concatenated: Concatenated | None
    covered: Covered | None

    @property
    def flavour(self) -> str:
        """Value 3 of Image Type: VOLUME, LABEL, OVERVIEW, THUMBNAIL."""
        return self.image_type[2] if len(self.image_type) > 2 else ""

    @property
    def sorted_paths(self) -> tuple[str, ...]:
        """The identifiers of the optical paths, in an order that does not depend on the file."""
        return tuple(sorted(self.paths))

    @property
    def resampled(self) -> str:
        """Value 4 of Image Type: NONE or RESAMPLED."""
        return self.image_type[3] if len(self.image_type) > 3 else ""


def slide_image(facts: Facts) -> SlideImage | None:
    """The facts of an image that has a Total Pixel Matrix, or should have one."""
    dataset = facts.instance.dataset
    tiling, measures = facts.group("tiling"), facts.group("measures")
    orientation = facts.group("orientation")
    mode = facts.options.show_values
    container = said(dataset, CONTAINER, mode)
    barcode = said(dataset, BARCODE, mode)
    pixels = dataset.get(PIXEL_DATA)
    paths, profiles, objective = _optical_paths(dataset)
    acquired = dataset.text(ACQUIRED)
    origin = (tiling.origin_x, tiling.origin_y, tiling.origin_z) if tiling is not None else None
    return SlideImage(
        image_type=tuple(_short(str(value)) for value in dataset.values(IMAGE_TYPE)[:8]),
        number=_bounded(whole(dataset, 0x00200013)),
        rows=_bounded(whole(dataset, 0x00280010)), columns=_bounded(whole(dataset, 0x00280011)),
        matrix_columns=_bounded(whole(dataset, 0x00480006)), matrix_rows=_bounded(whole(dataset, 0x00480007)),
        focal_planes=_bounded(whole(dataset, 0x00480303)), frames=_bounded(whole(dataset, 0x00280008)),
        organization=_text(dataset, 0x00209311),
        row_spacing=measures.row_spacing if measures is not None else None,
        column_spacing=measures.column_spacing if measures is not None else None,
        origin=None if origin is None or origin == (None, None, None) else origin,
        orientation=() if orientation is None else (
            orientation.row_x, orientation.row_y, orientation.row_z,
            orientation.column_x, orientation.column_y, orientation.column_z,
        ),
        volume_width=real(dataset, 0x00480001), volume_height=real(dataset, 0x00480002),
        paths=paths, profiles=profiles, objective=objective,
        samples=_bounded(whole(dataset, 0x00280002)), bits_stored=_bounded(whole(dataset, 0x00280101)),
        photometric=_text(dataset, PHOTOMETRIC), lossy=_text(dataset, 0x00282110),
        label_shown=_text(dataset, 0x00480010), burned_in=_text(dataset, 0x00280301),
        extended_depth=_text(dataset, 0x00480012), pyramid=_text(dataset, 0x00080019),
        acquisition=_text(dataset, 0x00080017),
        acquired=said(dataset, ACQUIRED, mode), acquired_days=moment(acquired[:8], acquired[8:]),
        container=container, barcode=barcode, barcode_names_container=_names(dataset),
        specimens=_specimens(facts), dimension_organizations=_uids(dataset, DIMENSION_ORGANIZATIONS, DIMENSION_ORGANIZATION_UID),
        header_bytes=pixels.offset if pixels is not None else len(facts.instance.buffer),
        removed=_text(dataset, 0x00120062), deidentification=_uids(dataset, DEIDENTIFICATION_CODES, CODE_VALUE),
        concatenated=_concatenated(dataset) if CONCATENATION_UID in dataset else None, covered=covered(dataset, facts.group("tiling")),
    )  # fmt: skip


def _bounded(value: int | None) -> int | None:
    return value if value is None or abs(value) < 1 << 62 else None


def _short(text: str) -> str:
    return printable_text(text[:128])


def _text(dataset: Dataset, tag: int) -> str:
    return _short(dataset.text(tag))


def _uids(dataset: Dataset, sequence: int, tag: int) -> tuple[str, ...]:
    items = dataset.items(sequence)
    return tuple(filter(None, (_text(items[number], tag) for number in range(min(len(items), _MOST)))))


def _names(dataset: Dataset) -> bool | None:
    """Whether the barcode is, holds or is part of the Container Identifier; None where one of them is missing."""
    barcode, container = dataset.text(BARCODE).strip(), dataset.text(CONTAINER).strip()
    if not barcode or not container:
        return None
    return container in barcode or barcode in container


def _optical_paths(dataset: Dataset) -> tuple[tuple[str, ...], tuple[bytes, ...], float | None]:
    paths, profiles, objective = [], [], None
    items = dataset.items(OPTICAL_PATHS)
    for number in range(min(len(items), _MOST)):
        item = items[number]
        paths.append(_text(item, OPTICAL_PATH_IDENTIFIER))
        profile = item.get(ICC_PROFILE)
        profiles.append(b"" if profile is None else hashed(_transform(item.raw(ICC_PROFILE))))
        objective = objective or real(item, OBJECTIVE_POWER)
    return tuple(paths), tuple(profiles), objective


def _transform(profile: bytes) -> bytes:
    """A profile without the time it was made and its identifier: ICC.1 7.2.8 and 7.2.18, bytes 24-35 and 84-99.

    Converters make the profile anew for each level: the transform is the same, the second is not.
    """
    return profile[:24] + profile[36:84] + profile[100:]


def _specimens(facts: Facts) -> tuple[tuple[str, Said | None], ...]:
    items = facts.instance.dataset.items(SPECIMENS)
    return tuple(
        (_text(item, SPECIMEN_UID), said(item, SPECIMEN_ID, facts.options.show_values))
        for item in (items[number] for number in range(min(len(items), _MOST)))
    )


def _concatenated(dataset: Dataset) -> Concatenated:
    shared: list[Attribute] = []
    for element in dataset:
        tag = element.tag
        if tag in _MEMBER_OWN or not tag & 0xFFFF or len(shared) > 512:
            continue
        digest = blake2b(digest_size=8)
        if element.items is None:
            digest.update(dataset.raw(tag)[: 1 << 24].rstrip(b" \0"))
        else:
            for item in dataset.items(tag):
                hash_level(digest, item)
        shared.append(Attribute(tag, Said(digest.digest(), "")))
    return Concatenated(
        _text(dataset, CONCATENATION_UID), _text(dataset, 0x00200242), _bounded(whole(dataset, 0x00209162)),
        _bounded(whole(dataset, 0x00209163)), _bounded(whole(dataset, 0x00209228)), tuple(shared),
    )  # fmt: skip
