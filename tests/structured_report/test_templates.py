"""Documents against their templates: whole ones are silent, each mutant gives its one finding."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from pydicom.dataset import Dataset, FileDataset
from support import slides
from support.reports import (
    code,
    coded,
    content,
    ct_dose,
    mammography_cad,
    measurements,
    number,
    planar_group,
    radiopharmaceutical_dose,
    report,
)  # fmt: skip

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.dicom.instance import read_instance
from dcmlint.facts.registry import Facts
from dcmlint.facts.report.template import TemplateUse, template_issues
from dcmlint.facts.report.template_match import Issue


def _issues(made: FileDataset) -> tuple[Issue, ...]:
    instance = read_instance(WholeBuffer(slides.to_bytes(made)))
    assert instance is not None
    return template_issues(Facts(instance))


def _use(made: FileDataset) -> TemplateUse:
    instance = read_instance(WholeBuffer(slides.to_bytes(made)))
    assert instance is not None
    use: TemplateUse = Facts(instance).group("template")
    return use


def _all(level: Dataset) -> Iterator[tuple[Dataset, int]]:
    for place, item in enumerate(level.get("ContentSequence") or []):
        yield level, place
        yield from _all(item)


def _named(made: Dataset, value: str) -> tuple[Dataset, int]:
    """The parent and the place of the first item with a concept."""
    return next(
        (level, place) for level, place in _all(made)
        if "ConceptNameCodeSequence" in level.ContentSequence[place]
        and level.ContentSequence[place].ConceptNameCodeSequence[0].CodeValue == value
    )  # fmt: skip


def test_whole_documents_are_silent_and_covered() -> None:
    for made in (ct_dose(), measurements(planar_group()), measurements(planar_group(template=""))):
        assert _issues(made) == ()
        assert _use(made).covered


# PS3.16 TID 10011 to 10014: the rows of requirement M and those whose condition holds
_REQUIRED_DOSE = (
    "121058", "363703001", "121012", "113809", "113810", "113705", "110180", "113811", "113812", "113813", "123014",
    "113820", "113769", "113822", "113824", "113825", "113826", "113827", "113828", "113823", "113831", "113832",
    "113733", "113833", "113734", "113834", "113829", "113830", "113835", "113838", "113854", "113819",
)  # fmt: skip


@pytest.mark.parametrize("concept", _REQUIRED_DOSE)
def test_each_required_item_of_a_dose_report_is_missed(concept: str) -> None:
    made = ct_dose()
    level, place = _named(made, concept)
    del level.ContentSequence[place]
    if not level.ContentSequence:
        del level.ContentSequence
    found = _issues(made)
    assert [issue.kind for issue in found] == ["missing"]


def test_the_pitch_of_a_stationary_acquisition_is_not_required() -> None:
    made = ct_dose()
    level, place = _named(made, "113820")
    level.ContentSequence[place].ConceptCodeSequence = [code("113806")]
    level, place = _named(made, "113828")
    del level.ContentSequence[place]
    assert _issues(made) == ()


# PS3.16 TID 10021 and 10022: the rows of requirement M, and the site of an intravenous injection
_REQUIRED_INJECTION = (
    "363589002", "363703001", "113502", "349358000", "89457008", "304283002", "113503", "123003", "113507",
    "410675002", "272737002",
)  # fmt: skip


def test_a_radiopharmaceutical_dose_report_is_silent_and_covered() -> None:
    assert _issues(radiopharmaceutical_dose()) == ()
    assert _use(radiopharmaceutical_dose()).covered


@pytest.mark.parametrize("concept", _REQUIRED_INJECTION)
def test_each_required_item_of_a_radiopharmaceutical_dose_report_is_missed(concept: str) -> None:
    made = radiopharmaceutical_dose()
    level, place = _named(made, concept)
    del level.ContentSequence[place]
    if not level.ContentSequence:
        del level.ContentSequence
    assert [issue.kind for issue in _issues(made)] == ["missing"]


def test_a_region_is_selected_from_one_image() -> None:
    made = measurements(planar_group())
    level, place = _named(made, "111030")
    region = level.ContentSequence[place]
    region.ContentSequence = [*region.ContentSequence, region.ContentSequence[0]]
    assert [issue.kind for issue in _issues(made)] == ["repeated"]


def test_what_is_included_stands_by_contains() -> None:
    made = ct_dose()
    level, place = _named(made, "113819")
    level.ContentSequence[place].RelationshipType = "HAS OBS CONTEXT"
    assert [issue.kind for issue in _issues(made)] == ["form"]


def test_observation_context_is_checked_in_documents_of_other_templates() -> None:
    observer = content("HAS OBS CONTEXT", "PNAME", code("121008"), PersonName="Doe^Jane")
    person = coded("HAS OBS CONTEXT", code("121005"), code("121006"))
    made = report("1.2.840.10008.5.1.4.1.1.88.33", "5200", code("125200"), person, observer)
    assert _issues(made) == ()
    made.ContentSequence[0].ConceptCodeSequence = [code("121025")]
    made.ContentSequence[1] = content("HAS OBS CONTEXT", "TEXT", code("121008"), TextValue="Doe^Jane")
    assert [issue.kind for issue in _issues(made)] == ["group", "form"]


def _other_units(made: FileDataset) -> None:
    level, place = _named(made, "113733")
    level.ContentSequence[place].MeasuredValueSequence[0].MeasurementUnitsCodeSequence = [code("mm", "UCUM")]


def _twice(made: FileDataset) -> None:
    level, place = _named(made, "113769")
    level.ContentSequence.append(level.ContentSequence[place])


def _other_relationship(made: FileDataset) -> None:
    level, place = _named(made, "113809")
    level.ContentSequence[place].RelationshipType = "CONTAINS"


def _other_value_type(made: FileDataset) -> None:
    level, place = _named(made, "113769")
    level.ContentSequence[place] = content("CONTAINS", "TEXT", code("113769"), TextValue="1.2.3")


def _other_title(made: FileDataset) -> None:
    made.ConceptNameCodeSequence = [code("121055")]


@pytest.mark.parametrize(
    ("mutate", "kind"),
    [
        (_other_units, "units"),
        (_twice, "repeated"),
        (_other_relationship, "form"),
        (_other_value_type, "form"),
        (_other_title, "title"),
    ],
)
def test_each_mutant_of_a_dose_report_gives_one_issue(
    mutate: Callable[[FileDataset], None], kind: str
) -> None:
    made = ct_dose()
    mutate(made)
    assert [issue.kind for issue in _issues(made)] == [kind]


def test_a_region_without_coordinates_is_one_issue_that_names_the_alternatives() -> None:
    made = measurements(planar_group())
    level, place = _named(made, "111030")
    del level.ContentSequence[place]
    (found,) = _issues(made)
    assert found.kind == "missing"
    assert "SCOORD Image Region" in found.message
    assert "Referenced Segmentation Frame" in found.message


def test_without_a_declared_template_only_what_is_wrong_in_all_counts() -> None:
    made = measurements(planar_group(template=""))
    level, place = _named(made, "111030")
    del level.ContentSequence[place]
    assert _issues(made) == ()  # a measurement group of TID 1501 needs no region
    level, place = _named(made, "272741003")
    level.ContentSequence[place].ConceptCodeSequence = [code("261183002", "SCT")]
    assert [issue.kind for issue in _issues(made)] == ["group"]


def test_a_group_that_declares_its_template_has_its_concept() -> None:
    group = planar_group()
    group.ConceptNameCodeSequence = [code("121055")]
    assert [issue.kind for issue in _issues(measurements(group))] == ["title"]


def test_more_items_are_welcome_in_an_extensible_template() -> None:
    more = content("CONTAINS", "TEXT", code("121106"), TextValue="seen")
    other = number("CONTAINS", code("1234", "99LAB"), "3", "1")
    assert _issues(measurements(planar_group(more, other))) == ()


def test_a_part_with_a_foreign_template_is_named_as_not_covered() -> None:
    group = planar_group(template="9999")
    group.ContentSequence[2].RelationshipType = "HAS PROPERTIES"
    made = measurements(group)
    assert _issues(made) == ()
    assert _use(made).uncovered == ("9999",)


def test_retired_codes_are_the_same_codes() -> None:
    made = measurements(planar_group())
    level, place = _named(made, "363698007")
    level.ContentSequence[place].ConceptNameCodeSequence = [code("G-C0E3", "SRT")]
    below, first = _named(made, "272741003")
    below.ContentSequence[first] = coded("HAS CONCEPT MOD", code("G-C171", "SRT"), code("G-A101", "SRT"))
    assert _issues(made) == ()


def test_a_deep_and_a_cyclic_document_ends() -> None:
    made = measurements(planar_group())
    level: Dataset = made
    for _ in range(40):
        item = content("CONTAINS", "CONTAINER", code("125007"))
        level.ContentSequence = [*(level.get("ContentSequence") or []), item]
        level = level.ContentSequence[-1]
    reference = Dataset()
    reference.RelationshipType, reference.ReferencedContentItemIdentifier = "CONTAINS", [1]
    level.ContentSequence = [reference]
    assert isinstance(_issues(made), tuple)


def test_a_diagnostic_report_names_its_language() -> None:
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = (
        "1.2.840.10008.5.1.4.1.1.2",
        "2.25.1",
    )
    section = content(
        "CONTAINS", "CONTAINER", code("121070"),
        content("CONTAINS", "TEXT", code("121071"),
                content("INFERRED FROM", "IMAGE", code("121112"), ReferencedSOPSequence=[reference]), TextValue="x"),
        coded("CONTAINS", code("121071"), code("4147007", "SCT")),
    )  # fmt: skip
    made = report(
        "1.2.840.10008.5.1.4.1.1.88.11", "2000", code("18748-4", "LN"),
        coded("HAS CONCEPT MOD", code("121049"), code("en-US", "RFC5646")),
        coded("HAS OBS CONTEXT", code("121005"), code("121006")),
        content("HAS OBS CONTEXT", "PNAME", code("121008"), PersonName="Doe^Jane"), section,
    )  # fmt: skip
    assert _issues(made) == ()
    del made.ContentSequence[0]
    assert [issue.kind for issue in _issues(made)] == ["missing"]


# PS3.16 TID 4000 to 4023: the rows of requirement M, and those whose condition holds
_REQUIRED_CAD = (
    "121049", "111028", "111017", "111056", "111001", "111003", "111010", "111064", "111063", "111022", "111065",
)  # fmt: skip


def test_a_mammography_cad_report_is_silent_and_covered() -> None:
    assert _issues(mammography_cad()) == ()
    assert _use(mammography_cad()).covered


@pytest.mark.parametrize("concept", _REQUIRED_CAD)
def test_each_required_item_of_a_cad_report_is_missed(concept: str) -> None:
    made = mammography_cad()
    level, place = _named(made, concept)
    del level.ContentSequence[place]
    if not level.ContentSequence:
        del level.ContentSequence
    # More is wrong where references to items behind it point elsewhere then.
    assert "missing" in {issue.kind for issue in _issues(made)}


def test_a_condition_on_a_code_is_about_the_item_that_the_row_stands_below() -> None:
    made = mammography_cad()
    level, place = _named(made, "111065")
    # Analyses failed: their container is required; detections still have none of failures.
    level.ContentSequence[place].ConceptCodeSequence = [code("111224")]
    (issue,) = _issues(made)
    assert (issue.kind, "Failed" in issue.message) == ("missing", True)


@pytest.mark.parametrize("root", ["", "3001"])
def test_a_part_that_declares_a_template_is_held_against_it_where_the_document_is_not(root: str) -> None:
    section = content("CONTAINS", "CONTAINER", code("121070"), planar_group())
    made = report("1.2.840.10008.5.1.4.1.1.88.34", root, code("125200"), section)
    assert _issues(made) == ()
    use = _use(made)
    assert (use.covered, use.parts) == (False, ("1410",))
    level, place = _named(made, "111030")
    del level.ContentSequence[place]
    assert [issue.kind for issue in _issues(made)] == ["missing"]


def test_a_part_below_one_of_a_foreign_template_is_held_against_its_own() -> None:
    inner = planar_group()
    del inner.ContentSequence[[item.ValueType for item in inner.ContentSequence].index("SCOORD")]
    outer = content("CONTAINS", "CONTAINER", code("125007"), inner)
    outer.ContentTemplateSequence = [Dataset()]
    outer.ContentTemplateSequence[0].MappingResource = "99ACME"
    outer.ContentTemplateSequence[0].TemplateIdentifier = "7"
    assert [issue.kind for issue in _issues(measurements(outer))] == ["missing"]


def test_the_class_settles_the_template_of_a_mammography_cad_report() -> None:
    made = mammography_cad()
    del made.ContentTemplateSequence
    assert _use(made).covered
    del made.ContentSequence[0]
    assert "missing" in {issue.kind for issue in _issues(made)}


def _subject(*context: Dataset) -> FileDataset:
    made = measurements(planar_group())
    made.ContentSequence = [*made.ContentSequence[:3], *context, *made.ContentSequence[3:]]
    return made


def test_the_subject_has_an_identifier_as_text_and_a_date_of_birth() -> None:
    name = content("HAS OBS CONTEXT", "PNAME", code("121029"), PersonName="Doe")
    identifier = content("HAS OBS CONTEXT", "TEXT", code("121030"), TextValue="1")
    born = content("HAS OBS CONTEXT", "DATE", code("121031"), Date="19700101")
    assert _issues(_subject(name, identifier, born)) == ()
    as_text = content("HAS OBS CONTEXT", "TEXT", code("121031"), TextValue="1970")
    assert [(one.kind, one.row) for one in _issues(_subject(name, identifier, as_text))] == [
        ("form", "TID 1007 row 4")
    ]


@pytest.mark.parametrize(("units", "wrong"), [("mg/dl", False), ("mg/dL", False), ("mmol/l", True)])
def test_the_liter_has_two_letters(units: str, wrong: bool) -> None:
    made = radiopharmaceutical_dose()
    characteristics = content(
        "CONTAINS", "CONTAINER", code("121118"), number("CONTAINS", code("2160-0", "LN"), "1", units)
    )
    made.ContentSequence.append(characteristics)
    assert [one.kind for one in _issues(made)] == (["units"] if wrong else [])


def _device(*more: Dataset) -> tuple[Dataset, ...]:
    return (
        coded("HAS OBS CONTEXT", code("121005"), code("121007")),
        content("HAS OBS CONTEXT", "UIDREF", code("121012"), UID="2.25.9"),
        content("HAS OBS CONTEXT", "TEXT", code("121013"), TextValue="scanner"),
        *more,
    )


def test_each_of_several_observers_has_one_name() -> None:
    name = content("HAS OBS CONTEXT", "TEXT", code("121013"), TextValue="console")
    assert _issues(_subject(*_device(), *_device())) == ()
    for one in (_subject(*_device(name)), _subject(*_device(), *_device(name))):
        assert [(issue.kind, issue.row) for issue in _issues(one)] == [("repeated", "TID 1004 row 2")]


@pytest.mark.parametrize(("times", "kinds"), [(0, []), (1, ["missing"]), (2, [])])
def test_what_occurs_at_least_twice_does_not_occur_once(times: int, kinds: list[str]) -> None:
    made = ct_dose()
    level, place = _named(made, "113811")
    for _ in range(times):
        part = number(
            "CONTAINS",
            code("130745"),
            "20",
            "mGy.cm",
            coded("HAS PROPERTIES", code("113835"), code("113691")),
        )
        level.ContentSequence[place].ContentSequence.append(part)
    assert [one.kind for one in _issues(made)] == kinds
