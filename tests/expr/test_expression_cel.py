"""Over the part that both share, CEL and we agree."""

import math

import pytest
from expression_scope import NAMES
from hypothesis import given, settings
from hypothesis import strategies as st

from dcmlint.expr import BOOL, NUMBER, TEXT, compile_expression, list_of

celpy = pytest.importorskip("celpy")

LETS = {
    "a": 7,
    "b": -3,
    "c": 2,
    "s": "ab",
    "t": "abc",
    "p": True,
    "q": False,
    "xs": [1, 2, 3, 2],
    "ys": ["x", "ab"],
}
TYPES = {
    "a": NUMBER, "b": NUMBER, "c": NUMBER, "s": TEXT, "t": TEXT, "p": BOOL, "q": BOOL,
    "xs": list_of(NUMBER), "ys": list_of(TEXT),
}  # fmt: skip
# Macros stand alone: a variable of the same name within another is an error here, and hides it there.
SIMPLE = st.sampled_from(["a", "b", "c", "2", "a - c"])
ENVIRONMENT = celpy.Environment()

texts = st.sampled_from(["s", "t", "s + t", '"ab"', "'x'", r'r"\d"', r'"\x61b"', '"\\u00e9"'])


def number_forms(
    numbers: st.SearchStrategy[str], conditions: st.SearchStrategy[str]
) -> st.SearchStrategy[str]:
    """Integers only, and no division: there / is of integers, here it is real."""
    return (
        st.builds("({} {} {})".format, numbers, st.sampled_from("+-*"), numbers)
        | st.builds("{} {} {}".format, numbers, st.sampled_from("+-*"), numbers)
        | st.builds("-({})".format, numbers)
        | st.builds("({} ? {} : {})".format, conditions, numbers, numbers)
    )


def condition_forms(
    numbers: st.SearchStrategy[str], conditions: st.SearchStrategy[str]
) -> st.SearchStrategy[str]:
    return (
        st.builds("{} {} {}".format, numbers, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), numbers)
        | st.builds("{} in {}".format, numbers, st.sampled_from(["xs", "[1, 7]", "xs + [9]"]))
        | st.builds("({} && {})".format, conditions, conditions)
        | st.builds("{} || {} && {}".format, conditions, conditions, conditions)
        | st.builds("!({})".format, conditions)
    )


# Three levels, built one on another: the language bounds the depth of an expression, so they must have an end.
numbers = (
    st.sampled_from(["a", "b", "c", "0", "1", "7"])
    | st.builds("{} % {}".format, st.sampled_from(["a", "b", "c", "7"]), st.sampled_from(["b", "c", "7"]))
    | st.builds("size({})".format, st.sampled_from(["xs", "ys", "s"]))
)
conditions = (
    st.sampled_from(["p", "q", "true", "false"])
    | st.builds("{} {} {}".format, texts, st.sampled_from(["==", "!=", "<", ">="]), texts)
    | st.builds("{} in {}".format, texts, st.sampled_from(["ys", '["ab"]']))
    | st.builds(
        "xs.{}(x, x {} {})".format,
        st.sampled_from(["all", "exists", "exists_one"]),
        st.sampled_from(["==", "<", ">="]),
        SIMPLE,
    )
    | st.builds("xs.map(x, x * {}) == xs.filter(x, x < {})".format, SIMPLE, SIMPLE)
)
for _ in range(3):
    numbers, conditions = (
        numbers | number_forms(numbers, conditions),
        conditions | condition_forms(numbers, conditions),
    )


def by_cel(source):
    context = {name: celpy.json_to_cel(value) for name, value in LETS.items()}
    return ENVIRONMENT.program(ENVIRONMENT.compile(source)).evaluate(context)


def ours(source):
    return compile_expression(source, NAMES, lets=TYPES)(None, LETS)


@settings(max_examples=60, deadline=None)
@given(conditions)
def test_conditions(source):
    assert ours(source) is bool(by_cel(source))


@settings(max_examples=40, deadline=None)
@given(numbers)
def test_numbers(source):
    assert ours(source) == int(by_cel(source))


@pytest.mark.parametrize(
    "source",
    [
        "true || 1 / 0 > 1",
        "1 + 2 * 3 - 4 == 3 && !false",
        "-a % c == -1",
        "a == 7 ? s == 'ab' : q",
        "p ? (q ? 1 : 2) : 3",
        "1.5 + 2.5 == 4.0",
        "xs.filter(x, x > 1).map(y, y + 1).exists(z, z == 4)",
        r'"a\tb\"c\\d" == "a" + "\t" + "b" + "\"" + "c" + r"\d"',
        "0x1F == 31 && 1e3 > 999.0",
    ],
)
def test_examples(source):
    theirs, own = by_cel(source), ours(source)
    assert own == theirs or math.isclose(own, theirs)


def test_where_we_differ_on_purpose():
    assert ours("7 / 2") == 3.5
    assert int(by_cel("7 / 2")) == 3
    assert ours("a * 0.5") == 3.5  # CEL does not multiply integers with doubles
    with pytest.raises(celpy.CELEvalError):
        by_cel("a * 0.5")
