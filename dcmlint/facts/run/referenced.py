"""Which other instances an instance refers to (SOP Instance Reference Macro, PS3.3 Table 10-11)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.items import ItemList, Items
from dcmlint.facts.registry import Facts, facts
from dcmlint.findings.redact import harmless
from dcmlint.standard.tags import (
    ReferencedFrameNumber,
    ReferencedFrameOfReferenceUID,
    ReferencedPatientSequence,
    ReferencedPerformedProcedureStepSequence,
    ReferencedSegmentNumber,
    ReferencedSOPClassUID,
    ReferencedSOPInstanceUID,
    ReferencedStudySequence,
    ReferencedVisitSequence,
    SeriesInstanceUID,
    StudyInstanceUID,
)
from dcmlint.standard.uids import ModalityWorklistInformationModelFind

# Distinct references kept of one instance: more than the largest series has instances.
MOST = 20_000
# Characters of a UID that are kept: twice as many as it may have.
LONGEST = 128
# Segment numbers that are kept of one referenced instance.
_MOST_SEGMENTS = 256
# Not composite instances: studies, patients, visits, procedure steps, worklists (PS3.4 B.5 has none of them).
_NOT_STORED = (
    "1.2.840.10008.3.1.2.",
    "1.2.840.10008.5.1.4.34.",
    ModalityWorklistInformationModelFind,
    "1.2.840.10008.5.1.4.32.",
)
# Referenced Study, Performed Procedure Step, Patient, Visit Sequence (PS3.6).
_NOT_INSTANCES = frozenset(
    {
        ReferencedStudySequence,
        ReferencedPerformedProcedureStepSequence,
        ReferencedPatientSequence,
        ReferencedVisitSequence,
    }
)


class Reference(msgspec.Struct, frozen=True, array_like=True):
    """A referenced instance; ``series`` and ``study`` are empty where the reference does not say them.

    ``through`` is the tag of the sequence that holds the reference.
    """

    sop_class: str
    sop_instance: str
    series: str
    study: str
    through: int


class References(msgspec.Struct, frozen=True, array_like=True):
    """The distinct references of an instance, in the order of the bytes.

    ``more``: there are more than were kept.  ``frames_of_reference``: Referenced Frame of Reference UIDs of
    three-dimensional coordinates (PS3.3 C.18.9).  ``highest``: the highest Referenced Frame Number by instance.
    ``segments``: some of the Referenced Segment Numbers by instance.
    """

    instances: tuple[Reference, ...] = ()
    more: bool = False
    frames_of_reference: tuple[str, ...] = ()
    highest: dict[str, int] = {}
    segments: dict[str, tuple[int, ...]] = {}


class _Collector:
    def __init__(self) -> None:
        self.found: dict[tuple[str, str, str, str], Reference] = {}
        self.frames: dict[str, None] = {}
        self.highest: dict[str, int] = {}
        self.segments: dict[str, tuple[int, ...]] = {}
        self.more = False

    def level(self, level: Dataset, series: str, study: str) -> None:
        if level.parent is not None:
            series = uid_in(level, SeriesInstanceUID) or series
            study = uid_in(level, StudyInstanceUID) or study
            if ReferencedSOPInstanceUID in level:
                self.add(
                    uid_in(level, ReferencedSOPClassUID),
                    uid_in(level, ReferencedSOPInstanceUID),
                    series,
                    study,
                    level.parent_tag,
                )
                if ReferencedFrameNumber in level:
                    numbers = level.values(ReferencedFrameNumber)
                    self.frame(
                        uid_in(level, ReferencedSOPInstanceUID),
                        max((one for one in numbers if isinstance(one, int)), default=0),
                    )
                if ReferencedSegmentNumber in level:
                    self.segment(
                        uid_in(level, ReferencedSOPInstanceUID),
                        level.values(ReferencedSegmentNumber)[:_MOST_SEGMENTS],
                    )
            if ReferencedFrameOfReferenceUID in level and len(self.frames) < 64:
                self.frames[uid_in(level, ReferencedFrameOfReferenceUID)] = None
        for element in level:
            items = element.items
            if items is None:
                continue
            if not isinstance(items, ItemList):
                self.columns(items, element.tag, series, study)
                continue
            for item in items:
                self.level(item, series, study)

    def columns(self, items: Items, tag: int, series: str, study: str) -> None:
        """A long sequence: the references of all its items at once."""
        from dcmlint.facts.run.reference_columns import frames_in, highest_in, references_in

        for (sop_class, sop_instance, of_series, of_study), through in references_in(items):
            self.add(sop_class, sop_instance, of_series or series, of_study or study, through or tag)
        for instance, number in highest_in(items):
            self.frame(instance, number)
        for frame in frames_in(items):
            if len(self.frames) < 64:
                self.frames[frame] = None

    def frame(self, instance: str, number: int) -> None:
        """A frame that is referred to: the highest of each instance is kept."""
        if instance and 0 < number < 1 << 32 and len(self.highest) < MOST:
            self.highest[instance] = max(self.highest.get(instance, 0), number)

    def segment(self, instance: str, numbers: Iterable[object]) -> None:
        """Segments that are referred to: some of each instance are kept."""
        if instance and len(self.segments) < MOST:
            known = dict.fromkeys(self.segments.get(instance, ()))
            known |= dict.fromkeys(one for one in numbers if isinstance(one, int) and 0 <= one < 1 << 16)
            self.segments[instance] = tuple(known)[:_MOST_SEGMENTS]

    def add(self, sop_class: str, sop_instance: str, series: str, study: str, through: int) -> None:
        if not sop_instance or through in _NOT_INSTANCES or sop_class.startswith(_NOT_STORED):
            return
        key = (sop_class, sop_instance, series, study)
        if key in self.found:
            return
        if len(self.found) >= MOST:
            self.more = True
            return
        self.found[key] = Reference(sop_class, sop_instance, series, study, through)


@facts("referenced", References)
def referenced(facts: Facts) -> References:
    """The other instances that an instance refers to."""
    return references(facts.instance.dataset)


def references(dataset: Dataset) -> References:
    """What a data set refers to."""
    collector = _Collector()
    collector.level(dataset, "", "")
    return References(
        tuple(collector.found.values()),
        collector.more,
        tuple(filter(None, collector.frames)),
        collector.highest,
        collector.segments,
    )


def uid_in(level: Dataset, tag: int) -> str:
    """A UID as it is kept, compared and shown."""
    return kept_uid(level.text(tag))


def kept_uid(text: str) -> str:
    """A UID as it is kept: its shape where it holds what no UID may hold."""
    return harmless(text[:LONGEST])


def contradicted(references: Iterable[tuple[str, str]]) -> Iterator[tuple[int, str]]:
    """The references to an instance that name another SOP Class than the first one to it: their places, and that class.

    ``references``: instance and SOP Class; one that lacks either contradicts none.
    """
    classes: dict[str, str] = {}
    for place, (instance, sop_class) in enumerate(references):
        if instance and sop_class and classes.setdefault(instance, sop_class) != sop_class:
            yield place, classes[instance]


def misplaced(
    references: Iterable[Reference], own: tuple[str, str] = ("", "")
) -> Iterator[tuple[Reference, str, str, str]]:
    """Series that references place in two studies, else instances that they place in two series; each of them once.

    A series belongs to one study, an instance to one series (PS3.3 A.1.2). ``own``: the series and study of the instance
    that refers. Gives the reference, "series" or "instance", its UID, and "studies" or "series".
    """
    studies = {own[0]: own[1]} if all(own) else {}
    series: dict[str, str] = {}
    told: set[str] = set()
    for one in references:
        if one.series and one.study and studies.setdefault(one.series, one.study) != one.study:
            if one.series not in told:
                told.add(one.series)
                yield one, "series", one.series, "studies"
            continue
        first = series.setdefault(one.sop_instance, one.series) if one.series else ""
        if first != one.series and one.sop_instance not in told:
            told.add(one.sop_instance)
            yield one, "instance", one.sop_instance, "series"
