"""Structured reports and key object selections: what they refer to (PS3.3 C.17)."""

from __future__ import annotations

from collections.abc import Iterator

from dcmlint.dicom.dataset import Dataset
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, rule_function
from dcmlint.standard.tags import (
    ContentSequence,
    CurrentRequestedProcedureEvidenceSequence,
    IdenticalDocumentsSequence,
    PertinentOtherEvidenceSequence,
    ReferencedSeriesSequence,
    ReferencedSOPInstanceUID,
    ReferencedSOPSequence,
    ValueType,
)

# Current Requested Procedure and Pertinent Other Evidence, and Identical Documents: PS3.3 C.17.2
EVIDENCE = (
    CurrentRequestedProcedureEvidenceSequence,
    PertinentOtherEvidenceSequence,
    IdenticalDocumentsSequence,
)
_COMPOSITE = frozenset({"COMPOSITE", "IMAGE", "WAVEFORM"})


@rule_function("document_evidence")
def document_evidence(context: RuleContext) -> Iterator[Problem]:
    """References of content items that the evidence sequences do not list (PS3.3 C.17.2.3)."""
    listed: set[str] = set()
    for tag in EVIDENCE:
        for study in context.dataset.items(tag):
            for series in study.items(ReferencedSeriesSequence):
                listed |= {
                    item.text(ReferencedSOPInstanceUID) for item in series.items(ReferencedSOPSequence)
                }
    references = list(_references(context.dataset))
    if not references:
        raise NotApplicable
    for item in references:
        uid = item.text(ReferencedSOPInstanceUID)
        if uid and uid not in listed:
            yield Problem(level=item, tag=ReferencedSOPInstanceUID, found=uid, want="listed in an evidence sequence",
                          message="the referenced instance is not listed in the evidence")  # fmt: skip


def _references(document: Dataset) -> Iterator[Dataset]:
    """The referenced SOP items of all content items, in the order of the document."""
    todo = [document]
    while todo:
        level = todo.pop(0)
        for item in level.items(ContentSequence):
            if item.text(ValueType) in _COMPOSITE:
                yield from item.items(ReferencedSOPSequence)
            todo.append(item)
