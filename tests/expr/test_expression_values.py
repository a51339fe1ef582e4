"""Values as files and facts really hold them."""

import numpy as np
import pytest
from expression_scope import FACTS, NAMES, Level, sample
from hypothesis import given, settings
from hypothesis import strategies as st

from dcmlint.expr import ABSENT, BOOL, NUMBER, TEXT, UNKNOWN, Expression, Missing, compile_expression, list_of


def run(source, scope=None, lets=None, **types):
    return compile_expression(source, NAMES, lets=types)(scope or sample(), lets or {})


def test_the_kind_that_the_dictionary_promised_may_be_missing():
    """A DS that no one can read arrives as text, an SQ as bytes, a CS as numbers."""
    scope = Level({"Rows": "12x", "OpticalPathSequence": b"\xff", "Modality": 7, "PixelSpacing": ("a", 0.5)})
    for source in (
        "Rows == 12",
        "Rows > 1",
        "Rows + 1 == 2",
        "-Rows == 2",
        "abs(Rows) == 1",
        'Modality == "SM"',
        'Modality in ["SM"]',
        'matches(Modality, "S")',
        'starts_with(Modality, "S")',
        "OpticalPathSequence.exists(x, has(x.ICCProfile))",
        "OpticalPathSequence[0].Rows == 1",
        "has(OpticalPathSequence[0].Rows)",
        "sum(values(PixelSpacing)) > 1",
        "value(PixelSpacing, 1) == 1",
    ):
        assert run(source, scope) is UNKNOWN, source
    for value in (("a", "b"), "a", 5, (b"x",)):
        assert run("OpticalPathSequence.all(x, x.Rows > 1)", Level({"OpticalPathSequence": value})) is UNKNOWN


def test_several_values_where_one_is_allowed():
    scope = Level({"Rows": (1, 2), "Modality": ("SM", "CT")})
    assert run("Rows == 1", scope) is False
    assert run("Rows > 1", scope) is UNKNOWN
    assert run('Modality != "SM"', scope) is True


def test_empty_values_within_a_value():
    scope = Level({"ImageType": ("ORIGINAL", "", "VOLUME"), "WindowCenter": None})
    assert run("value(ImageType, 2)", scope) is None
    assert run("has(value(ImageType, 2))", scope) is True
    assert run("empty(value(ImageType, 2))", scope) is True
    assert run("empty(WindowCenter)", scope) is True
    assert run('value(ImageType, 2) < "A"', scope) == Missing(("value 2 of ImageType (empty)",))


def test_an_index_may_be_computed():
    assert run("value(ImageType, 1 + 2)") == "VOLUME"
    assert run("value(ImageType, pyramid.levels)") == Missing(("pyramid.levels",))
    assert run("value(ImageType, 0 - 1)") is ABSENT
    assert run("value(ImageType, Rows / 3)") is UNKNOWN
    assert run("OpticalPathSequence[size(OpticalPathSequence) - 1].OpticalPathIdentifier") == "2"


def test_arrays_are_lists():
    scope = Level(
        {"PixelSpacing": np.array([0.5, 0.25])},
        {
            "tiling.positions": np.arange(1, 7),
            "tiling.columns": np.int32(11),
            "slide.has_label": np.bool_(True),
        },
    )
    assert run("size(tiling.positions)", scope) == 6
    assert run("tiling.positions.all(p, p > 0 && p % 1 == 0)", scope) is True
    assert run("tiling.positions == [1, 2, 3, 4, 5, 6]", scope) is True
    assert run("sum(tiling.positions) / tiling.columns", scope) == pytest.approx(21 / 11)
    assert run("5 in tiling.positions", scope) is True
    assert run("max(tiling.positions) - value(tiling.positions, 1)", scope) == 5
    assert run("value(PixelSpacing, 2) * tiling.columns > 2", scope) is True
    assert run("slide.has_label && tiling.columns == 11", scope) is True
    assert run("!empty(tiling.positions)", scope) is True
    assert run("size(distinct(tiling.positions))", scope) == 6


def test_levels_and_nesting():
    inner = Level({"Rows": 3})
    outer = Level({"Columns": 5, "OpticalPathSequence": (inner,)})
    inner.parent = outer
    assert run("up.Columns", inner) == 5
    assert run("up.Rows", inner) == 3
    assert run("root.Columns + Rows", inner) == 8
    assert run('up.tag("0028,0011") == 5', inner) is True
    assert run("OpticalPathSequence.exists(x, x.Rows == 3 && Columns == 5)", outer) is True
    assert run('OpticalPathSequence.exists(x, x.tag("0028,0010") == 3)', outer) is True
    source = (
        "OpticalPathSequence.all(p, p.IlluminationTypeCodeSequence.all(c, has(c.CodeValue) || p.Rows == 1))"
    )
    assert run(source) is True


def test_what_is_read_is_reported():
    expression = compile_expression(
        "Rows > 1 && OpticalPathSequence.all(x, has(x.ICCProfile)) && root.Columns > want && up.Modality == 'SM'"
        " && tiling.rows > 1",
        NAMES,
        lets={"want": NUMBER},
    )
    assert isinstance(expression, Expression)
    assert expression.type == BOOL
    assert expression.attributes == {0x00280010, 0x00480105, 0x00080060}
    assert expression.sources == {0x00280010, 0x00480105, 0x00080060, 0x00282000, 0x00280011}
    assert expression.facts == {"tiling.rows"}
    assert expression.lets == {"want"}


def test_only_what_decides_is_read():
    scope = sample()
    compile_expression("Rows == 1 && Columns == 1 && Modality == 'SM'", NAMES)(scope)
    assert scope.reads == 1


