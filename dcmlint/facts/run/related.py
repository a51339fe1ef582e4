"""What ties instances of a run together: instances that share none of it, not even through others, never meet.

Rules about slides and series ask a `RunIndex` for instances by these keys, and by nothing else; a rule that asks for
more must add its key here.
"""

from __future__ import annotations

from collections.abc import Iterator

from dcmlint.facts.run.entities import patient_key
from dcmlint.facts.run.index import KeptFile, folder_of
from dcmlint.facts.run.kept import Kept, annotations_in, references_of, regions_in

Key = tuple[object, ...]


def identities(part: KeptFile) -> Iterator[Key]:
    """What an instance is and belongs to."""
    kept = part.kept
    yield "instance", kept.sop_instance
    if kept.series:
        yield "series", kept.series
    else:
        yield ("no series",)
    if kept.study:
        yield "study", kept.study
    if kept.frame_of_reference:
        yield "frame of reference", kept.frame_of_reference
    if (patient := patient_key(kept.patient)) is not None:
        yield "patient", patient
    if part.on_slide:
        image = part.image
        yield "folder", folder_of(part.path)
        if image.pyramid:
            yield "pyramid", image.pyramid
        if image.concatenated is not None and image.concatenated.uid:
            yield "concatenation", image.concatenated.uid
        if image.concatenated is not None and image.concatenated.source:
            # References to the undivided instance lead to its parts.
            yield "instance", image.concatenated.source


def named(kept: Kept) -> Iterator[Key]:
    """What an instance refers to."""
    references = references_of(kept)
    for reference in references.instances:
        yield "instance", reference.sop_instance
    for frame in references.frames_of_reference:
        yield "frame of reference", frame
    for region in regions_in(kept):
        yield "instance", region.sop_instance
    annotations = annotations_in(kept)
    if annotations is not None and annotations.image:
        yield "instance", annotations.image
