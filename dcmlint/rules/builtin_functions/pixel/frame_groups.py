"""What the rules of frames share: groups of frames whose headers say the same, and problems of some of them.

A rule's cost does not grow with the frames. One defect is told once: a frame of the wrong kind is told by
``frame_kind`` alone, and so on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from dcmlint.dicom.dataset import Dataset
from dcmlint.facts.frame.tiling import whole
from dcmlint.facts.pixel.codestream import groups_of
from dcmlint.facts.pixel.encapsulation import layout_of
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, Undecided
from dcmlint.standard.tags import PhotometricInterpretation, PixelData

if TYPE_CHECKING:
    from dcmlint.dicom.codestreams import Codestream, Expected
    from dcmlint.dicom.codestreams.frames import Indices

JPEG_2000: Final = ("jpeg2000", "htj2k", "jp2-box")
# Processes whose DCT coefficients are quantized: DQT tells how. ISO/IEC 10918-1 B.2.4.1
DCT_PROCESSES: Final = ("baseline", "extended", "progressive", "hierarchical")
_FRAME: Final = "PixelData[*]"


def groups(context: RuleContext, *kinds: str) -> Iterator[tuple[Codestream, Indices]]:
    """Each group of frames of the expected kind (or of ``kinds``): its header and the numbers of its frames."""
    expected = expected_of(context)
    wanted = kinds or ((*JPEG_2000,) if expected.kind in JPEG_2000 else (expected.kind,))
    groups = groups_of(context.facts)
    if groups is None:
        raise Undecided("no frame was examined")
    # Where the file is cut, so is the last frame that is there: nothing can be said of its code stream.
    cut = (
        max((int(max(group.frames)) for group in groups if len(group.frames)), default=-1)
        if context.dataset.cut
        else -1
    )
    for group in groups:
        frames = group.frames if cut < 0 else group.frames[group.frames != cut]
        if len(frames) and group.codestream.kind in wanted:
            yield group.codestream, frames


def expected_of(context: RuleContext) -> Expected:
    """What the transfer syntax wants of each frame.  Raises NotApplicable without compressed frames."""
    from dcmlint.dicom.codestreams import EXPECTED

    if context.facts.group("codestream") is None:
        raise NotApplicable
    return EXPECTED[context.instance.syntax.uid]


def frame_problem(
    context: RuleContext, frames: Indices, message: str, found: str = "", want: str = "", severity: str = ""
) -> Problem:
    """A problem of some frames, with the byte of the first one's item."""
    layout = layout_of(context.facts)
    offset = -1
    if layout is not None and len(frames):
        fragments, frame_map = layout
        offset = int(fragments.offsets[frame_map.first_fragment[int(frames[0])]])
    return Problem(
        path=_FRAME, tag=PixelData, items=frames, offset=offset, message=message, said=found, want=want,
        severity=severity,
    )  # fmt: skip


def some(context: RuleContext, frames: Indices) -> str:
    """Frames in words: "frame 3 of 20" (counted from 1), "3 of 20 frames", "all 20 frames"."""
    group = context.facts.group("codestream")
    count = len(frames)
    if count == 1:
        return "the only frame" if group.total == 1 else f"frame {int(frames[0]) + 1} of {group.total}"
    if count == group.total:
        return f"all {count} frames"
    return f"{count} of {group.examined} frames" + (" examined" if group.sampled else "")


def stated_number(dataset: Dataset, tag: int) -> int:
    """A number of the data set that a rule needs.  Raises Undecided without it."""
    number = whole(dataset, tag)
    if number is None:
        from dcmlint.dicom.path import name_of

        raise Undecided(f"{name_of(tag)} missing")
    return number


def colour_of(dataset: Dataset) -> str:
    """Photometric Interpretation.  Raises Undecided without it."""
    text = dataset.text(PhotometricInterpretation)
    if not text:
        raise Undecided("PhotometricInterpretation missing")
    return text
