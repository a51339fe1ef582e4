"""Patterns mean in .NET what they mean here; replacements in the manner of .NET."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmlint.expr.patterns import PatternError, safe_pattern
from dcmlint.profiles.functions import modified_barcode
from dcmlint.profiles.patterns import found, replaced, substitution_problems


@pytest.mark.parametrize(
    ("pattern", "text", "part"),
    [
        (r"\d{6}", "X-240017-A", "240017"),
        (r"^S\d+$", "S12", "S12"),
        (r"^S\d+$", "xS12", None),
        (r"(?<year>\d\d)-(\d+)", "EX24-17", "24-17"),
        (r"(?'year'\d\d)", "24", "24"),
        (r"[(.*)&$]", "a&b", "&"),
        (r"[^]a]+", "a]bc", "bc"),
        (r"[a\-z]+", "b-a", "-a"),
        (r"a{2}b{x}", "aab{x}", "aab{x}"),
        (r"(?:ab|cd)+?", "cdab", "cd"),
        (r"\.\$\\", r"a.$\ b", ".$\\"),
        (r"é", "café", "é"),
        (r"\d", "٣", None),  # .NET would take other scripts' digits
    ],
)
def test_what_is_found(pattern: str, text: str, part: str | None) -> None:
    assert found(safe_pattern(pattern), text) == part


@pytest.mark.parametrize(
    ("pattern", "substitution", "text", "result"),
    [
        (r"(\d\d)(\d{4})", "$1.$2", "240017", "24.0017"),
        (r"(\d\d)(\d{4})", "${2}x${1}", "240017", "0017x24"),
        (r"(?<y>\d\d)(\d{4})", "$1/$2/${y}", "240017", "0017/24/24"),  # .NET counts named groups last
        (r"-", "", "A-B-C", "ABC"),
        (r"B", "[$&]", "ABC", "A[B]C"),
        (r"B", "$$1", "ABC", "A$1C"),
        (r"B", "$1", "ABC", "A$1C"),  # no such group: .NET leaves it as it is
        (r"B", "${0}", "ABC", "ABC"),
        (r"(x)?B", "<$1>", "AB", "A<>"),
    ],
)
def test_what_is_substituted(pattern: str, substitution: str, text: str, result: str) -> None:
    assert replaced(safe_pattern(pattern), text, substitution) == result


@pytest.mark.parametrize(
    "pattern",
    [
        r"(?=a)", r"(?<!a)b", r"(?>a)", r"(?i)a", r"(?<a-b>c)", r"(?(1)a|b)", r"\1(a)", r"(?<n>a)\k<n>", r"\p{L}", r"\A", r"\z",
        r"\G", r"[a-z-[aeiou]]", "(a", "a)", "[a", "*a", "a\\", "(a+)+", ".*a.*b.*c", "x" * 300, "(?<n>a)(?<n>b)", r"\x41",
    ],
)  # fmt: skip
def test_what_differs_or_runs_away_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        safe_pattern(pattern)


@pytest.mark.parametrize(
    ("substitution", "pattern", "problems"),
    [
        ("$1", "(a)", 0), ("$1", "a", 1), ("${n}", "(?<n>a)", 0), ("${n}", "(a)", 1), ("$2", "(a)", 1), ("$`", "(a)", 1),
        ("$$1", "a", 0), ("$&", "a", 0), ("$0", "a", 0), ("$1", None, 1), ("plain", None, 0),
    ],
)  # fmt: skip
def test_references_without_their_group(substitution: str, pattern: str | None, problems: int) -> None:
    assert len(substitution_problems(substitution, safe_pattern(pattern) if pattern else None)) == problems


def test_how_short_a_match_can_be() -> None:
    for pattern, shortest in (
        (r"\d{23}\d{23}", 46),
        ("a?b*", 0),
        ("ab|c", 1),
        ("(ab){3,}x", 7),
        ("^$", 0),
        ("[ab]+", 1),
    ):
        assert safe_pattern(pattern).shortest == shortest, pattern


def test_the_settings_of_a_bar_code_in_order() -> None:
    assert modified_barcode("X-240017-A", r"\d{6}", r"(\d\d)(\d+)", "$1.$2") == "24.0017"
    assert modified_barcode("X-A", r"\d{6}", "", "") is None
    assert modified_barcode("X-A", "", "", "") == "X-A"


def test_long_texts_are_left_alone() -> None:
    assert found(safe_pattern("a"), "a" * 300) is None
    assert replaced(safe_pattern("a"), "a" * 300, "b") == "a" * 300


@given(st.text(alphabet="ab(){}[]|^$?*+.\\d-<>=!&", max_size=20), st.text(alphabet="ab{}<1&$", max_size=64))
def test_any_pattern_is_understood_or_refused_and_never_hangs(pattern: str, text: str) -> None:
    try:
        translated = safe_pattern(pattern)
    except PatternError:
        return
    part = found(translated, text)
    replaced(translated, text, "$1${n}$&")
    if part is not None:
        assert translated.shortest <= len(part)
        assert translated.search(text) is not None
