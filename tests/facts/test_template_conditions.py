"""Conditions of templates: read from XPath, and decided on a content tree."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset
from support import general, slides

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.dicom.instance import read_instance
from dcmlint.facts.registry import Facts
from dcmlint.facts.report.content import content_items
from dcmlint.facts.report.template_conditions import holds
from dcmlint.standard.build.template_conditions import read_condition


def _code(value: str, scheme: str = "DCM") -> list[Dataset]:
    made = Dataset()
    made.CodeValue, made.CodingSchemeDesignator, made.CodeMeaning = value, scheme, "x"
    return [made]


def _item(kind: str, concept: str, value: str = "") -> Dataset:
    made = Dataset()
    made.RelationshipType, made.ValueType, made.ConceptNameCodeSequence = "CONTAINS", kind, _code(concept)
    if value:
        made.ConceptCodeSequence = _code(value)
    return made


def _number(concept: str, number: str) -> Dataset:
    made = _item("NUM", concept)
    measured = Dataset()
    measured.NumericValue, measured.MeasurementUnitsCodeSequence = number, _code("mm", "UCUM")
    made.MeasuredValueSequence = [measured]
    return made


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("count(code[concept/@cv='1' and concept/@csd='DCM']) > 0", True),
        ("count(code[concept/@cv='1' and concept/@csd='SCT']) > 0", False),
        ("count(image) = 0", True),
        ("count(image) = 0 and count(code) = 0", False),
        ("count(image) > 0 or count(num) = 2", True),
        ("count(code[concept/@cv='1' and not (value/@cv='2' and value/@csd='DCM')]) > 0", False),
        ("count(code[concept/@cv='1' and (value/@cv!='2' or value/@csd!='DCM')]) > 0", False),
        ("code[value/@cv='2']", True),
        ("count(//text[concept/@cv='9']) = 1", True),
        ("count(code/text[concept/@cv='9']) = 1", True),
        ("count(text) = 0", True),
        ("number(num[concept/@cv='3']/value) > number(num[concept/@cv='4']/value)", True),
        ("number(num[concept/@cv='4']/value) > number(num[concept/@cv='3']/value)", False),
        ("number(num[concept/@cv='4']/value) > number(num[concept/@cv='5']/value)", None),
        ("count(../code) = 1", False),
        ("count(code[@relationship='CONTAINS']) = 1", True),
    ],
)
def test_conditions_are_decided(condition: str, expected: bool | None) -> None:
    made = general.basic_sr()
    code = _item("CODE", "1", "2")
    code.ContentSequence = [_item("TEXT", "9")]
    made.ContentSequence = [code, _number("3", "5"), _number("4", "4.5")]
    instance = read_instance(WholeBuffer(slides.to_bytes(made)))
    assert instance is not None
    tree = read_condition(condition)
    assert tree is not None
    assert holds(tree, content_items(Facts(instance))[0]) is expected


@pytest.mark.parametrize(
    "condition", ["", "count(image) ~ 0", "(value/@cv='1')", "count(/a//image) > 0", "count(image) >"]
)
def test_what_is_not_understood_is_not_read(condition: str) -> None:
    assert read_condition(condition) is None
