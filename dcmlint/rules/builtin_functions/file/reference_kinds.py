"""References whose attribute says what kind of object they are to (PS3.3 C.7.6.1, C.8.8, C.10.8, C.11.11)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dcmlint.dicom.items import all_places
from dcmlint.dicom.path import name_of
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, applies_with, rule_function
from dcmlint.standard.classes import PIXELS, WAVEFORM, class_name, has_module
from dcmlint.standard.tags import (
    ContourImageSequence,
    Modality,
    ReferencedDoseSequence,
    ReferencedImageSequence,
    ReferencedReferenceImageSequence,
    ReferencedRTPlanSequence,
    ReferencedSOPClassUID,
    ReferencedSpatialRegistrationSequence,
    ReferencedStructureSetSequence,
    ReferencedTreatmentRecordSequence,
    ReferencedVerificationImageSequence,
    ReferencedWaveformSequence,
    SourceImageSequence,
)
from dcmlint.standard.uids import (
    CArmPhotonElectronRadiationRecordStorage,
    DeformableSpatialRegistrationStorage,
    MRSpectroscopyStorage,
    RawDataStorage,
    RoboticRadiationRecordStorage,
    RTBeamsTreatmentRecordStorage,
    RTBrachyTreatmentRecordStorage,
    RTDoseStorage,
    RTIonBeamsTreatmentRecordStorage,
    RTIonPlanStorage,
    RTPlanStorage,
    RTRadiationRecordSetStorage,
    RTRadiationSalvageRecordStorage,
    RTRadiationSetDeliveryInstructionStorage,
    RTRadiationSetStorage,
    RTSegmentAnnotationStorage,
    RTStructureSetStorage,
    RTTreatmentSummaryRecordStorage,
    SpatialRegistrationStorage,
    SurfaceSegmentationStorage,
    TomotherapeuticRadiationRecordStorage,
)

# What the items of a sequence refer to, in words and as SOP Classes; second generation objects stand for those of the first
_CLASSES: Final = {
    ReferencedRTPlanSequence: (
        "an RT plan",
        (RTPlanStorage, RTIonPlanStorage, RTRadiationSetStorage, RTRadiationSetDeliveryInstructionStorage),
    ),
    ReferencedStructureSetSequence: (
        "an RT structure set", (RTStructureSetStorage, RTSegmentAnnotationStorage),
    ),
    ReferencedDoseSequence: ("an RT dose", (RTDoseStorage,)),
    ReferencedTreatmentRecordSequence: (
        "an RT treatment record",
        (RTBeamsTreatmentRecordStorage, RTBrachyTreatmentRecordStorage, RTIonBeamsTreatmentRecordStorage,
         RTTreatmentSummaryRecordStorage, RTRadiationRecordSetStorage, RTRadiationSalvageRecordStorage,
         TomotherapeuticRadiationRecordStorage, CArmPhotonElectronRadiationRecordStorage, RoboticRadiationRecordStorage),
    ),
    ReferencedSpatialRegistrationSequence: (
        "a spatial registration", (SpatialRegistrationStorage, DeformableSpatialRegistrationStorage),
    ),
}  # fmt: skip
_IMAGES: Final = frozenset(
    (SourceImageSequence, ReferencedImageSequence, ContourImageSequence, ReferencedReferenceImageSequence, ReferencedVerificationImageSequence)
)  # fmt: skip
# Objects without pixels of the standard's that images are computed from, or shown with
_LIKE_IMAGES: Final = (MRSpectroscopyStorage, RawDataStorage, SurfaceSegmentationStorage)


@rule_function("kind-of-reference", applies_with(*_CLASSES, *_IMAGES, ReferencedWaveformSequence))
def kind_of_reference(context: RuleContext) -> Iterator[Problem]:
    """REF006: an object of another kind than the sequence is for; of presentation states PST004 speaks."""
    any_ = False
    presentation = context.dataset.text(Modality) == "PR"
    for place in all_places(context.dataset, frozenset({ReferencedSOPClassUID})):
        level, sequence = place.level, place.level.parent_tag
        sop_class = level.text(ReferencedSOPClassUID)
        wanted = _wanted(sequence, sop_class)
        if wanted is None or (presentation and sequence in _IMAGES):
            continue
        any_ = True
        if wanted:
            yield Problem(
                message=f"{name_of(sequence)} refers to {class_name(sop_class)}, not to {wanted}", level=level,
                groups=place.groups, tag=ReferencedSOPClassUID, found=sop_class, want=f"the SOP Class of {wanted}",
            )  # fmt: skip
    if not any_:
        raise NotApplicable


def _wanted(sequence: int, sop_class: str) -> str | None:
    """What a reference should be to, "" where it is; None where neither sequence nor class says anything."""
    if sequence in _CLASSES:
        wanted, classes = _CLASSES[sequence]
        if sop_class in classes:
            return ""
        return None if has_module(sop_class, PIXELS) is None else wanted
    if sequence in _IMAGES:
        found = has_module(sop_class, PIXELS)
        return None if found is None else "" if found or sop_class in _LIKE_IMAGES else "an image"
    if sequence == ReferencedWaveformSequence:
        found = has_module(sop_class, WAVEFORM)
        return None if found is None else "" if found else "a waveform"
    return None
