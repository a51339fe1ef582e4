"""Rules on instances that say they are de-identified: PS3.15 Annex E, PS3.3 C.7.1.1."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from dcmlint import standard
from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.items import Place
from dcmlint.dicom.path import parse_path
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, passes_without, rule_function
from dcmlint.rules.tables.levels import iod_spec
from dcmlint.standard.tags import (
    AccessionNumber,
    AcquisitionContextSequence,
    BurnedInAnnotation,
    CodeValue,
    CodingSchemeDesignator,
    ContainerDescription,
    ContainerIdentifier,
    DeidentificationMethod,
    DeidentificationMethodCodeSequence,
    DerivationDescription,
    ImageComments,
    LongitudinalTemporalInformationModified,
    PatientID,
    PatientIdentityRemoved,
    SpecimenDescriptionSequence,
    SpecimenDetailedDescription,
    SpecimenIdentifier,
    SpecimenPreparationSequence,
    SpecimenPreparationStepContentItemSequence,
    SpecimenShortDescription,
    TextValue,
)

# Specimen Description, Specimen Preparation and its Step Content Item Sequence
_MOST = 100  # items of each of these

# PS3.16 CID 7050: the Basic Profile, and the options of Table E.1-1 that keep or clean
BASIC_PROFILE = "113100"
CLEAN_DESCRIPTORS = "113105"
RETAIN_SAFE_PRIVATE = "113111"
_FULL_DATES, _MODIFIED_DATES = "113106", "113107"
_OPTIONS = {
    "113103": "clean-graphics", "113104": "clean-structured-content", CLEAN_DESCRIPTORS: "clean-descriptors",
    "113106": "retain-longitudinal-full-dates", "113107": "retain-longitudinal-modified-dates",
    "113108": "retain-patient-characteristics", "113109": "retain-device-identity", "113110": "retain-uids",
    "113112": "retain-institution-identity",
}  # fmt: skip

_METHOD_CODE = re.compile(r"(?<![0-9])1131[01][0-9](?![0-9])")

# As laboratories number: letters and two digits of the year, a dash, a running number (S24-12345)
_ACCESSION_LIKE = re.compile(r"(?<![A-Za-z0-9])[A-Z]{1,3}[0-9]{2}-[0-9]{2,7}(?![0-9])")
# X in the Basic Profile; the Clean Descriptors Option may keep what does not identify (PS3.15 Table E.1-1)
_DESCRIPTIONS = (SpecimenShortDescription, SpecimenDetailedDescription, ContainerDescription)
_SHORTEST = 4
_MOST_LEVELS = 20_000

# What Aperio's scanners write into the description of an SVS file: PS3.15 E.1-1 would clean it
_SVS = "Aperio Image Library"
_SVS_FIELD = re.compile(r"(?<![A-Za-z])(User|Filename|DSR ID|Barcode) *= *[^|\s]")


@rule_function("left-after-deidentification")
def left_after_deidentification(context: RuleContext, attributes: Sequence[str]) -> Iterator[Problem]:
    """Attributes that still have a value although the Basic Profile would have emptied them.

    A warning where the Basic Profile is not claimed, or with an option that covers the attribute.
    """
    dataset = context.dataset
    methods = _deidentified(dataset)
    for keyword in attributes:
        tag = parse_path(keyword)[0].tag
        if not any(str(one).strip() for one in dataset.values(tag)):
            continue
        row = standard.load().confidentiality_row(tag)
        covered = row is not None and any(_OPTIONS.get(method) in row.options for method in methods)
        if covered:
            continue
        yield Problem(
            message=f"{keyword} has a value although Patient Identity Removed is YES", level=dataset, tag=tag,
            found=dataset.text(tag), want="absent or empty",
            severity="" if BASIC_PROFILE in methods else "warning",
        )  # fmt: skip


@rule_function("removed-by-basic-profile")
def removed_by_basic_profile(context: RuleContext, told: Sequence[str] = ()) -> Iterator[Problem]:
    """Attributes that the Basic Profile removes and that none of the options declared keeps or cleans.

    Only action X is held, and in the main data set what is X where the IOD does not need the attribute, as a warning: what Z
    or D put into an attribute cannot be told from an original. Rows that are newer than the tables' own edition, private
    elements and the attributes ``told`` by other rules are left out.
    """
    dataset = context.dataset
    methods = _deidentified(dataset)
    if BASIC_PROFILE not in methods:
        raise NotApplicable
    options = {_OPTIONS[method] for method in methods if method in _OPTIONS}
    others = {parse_path(keyword)[0].tag for keyword in told}
    tables = standard.load()
    known = tables.sop_class(context.instance.sop_class)
    optional = iod_spec(known.iod).optional if known is not None else frozenset[int]()
    found: dict[int, tuple[Dataset, int]] = {}
    for place in _places(dataset):
        level = place.level
        for element in level:
            tag = element.tag
            if tag >> 16 & 1 or tag in others:
                continue
            row = tables.confidentiality_row(tag)
            if row is None or row.since or options & row.options.keys():
                continue
            # X/Z, X/D and X/Z/D: X unless the IOD needs the attribute (PS3.15 Table E.1-1a)
            if row.basic != "X" and not (level is dataset and tag in optional and row.basic.startswith("X/")):
                continue
            if element.length:
                first, count = found.get(tag, (level, 0))
                found[tag] = (first, count + place.many)
    for tag, (level, count) in found.items():
        entry = tables.dictionary.entry(tag)
        name = entry.keyword if entry else f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
        row = tables.confidentiality_row(tag)
        yield Problem(
            message=f"{name} has a value, but the Basic Profile removes it"
            + (f" ({count} places)" if count > 1 else ""),
            level=level, tag=tag, want="absent, or an option that retains or cleans it",
            severity="" if row is not None and row.basic == "X" else "warning",
        )  # fmt: skip


@rule_function("dates-as-declared")
def dates_as_declared(context: RuleContext) -> Iterator[Problem]:
    """Longitudinal Temporal Information Modified is what the declared options make of it (PS3.15 E.2, E.3.6)."""
    dataset = context.dataset
    methods = _deidentified(dataset)
    if BASIC_PROFILE not in methods:
        raise NotApplicable
    if _FULL_DATES in methods and _MODIFIED_DATES in methods:
        raise NotApplicable  # one of them was applied to each date
    want = "UNMODIFIED" if _FULL_DATES in methods else "MODIFIED" if _MODIFIED_DATES in methods else "REMOVED"
    said = dataset.text(LongitudinalTemporalInformationModified)
    if said in ("UNMODIFIED", "MODIFIED", "REMOVED") and said != want:
        option = {"UNMODIFIED": f"option {_FULL_DATES}", "MODIFIED": f"option {_MODIFIED_DATES}"}.get(want)
        yield Problem(
            level=dataset, tag=LongitudinalTemporalInformationModified, found=said, want=want,
            message=f"LongitudinalTemporalInformationModified is {said}, but {option or 'no option that retains dates'} is declared",
        )  # fmt: skip


@rule_function("burned-in-although-removed")
def burned_in_although_removed(context: RuleContext) -> Iterator[Problem]:
    """Burned In Annotation YES says that the pixels identify the patient, Patient Identity Removed YES that they do not."""
    dataset = context.dataset
    _deidentified(dataset)
    if dataset.text(BurnedInAnnotation) == "YES":
        yield Problem(
            level=dataset, tag=BurnedInAnnotation, found="YES", want="NO, and pixels without what identifies the patient",
            message="Burned In Annotation is YES although Patient Identity Removed is YES",
        )  # fmt: skip


@rule_function("original-specimen-identity")
def original_specimen_identity(context: RuleContext) -> Iterator[Problem]:
    """Identifiers and descriptions of specimens that look as the laboratory wrote them."""
    dataset = context.dataset
    methods = _deidentified(dataset)
    known = [text for tag in (AccessionNumber, PatientID) if len(text := dataset.text(tag)) >= _SHORTEST]
    for level, tag in _identity(dataset):
        text = level.text(tag)
        because = _looks_original(text, known)
        if because:
            yield Problem(
                message="The value looks like an original identifier, not a replacement", level=level, tag=tag,
                found=text, because=because, want="a replacement, or empty",
            )  # fmt: skip
        elif text and tag in _DESCRIPTIONS and BASIC_PROFILE in methods and CLEAN_DESCRIPTORS not in methods:
            yield Problem(
                message="The Basic Profile removes the description", level=level, tag=tag, found=text,
                want="absent, or the Clean Descriptors Option",
            )  # fmt: skip


def _identity(dataset: Dataset) -> Iterator[tuple[Dataset, int]]:
    yield dataset, ContainerIdentifier
    yield dataset, ContainerDescription
    for specimen in dataset.items(SpecimenDescriptionSequence):
        for tag in (SpecimenIdentifier, SpecimenShortDescription, SpecimenDetailedDescription):
            yield specimen, tag
        for step in specimen.items(SpecimenPreparationSequence):
            for content in step.items(SpecimenPreparationStepContentItemSequence):
                yield content, TextValue


def _looks_original(text: str, known: Sequence[str]) -> str:
    if len(text) < _SHORTEST:
        return ""
    if any(one in text for one in known):
        return "contains the Accession Number or Patient ID"
    return "has the format of an accession number" if _ACCESSION_LIKE.search(text[:1024]) else ""


@rule_function("svs-header")
def svs_header(context: RuleContext) -> Iterator[Problem]:
    """Descriptions taken over from SVS files with names of users, files, cases or bar codes."""
    dataset = context.dataset
    places = [(dataset, ImageComments), (dataset, DerivationDescription)]
    places += [(item, TextValue) for item in dataset.items(AcquisitionContextSequence)]
    places += [
        (said, TextValue)
        for specimen in dataset.items(SpecimenDescriptionSequence)[:_MOST]
        for step in specimen.items(SpecimenPreparationSequence)[:_MOST]
        for said in step.items(SpecimenPreparationStepContentItemSequence)[:_MOST]
    ]
    looked_at = False
    for level, tag in places:
        text = level.text(tag)
        looked_at = looked_at or bool(text)
        if _SVS not in text:
            continue
        fields = list(dict.fromkeys(match[1].strip() for match in _SVS_FIELD.finditer(text[: 1 << 16])))
        if fields:
            yield Problem(
                message="The description of an SVS file was copied unchanged", level=level, tag=tag, found=text,
                because=f"contains {', '.join(fields[:6])}", want="only text that does not identify the patient",
            )  # fmt: skip
    if not looked_at:
        raise NotApplicable


@rule_function("private-after-deidentification", passes_without(PatientIdentityRemoved))
def private_after_deidentification(context: RuleContext) -> Iterator[Problem]:
    """Private elements left although the identity was removed and no option keeps safe ones."""
    dataset = context.dataset
    if dataset.text(PatientIdentityRemoved) != "YES" or RETAIN_SAFE_PRIVATE in _deidentified(dataset):
        return
    first: tuple[Dataset, int] | None = None
    count = 0
    for place in _places(dataset):
        level = place.level
        for element in level:
            # PS3.5 7.8.1: creators stand in (gggg,0010-00FF); an element without one is told apart.
            if element.tag >> 16 & 1 and element.tag & 0xFFFF > 0xFF and level.creator(element.tag):
                count += place.many
                first = first or (level, element.tag)
    if first is not None:
        yield Problem(
            message=f"{count} private element{'s are' if count > 1 else ' is'} present although "
            "Patient Identity Removed is YES", level=first[0], tag=first[1],
            want="none, or the Retain Safe Private Option",
        )  # fmt: skip


def _places(dataset: Dataset) -> Iterator[Place]:
    """The levels; items that have the same elements are one place."""
    todo, left = [Place(dataset)], _MOST_LEVELS
    while todo and left:
        left -= 1
        place = todo.pop()
        yield place
        for element in place.level:
            # What is in a private sequence is private with it.
            if element.items is not None and not element.tag >> 16 & 1:
                todo += islice(map(place.within, element.items.groups()), left)


def _deidentified(dataset: Dataset) -> frozenset[str]:
    """The codes of the methods; raises NotApplicable unless the identity is said to be removed.

    Some write the codes as text into De-identification Method ("DCM:113100/113105"): that is said too.
    """
    if dataset.text(PatientIdentityRemoved) != "YES":
        raise NotApplicable
    coded = [
        item.text(CodeValue)
        for item in dataset.items(DeidentificationMethodCodeSequence)
        if item.text(CodingSchemeDesignator) == "DCM"
    ]
    written = [
        code
        for text in dataset.values(DeidentificationMethod)
        for code in _METHOD_CODE.findall(str(text)[:1024])
    ]
    return frozenset((*coded, *written))
