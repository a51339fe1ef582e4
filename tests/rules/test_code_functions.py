"""Codes of optical paths and specimens: context groups, meanings, retired designators."""

from __future__ import annotations

from typing import Any

import pytest
from support import slides
from support.modules import code, item

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.dicom.instance import read_instance
from dcmlint.expr import compile_expression
from dcmlint.facts.registry import Facts
from dcmlint.rules.builtin_functions.header.codes import code_items
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, function_named
from dcmlint.rules.names import RULE_NAMES
from dcmlint.rules.scope import DatasetScope


def context_of(made: Any) -> RuleContext:
    instance = read_instance(WholeBuffer(slides.to_bytes(made)))
    assert instance is not None
    return RuleContext(instance, Facts(instance))


def problems(name: str, made: Any, **parameters: Any) -> list[Problem]:
    function = function_named(name)
    assert function is not None
    return list(function(context_of(made), **parameters))


def meaning(words: str) -> list[Problem]:
    made = slides.full_jpeg()
    made.OpticalPathSequence[0].IlluminationTypeCodeSequence[0].CodeMeaning = words
    return problems("code-meanings", made)


@pytest.mark.parametrize(
    "words",
    ["Brightfield illumination", "brightfield ILLUMINATION", "Bright-field", "Bright field", "Brightfield microscopy",
     "éclairage", "BI"],
)  # fmt: skip
def test_synonyms_and_translations_pass(words: str) -> None:
    assert meaning(words) == []


@pytest.mark.parametrize("words", ["Wrong", "Darkfield illumination", "Tissue section"])
def test_other_meanings_do_not(words: str) -> None:
    (found,) = meaning(words)
    assert found.want == "Brightfield illumination"


def test_codes_of_all_optical_paths_and_specimens_are_looked_at() -> None:
    found = {
        (one.text(0x00080100), one.text(0x00080102))
        for one in code_items(context_of(slides.full_jpeg()).dataset)
    }
    assert {("111744", "DCM"), ("433466003", "SCT"), ("311731000", "SCT"), ("127790008", "SCT")} <= found


@pytest.mark.parametrize("scheme", ["SRT", "SNM3", "99SDM"])
def test_retired_designators(scheme: str) -> None:
    made = slides.full_jpeg()
    made.OpticalPathSequence[0].LensesCodeSequence = [code(("A-00118", scheme, "Microscope lens"))]
    (found,) = problems("retired-coding-schemes", made)
    assert found.found == scheme
    # and what is retired is not told a second time for its value
    with pytest.raises(NotApplicable):
        problems("codes-in-context-group", made, codes={"LensesCodeSequence": "8121"})


def test_nothing_coded() -> None:
    made = slides.full_jpeg()
    for keyword in ("OpticalPathSequence", "SpecimenDescriptionSequence", "ContainerTypeCodeSequence"):
        delattr(made, keyword)
    for name in ("code-meanings", "retired-coding-schemes"):
        with pytest.raises(NotApplicable):
            problems(name, made)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("in_context_group(OpticalPathSequence[0].IlluminationTypeCodeSequence[0], 8123)", True),
        ("in_context_group(OpticalPathSequence[0].IlluminationTypeCodeSequence[0], 8122)", False),
        ('in_context_group("111744", "DCM", 8123)', True),
        ('in_context_group("111744", "SCT", 8123)', False),
        ('code_meaning("111744", "DCM", 8123)', "Brightfield illumination"),
    ],
)
def test_functions_of_the_language(text: str, wanted: object) -> None:
    scope = DatasetScope(context_of(slides.full_jpeg()).dataset)
    assert compile_expression(text, RULE_NAMES)(scope, {}) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "in_context_group(OpticalPathSequence[0], 8123)",
        "in_context_group(OpticalPathSequence[7], 8123)",
        'in_context_group("111744", "DCM", 99999)',
        'code_meaning("1", "DCM", 8123)',
    ],
)
def test_what_has_no_code_is_missing(text: str) -> None:
    scope = DatasetScope(context_of(slides.full_jpeg()).dataset)
    found = compile_expression(text, RULE_NAMES)(scope, {})
    assert type(found).__name__ == "Missing"


def test_long_and_urn_codes() -> None:
    made = slides.full_jpeg()
    made.OpticalPathSequence[0].LensesCodeSequence = [
        item(LongCodeValue="4456210010000000000", CodingSchemeDesignator="SCT", CodeMeaning="Lens")
    ]
    scope = DatasetScope(context_of(made).dataset)
    text = "in_context_group(OpticalPathSequence[0].LensesCodeSequence[0], 8121)"
    assert compile_expression(text, RULE_NAMES)(scope, {}) is False
