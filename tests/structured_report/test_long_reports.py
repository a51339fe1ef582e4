"""Reports of very many content items: items that are alike are read together, and each has its own values."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset
from support import slides
from support.reports import code, coded, content, measurements, number, planar_group, report

from dcmlint import Checker
from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.dicom.instance import read_instance
from dcmlint.facts.registry import Facts
from dcmlint.facts.report import template_conditions
from dcmlint.facts.report.content import ContentItem, content_items
from dcmlint.facts.report.template import template_issues
from dcmlint.standard.tags import TextValue

_COMPREHENSIVE = "1.2.840.10008.5.1.4.1.1.88.33"
_MANY = 600  # read together: more than tokens.MANY_ITEMS


def _items(made: Dataset) -> tuple[ContentItem, ...]:
    instance = read_instance(WholeBuffer(slides.to_bytes(made)))
    assert instance is not None
    return content_items(Facts(instance))


def _long(*more: Dataset) -> Dataset:
    texts = [content("CONTAINS", "TEXT", code("121071"), TextValue=f"text {at}") for at in range(_MANY)]
    return report(_COMPREHENSIVE, "", code("121060"), *texts, *more)


def test_items_that_are_alike_share_what_they_say_and_keep_their_values() -> None:
    items = _items(_long(coded("CONTAINS", code("121071"), code("4147007", "SCT"))))
    assert len(items) == _MANY + 2
    first, last = items[1], items[_MANY]
    assert first.like is last.like
    assert (first.concept, last.value_type, last.place) == (last.concept, "TEXT", _MANY)
    assert [item.dataset.text(TextValue) for item in (first, last)] == ["text 0", f"text {_MANY - 1}"]
    assert last.dataset.index == _MANY - 1
    kept = last.dataset
    assert [item.dataset.index for item in items[1:200]] == list(range(199))
    assert last.dataset is kept  # the same one as long as anybody holds it
    assert items[-1].value is not None
    assert items[-1].value.value == "4147007"


def test_items_below_items_that_are_alike_are_found_in_their_own() -> None:
    groups = [
        content("CONTAINS", "CONTAINER", code("121070"),
                content("CONTAINS", "TEXT", code("121071"), TextValue=f"text {at}"))
        for at in range(_MANY)
    ]  # fmt: skip
    items = _items(report(_COMPREHENSIVE, "", code("121060"), *groups))
    below = items[2::2]
    assert [item.dataset.text(TextValue) for item in below[:3]] == ["text 0", "text 1", "text 2"]
    assert below[-1].parent is items[-2]
    assert below[-1].dataset.text(TextValue) == f"text {_MANY - 1}"


def test_a_reference_leads_to_its_item_among_many() -> None:
    reference = Dataset()
    reference.RelationshipType, reference.ReferencedContentItemIdentifier = "INFERRED FROM", [1, 7]
    nowhere = Dataset()
    nowhere.RelationshipType, nowhere.ReferencedContentItemIdentifier = "INFERRED FROM", [1, 99_999]
    source = content("CONTAINS", "TEXT", code("121071"), reference, nowhere, TextValue="x")
    items = _items(_long(source))
    assert items[-2].target is items[7]
    assert items[-1].target is None


def test_a_defect_of_one_of_many_items_is_found_where_it_is() -> None:
    texts = [number("CONTAINS", code("121206"), str(at), "mm") for at in range(_MANY)]
    texts[234].MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue = "mmm"
    texts[300].MeasuredValueSequence[0].NumericValue = ["1", "2"]
    made = report(_COMPREHENSIVE, "", code("121060"), *texts)
    found = {
        (finding.rule, finding.path)
        for finding in Checker(select=["SR"]).check(slides.to_bytes(made)).findings
        if finding.severity != "info"
    }
    value = "ContentSequence[{}].MeasuredValueSequence[0]"
    assert found == {
        ("SR016", value.format(234) + ".MeasurementUnitsCodeSequence[0].CodeValue"),
        ("SR015", value.format(300) + ".NumericValue"),
    }


def test_a_template_is_held_against_many_groups_that_are_alike() -> None:
    groups = [planar_group()] * _MANY
    broken = planar_group()
    del broken.ContentSequence[[item.ValueType for item in broken.ContentSequence].index("SCOORD")]
    groups[400] = broken
    instance = read_instance(WholeBuffer(slides.to_bytes(measurements(*groups))))
    assert instance is not None
    (issue,) = template_issues(Facts(instance))
    assert "Image Region" in issue.message
    assert issue.level.index == 400


def test_a_condition_about_the_whole_document_looks_through_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[ContentItem] = []
    through = template_conditions._all
    monkeypatch.setattr(template_conditions, "_all", lambda root: looked.append(root) or through(root))
    specimen = content("HAS OBS CONTEXT", "UIDREF", code("121039"), UID="2.25.6")
    made = measurements(*([planar_group(specimen)] * 5))
    made.ContentSequence = [*made.ContentSequence, specimen]
    instance = read_instance(WholeBuffer(slides.to_bytes(made)))
    assert instance is not None
    issues = template_issues(Facts(instance))
    assert [issue.message for issue in issues] == ["HAS OBS CONTEXT CODE Subject Class is missing"]
    assert 1 <= len(looked) <= 2
