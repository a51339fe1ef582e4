"""The shape of an instance: which attributes it has, without their values.

Instances of one device, series or archive have few shapes; what follows from a shape alone is worked out once.
"""

from __future__ import annotations

import msgspec

from dcmlint.dicom.instance import Instance
from dcmlint.dicom.items import all_places
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
    anywhere = present
    for element in dataset:
        if element.items is not None:
            anywhere = tags_of(instance)
            break
    pixels = dataset.get(PixelData)
    return Shape(
        present, anywhere, dataset.text(Modality), pixels is not None and pixels.fragments is not None
    )


def tags_of(instance: Instance) -> frozenset[int]:
    """The tags of all levels of an instance."""
    levels = all_places(instance.dataset, frozenset())
    return frozenset().union(*(place.level.elements for place in levels))
