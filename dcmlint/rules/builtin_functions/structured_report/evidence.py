"""What documents refer to, and the evidence sequences that list it (PS3.3 C.17.2.3, C.17.6.2, C.18.3 to C.18.5)."""

from __future__ import annotations

from collections.abc import Iterator

from dcmlint.dicom.dataset import Dataset
from dcmlint.facts.report.content import ContentItem, content_items
from dcmlint.facts.run.referenced import contradicted
from dcmlint.plural import number_of
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, rule_function
from dcmlint.standard.classes import FRAMES, PIXELS, WAVEFORM, class_name, has_module
from dcmlint.standard.tags import (
    CurrentRequestedProcedureEvidenceSequence,
    IdenticalDocumentsSequence,
    PertinentOtherEvidenceSequence,
    PredecessorDocumentsSequence,
    ReferencedFrameNumber,
    ReferencedSegmentNumber,
    ReferencedSeriesSequence,
    ReferencedSOPClassUID,
    ReferencedSOPInstanceUID,
    ReferencedSOPSequence,
    ReferencedWaveformChannels,
    SOPClassUID,
    SOPInstanceUID,
    StudyInstanceUID,
)
from dcmlint.standard.uids import (
    KeyObjectSelectionDocumentStorage,
    LabelMapSegmentationStorage,
    SegmentationStorage,
    SurfaceSegmentationStorage,
)

_EVIDENCE = (CurrentRequestedProcedureEvidenceSequence, PertinentOtherEvidenceSequence)
# Identical documents are listed with the series that hold them, and content may refer to them.
_LISTS = (*_EVIDENCE, IdenticalDocumentsSequence)
_COMPOSITE = frozenset({"COMPOSITE", "IMAGE", "WAVEFORM"})
_SEGMENTED = frozenset({SegmentationStorage, SurfaceSegmentationStorage, LabelMapSegmentationStorage})


def _listed(dataset: Dataset, lists: tuple[int, ...]) -> Iterator[tuple[int, Dataset]]:
    """The referenced SOP items of evidence sequences, with the sequence."""
    for tag in lists:
        for study in dataset.items(tag):
            for series in study.items(ReferencedSeriesSequence):
                for item in series.items(ReferencedSOPSequence):
                    yield tag, item


def _is_whole(study: Dataset) -> bool:
    series = study.items(ReferencedSeriesSequence)
    return bool(series) and all(one.items(ReferencedSOPSequence) for one in series)


def _references(context: RuleContext) -> list[tuple[ContentItem, Dataset]]:
    """The content items that refer to composite objects, with the referenced SOP item of each."""
    found = [
        (item, reference)
        for item in content_items(context.facts)
        if item.value_type in _COMPOSITE
        for reference in item.dataset.items(ReferencedSOPSequence)
    ]
    if not found:
        raise NotApplicable
    return found


def _unlisted(
    context: RuleContext, references: list[tuple[ContentItem, Dataset]]
) -> dict[str, list[Dataset]]:
    """The references to instances that no evidence sequence lists, by instance."""
    listed = {item.text(ReferencedSOPInstanceUID) for _, item in _listed(context.dataset, _LISTS)}
    found: dict[str, list[Dataset]] = {}
    for _, item in references:
        uid = item.text(ReferencedSOPInstanceUID)
        if uid and uid not in listed:
            found.setdefault(uid, []).append(item)
    return found


@rule_function("document-evidence")
def document_evidence(context: RuleContext) -> Iterator[Problem]:
    """SR001: references of content items that the evidence sequences do not list (PS3.3 C.17.2.3)."""
    references = _references(context)
    if (
        context.dataset.text(SOPClassUID) == KeyObjectSelectionDocumentStorage
        and CurrentRequestedProcedureEvidenceSequence not in context.dataset
    ):
        return  # of Type 1 here: its absence is reported
    given = [tag for tag in _EVIDENCE if tag in context.dataset]
    if given and not any(context.dataset.items(tag) for tag in given):
        return  # sequences without items: the tables report these
    if any(not _is_whole(study) for tag in given for study in context.dataset.items(tag)):
        return  # what is missing in the evidence is reported there, and may be what lists these instances
    for uid, items in _unlisted(context, references).items():
        yield Problem(
            level=items[0], tag=ReferencedSOPInstanceUID, found=uid, want="listed in an evidence sequence",
            message="the referenced instance is not listed in the evidence", count=len(items),
        )  # fmt: skip


