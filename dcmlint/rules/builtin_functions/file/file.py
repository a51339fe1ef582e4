"""Rules about the file: its meta information against the data set, its preamble, the edges of texts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.path import name_of, parse_path
from dcmlint.facts.file.tiff import Tiff
from dcmlint.facts.shape import Shape
from dcmlint.findings.finding import OutcomeKind
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, rule_function
from dcmlint.standard.tags import (
    MediaStorageSOPClassUID,
    MediaStorageSOPInstanceUID,
    SOPClassUID,
    SOPInstanceUID,
)

# PS3.10 7.1: what the File Meta Information repeats of the data set.
_REPEATED = ((MediaStorageSOPClassUID, SOPClassUID), (MediaStorageSOPInstanceUID, SOPInstanceUID))
_LINE_ENDS = re.compile(r"\A[\r\n]+|[\r\n]+\Z")


@rule_function("meta-repeats-dataset")
def meta_repeats_dataset(context: RuleContext) -> Iterator[Problem]:
    """One problem for each UID of the File Meta Information that is not the data set's."""
    meta = context.instance.meta
    pairs = [
        pair
        for pair in _REPEATED
        if meta is not None and meta.text(pair[0]) and context.dataset.text(pair[1])
    ]
    if meta is None or not pairs:
        raise NotApplicable
    for stated, own in pairs:
        if meta.text(stated) != context.dataset.text(own):
            yield Problem(
                level=meta, tag=stated, found=meta.text(stated), wanted=context.dataset.text(own),
                message=f"{name_of(stated)} differs from {name_of(own)} of the data set",
            )  # fmt: skip


@rule_function("tiff-preamble")
def tiff_preamble(context: RuleContext) -> Iterator[Problem]:
    """A problem where the preamble makes the file a TIFF as well, and whether that TIFF fits."""
    if not context.instance.preamble:
        raise NotApplicable
    tiff = context.facts.of(Tiff)
    if tiff is None:
        return
    found = f"{_count(tiff.directories, 'directory', 'directories')}, {_count(tiff.tiles, 'tile')}"
    if tiff.damaged:
        message = "the preamble is a TIFF header, but the TIFF directories cannot be read completely"
    elif tiff.stray_tiles:
        message = f"the file is also a TIFF, but {tiff.stray_tiles} of its tiles are not frames of Pixel Data"
    else:
        message = "the file is also a TIFF"
    texts = f"{tiff.text_bytes} bytes of text" if tiff.text_bytes else ""
    yield Problem(message=message, said=found, because=texts, offset=0)


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _any_of_attributes(shape: Shape, parameters: Mapping[str, Any]) -> OutcomeKind | None:
    """Not applicable where none of the attributes is there."""
    tags = (parse_path(attribute)[0].tag for attribute in parameters["attributes"])
    return None if shape.has(*tags) else "not_applicable"


@rule_function("line-ends-at-edges", _any_of_attributes)
def line_ends_at_edges(context: RuleContext, attributes: Sequence[str]) -> Iterator[Problem]:
    """One problem for each of the attributes whose text begins or ends with a line break."""
    found = [tag for attribute in attributes if (tag := parse_path(attribute)[0].tag) in context.dataset]
    if not found:
        raise NotApplicable
    for tag in found:
        if _LINE_ENDS.search(_text(context.dataset, tag)):
            yield Problem(
                level=context.dataset, tag=tag, found=context.dataset.text(tag), want="no CR or LF at the beginning or end",
                message=f"{name_of(tag)} begins or ends with a line break",
            )  # fmt: skip


def _text(dataset: Dataset, tag: int) -> str:
    """The value without its padding only."""
    return dataset.raw(tag)[: 1 << 20].decode("latin-1").strip(" \0")
