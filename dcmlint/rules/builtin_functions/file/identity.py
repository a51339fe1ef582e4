"""Rules about what identifies an instance, and what it refers to: UIDs, placeholders, references."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from dcmlint import standard
from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.path import name_of, parse_path
from dcmlint.facts.frame.frame_columns import FrameColumns
from dcmlint.facts.report.content import content_items
from dcmlint.facts.run.referenced import References, uid_in
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, rule_function
from dcmlint.standard.classes import DICOM_ROOT
from dcmlint.standard.tags import (
    UID,
    AcquisitionUID,
    AnnotationCoordinateType,
    AnnotationGroupSequence,
    AnnotationGroupUID,
    ConcatenationUID,
    DerivationImageSequence,
    DeviceUID,
    DimensionOrganizationSequence,
    DimensionOrganizationUID,
    FrameOfReferenceUID,
    ImplementationClassUID,
    InstanceCreatorUID,
    IrradiationEventUID,
    ManufacturerDeviceClassUID,
    ObservationUID,
    PerFrameFunctionalGroupsSequence,
    PrivateInformationCreatorUID,
    PyramidUID,
    ReferencedImageSequence,
    ReferencedInstanceSequence,
    ReferencedPatientSequence,
    ReferencedPerformedProcedureStepSequence,
    ReferencedSegmentNumber,
    ReferencedSeriesSequence,
    ReferencedSOPInstanceUID,
    ReferencedStudySequence,
    RequestAttributesSequence,
    SegmentIdentificationSequence,
    SegmentNumber,
    SegmentSequence,
    SeriesInstanceUID,
    SharedFunctionalGroupsSequence,
    SOPClassUID,
    SOPInstanceUID,
    SOPInstanceUIDOfConcatenationSource,
    SourceImageSequence,
    SpecimenDescriptionSequence,
    SpecimenUID,
    StudiesContainingOtherReferencedInstancesSequence,
    StudyInstanceUID,
    SynchronizationFrameOfReferenceUID,
    TrackingUID,
)

# Each of these names a thing of its own kind: PS3.5 9, PS3.3 C.7.1 to C.7.11, C.7.6.16, C.7.6.17.2.
_ROLES = (
    SOPInstanceUID, SeriesInstanceUID, StudyInstanceUID, FrameOfReferenceUID,
    AcquisitionUID,  # Acquisition UID
    PyramidUID,  # Pyramid UID
    ConcatenationUID,  # Concatenation UID
    SOPInstanceUIDOfConcatenationSource,
)  # fmt: skip
# Of the file and its writer: PS3.10 Table 7.1-1, PS3.3 C.12.1.1, C.7.5.1.
_OF_THE_FILE = (ImplementationClassUID, PrivateInformationCreatorUID)
_OF_THE_WRITER = (DeviceUID, InstanceCreatorUID, ManufacturerDeviceClassUID)
_MANY = 1000
# UIDs that whoever writes the instance gives to something: PS3.3 C.7.6.17.2, C.7.6.22.1.2, C.8.20.2, C.37.1, Table 10-9.
_GIVEN = (
    (DimensionOrganizationSequence, DimensionOrganizationUID), (SpecimenDescriptionSequence, SpecimenUID),
    (SegmentSequence, TrackingUID), (AnnotationGroupSequence, AnnotationGroupUID),
    (RequestAttributesSequence, StudyInstanceUID),
)  # fmt: skip
# Of a content item: the value of a UIDREF, and what an observation is known by.
_OF_ITEMS = (UID, ObservationUID)
# In place of the number of a frame
_SHARED, _TOP = -1, -2


@rule_function("distinct-uid-roles")
def distinct_uid_roles(context: RuleContext) -> Iterator[Problem]:
    """One problem for each UID that stands for things of several kinds."""
    roles: dict[str, dict[int, tuple[Dataset, int]]] = {}
    for level, tag in _uids(context.dataset):
        uid = level.text(tag)
        if uid:
            roles.setdefault(uid, {}).setdefault(tag, (level, tag))
    for uid, found in roles.items():
        first = next(iter(found))
        others = [tag for tag in found if tag != first and not _said_elsewhere({first, tag})]
        if not others:
            continue
        level, tag = found[others[0]]
        names = [name_of(other) for other in others]
        verb = "is" if len(names) == 1 else "are"
        yield Problem(
            level=level, tag=tag, found=uid, want="a unique UID",
            message=f"{' and '.join(names)} {verb} the same UID as {name_of(first)}",
        )  # fmt: skip


def _uids(dataset: Dataset) -> Iterator[tuple[Dataset, int]]:
    for tag in _ROLES:
        yield dataset, tag
    for sequence, tag in (
        (DimensionOrganizationSequence, DimensionOrganizationUID),
        (SpecimenDescriptionSequence, SpecimenUID),
    ):
        for item in islice(dataset.items(sequence), _MANY):
            yield item, tag


def _said_elsewhere(pair: set[int]) -> bool:
    """Pairs that have rules of their own: the source of a concatenation, and specimens."""
    if SpecimenUID in pair:
        return not pair.isdisjoint({SOPInstanceUID, SeriesInstanceUID, StudyInstanceUID, FrameOfReferenceUID})
    return pair == {SOPInstanceUIDOfConcatenationSource, SOPInstanceUID}


@rule_function("placeholder-values")
def placeholder_values(
    context: RuleContext, attributes: Sequence[str], placeholders: Sequence[str]
) -> Iterator[Problem]:
    """One problem for each of the attributes that holds one of the placeholders, whatever its letters' case."""
    words = {word.upper() for word in placeholders}
    for attribute in attributes:
        *above, last = (step.tag for step in parse_path(attribute))
        for level in _levels(context.dataset, above):
            if level.text(last).strip().upper() in words:
                yield Problem(
                    level=level, tag=last, found=level.value(last), want="a real value",
                    message=f"{name_of(last)} contains a placeholder",
                )  # fmt: skip


