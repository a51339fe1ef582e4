"""Reports of ultrasound and breast imaging against their templates: whole ones are silent, each mutant is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from pydicom.dataset import Dataset, FileDataset
from support import slides, ultrasound_reports
from support.reports import code, coded, number

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.dicom.instance import read_instance
from dcmlint.facts.registry import Facts
from dcmlint.facts.report.template import TemplateUse

_WHOLE = {
    "5200": ultrasound_reports.echocardiography,
    "5100": ultrasound_reports.vascular,
    "5000": ultrasound_reports.obstetrics,
    "5220": ultrasound_reports.congenital,
    "4200": ultrasound_reports.breast,
}
# The items that each template requires of its document, by concept
_REQUIRED = {
    "5200": ("8277-6", "363698007", "125007", "29436-3", "273249006", "60797005", "18179-2"),
    "5100": ("363698007", "69105007", "11653-3"),
    "5000": ("125005", "11631-9", "11627-7", "130904", "130905", "130906"),
    "5220": ("121033", "121032", "8302-2", "29463-7", "363698007", "125007", "29436-3"),
    "4200": ("121049", "111412", "55114-3", "111509", "121058", "121071"),
}


def _use(made: FileDataset) -> TemplateUse:
    instance = read_instance(WholeBuffer(slides.to_bytes(made)))
    assert instance is not None
    use: TemplateUse = Facts(instance).group("template")
    return use


def _kinds(made: FileDataset) -> list[str]:
    return [issue.kind for issue in _use(made).issues]


def _all(level: Dataset) -> Iterator[tuple[Dataset, Dataset]]:
    for item in level.get("ContentSequence") or []:
        yield level, item
        yield from _all(item)


def _named(made: Dataset, value: str) -> tuple[Dataset, Dataset]:
    return next(pair for pair in _all(made) if pair[1].ConceptNameCodeSequence[0].CodeValue == value)


@pytest.mark.parametrize("template", _WHOLE)
def test_a_whole_document_is_silent_and_covered(template: str) -> None:
    use = _use(_WHOLE[template]())
    assert [issue.message for issue in use.issues] == []
    assert (use.covered, use.uncovered) == (True, ())


@pytest.mark.parametrize(
    ("template", "concept"), [(template, concept) for template, all_ in _REQUIRED.items() for concept in all_]
)
def test_each_required_item_is_missed(template: str, concept: str) -> None:
    made = _WHOLE[template]()
    level, item = _named(made, concept)
    level.ContentSequence = [one for one in level.ContentSequence if one is not item]
    if not level.ContentSequence:
        del level.ContentSequence
    assert set(_kinds(made)) == {"missing"}


def test_sections_named_by_the_codes_that_were_used_before_are_the_same_sections() -> None:
    made = ultrasound_reports.echocardiography(former=True)
    assert _kinds(made) == []
    _, group = _named(made, "125007")
    del group.ContentSequence[-1]
    assert _kinds(made) == ["missing"]


def _other_units(made: FileDataset) -> None:
    _, age = _named(made, "18185-9")
    age.MeasuredValueSequence[0].MeasurementUnitsCodeSequence = [code("cm", "UCUM")]


def _other_relationship(made: FileDataset) -> None:
    _, fetus = _named(made, "11951-1")
    fetus.RelationshipType = "HAS CONCEPT MOD"


def _other_type(made: FileDataset) -> None:
    level, age = _named(made, "18185-9")
    level.ContentSequence = [
        coded("CONTAINS", code("18185-9", "LN"), code("1", "99X")) if one is age else one
        for one in level.ContentSequence
    ]


def _twice(made: FileDataset) -> None:
    level, age = _named(made, "18185-9")
    level.ContentSequence = [*level.ContentSequence, age]


@pytest.mark.parametrize(
    ("mutate", "kinds"),
    [
        (_other_units, ["units"]),
        (_other_relationship, ["form"]),
        (_other_type, ["form"]),
        (_twice, ["repeated"]),
    ],
)
def test_each_mutant_of_an_obstetric_report_gives_one_issue(
    mutate: Callable[[FileDataset], None], kinds: list[str]
) -> None:
    made = ultrasound_reports.obstetrics()
    mutate(made)
    assert _kinds(made) == kinds


def test_follicles_are_counted_by_diameter_or_by_volume() -> None:
    made = ultrasound_reports.obstetrics()
    _, group = _named(made, "130901")
    group.ContentSequence = [
        number("CONTAINS", code("130902"), "2", "mm"),
        number("CONTAINS", code("130903"), "9", "mm"),
        number("CONTAINS", code("130906"), "3", "1"),
    ]
    assert _kinds(made) == []
    del group.ContentSequence[0]
    assert _kinds(made) == ["missing"]


def test_a_section_that_two_templates_have_is_of_that_which_knows_its_items() -> None:
    made = ultrasound_reports.vascular()
    section = made.ContentSequence[-1]
    graft = (
        coded("HAS CONCEPT MOD", code(name, "SCT"), code("7657000", "SCT"))
        for name in ("128949003", "128948006")
    )
    section.ContentSequence[0].ConceptCodeSequence = [code("312288001", "SCT")]
    section.ContentSequence = [
        *section.ContentSequence[:2],
        *graft,
        number("CONTAINS", code("11653-3", "LN"), "9", "cm/s"),
    ]
    assert _kinds(made) == []
    section.ContentSequence = [one for at, one in enumerate(section.ContentSequence) if at != 2]
    assert _kinds(made) == ["missing"]


def test_the_assessment_of_a_breast_report_has_its_category() -> None:
    made = ultrasound_reports.breast()
    del made.ContentSequence[-1].ContentSequence[-1].ContentSequence
    assert _kinds(made) == ["missing"]


def test_a_section_of_another_site_is_not_held_to_the_rows_of_this_one() -> None:
    made = ultrasound_reports.obstetrics()
    _, index = _named(made, "11627-7")
    section = next(level for level, item in _all(made) if item is index)
    section.ContentSequence[0].ConceptCodeSequence = [code("41216001", "SCT")]
    section.ContentSequence = section.ContentSequence[:1]
    assert _kinds(made) == []