@rule_function("evidence-class")
def evidence_class(context: RuleContext) -> Iterator[Problem]:
    """SR012: one instance with two SOP Classes, in the evidence or in the evidence and the content."""
    items = _of_document(context)
    if not items:
        raise NotApplicable
    for item, wanted in _contradicting(items):
        yield Problem(
            message="one instance is referenced with two SOP Classes", level=item, tag=ReferencedSOPClassUID,
            found=item.text(ReferencedSOPClassUID), wanted=wanted,
        )  # fmt: skip


def _of_document(context: RuleContext) -> list[Dataset]:
    """The referenced SOP items of the evidence, then those of the content; none without content."""
    content = content_items(context.facts)
    if not content:
        return []
    items = [item for _, item in _listed(context.dataset, _LISTS)]
    for node in content:
        if node.value_type in _COMPOSITE:
            items += node.dataset.items(ReferencedSOPSequence)
    return items


def _contradicting(items: list[Dataset]) -> Iterator[tuple[Dataset, str]]:
    """The references that name another SOP Class than the first one to the same instance, with that class."""
    pairs = ((item.text(ReferencedSOPInstanceUID), item.text(ReferencedSOPClassUID)) for item in items)
    return ((items[place], first) for place, first in contradicted(pairs))


def of_another_class(context: RuleContext) -> set[int]:
    """The ids of the references whose SOP Class is in doubt: SR012 reports it, and nothing follows from that class."""
    return {id(item) for item, _ in _contradicting(_of_document(context))}


@rule_function("evidence-once")
def evidence_once(context: RuleContext) -> Iterator[Problem]:
    """SR020: instances that the evidence lists more than once; for key objects, instances that nothing refers to."""
    listed = list(_listed(context.dataset, _EVIDENCE))
    if not listed or not content_items(context.facts):
        raise NotApplicable
    seen: set[str] = set()
    for _, item in listed:
        uid = item.text(ReferencedSOPInstanceUID)
        if uid and uid in seen:
            yield Problem(
                message="the evidence lists an instance twice", level=item, tag=ReferencedSOPInstanceUID, found=uid,
                want="each instance once",
            )  # fmt: skip
        seen.add(uid)
    if context.dataset.text(SOPClassUID) != KeyObjectSelectionDocumentStorage:
        return
    try:
        references = _references(context)
    except NotApplicable:
        return
    if _unlisted(context, references):
        return  # SR001: which of the two is wrong is not known
    wanted = {item.text(ReferencedSOPInstanceUID) for _, item in references}
    for _, item in listed:
        uid = item.text(ReferencedSOPInstanceUID)
        if uid and uid not in wanted:
            yield Problem(
                message="the evidence of a key object selection lists an instance that is not selected", level=item,
                tag=ReferencedSOPInstanceUID, found=uid, want="the instances that the content references",
            )  # fmt: skip


@rule_function("referenced-parts")
def referenced_parts(context: RuleContext) -> Iterator[Problem]:
    """SR013: frames, segments and channels of objects that have none (PS3.3 Tables 10-3, C.18.4-1, C.18.5-1)."""
    any_ = False
    doubted = of_another_class(context)
    for _, item in _references(context):
        sop_class = "" if id(item) in doubted else item.text(ReferencedSOPClassUID)
        for tag, noun, sections in (
            (ReferencedFrameNumber, "frame", FRAMES),
            (ReferencedSegmentNumber, "segment", None),
            (ReferencedWaveformChannels, "waveform channel", WAVEFORM),
        ):
            numbers = item.values(tag)
            if not numbers:
                continue
            any_ = True
            has = sop_class in _SEGMENTED if sections is None else has_module(sop_class, sections)
            if has is False:
                yield Problem(
                    message=f"a {noun} is referenced, but instances of {class_name(sop_class)} "
                    + ("are not multi-frame" if tag == ReferencedFrameNumber else f"have no {noun}s"),
                    level=item, tag=tag,
                    found=numbers, want="absent",
                )  # fmt: skip
            elif (
                tag == ReferencedSegmentNumber
                and sop_class != LabelMapSegmentationStorage  # its background may be numbered 0
                and any(isinstance(one, int) and one < 1 for one in numbers)
            ):
                yield Problem(
                    message="segments are numbered from 1", level=item, tag=tag, found=numbers, want="1 or more",
                )  # fmt: skip
            elif tag == ReferencedWaveformChannels and len(numbers) % 2:
                yield Problem(
                    message="waveform channels are given in pairs: multiplex group and channel", level=item, tag=tag,
                    found=numbers, want="an even number of values",
                )  # fmt: skip
            elif tag == ReferencedWaveformChannels and any(
                isinstance(one, int) and one < 1 for one in numbers[::2]
            ):
                yield Problem(
                    message="multiplex groups are numbered from 1", level=item, tag=tag, found=numbers,
                    want="1 or more as the first number of each pair",
                )  # fmt: skip
    if not any_:
        raise NotApplicable