def _levels(dataset: Dataset, path: Sequence[int]) -> list[Dataset]:
    levels = [dataset]
    for tag in path:
        levels = [item for level in levels for item in islice(level.items(tag), _MANY)]
    return levels


@rule_function("uid-root")
def uid_root(context: RuleContext) -> Iterator[Problem]:
    """VR144: UIDs of what an instance belongs to, or refers to, that lie under the root of the standard but are not in PS3.6 Annex A."""
    for tag in (*_ROLES, SynchronizationFrameOfReferenceUID, IrradiationEventUID):
        uid = context.dataset.text(tag)
        if not _under_the_root(uid):
            continue
        entry = standard.load().uid(uid)
        if entry is not None and (
            tag in (FrameOfReferenceUID, SynchronizationFrameOfReferenceUID)
            or entry.type.startswith("Well-known SOP Instance")
        ):
            continue  # frames of reference of atlases and of UTC, and instances that every system knows (PS3.6 Annex A)
        which = "not defined by it" if entry is None else f"is a {entry.type} there: {entry.name}"
        yield Problem(
            level=context.dataset, tag=tag, found=uid, want="a UID with another root",
            message=f"{name_of(tag)} is under the root of the standard but {which}",
        )  # fmt: skip
    yield from _given_under_the_root(context)
    referred = context.facts.of(References)
    if referred is None:
        return
    pairs = [(reference.sop_instance, reference.through) for reference in referred.instances]
    # What is referred to and no composite instance.
    pairs += [
        (item.text(ReferencedSOPInstanceUID), tag)
        for tag in (
            ReferencedPerformedProcedureStepSequence,
            ReferencedStudySequence,
            ReferencedPatientSequence,
        )
        for item in islice(context.dataset.items(tag), _MANY)
    ]
    for uid, through in pairs:
        entry = standard.load().uid(uid) if uid.startswith(DICOM_ROOT) else None
        if _strange(uid) or (entry is not None and not entry.type.startswith("Well-known SOP Instance")):
            which = "not defined by it" if entry is None else f"is a {entry.type} there: {entry.name}"
            yield Problem(
                path=f"{name_of(through)}[*].ReferencedSOPInstanceUID", found=uid,
                want="a UID with another root", severity="warning",
                message=f"a referenced SOP Instance UID is under the root of the standard but {which}",
            )  # fmt: skip
            return  # what made one made them all


def _given_under_the_root(context: RuleContext) -> Iterator[Problem]:
    """One problem for each kind of UID within the instance, and one for those of content items."""
    root = context.dataset
    meta = context.facts.instance.meta
    for level, kinds in ((root, _OF_THE_WRITER), (meta, _OF_THE_FILE)):
        for tag in kinds:
            # None that the standard defines is that of a device or of an implementation.
            if level is not None and _under_the_root(level.text(tag)):
                yield _strange_problem(level, tag, name_of(tag))
    for sequence, tag in _GIVEN:
        levels = islice(root.items(sequence), _MANY)
        strange = next((level for level in levels if _strange(level.text(tag))), None)
        if strange is not None:
            yield _strange_problem(strange, tag, name_of(tag))
    for content in content_items(context.facts):
        tags = () if content.by_reference else _OF_ITEMS if content.value_type == "UIDREF" else _OF_ITEMS[1:]
        for tag in tags:
            if _strange(content.dataset.text(tag)):
                yield _strange_problem(content.dataset, tag, "a UID of a content item")
                return


