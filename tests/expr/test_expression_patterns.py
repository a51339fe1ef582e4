import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dcmlint.expr.patterns import PatternError, safe_pattern

REFUSED = [
    r"(a+)+", r"(a*)*b", r"(a|a)*b", r"(a|ab)*c", r"(a?){20}a{20}", r"a?a?a?a?aaaa", r".*a.*b", r"\s*\s*\s*x",
    r"(\w+\s?)*$", r"(a)\1", r"(?=a)b", r"(?<!a)b", r"(?P<n>a)", r"(?i)a", r"(?#x)", r"\bfoo", r"a{1,9999}", r"a{3,2}",
    r"a++", r"a**", r"*a", r"(", r")", r"[a", r"[]", r"[z-a]", "\\", r"a{2}{3}", r"a{12345}", "a" * 257, r"(^)*", r"\Z", r"\p{L}",
    "(" * 40 + ")" * 40, r"(a|b|ab)(c|bcd)(d*)", r"x*(a|a)(a|a)(a|a)",
]  # fmt: skip
ACCEPTED = [
    (r"^[0-9]+(\.[0-9]+)*$", "1.2.840", "1..2"),
    (r"^(2\.25\.)?(0|[1-9][0-9]*)$", "2.25.10", "2.25.01"),
    (r"^([0-9]{1,3}\.){3}[0-9]{1,3}$", "10.0.0.1", "10.0.0"),
    (r"^S[0-9]{2}-[0-9]+$", "S24-100", "S24-100\n"),
    (r"foo.*bar", "xfoo bar", "foo ba"),
    (r"^.*a.*b", "xayb", "xbya"),
    (r"[^A-Z_ ]", "ABc", "ABC"),
    (r"^[\w.-]+$", "a-b.c", "a b"),
    (r"^\[a\]}$", "[a]}", "a"),
    (r"^(?:AB|CD)??$", "CD", "AC"),
    (r"^[[&~|]+$", "[&~|", "x"),
    (r"^\d$", "5", "٥"),
    ("^é+$", "éé", "e"),
    (r"^a{x}$", "a{x}", "a"),
    (r"^(?<year>\d\d)-(?'n'\d+)$", "24-1", "24-"),
    (r"^[]a]+$", "]a", "b"),
]


@pytest.mark.parametrize("pattern", REFUSED)
def test_refused(pattern):
    with pytest.raises(PatternError):
        safe_pattern(pattern)


@pytest.mark.parametrize(("pattern", "yes", "no"), ACCEPTED)
def test_accepted(pattern, yes, no):
    search = safe_pattern(pattern).search
    assert search(yes)
    assert not search(no)


pieces = st.deferred(
    lambda: (
        st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\w", "^", "$", "ab"])
        | st.builds("({})".format, pieces)
        | st.builds("({}|{})".format, pieces, pieces)
        | st.builds("{}{}".format, pieces, pieces)
        | st.builds("({}){}".format, pieces, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "*?", "{9,}"]))
        | st.builds(
            "{}{}".format, st.sampled_from(["a", ".", "[ab]"]), st.sampled_from(["*", "+", "?", "{2,5}"])
        )
    )
)


@settings(max_examples=120, deadline=None)
@given(pieces, st.text("abc", max_size=12))
def test_what_is_accepted_means_what_python_means_and_ends(pattern, text):
    try:
        safe = safe_pattern(pattern)
    except PatternError:
        assume(False)
        return
    assert bool(safe.search(text)) == bool(re.search(pattern.replace("$", r"\Z"), text, re.ASCII))
    for subject in ("a" * 256, "ab" * 128, "a" * 255 + "c", "b" * 200 + "c" * 56):
        safe.search(subject)


def test_long_texts_are_searched_in_part():
    from expression_scope import NAMES

    from dcmlint.expr import TEXT, UNKNOWN, compile_expression

    def run(pattern, text):
        return compile_expression(f'matches(t, r"{pattern}")', NAMES, lets={"t": TEXT})(None, {"t": text})

    long = "A" * 300
    assert run("^A", long) is True
    assert run("^A+$", long) is UNKNOWN
    assert run("B", long) is UNKNOWN
    assert run("^A+$", "A" * 256) is True
