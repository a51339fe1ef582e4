"""One defect of a content tree is one finding, by the rule whose matter it is."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
from pydicom.dataset import Dataset, FileDataset
from support import slides
from support.reports import (
    by_reference,
    code,
    coded,
    content,
    ct_dose,
    measurements,
    number,
    planar_group,
    report,
)  # fmt: skip

from dcmlint import Checker

C3D = "1.2.840.10008.5.1.4.1.1.88.34"


@cache
def _checker() -> Checker:
    return Checker("dicom")


def _told(made: FileDataset) -> list[tuple[str, str]]:
    """Rule and path of the errors and warnings about content and codes."""
    found = _checker().check(slides.to_bytes(made)).findings
    return [
        (one.rule, one.path)
        for one in found
        if one.severity != "info" and one.rule[:2] in ("SR", "CO", "EL", "MO")
    ]


def _text(*below: Dataset) -> Dataset:
    return content("CONTAINS", "TEXT", code("121071", meaning="Finding"), *below, TextValue="x")


def _free(*below: Dataset) -> FileDataset:
    made = report(C3D, "1", code("121111", meaning="Summary"), *below)
    del made.ContentTemplateSequence
    return made


def _scoord(kind: str, *values: float) -> Dataset:
    return content(
        "CONTAINS", "SCOORD3D", code("111030", meaning="Image Region"), GraphicType=kind, GraphicData=list(values),
        ReferencedFrameOfReferenceUID="2.25.5",
    )  # fmt: skip


def _waveform(units: Dataset) -> FileDataset:
    made = _free()
    channel, group = Dataset(), Dataset()
    channel.ChannelSensitivityUnitsSequence = [units]
    group.ChannelDefinitionSequence = [channel]
    made.WaveformSequence = [group]
    return made


def test_references_that_lead_back_are_a_loop_told_once() -> None:
    made = _free(_text(by_reference("INFERRED FROM", 1, 2)), _text(by_reference("INFERRED FROM", 1, 1)))
    assert _told(made) == [("SR005", "ContentSequence[1].ContentSequence[0].ReferencedContentItemIdentifier")]


def test_a_reference_to_what_itself_refers_to_a_third_item_is_no_loop() -> None:
    made = _free(
        _text(by_reference("INFERRED FROM", 1, 2)), _text(by_reference("INFERRED FROM", 1, 3)), _text()
    )
    assert _told(made) == []


@pytest.mark.parametrize(
    ("kind", "values", "rule"),
    [("POLYGON", (0, 0, 0, 4, 0, 0, 4, 4, 0), "SR007"), ("POLYGON", (0, 0, 0, 4, 0, 0, 4, 4, 0, 0, 4, 0), "SR008"),
     ("ELLIPSOID", (0, 0, 0, 4, 0, 0, 2, -1, 0, 2, 1, 0, 2, 1, 0, 2, -1, 0), "SR019")],
)  # fmt: skip
def test_graphics_are_told_once(kind: str, values: tuple[float, ...], rule: str) -> None:
    assert [one for one, _ in _told(_free(_scoord(kind, *map(float, values))))] == [rule]


def _no_source(made: FileDataset) -> None:
    region = made.ContentSequence[4].ContentSequence[0].ContentSequence[2]
    del region.ContentSequence


def _other_digit(made: FileDataset) -> None:
    made.ContentSequence[1].ConceptCodeSequence[0].CodeValue = "9121006"


def _a_text_as_root(made: FileDataset) -> None:
    made.ValueType = "TEXT"


def _template_of_a_text(made: FileDataset) -> None:
    made.ContentSequence[2].ContentTemplateSequence = made.ContentTemplateSequence


def _a_region_called_text(made: FileDataset) -> None:
    made.ContentSequence[4].ContentSequence[0].ContentSequence[2].ValueType = "TEXT"


def _a_length_called_code(made: FileDataset) -> None:
    made.ContentSequence[4].ContentSequence[0].ContentSequence[4].ValueType = "CODE"


def _a_code_without_scheme(made: FileDataset) -> None:
    site = made.ContentSequence[4].ContentSequence[0].ContentSequence[3]
    del site.ContentSequence[0].ConceptCodeSequence[0].CodingSchemeDesignator


def _a_code_that_is_too_long(made: FileDataset) -> None:
    site = made.ContentSequence[4].ContentSequence[0].ContentSequence[3]
    site.ContentSequence[0].ConceptCodeSequence[0].CodeValue = "1234567890123456789"


def _failed_but_measured(made: FileDataset) -> None:
    length = made.ContentSequence[4].ContentSequence[0].ContentSequence[4]
    length.NumericValueQualifierCodeSequence = [code("114006", meaning="Measurement failure")]


def _no_such_template(made: FileDataset) -> None:
    made.ContentTemplateSequence[0].TemplateIdentifier = "150000"


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (_a_region_called_text, "SR017"),
        (_a_length_called_code, "SR017"),
        (_a_code_without_scheme, "MOD004"),
        (_failed_but_measured, "SR015"),
        (_no_such_template, "SR109"),
        (_no_source, "SR101"),
        (_other_digit, "SR105"),
        (_a_text_as_root, "SR006"),
        (_template_of_a_text, "SR017"),
    ],
)
def test_one_defect_of_a_measurement_report_is_one_finding(
    change: Callable[[FileDataset], None], rule: str
) -> None:
    made = measurements(planar_group())
    before = _told(made)
    change(made)
    assert [one for one, _ in set(_told(made)) - set(before)] == [rule]


def test_a_value_of_another_type_beside_its_own_is_reported_where_it_stands() -> None:
    text = _text()
    text.MeasuredValueSequence = [Dataset()]
    (rule, path), *_ = _told(_free(text))
    assert (rule, path) == ("SR017", "ContentSequence[0].MeasuredValueSequence")


def _with_evidence(sop_class: str, *items: Dataset) -> FileDataset:
    made = _free(*items)
    made.CurrentRequestedProcedureEvidenceSequence = [Dataset()]
    made.CurrentRequestedProcedureEvidenceSequence[0].StudyInstanceUID = "2.25.1"
    series = Dataset()
    series.SeriesInstanceUID = "2.25.2"
    series.ReferencedSOPSequence = [_reference(sop_class)]
    made.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence = [series]
    return made


def _reference(sop_class: str, uid: str = "2.25.17") -> Dataset:
    made = Dataset()
    made.ReferencedSOPClassUID, made.ReferencedSOPInstanceUID = sop_class, uid
    return made


def _image(sop_class: str, uid: str = "2.25.17") -> Dataset:
    return content("CONTAINS", "IMAGE", None, ReferencedSOPSequence=[_reference(sop_class, uid)])


CT, DOCUMENT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.88.11"


def test_an_image_of_two_classes_is_reported_for_that_alone() -> None:
    assert [rule for rule, _ in _told(_with_evidence(CT, _image(DOCUMENT)))] == ["SR012"]
    assert [rule for rule, _ in _told(_with_evidence(DOCUMENT, _image(DOCUMENT)))] == ["SR014"]


def test_an_instance_without_evidence_is_one_finding_however_often_it_is_referenced() -> None:
    made = _with_evidence(CT, _image(CT), _image(CT, "2.25.18"), _image(CT, "2.25.18"))
    assert _told(made) == [("SR001", "ContentSequence[1].ReferencedSOPSequence[0].ReferencedSOPInstanceUID")]
    made.CurrentRequestedProcedureEvidenceSequence = []
    assert [rule for rule, _ in _told(made)] == ["MOD005"]


@pytest.mark.parametrize(("units", "told"), [("{X-Ray sources}", []), ("10^6/l", []), ("mmHg", ["SR016"])])
def test_units(units: str, told: list[str]) -> None:
    made = _free(number("CONTAINS", code("99", "99X"), "1", units))
    assert [rule for rule, _ in _told(made)] == told


def test_what_the_iod_forbids_is_not_reported_as_an_extension_of_the_template() -> None:
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = (
        "1.2.840.10008.5.1.4.1.1.2",
        "2.25.17",
    )
    image = content("CONTAINS", "IMAGE", None, ReferencedSOPSequence=[reference])
    key = "1.2.840.10008.5.1.4.1.1.88.59"
    before = _told(report(key, "2010", code("113000", meaning="Of Interest"), image))
    made = report(
        key, "2010", code("113000", meaning="Of Interest"), image,
        number("CONTAINS", code("410668003", "SCT", "Length"), "1", "mm"),
    )  # fmt: skip
    assert [rule for rule, _ in set(_told(made)) - set(before)] == ["SR002"]


def test_evidence_that_lacks_its_series_is_one_finding() -> None:
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = (
        "1.2.840.10008.5.1.4.1.1.2",
        "2.25.1",
    )
    made = _free(content("CONTAINS", "IMAGE", None, ReferencedSOPSequence=[reference]))
    made.CurrentRequestedProcedureEvidenceSequence = [Dataset()]
    made.CurrentRequestedProcedureEvidenceSequence[0].StudyInstanceUID = "2.25.3"
    assert _told(made) == [
        ("MOD001", "CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence")
    ]


@pytest.mark.parametrize(("units", "wrong"), [("uV", False), ("microvolts", True)])
def test_units_of_waveform_channels_are_codes_of_ucum(units: str, wrong: bool) -> None:
    made = _waveform(code(units, "UCUM"))
    path = "WaveformSequence[0].ChannelDefinitionSequence[0].ChannelSensitivityUnitsSequence[0].CodeValue"
    assert (("SR016", path) in _told(made)) is wrong


@pytest.mark.parametrize(("language", "found"), [("en-US", ["COD001"]), ("de", [])])
def test_meanings_of_a_document_in_another_language_are_not_those_of_other_codes(
    language: str, found: list[str]
) -> None:
    name = code("121049", meaning="Language of Content Item and Descendants")
    spoken = coded("HAS CONCEPT MOD", name, code(language, "RFC5646", "x"))
    text = content("CONTAINS", "TEXT", code("121071", meaning="Hand"), TextValue="x")
    assert [rule for rule, _ in _told(_free(spoken, text))] == found


def _observed(*context: Dataset) -> FileDataset:
    made = measurements(planar_group())
    made.ContentSequence = [*made.ContentSequence[:1], *context, *made.ContentSequence[3:]]
    return made


def test_each_observer_is_one_finding_of_its_type_or_its_template() -> None:
    device, person = (
        coded("HAS OBS CONTEXT", code("121005", meaning="Observer Type"), code(value, meaning=meaning))
        for value, meaning in (("121007", "Device"), ("121006", "Person"))
    )
    name = content(
        "HAS OBS CONTEXT", "PNAME", code("121008", meaning="Person Observer Name"), PersonName="Doe"
    )
    uid = content("HAS OBS CONTEXT", "UIDREF", code("121012", meaning="Device Observer UID"), UID="2.25.9")
    known = {rule for rule, _ in _told(_observed(person, name, device, uid))}
    for context, rule in (
        ((uid,), "SR034"),
        ((person, name, uid), "SR034"),
        ((device, uid, device), "SR034"),
        ((person, uid), "SR101"),
        ((device, name), "SR101"),
    ):
        found = [one for one, _ in _told(_observed(*context)) if one not in known]
        assert found == [rule]
    assert not {"SR034", "SR101"} & known


def test_a_container_of_another_value_type_is_one_finding() -> None:
    made = measurements(planar_group())
    level = made.ContentSequence[-1]
    level.ValueType, level.ConceptCodeSequence = "CODE", [code("121071", meaning="Finding")]
    del level.ContinuityOfContent
    known = {rule for rule, _ in _told(measurements(planar_group()))}
    assert [rule for rule, _ in _told(made) if rule not in known] == ["SR103"]


def test_an_observer_type_of_another_form_is_one_finding() -> None:
    for change in ("relationship", "value"):
        made = ct_dose()
        observer = next(
            one for one in made.ContentSequence if one.ConceptNameCodeSequence[0].CodeValue == "121005"
        )
        if change == "relationship":
            observer.RelationshipType = "CONTAINS"
        else:
            observer.ConceptCodeSequence = [code("121071", meaning="Finding")]
        assert len(_told(made)) == 1