@rule_function("referenced-kind")
def referenced_kind(context: RuleContext) -> Iterator[Problem]:
    """SR014: IMAGE items that refer to no image, WAVEFORM items that refer to no waveform (PS3.3 Table C.17.3-7)."""
    any_ = False
    doubted = of_another_class(context)
    for item, reference in _references(context):
        sop_class = "" if id(reference) in doubted else reference.text(ReferencedSOPClassUID)
        sections = {"IMAGE": PIXELS, "WAVEFORM": WAVEFORM}.get(item.value_type)
        if sections is None or sop_class == SurfaceSegmentationStorage:
            continue
        any_ = True
        if has_module(sop_class, sections) is False:
            noun = "image" if item.value_type == "IMAGE" else "waveform"
            yield Problem(
                message=f"{item.value_type} references {class_name(sop_class)}, which is not {'an' if noun == 'image' else 'a'} {noun}", level=reference,
                tag=ReferencedSOPClassUID, found=sop_class,
                want=f"the SOP Class of {'an' if noun == 'image' else 'a'} {noun}",
            )  # fmt: skip
    if not any_:
        raise NotApplicable


@rule_function("related-documents")
def related_documents(context: RuleContext) -> Iterator[Problem]:
    """SR024: identical and predecessor documents that are the document itself, identical ones of another SOP Class, and
    predecessors that are images or waveforms (PS3.3 C.17.2.2, C.17.2.6)."""
    related = list(_listed(context.dataset, (IdenticalDocumentsSequence, PredecessorDocumentsSequence)))
    if not related:
        raise NotApplicable
    own, this = context.dataset.text(SOPClassUID), context.dataset.text(SOPInstanceUID)
    for tag, item in related:
        sop_class = item.text(ReferencedSOPClassUID)
        if this and item.text(ReferencedSOPInstanceUID) == this:
            noun = "copy" if tag == IdenticalDocumentsSequence else "predecessor"
            yield Problem(
                message=f"the document is listed as a {noun} of itself", level=item, tag=ReferencedSOPInstanceUID,
                found=this, want="another document",
            )  # fmt: skip
            continue
        if not sop_class or not own:
            continue
        if tag == IdenticalDocumentsSequence and sop_class != own:
            yield Problem(
                message=f"an identical document is {class_name(sop_class)}", level=item, tag=ReferencedSOPClassUID,
                found=sop_class, wanted=own,
            )  # fmt: skip
        elif tag == PredecessorDocumentsSequence and has_module(sop_class, PIXELS | WAVEFORM):
            yield Problem(
                message=f"a predecessor document is {class_name(sop_class)}", level=item, tag=ReferencedSOPClassUID,
                found=sop_class, want="the SOP Class of a document",
            )  # fmt: skip


@rule_function("key-object-duplicates")
def key_object_duplicates(context: RuleContext) -> Iterator[Problem]:
    """SR035: studies of selected objects that have no duplicate of the document (PS3.3 C.17.6.2.1).

    That there is no duplicate at all is told by the tables.
    """
    own = context.dataset.text(StudyInstanceUID)
    evidence = _studies(context.dataset, CurrentRequestedProcedureEvidenceSequence)
    duplicates = _studies(context.dataset, IdenticalDocumentsSequence)
    if not own or own not in evidence or not duplicates:
        raise NotApplicable
    missing = [study for study in evidence if study != own and study not in duplicates]
    if missing:
        yield Problem(
            message=f"the document has no duplicate in {number_of(len(missing), 'study', 'studies')} of the selected objects",
            tag=IdenticalDocumentsSequence, want=f"a duplicate in {missing[0]}",
        )  # fmt: skip


def _studies(dataset: Dataset, tag: int) -> dict[str, None]:
    return dict.fromkeys(filter(None, (study.text(StudyInstanceUID) for study in dataset.items(tag))))
