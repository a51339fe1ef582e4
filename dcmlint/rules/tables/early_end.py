"""A file that was cut between two elements: nothing in its bytes shows it, but all that should follow is missing."""

from __future__ import annotations

from dcmlint import standard
from dcmlint.dicom.dataset import Oddity
from dcmlint.dicom.instance import Instance
from dcmlint.dicom.path import name_of
from dcmlint.rules.tables.levels import iod_spec
from dcmlint.standard.tags import PixelData

# So many attributes are not all forgotten by a writer that wrote all those before them.
_ENOUGH = 3


def note_early_end(instance: Instance) -> None:
    """Note that a data set seems to be cut: it lacks nothing that every instance of its IOD has, up to its last
    element, and at least three such attributes behind it.
    """
    dataset = instance.dataset
    last = max(dataset.elements, default=PixelData)
    if instance.status == "partial" or dataset.cut or last >= PixelData:
        return
    sop_class = standard.load().sop_class(instance.sop_class)
    if sop_class is None:
        return
    lacking = iod_spec(sop_class.iod).always.difference(dataset.elements)
    if len(lacking) < _ENOUGH or min(lacking) < last:
        return
    instance.status, dataset.cut = "partial", True
    instance.oddities.append(
        Oddity(
            "ends-early", dataset.end, dataset, 0, f"the end after {name_of(last)}",
            f"{name_of(min(lacking))} and {len(lacking) - 1} more required attributes",
        )
    )  # fmt: skip
