"""The facts `icc`: header and tag table of the profiles of optical paths, whatever the bytes say."""

from __future__ import annotations

import copy
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import slides
from support.modules import item
from support.pictures import icc_profile

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.dicom.instance import read_instance
from dcmlint.facts.pixel.icc import Icc
from dcmlint.facts.registry import Facts

BASE = slides.full_jpeg()
del BASE.PixelData


def icc_of(
    *profiles: bytes | None,
    spaces: dict[int, str] | None = None,
    photometric: str = "RGB",
    palette: bool = False,
) -> Icc | None:
    """The facts of an image whose optical paths have these profiles (None: none)."""
    made = copy.copy(BASE)
    made.PhotometricInterpretation = photometric
    paths = []
    for number, profile in enumerate(profiles):
        path = item(OpticalPathIdentifier=str(number + 1))
        if profile is not None:
            path.ICCProfile = profile + b"\0" * (len(profile) & 1)
        if spaces and number in spaces:
            path.ColorSpace = spaces[number]
        if palette:
            path.PaletteColorLookupTableSequence = [item()]
        paths.append(path)
    made.OpticalPathSequence = paths
    instance = read_instance(WholeBuffer(slides.to_bytes(made)))
    assert instance is not None
    found: Icc | None = Facts(instance).group("icc")
    return found


def patched(profile: bytes, at: int, new: bytes) -> bytes:
    return profile[:at] + new + profile[at + len(new) :]


def described(words: str) -> bytes:
    """A profile with a description of version 2, in ASCII."""
    profile = bytearray(icc_profile())
    text = b"desc\0\0\0\0" + struct.pack(">I", len(words) + 1) + words.encode() + b"\0"
    at, table = len(profile), 132
    assert profile[table : table + 4] == b"desc"
    profile[table + 4 : table + 12] = struct.pack(">II", at, len(text))
    profile += text
    profile[:4] = struct.pack(">I", len(profile))
    return bytes(profile)


def test_a_sound_profile() -> None:
    found = icc_of(icc_profile())
    assert found is not None
    assert (found.count, found.malformed, found.classes, found.spaces, found.connection_spaces) == (
        1, (), ("scnr",), ("RGB",), ("XYZ",),
    )  # fmt: skip
    assert found.transforms == ("matrix",)
    assert found.intents == (0,)
    assert (found.names, found.stock, found.contradicted) == (("",), (), ())


def test_no_profile_no_facts() -> None:
    assert icc_of(None) is None
    assert icc_of(b"") is None


def test_each_profile_is_told_by_its_item() -> None:
    sound = icc_profile()
    found = icc_of(
        None, sound, patched(sound, 12, b"mntr"), patched(sound, 16, b"GRAY"), patched(sound, 20, b"RGB ")
    )
    assert found is not None
    assert (found.not_input, found.not_rgb, found.not_pcs) == ((2,), (3,), (4,))
    # what is not for RGB, or connects to no space, is told once
    assert found.without_transform == ()


def test_a_single_channel_has_no_profile_to_look_at() -> None:
    assert icc_of(b"damaged", photometric="MONOCHROME2") is None
    found = icc_of(None, icc_profile(), photometric="MONOCHROME2", palette=True)
    assert found is not None
    assert found.count == 1


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        (b"\0" * 100, "less than a header"),
        (b"\0" * 200, "acsp"),
        (icc_profile()[:-10], "the header speaks of"),
        (icc_profile() + b"\0\0", "the header speaks of"),
        (patched(icc_profile(), 128, b"\xff\xff\xff\xff"), "does not fit"),
        (patched(icc_profile(), 140, b"\xff\xff\xff\xff"), "lies outside"),
        (patched(icc_profile(), 136, b"\x00\x00\x00\x00"), "lies outside"),
    ],
)
def test_what_is_wrong_is_said_once(profile: bytes, words: str) -> None:
    found = icc_of(profile)
    assert found is not None
    assert found.malformed == (0,)
    assert words in found.problem
    assert found.classes == ()


def test_one_byte_of_padding_is_allowed() -> None:
    profile = icc_profile()
    odd = profile + b"x"
    found = icc_of(patched(odd, 0, struct.pack(">I", len(odd))))
    assert found is not None
    assert found.malformed == ()


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("sRGB IEC61966-2.1", "SRGB"),
        ("Adobe RGB (1998)", "ADOBERGB"),
        ("ROMM-RGB", "ROMMRGB"),
        ("Scanner 12", ""),
    ],
)
def test_descriptions_that_name_a_color_space(words: str, name: str) -> None:
    for profile in (described(words), icc_profile(words)):
        found = icc_of(profile, spaces={0: "SRGB"})
        assert found is not None
        assert found.names == (name,)
        assert found.contradicted == ((0,) if name not in ("", "SRGB") else ())


def test_a_transform_is_a_table_or_matrix_and_curves() -> None:
    sound = icc_profile()
    without = sound.replace(b"bTRC", b"xTRC")
    with_table = without.replace(b"cprt", b"A2B0", 1)
    for profile, wanted in ((sound, "matrix"), (without, "none"), (with_table, "table")):
        found = icc_of(profile)
        assert found is not None
        assert found.transforms == (wanted,)


def test_only_the_beginning_is_read() -> None:
    """Thirteen megabytes, as a scanner writes them: the facts read three thousand bytes of it."""
    profile = icc_profile() + b"\0" * (13 << 20)
    made = slides.full_jpeg()
    made.OpticalPathSequence[0].ICCProfile = patched(profile, 0, struct.pack(">I", len(profile)))
    read: list[int] = []

    class Counting(WholeBuffer):
        def __getitem__(self, part: slice) -> bytes:
            found = super().__getitem__(part)
            read.append(len(found))
            return found

    instance = read_instance(Counting(slides.to_bytes(made)))
    assert instance is not None
    read.clear()
    found: Any = Facts(instance).group("icc")
    assert found.longest == len(profile)
    assert found.malformed == ()
    assert max(read) < 8192


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damage_never_raises(data: st.DataObject) -> None:
    profile = bytearray(icc_profile())
    for _ in range(data.draw(st.integers(0, 6))):
        profile[data.draw(st.integers(0, len(profile) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(profile)))
    found = icc_of(bytes(profile[:cut]) if data.draw(st.booleans()) else bytes(profile))
    if found is not None:
        assert found.count == 1
        assert len(found.malformed) + len(found.classes) == 1
        assert bool(found.problem) == bool(found.malformed)
