"""ICC profiles other than those of optical paths: of the image or presentation state, and of icons (PS3.3 C.11.15.1.1)."""

from __future__ import annotations

from collections.abc import Iterator

from dcmlint.dicom.dataset import Dataset
from dcmlint.facts.pixel.icc import IccProfile, profile_of
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, applies_with, rule_function
from dcmlint.standard.tags import DirectoryRecordSequence, ICCProfile, IconImageSequence

# PS3.3 C.11.15.1.1
_CLASS = "scnr"
_SPACE = "RGB"
_MOST = 10  # icons of one image
_CONNECTION_SPACES = ("XYZ", "Lab")


@rule_function("icc-profiles", applies_with(ICCProfile))
def icc_profiles(context: RuleContext) -> Iterator[Problem]:
    """PIX110: profiles that are damaged, or of another kind than DICOM allows; a problem for each thing wrong."""
    any_ = False
    for level in _levels(context.dataset):
        profile = profile_of(level, 0)
        if profile is not None:
            any_ = True
            yield from _problems(profile, level)
    if not any_:
        raise NotApplicable


def _levels(dataset: Dataset) -> Iterator[Dataset]:
    """Where a profile may be: the data set itself, its icon, and the icons of a directory; of slides OPT014 to OPT018 speak."""
    yield dataset
    yield from dataset.items(IconImageSequence)[:_MOST]
    for record in dataset.items(DirectoryRecordSequence):
        yield from record.items(IconImageSequence)[:_MOST]


def _problems(profile: IccProfile, level: Dataset) -> Iterator[Problem]:
    if profile.problem:
        yield Problem(
            level=level, tag=ICCProfile, said=f"{profile.length} bytes",
            message=f"the value is not a complete ICC profile: {profile.problem}",
            want="a header with 'acsp' and the size of the value, and a tag table within it",
        )  # fmt: skip
        return
    if profile.device_class != _CLASS:
        yield Problem(
            level=level, tag=ICCProfile, said=profile.device_class, want=f"'{_CLASS}' (Input Device)",
            message="the ICC profile is not of the Input Device class",
        )  # fmt: skip
    if profile.space != _SPACE:
        yield Problem(
            level=level, tag=ICCProfile, said=profile.space, want=_SPACE,
            message="the color space of the ICC profile is not RGB",
        )  # fmt: skip
    elif profile.pcs not in _CONNECTION_SPACES:
        yield Problem(
            level=level, tag=ICCProfile, said=profile.pcs, want=" or ".join(_CONNECTION_SPACES),
            message="the connection space of the ICC profile is neither XYZ nor Lab",
        )  # fmt: skip
    elif profile.transform == "none":
        yield Problem(
            level=level, tag=ICCProfile, severity="warning",
            want="A2B0, or rXYZ, gXYZ, bXYZ, rTRC, gTRC and bTRC (with XYZ)",
            message="the ICC profile contains neither A2B0 nor matrix and curves",
        )  # fmt: skip
    if profile.tag_problem:
        yield Problem(
            level=level, tag=ICCProfile, said=profile.tag_problem, severity="warning",
            want="desc, cprt and wtpt, and data of the type that each tag may have",
            message=f"the ICC profile is not as ICC.1 defines it: {profile.tag_problem}",
        )  # fmt: skip
