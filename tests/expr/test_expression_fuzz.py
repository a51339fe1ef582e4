"""Any text at all either compiles or is refused with RuleError."""

from expression_scope import LET_TYPES, LETS, NAMES, sample
from hypothesis import given, settings
from hypothesis import strategies as st

from dcmlint.errors import RuleError
from dcmlint.expr import compile_expression, describe, parse_message

WORDS = [
    "Rows", "Columns", "ImageType", "Modality", "OpticalPathSequence", "PixelData", "PixelSpacing", "want", "x", "root",
    "up", "file", "tiling.columns", "slide.has_label", "true", "false", "null", "1", "2.5", "0", '"SM"', "'a'", 'r"\\d"',
    "(", ")", "[", "]", ",", ".", "?", ":", "&&", "||", "!", "==", "!=", "<", "<=", ">", ">=", "in", "+", "-", "*", "/",
    "%", "has", "empty", "value", "values", "size", "tag", "tag_of", "unknown", "matches", "abs", "min", "sum", "join",
    ".all(x,", ".exists(x,", ".map(x,", ".filter(y,", "[0]", ".Rows", 'tag("0009,1001")', "{", "}", "\n", "//", "\\", "é",
]  # fmt: skip


def take(source):
    try:
        expression = compile_expression(source, NAMES, lets=LET_TYPES)
    except RuleError as problem:
        error = problem
    else:
        error = None
    if error is not None:
        assert error.message
        assert error.line >= 1
        assert error.column >= 1
        return
    scope = sample()
    expression(scope, LETS)
    expression.because(scope, LETS)
    expression.primary()
    assert describe(expression)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join))
def test_random_words(source):
    take(source)


@settings(max_examples=120, deadline=None)
@given(st.text(max_size=40))
def test_random_text(source):
    take(source)


# Expressions of the grammar, mostly well typed.
numbers = st.deferred(
    lambda: (
        st.sampled_from(
            ["Rows", "Columns", "want", "tiling.columns", "pyramid.levels", "1", "0", "2.5", "SliceThickness"]
        )
        | st.builds("({} {} {})".format, numbers, st.sampled_from("+-*/%"), numbers)
        | st.builds("min({}, {})".format, numbers, numbers)
        | st.builds("size(OpticalPathSequence.filter(x, {}))".format, conditions)
        | st.builds("({} ? {} : {})".format, conditions, numbers, numbers)
    )
)
texts = st.sampled_from(
    [
        "Modality",
        '"SM"',
        "value(ImageType, 3)",
        "PatientName",
        "ContentDate",
        "OpticalPathSequence[0].OpticalPathIdentifier",
    ]
)
conditions = st.deferred(
    lambda: st.builds("{} {} {}".format, numbers, st.sampled_from(["==", "!=", "<", ">="]), numbers)
    | st.builds("{} {} {}".format, texts, st.sampled_from(["==", "!=", "<"]), texts)
    | st.builds("{} in [{}, {}]".format, texts, texts, texts)
    | st.sampled_from(["has(ContentDate)", "empty(PatientName)", "slide.has_label", 'unknown("if known")'])
    | st.builds("({} && {})".format, conditions, conditions)
    | st.builds("({} || {})".format, conditions, conditions)
    | st.builds("!({})".format, conditions)
    | st.builds("values(PixelSpacing).exists(v, v > {})".format, numbers)
)  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(conditions)
def test_the_grammar(source):
    take(source)


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.sampled_from([*WORDS, "{", "}", "{{", "}}", "{Rows}", " frames"]), max_size=10).map("".join)
)
def test_messages(text):
    try:
        message = parse_message(text, NAMES, LET_TYPES)
    except RuleError:
        return
    assert isinstance(message.render(sample(), LETS, lambda value, tag: str(value)), str)
