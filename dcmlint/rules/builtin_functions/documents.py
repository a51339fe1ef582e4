"""Structured reports and key object selections: what they refer to (PS3.3 C.17)."""

from __future__ import annotations

from collections.abc import Iterator

from dcmlint.dicom.dataset import Dataset
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, rule_function

CONTENT = 0x0040A730
REFERENCED_SOP = 0x00081199
REFERENCED_INSTANCE = 0x00081155
# Current Requested Procedure and Pertinent Other Evidence, and Identical Documents: PS3.3 C.17.2
EVIDENCE = (0x0040A375, 0x0040A385, 0x0040A525)
SERIES = 0x00081115
VALUE_TYPE = 0x0040A040
_COMPOSITE = frozenset({"COMPOSITE", "IMAGE", "WAVEFORM"})


@rule_function("document_evidence")
def document_evidence(context: RuleContext) -> Iterator[Problem]:
    """References of content items that the evidence sequences do not list (PS3.3 C.17.2.3)."""
    listed: set[str] = set()
    for tag in EVIDENCE:
        for study in context.dataset.items(tag):
            for series in study.items(SERIES):
                listed |= {item.text(REFERENCED_INSTANCE) for item in series.items(REFERENCED_SOP)}
    references = list(_references(context.dataset))
    if not references:
        raise NotApplicable
    for item in references:
        uid = item.text(REFERENCED_INSTANCE)
        if uid and uid not in listed:
            yield Problem(level=item, tag=REFERENCED_INSTANCE, found=uid, want="listed in an evidence sequence",
                          message="the referenced instance is not listed in the evidence")  # fmt: skip


def _references(document: Dataset) -> Iterator[Dataset]:
    """The referenced SOP items of all content items, in the order of the document."""
    todo = [document]
    while todo:
        level = todo.pop(0)
        for item in level.items(CONTENT):
            if item.text(VALUE_TYPE) in _COMPOSITE:
                yield from item.items(REFERENCED_SOP)
            todo.append(item)
