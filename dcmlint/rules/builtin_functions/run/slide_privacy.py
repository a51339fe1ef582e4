"""De-identification over a slide: one instance may give away what the others hide."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dcmlint.rules.builtin_functions.run.slide_values import COMPARED, REPLACED, replaced_by_file
from dcmlint.rules.functions import NotApplicable, Problem, rule_function
from dcmlint.rules.slide_functions import SlideContext, names, paths

if TYPE_CHECKING:
    from dcmlint.facts.run.index import KeptFile

# PS3.16 CID 7050.
BASIC_PROFILE, CLEAN_PIXEL_DATA = "113100", "113101"
# Keyword of the attribute that a value is of.
_KEYWORDS = {"frame of reference": "FrameOfReferenceUID", "pyramid": "PyramidUID", "acquisition": "AcquisitionUID",
             "specimens": "SpecimenUID"}  # fmt: skip


@rule_function("slide-label-after-deidentification")
def label_image(context: SlideContext) -> Iterator[Problem]:
    """PHI003: a slide whose patient's identity was removed has no picture of its label, unless cleaned."""
    parts = context.slide.parts
    if not any(part.image.removed == "YES" for part in parts):
        raise NotApplicable
    shown = [
        part for part in parts if _shows_label(part) and CLEAN_PIXEL_DATA not in part.image.deidentification
    ]
    if not shown:
        return
    codes = {code for part in parts for code in part.image.deidentification}
    # Only the basic profile without its option says for certain that the pixels had to go (PS3.15 E.3.1).
    surely = BASIC_PROFILE in codes and any(part.image.burned_in != "NO" for part in shown)
    yield Problem(
        message=f"Patient Identity Removed is YES, but {names(shown)} shows the label of the slide",
        want="no such image, or Clean Pixel Data Option (113101)", severity="" if surely else "warning",
        files=paths(shown),
    )  # fmt: skip


def _shows_label(part: KeptFile) -> bool:
    return part.image.flavour in ("LABEL", "OVERVIEW") or part.image.label_shown == "YES"


@rule_function("slide-uids-after-deidentification")
def uids(context: SlideContext) -> Iterator[Problem]:
    """PHI012: UIDs that were the same in all instances are still so after they were replaced."""
    if not any(part.image.removed == "YES" for part in context.slide.parts):
        raise NotApplicable
    for pyramid in context.slide.pyramids:
        parts = [level.parts[0] for level in pyramid.levels] + list(pyramid.thumbnails)
        for value in REPLACED:
            differs = replaced_by_file(parts, COMPARED[value])
            if differs is not None:
                yield Problem(
                    message=f"after de-identification, {_KEYWORDS[value]} differs in every instance: "
                    f"{names(parts)}",
                    found=differs.values[1][0].text, want="one value, replaced in the same way everywhere",
                    path="" if value == "specimens" else _KEYWORDS[value], files=paths(parts),
                )  # fmt: skip
