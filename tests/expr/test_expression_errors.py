import copy
import pickle

import pytest
from expression_scope import LET_TYPES, NAMES

from dcmlint.errors import RuleError
from dcmlint.expr import (
    ABSENT,
    NUMBER,
    TEXT,
    UNKNOWN,
    Missing,
    SourceRef,
    compile_expression,
    function,
    parse_message,
)

HERE = SourceRef("rule.yaml", 12, 9)


def error_of(source, where=HERE):
    with pytest.raises(RuleError) as caught:
        compile_expression(source, NAMES, where, LET_TYPES)
    return caught.value


@pytest.mark.parametrize(
    ("source", "line", "column", "part"),
    [
        ("Rowz == 1", 12, 9, "Rowz"),
        ("Rows == 1 && Columnz == 2", 12, 22, "Columnz"),
        ("Rows == 1 &&\nColumnz == 2", 13, 9, "Columnz"),
        ("Rows == 1 &&\n  // a remark\n  tiling.colums > 2", 14, 11, "tiling.colums"),
        ("OpticalPathSequence[0].ICCProfil == null", 12, 32, "ICCProfil"),
        ("Rows ==", 12, 16, "too early"),
        ("", 12, 9, "empty"),
        ("Rows.", 12, 14, "after a dot"),
        ("Rows == -", 12, 18, "too early"),
        ("has(", 12, 13, "too early"),
        ("tag(", 12, 13, "one tag"),
        ("OpticalPathSequence.all(", 12, 33, "names what"),
        ("OpticalPathSequence.all(x", 12, 34, ", is expected"),
        ("Rows == 1 )", 12, 19, ") is not expected"),
        ("(Rows == 1", 12, 19, ") is expected"),
        ("Rows = 1", 12, 14, "= has no meaning"),
        ("Rows == 'a", 12, 17, "no end"),
        (r'Modality == "a\qb"', 12, 23, r"\q is not an escape"),
        (r'Modality == "\ud800"', 12, 22, "not a character"),
        ("Rows and true", 12, 14, "and is not a word"),
        ("Rows == 1 $", 12, 19, "$ has no meaning"),
        ("Rows == \x00", 12, 17, "U+0000"),
        ('value(ImageType, 0) == "A"', 12, 26, "no value 0"),
        ("OpticalPathSequence[-1].ICCProfile == null", 12, 29, "no item -1"),
        ("OpticalPathSequence.any(x, true)", 12, 29, "no .any"),
        ("OpticalPathSequence.all(Rows, true)", 12, 33, "names what"),
        ("OpticalPathSequence.all(want, true)", 12, 9, "a name already"),
        ('matches(Modality, "a(")', 12, 29, "a ( without"),
        ("99999999999999999999 == 1", 12, 9, "too large"),
        ("1e999 == 1", 12, 9, "too large"),
        ("Rows(1)", 12, 9, "an attribute, not a function"),
        ("root == 1", 12, 9, "root is not a value"),
        ("root.rows == 1", 12, 9, "root has no rows"),
        ("want.rows == 1", 12, 9, "want has no rows"),
        ("size == 1", 12, 9, "size is a function"),
        ("unknown(Rows)", 12, 9, "the reason"),
        ('tag("0009") == 1', 12, 13, "one tag"),
        ("tag_of(1)", 12, 9, "takes a keyword"),
        ('[1, "a"] == [1]', 12, 9, "all text, or all numbers"),
        ('(true ? 1 : "a") == 1', 12, 10, '"a" is text'),
    ],
)
def test_errors_point_at_the_place(source, line, column, part):
    error = error_of(source)
    assert part in error.message
    assert (error.file, error.line, error.column) == ("rule.yaml", line, column)


def test_an_unknown_place_is_not_invented():
    error = error_of("Rowz == 1", SourceRef("rule.yaml", 0, 0))
    assert (error.file, error.line, error.column) == ("rule.yaml", 0, 0)


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("Rowz", "did you mean Rows?"),
        ("rows == 1", "attributes are written by keyword: Rows"),
        ("wnat == 1", "did you mean want?"),
        ("NumberOfFrame == 1", "did you mean NumberOfFrames?"),
        ("tilings.rows", "did you mean tiling.rows?"),
        ("startswith(Modality, 'S')", "did you mean starts_with?"),
        ("Modality.startsWith('S')", "functions are written startsWith(x, ...)"),
        ("OpticalPathSequence.exist(x, true)", "did you mean exists?"),
        ("Zzzzz", ""),
    ],
)
def test_did_you_mean(source, hint):
    assert error_of(source).hint == hint


def test_errors_in_messages_keep_their_place():
    for text, column in (("a {Rowz}", 12), ("{Rows} {Modality + 1}", 17), ("a } b", 11), ("a {Rows", 11)):
        with pytest.raises(RuleError) as caught:
            parse_message(text, NAMES, {}, SourceRef("rule.yaml", 3, 9))
        assert (caught.value.line, caught.value.column) == (3, column)


@pytest.mark.parametrize(
    "source",
    [
        "(" * 4000,
        "!" * 4000,
        "-" * 4000,
        "[" * 4000,
        "1" + "+1" * 2000,
        "Rows" + "[0]" * 1300,
        "tiling" + ".a" * 2000,
        "abs(" * 1000,
        "true ? " * 500,
        "true ? true : " * 290 + "true",
        "OpticalPathSequence.all(a, " * 150,
        " && ".join(["(" * 30 + "1" + "+1" * 30 + ")" * 30] * 8),
        "Rows == 1" + " " * 4096,
    ],
)
def test_limits_hold(source):
    with pytest.raises(RuleError):
        compile_expression(source, NAMES)


def test_long_chains_are_not_deep():
    chain = compile_expression(" || ".join(["Rows == 1"] * 300), NAMES)
    assert chain.code.node.depth < 8


def test_absent_unknown_and_missing_have_no_truth():
    for value in (ABSENT, UNKNOWN, Missing(("Rows",))):
        with pytest.raises(TypeError):
            bool(value)
    assert pickle.loads(pickle.dumps((ABSENT, UNKNOWN))) == (ABSENT, UNKNOWN)
    assert copy.deepcopy([ABSENT])[0] is ABSENT


def test_functions_are_registered_with_their_documentation():
    @function("test_twice", (TEXT,), TEXT)
    def twice(text):
        """The text twice."""
        return text * 2

    assert compile_expression('test_twice("a")', NAMES)(None) == "aa"
    with pytest.raises(RuleError, match="exists with these"):
        function("test_twice", (TEXT,), TEXT)(twice)
    function("test_twice", (NUMBER,), NUMBER)(twice)
    assert compile_expression("test_twice(2)", NAMES)(None) == 4
    for name in ("has", "Twice", "in", "two words", ""):
        with pytest.raises(RuleError, match="cannot name"):
            function(name, (TEXT,), TEXT)(twice)
    with pytest.raises(RuleError, match="no docstring"):
        function("test_undocumented", (TEXT,), TEXT)(lambda text: text)