def _strange(uid: str) -> bool:
    """Whether a UID is under the root of the standard and not in PS3.6 Annex A."""
    return _under_the_root(uid) and standard.load().uid(uid) is None


def _under_the_root(uid: str) -> bool:
    return uid.startswith(DICOM_ROOT) or uid == DICOM_ROOT[:-1]


def _strange_problem(level: Dataset, tag: int, name: str) -> Problem:
    return Problem(
        level=level, tag=tag, found=level.text(tag), want="a UID with another root", severity="warning",
        message=f"{name} is under the root of the standard",
    )  # fmt: skip


@rule_function("sop-class-registered")
def sop_class_registered(context: RuleContext) -> Iterator[Problem]:
    """IOD256: SOP Classes under the root of the standard that PS3.6 Annex A does not have, or that are something else there."""
    uid = context.dataset.text(SOPClassUID)
    if not uid.startswith(DICOM_ROOT):
        raise NotApplicable  # private, or missing
    entry = standard.load().uid(uid)
    if entry is None:
        yield Problem(
            tag=SOPClassUID, found=uid, want="a SOP Class of PS3.6", severity="warning",
            message="the SOP Class is under the root of the standard but not defined by it",
        )  # fmt: skip
    elif entry.type != "SOP Class":
        yield Problem(
            tag=SOPClassUID,
            found=uid,
            want="a SOP Class of PS3.6",
            message=f"SOP Class UID is a {entry.type}: {entry.name}",
        )


@rule_function("referenced-segments")
def referenced_segments(context: RuleContext) -> Iterator[Problem]:
    """Frames that name a segment that is not in the Segment Sequence (PS3.3 C.8.20.3.1)."""
    dataset = context.dataset
    numbers = [item.value(SegmentNumber) for item in dataset.items(SegmentSequence)]
    known = set(numbers)
    columns = FrameColumns(dataset)
    if not known or len(known) < len(numbers) or known != set(range(1, len(known) + 1)) or not columns.count:
        raise NotApplicable  # numbers that are wrong themselves are told of them
    import numpy as np

    named = columns.numbers((SegmentIdentificationSequence, ReferencedSegmentNumber), shared=True)
    lost = np.flatnonzero(~np.isnan(named) & ~np.isin(named, [float(str(one)) for one in known]))
    if len(lost):
        number = int(named[lost[0]])
        yield Problem(
            path=f"PerFrameFunctionalGroupsSequence[*].{name_of(SegmentIdentificationSequence)}[0].{name_of(ReferencedSegmentNumber)}",
            tag=ReferencedSegmentNumber, items=lost, found=number, want=f"one of {len(known)} segments",
            message=f"Segment {number} does not exist",
        )  # fmt: skip


def _lists_wholly(dataset: Dataset) -> bool:
    """Whether each series of the Common Instance Reference Module lists instances, and each of these has a UID."""
    if ReferencedSeriesSequence in dataset and not dataset.items(ReferencedSeriesSequence):
        return False
    return all(
        len(series.items(ReferencedInstanceSequence))
        and all(
            one.text(ReferencedSOPInstanceUID) for one in series.items(ReferencedInstanceSequence)[:_MANY]
        )
        for series in dataset.items(ReferencedSeriesSequence)[:_MANY]
    )


@rule_function("referenced-instances-listed")
def referenced_instances_listed(context: RuleContext) -> Iterator[Problem]:
    """A problem where the data set or its functional groups refer to instances that the list of references lacks."""
    dataset = context.dataset
    if not _lists_references(context.instance.sop_class):
        raise NotApplicable
    if not _lists_wholly(dataset):
        return  # an item without its UID is told so, and may be the one that is looked for
    wanted: dict[str, tuple[int, int, int]] = {}  # UID → group, frame (or -1), how often
    nameless = False
    for group, frame, uid, count in _references(dataset):
        if not uid:
            nameless = True
            continue  # told as an absent or empty Type 1 attribute
        known = wanted.get(uid, (group, frame, 0))
        first = known if known[1] <= frame else (group, frame, 0)
        wanted[uid] = (first[0], first[1], known[2] + count)
    referred = context.facts.of(References)
    others = {
        one.sop_instance: one.through
        for one in (referred.instances if referred is not None else ())
        if one.sop_instance not in wanted and one.through != ReferencedInstanceSequence
    }
    listed = set(_listed(dataset))
    if not wanted and not others:
        if not listed:
            raise NotApplicable
        if nameless:
            return  # the reference may be to what is listed
        if dataset.text(AnnotationCoordinateType) == "2D":
            return  # annotations that must name their image (PS3.3 C.37.1): told as a missing attribute
        yield Problem(
            level=dataset, tag=ReferencedSeriesSequence, want="absent",
            message="instances are listed in the Common Instance Reference Module, but nothing references them",
        )  # fmt: skip
        return
    if not listed and _tables_say_so(dataset):
        return
    for uid, (group, frame, count) in islice(wanted.items(), _MANY):
        if uid in listed:
            continue
        path = f"{name_of(group)}[0]"
        if group == DerivationImageSequence:
            path += f".{name_of(SourceImageSequence)}[0]"
        if frame != _TOP:
            groups = (
                "SharedFunctionalGroupsSequence[0]"
                if frame == _SHARED
                else f"PerFrameFunctionalGroupsSequence[{frame}]"
            )
            path = f"{groups}.{path}"
        times = f", {count} times" if count > 1 else ""
        yield Problem(
            path=f"{path}.{name_of(ReferencedSOPInstanceUID)}", tag=ReferencedSOPInstanceUID,
            found=uid, want="an item of ReferencedSeriesSequence or StudiesContainingOtherReferencedInstancesSequence",
            message=f"an instance is referenced{times}, but not listed in the Common Instance Reference Module",
        )  # fmt: skip
    for uid, through in islice(others.items(), _MANY):
        if uid not in listed:
            yield Problem(
                level=dataset, tag=ReferencedSeriesSequence, found=uid, want="an item with the instance",
                message=f"an instance is referenced in {name_of(through)}, but not listed in the Common Instance "
                "Reference Module",
            )  # fmt: skip


