"""The shape of an instance: which attributes it has, without their values.

Instances of one device, series or archive have few shapes; what follows from a shape alone is worked out once.
"""

from __future__ import annotations

import msgspec

from dcmlint.dicom.instance import Instance
from dcmlint.standard.tags import Modality, PixelData


class Shape(msgspec.Struct, frozen=True):
    """What planning may know of an instance that could be read to its end.

    ``present``: the tags of the main data set; ``anywhere``: those of all levels; ``modality``: the value of Modality;
    ``fragments``: whether Pixel Data is written in fragments.
    """

    present: frozenset[int]
    anywhere: frozenset[int]
    modality: str
    fragments: bool

    def has(self, *tags: int) -> bool:
        """Whether one of the attributes is in the main data set."""
        return not self.present.isdisjoint(tags)


def shape_of(instance: Instance) -> Shape | None:
    """The shape of an instance; None where part of it could not be read: what is there is then not known."""
    dataset = instance.dataset
    if instance.status != "checked" or dataset.cut:
        return None
    present = frozenset(dataset.elements)
    pixels = dataset.get(PixelData)
    return Shape(
        present,
        tags_of(instance),
        dataset.text(Modality),
        pixels is not None and pixels.fragments is not None,
    )


def tags_of(instance: Instance) -> frozenset[int]:
    """The tags of all levels of an instance."""
    dataset = instance.dataset
    return frozenset(dataset.elements).union(dataset.context.nested)
