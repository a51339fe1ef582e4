"""Rules on what the functional groups of frames refer to: PS3.3 C.8.12.6, C.7.6.16.2.5."""

from __future__ import annotations

from collections.abc import Iterator

from dcmlint import standard
from dcmlint.dicom.path import parse_path
from dcmlint.dicom.values import check_value
from dcmlint.facts.frame.frame_columns import FrameColumns
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, Undecided, rule_function
from dcmlint.standard.tags import (
    CodeValue,
    CodingSchemeDesignator,
    PurposeOfReferenceCodeSequence,
    ReferencedImageSequence,
    SharedFunctionalGroupsSequence,
)

_MOST_ITEMS = 64  # of one group in one frame


@rule_function("frame-reference")
def frame_reference(context: RuleContext, group: str, attribute: str, targets: str) -> Iterator[Problem]:
    """Frames refer by ``attribute`` of ``group`` to an item of ``targets`` that has the same value of it."""
    dataset = context.dataset
    group_tag, tag, target_tag = (parse_path(keyword)[0].tag for keyword in (group, attribute, targets))
    columns = FrameColumns(dataset)
    shared = [
        item for one in dataset.items(SharedFunctionalGroupsSequence)[:1] for item in one.items(group_tag)
    ]
    most = min(columns.most_items(group_tag), _MOST_ITEMS)
    if not shared and not most:
        raise NotApplicable
    known = {item.text(tag) for item in dataset.items(target_tag)}
    if not known or "" in known:
        raise Undecided(f"{targets} {'has an item without' if known else 'has no'} {attribute}")
    want = f"a value of an item of {targets}"
    entry = standard.load().dictionary.entry(tag)
    vr = entry.vr if entry is not None else ""

    def strange(text: str) -> bool:
        # What is no value of its VR is told by the rules on values.
        padded = text + " " * (len(text) % 2) if vr != "UI" else text + "\0" * (len(text) % 2)
        return (
            bool(text)
            and text not in known
            and not (text.isascii() and check_value(vr, padded.encode("ascii")))
        )

    for item in shared:
        text = item.text(tag)
        if strange(text):
            yield Problem(level=item, tag=tag, found=text, want=want)
    import numpy as np

    for number in range(most):
        texts = columns.texts((group_tag, tag), item=number)
        for code, text in enumerate(texts.distinct):
            if strange(text):
                yield Problem(
                    path=f"PerFrameFunctionalGroupsSequence[*].{group}[{number}].{attribute}", tag=tag, found=text,
                    want=want, items=np.flatnonzero(texts.which == code),
                )  # fmt: skip


@rule_function("referenced-image-purpose")
def referenced_image_purpose(context: RuleContext, cid: str) -> Iterator[Problem]:
    """The purpose for which a frame refers to another image is a code of the context group."""
    context_group = standard.load().context_group(int(cid))
    columns = FrameColumns(context.dataset)
    most = min(columns.most_items(ReferencedImageSequence), _MOST_ITEMS)
    purposes = [
        purpose
        for one in context.dataset.items(SharedFunctionalGroupsSequence)[:1]
        for image in one.items(ReferencedImageSequence)
        for purpose in image.items(PurposeOfReferenceCodeSequence)[:1]
    ]
    if (not purposes and not most) or context_group is None:
        raise NotApplicable
    message, want = f"The purpose code is not in CID {cid}, {context_group.name}", f"a code from CID {cid}"
    for purpose in purposes:
        value, scheme = purpose.text(CodeValue), purpose.text(CodingSchemeDesignator)
        if value and scheme and (value, scheme) not in context_group:
            yield Problem(message=message, level=purpose, tag=CodeValue, found=value, want=want)
    import numpy as np

    for number in range(most):
        values = columns.texts(
            (ReferencedImageSequence, PurposeOfReferenceCodeSequence, CodeValue), item=number
        )
        schemes = columns.texts(
            (ReferencedImageSequence, PurposeOfReferenceCodeSequence, CodingSchemeDesignator), item=number
        )
        both = np.flatnonzero((values.which >= 0) & (schemes.which >= 0))
        for pair in np.unique(np.stack([values.which[both], schemes.which[both]], axis=1), axis=0).tolist():
            value, scheme = values.distinct[pair[0]], schemes.distinct[pair[1]]
            if (value, scheme) not in context_group:
                rows = np.flatnonzero((values.which == pair[0]) & (schemes.which == pair[1]))
                place = f"ReferencedImageSequence[{number}].PurposeOfReferenceCodeSequence[0].CodeValue"
                yield Problem(
                    message=message, path=f"PerFrameFunctionalGroupsSequence[*].{place}", tag=CodeValue, found=value,
                    want=want, items=rows,
                )  # fmt: skip