@standard.per_edition(256)
def _lists_references(sop_class: str) -> bool:
    """Whether the IOD of a SOP Class has the Common Instance Reference Module, and not as an option (PS3.3 C.12.2)."""
    found = standard.load().sop_class(sop_class) if sop_class else None
    return found is not None and any(
        use.section == "C.12.2" and use.usage != "U" for use in standard.load().iod(found.iod).modules
    )


def _references(dataset: Dataset) -> Iterator[tuple[int, int, str, int]]:
    """Sequence, frame, UID and number of each reference of the data set (PS3.3 C.7.6.1) and from a functional group
    (C.7.6.16.2.5, .6)."""
    for tag in (SourceImageSequence, ReferencedImageSequence):
        for item in dataset.items(tag)[:_MANY]:
            yield tag, _TOP, uid_in(item, ReferencedSOPInstanceUID), 1
    for item in dataset.items(SharedFunctionalGroupsSequence)[:1]:
        yield from ((group, _SHARED, uid, 1) for group, uid in _references_of(item))
    frames = dataset.items(PerFrameFunctionalGroupsSequence)
    for number, frame, shape in frames.parts():
        if shape is None:
            assert isinstance(number, int)
            yield from ((group, number, uid, 1) for group, uid in _references_of(frame))
            continue
        from dcmlint.facts.run.reference_columns import uids_at

        for path, first, uid, count in uids_at(frames, shape, _IN_A_GROUP):
            yield path[0], first, uid, count


# The attributes on the way to a reference of a frame.
_IN_A_GROUP = (
    (DerivationImageSequence, SourceImageSequence, ReferencedSOPInstanceUID),
    (ReferencedImageSequence, ReferencedSOPInstanceUID),
)


def _references_of(item: Dataset) -> Iterator[tuple[int, str]]:
    for derivation in item.items(DerivationImageSequence):
        for source in derivation.items(SourceImageSequence):
            yield DerivationImageSequence, uid_in(source, ReferencedSOPInstanceUID)
    for reference in item.items(ReferencedImageSequence):
        yield ReferencedImageSequence, uid_in(reference, ReferencedSOPInstanceUID)


def _listed(dataset: Dataset) -> Iterator[str]:
    """The UIDs that the Common Instance Reference module lists (PS3.3 C.12.2)."""
    levels: Iterable[Dataset] = (dataset, *dataset.items(StudiesContainingOtherReferencedInstancesSequence))
    for level in levels:
        for series in level.items(ReferencedSeriesSequence):
            for instance in series.items(ReferencedInstanceSequence):
                yield uid_in(instance, ReferencedSOPInstanceUID)


def _tables_say_so(dataset: Dataset) -> bool:
    """Whether the condition of Referenced Series Sequence holds by its table: then that is the finding."""
    if ReferencedSeriesSequence in dataset or StudiesContainingOtherReferencedInstancesSequence in dataset:
        return False
    first = [
        item
        for sequence in (SharedFunctionalGroupsSequence, PerFrameFunctionalGroupsSequence)
        for item in dataset.items(sequence)[:1]
    ]
    return any(len(item.items(ReferencedImageSequence)) for item in first) or any(
        len(derivation.items(SourceImageSequence))
        for item in first
        for derivation in item.items(DerivationImageSequence)
    )