def test_numbers_and_texts_do_not_grow_without_end():
    lets = {"big": 2**200, "huge": 10**400, "text": "x" * 900_000}
    types = {"big": NUMBER, "huge": NUMBER, "text": TEXT}
    for source in (
        "big * big",
        "huge * 2",
        "huge / 3",
        "huge * 0.5",
        "0.5 + huge",
        "real(huge)",
        "sqrt(huge * 1.0)",
    ):
        assert isinstance(run(source, None, lets, **types), Missing), source
    assert run("text + text", None, lets, **types) is UNKNOWN
    assert isinstance(run('int("' + "9" * 300 + '")'), Missing)
    for source in ("floor(x)", "int(x)", "round(x)", "x % 2", "2 % x"):
        for value in (float("nan"), float("inf")):
            result = run(source, None, {"x": value}, x=NUMBER)
            assert isinstance(result, (Missing, int, float)), source
    assert run("x == x", None, {"x": float("nan")}, x=NUMBER) is False


@pytest.mark.parametrize(
    "source",
    [
        "xs.all(a, xs.all(b, xs.all(c, a + b + c >= 0)))",
        "size(xs.map(a, xs.map(b, xs.map(c, 1)))) > 0",
        "xs.all(a, big.exists(b, b == 0))",
        "xs.all(a, sum(big) >= 0 && xs.all(b, sum(big) >= 0))",
        "xs.all(a, xs.all(b, !(0 - 1 in big)))",
        "xs.all(a, xs.all(b, size(big + big) > 1))",
        'xs.all(a, xs.all(b, !matches(text, "^.*a.*b")))',
        "size(xs.filter(a, size(xs.filter(b, size(xs.filter(c, true)) > 1)) > 1)) > 1",
    ],
)
def test_the_budget_of_steps_ends_every_evaluation(source):
    lets = {"xs": list(range(1000)), "big": np.arange(300_000), "text": "a" * 256}
    expression = compile_expression(
        source, NAMES, lets={"xs": list_of(NUMBER), "big": list_of(NUMBER), "text": TEXT}
    )
    assert expression(sample(), lets) is UNKNOWN


values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.binary(max_size=3),
        st.sampled_from([ABSENT, UNKNOWN, Missing(("x",)), np.float64(1), np.arange(3), np.array(1), object(),
                         Level({"Rows": 1}), (Level({"Rows": "a"}),)]),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple),
    max_leaves=4,
)  # fmt: skip
SOURCES = [
    "Rows == 1", "Rows != Columns", "Rows < Columns", "Rows + Columns * 2 - Rows / Columns > 0", "Rows % 2 == 0",
    "-Rows == 3", "PixelSpacing == [1, 2]", "values(WindowCenter).all(x, x > 1)", "value(ImageType, 2) in ['A', 'B']",
    "ImageType == SoftwareVersions", "'A' in ImageType", "Modality + PatientID == 'a'", "has(Rows) && !empty(Rows)",
    "empty(OpticalPathSequence)", "size(OpticalPathSequence) > 1", "OpticalPathSequence.all(x, x.Rows == 1)",
    "OpticalPathSequence[0].Rows == 1", "OpticalPathSequence.filter(x, x.Rows == 1).exists(x, has(x.Rows))",
    "OpticalPathSequence.map(x, x.Rows) == [1]", "OpticalPathSequence.exists_one(x, x.Modality == 'SM')",
    "matches(Modality, 'a+$')", "upper(Modality) == 'A'", "sum(values(PixelSpacing)) > 1", "min(Rows, 2) == 1",
    "sorted(values(ImageType)) == ['A']", "distinct(values(ImageType)) == ['A']", "join(values(ImageType), '-') == 'a'",
    "string(Rows) == '1'", "is_number(Modality)", "round(Rows) == 1", "round(Rows, 2) == 1", "int(Modality) == 1",
    "slide.has_label", "!slide.has_label || Rows == 1", "slide.has_label ? Rows == 1 : Columns == 1", "Rows == null",
    "tag('0009,1001') == 'x' || tag('0009,1001') == 1", "tag('0009,1001').all(x, x == 1)", "LUTData > 1", "!(LUTData == 1)",
    "tiling.positions.all(x, x > 1)", "slide.levels[0].Rows == 1", "slide.levels.all(x, x.Rows == 1)", "1 in tiling.positions",
    "tiling.positions + [1] == [1]", "size(tiling.positions) == 1", "value(tiling.positions, 1) == 1",
    "FrameIncrementPointer == tag_of(Rows)", "StudyDate < '2020'", "size(PixelData) == 3", "SmallestImagePixelValue == 1",
]  # fmt: skip
COMPILED = [compile_expression(source, NAMES) for source in SOURCES]
KEYWORDS = [
    "Rows", "Columns", "PixelSpacing", "WindowCenter", "ImageType", "SoftwareVersions", "Modality", "PatientID",
    "OpticalPathSequence", "StudyDate", "PixelData", "FrameIncrementPointer", "LUTData", "SmallestImagePixelValue",
]  # fmt: skip


def test_an_array_without_dimensions_is_no_sequence():
    scope = Level({}, {"slide.levels": np.array(1)})
    assert compile_expression("slide.levels[0].Rows == 1", NAMES)(scope) is UNKNOWN


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(st.sampled_from([*KEYWORDS, 0x00091001]), values),
    st.dictionaries(st.sampled_from([*FACTS]), values),
)
def test_any_value_gives_one_of_four_answers(attributes, facts):
    scope = Level(attributes, facts)
    for expression in COMPILED:
        result = expression(scope)
        assert result is True or result is False or result is UNKNOWN or isinstance(result, Missing), (
            expression.source
        )
        expression.because(scope)
