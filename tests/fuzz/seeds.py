"""What the fuzzer begins with: slides, images and documents of the tests, files of pydicom and of ``examples/``, profiles."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

from support import general, slides
from support.derived import annotations_of
from support.markers import encoded
from support.markers import planted as plant

ROOT = Path(__file__).resolve().parents[2]
_LARGEST = 200_000  # bytes; what is larger is slow and says nothing more


@cache
def instances() -> dict[str, bytes]:
    """Instances by name."""
    made = {
        "sparse jpeg": slides.to_bytes(slides.sparse_jpeg()),
        "undefined lengths": slides.to_bytes(slides.sparse_native(), undefined_lengths=True),
        "two paths": slides.to_bytes(slides.z_stack_two_paths()),
        "jpeg 2000": slides.to_bytes(slides.full_j2k_lossless(), offset_table="extended"),
        "label": slides.to_bytes(slides.label()),
        "implicit": slides.to_bytes(general.mr(), transfer_syntax="1.2.840.10008.1.2"),
        "many frames": slides.to_bytes(
            slides.volume(slides.Scan(name="fuzz", columns=80, rows=64, tile=8, codec="native", sparse=True))
        ),
    }
    for maker in (general.ct, general.us, general.basic_sr, general.enhanced_ct, general.mr):
        made[maker.__name__] = slides.to_bytes(maker())
    made["annotations"] = slides.to_bytes(annotations_of(slides.full_native()))
    for path in sorted((ROOT / "examples").rglob("*.dcm")):
        if path.stat().st_size <= _LARGEST:
            made[f"examples {path.parent.name} {path.name}"] = path.read_bytes()
    return made


@cache
def of_pydicom() -> dict[str, bytes]:
    """The small files that pydicom brings with it."""
    from pydicom.data import get_testdata_files

    return {
        f"pydicom {Path(name).name}": Path(name).read_bytes()
        for name in sorted(get_testdata_files("*.dcm"))
        if 0 < Path(name).stat().st_size <= _LARGEST
    }


@cache
def profiles() -> dict[str, bytes]:
    """The built-in profiles, as their files say."""
    return {path.name: path.read_bytes() for path in sorted((ROOT / "profiles").glob("*.yaml"))}


@cache
def planted() -> dict[str, bytes]:
    """Instances with a marker in every text that may be a patient's."""
    chance = random.Random(0)
    makers = (
        slides.full_native,
        slides.sparse_jpeg,
        general.ct,
        general.us,
        general.basic_sr,
        general.enhanced_ct,
    )
    return {maker.__name__: encoded(plant(maker(), chance, 0.2)) for maker in makers}
