"""The modality against the SOP Class (PS3.3 C.7.3.1.1.1), where the IOD itself does not fix it."""

from __future__ import annotations

from collections.abc import Iterator

from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, rule_function
from dcmlint.standard import load
from dcmlint.standard.tags import Modality, SOPClassUID

_ROOT = "1.2.840.10008.5.1.4.1.1."
_X_RAY = ("CR", "DX", "IO", "MG", "PX", "RG", "RF", "XA", "BMD")
# PS3.3 Annex A: what acquires the images or waveforms that an IOD describes, generously.
_OF_CLASS: dict[str, tuple[str, ...]] = {
    "1": _X_RAY,  # Computed Radiography Image: films and detectors of any kind were stored in it
    "2": ("CT",),
    "3.1": ("US", "IVUS", "BDUS", "BMD", "ES"),
    "4": ("MR",),
    "6.1": ("US", "IVUS", "BDUS", "BMD", "ES"),
    "9.1.4": ("ECG",),
    "9.5.1": ("HD",),
    "9.7.1": ("EEG",),
    "9.7.2": ("EMG",),
    "9.7.3": ("EOG",),
    "9.7.4": ("EEG",),
    "9.8.1": ("POS",),
    "12.1": _X_RAY,
    "12.2": _X_RAY,
    "13.1.1": ("XA",),
    "13.1.2": (*_X_RAY, "CT"),
    "20": ("NM", "PT"),
    "128": ("PT",),
}
_ANY = ("OT",)
_ACQUISITION = 33  # PS3.16 CID 33 Modality


@rule_function("modality-of-class")
def modality_of_class(context: RuleContext) -> Iterator[Problem]:
    """IOD257: a current modality that makes nothing of the kind that the SOP Class stores."""
    uid = context.dataset.text(SOPClassUID)
    want = _OF_CLASS.get(uid.removeprefix(_ROOT)) if uid.startswith(_ROOT) else None
    modality = context.dataset.text(Modality)
    group = load().context_group(_ACQUISITION)
    if want is None or group is None or modality in _ANY or (modality, "DCM") not in group.codes:
        raise NotApplicable  # one that is none, or retired, is told by the tables or was right in its time
    if modality not in want:
        known = load().sop_class(uid)
        yield Problem(
            tag=Modality, found=modality, want=" or ".join(want),
            message=f"the modality {modality} does not create a {known.iod if known is not None else 'object of this class'}",
        )  # fmt: skip
