"""What joins instances: rules about slides, series, studies and patients never look past what links join.

A link is a 64 bit hash of what two instances share: a UID, the hash of a Patient ID, the folder of a slide image.  Two
instances that share a link fall into one group, and so do those joined by others in between; each group can then be
checked by itself, with the same findings as all instances together.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

from dcmlint.facts.run.entities import patient_key
from dcmlint.facts.run.index import folder_of
from dcmlint.facts.run.kept import Kept, image_of, references_of, regions_in
from dcmlint.standard.uids import VLWholeSlideMicroscopyImageStorage


def links_of(path: str, kept: Kept) -> list[int]:
    """The links of an instance, each once, ascending."""
    return sorted({_hashed(*link) for link in _links(path, kept)})


def _links(path: str, kept: Kept) -> Iterator[tuple[str, str]]:
    # One series without a UID is a subject of rules, too.
    yield "series", kept.series
    yield "instance", kept.sop_instance
    if kept.study:
        yield "study", kept.study
    if kept.frame_of_reference:
        yield "frame", kept.frame_of_reference
    patient = patient_key(kept.patient)
    if patient is not None:
        yield "patient", f"{patient[0].hex()}.{patient[1].hex()}"
    for reference in references_of(kept).instances:
        yield "instance", reference.sop_instance
    for uid in references_of(kept).frames_of_reference:
        yield "frame", uid
    for region in regions_in(kept):
        yield "instance", region.sop_instance
    image = image_of(kept)
    if image is None:
        return
    if image.pyramid:
        yield "pyramid", image.pyramid
    if image.concatenated is not None:
        if image.concatenated.uid:
            yield "concatenation", image.concatenated.uid
        if image.concatenated.source:
            yield "instance", image.concatenated.source
    if kept.sop_class == VLWholeSlideMicroscopyImageStorage:
        yield "folder", folder_of(path)


def _hashed(kind: str, value: str) -> int:
    return int.from_bytes(
        blake2b(f"{kind}\0{value}".encode("utf-8", "surrogatepass"), digest_size=8).digest(),
        "little",
        signed=True,
    )
