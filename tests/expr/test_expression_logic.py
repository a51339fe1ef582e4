from expression_scope import NAMES, Level, sample
from hypothesis import given
from hypothesis import strategies as st

from dcmlint.expr import ABSENT, BOOL, UNKNOWN, Missing, compile_expression

LETS = dict.fromkeys(("a", "b", "c"), BOOL)
TRUTHS = st.sampled_from([True, False, UNKNOWN, Missing(("Rows",)), Missing(("Columns",)), ABSENT, None])


def run(source, **lets):
    return compile_expression(source, NAMES, lets=LETS)(sample(), lets)


def three(value):
    """Kleene's three values: missing is a kind of unknown."""
    return value if value is True or value is False else UNKNOWN


def names(value):
    return (type(value), frozenset(value.names) if isinstance(value, Missing) else value)


@given(TRUTHS, TRUTHS)
def test_and_or_are_kleene(a, b):
    known = {True: 2, False: 0}
    left, right = (known.get(three(x), 1) if three(x) is not UNKNOWN else 1 for x in (a, b))
    back = {0: False, 1: UNKNOWN, 2: True}
    assert three(run("a && b", a=a, b=b)) is back[min(left, right)]
    assert three(run("a || b", a=a, b=b)) is back[max(left, right)]


@given(TRUTHS, TRUTHS, TRUTHS)
def test_laws(a, b, c):
    def same(left, right):
        assert names(run(left, a=a, b=b, c=c)) == names(run(right, a=a, b=b, c=c))

    same("a && b", "b && a")
    same("a || b", "b || a")
    same("(a && b) && c", "a && (b && c)")
    same("a && b && c", "a && (b && c)")
    same("a || b || c", "(a || b) || c")
    same("!(a && b)", "!a || !b")
    same("!(a || b)", "!a && !b")
    same("!!a", "a && true")
    same("a || false", "a && true")
    same("a ? b : c", "a ? (b && true) : (c && true)")

    def alike(left, right):
        assert three(run(left, a=a, b=b, c=c)) is three(run(right, a=a, b=b, c=c))

    alike("a && (b || c)", "a && b || a && c")
    alike("a || (b && c)", "(a || b) && (a || c)")
    alike("a || (a && b)", "a && true")


@given(st.lists(TRUTHS, max_size=5))
def test_macros_are_and_and_or_over_the_items(values):
    scope = Level({"OpticalPathSequence": tuple(Level({}, {"slide.has_label": v}) for v in values)})
    lets = {f"v{i}": v for i, v in enumerate(values)}
    types = dict.fromkeys(lets, BOOL)

    def chain(symbol, neutral):
        return compile_expression(f" {symbol} ".join([*lets, neutral, neutral]), NAMES, lets=types)(
            scope, lets
        )

    listed = ", ".join(lets)
    for name, symbol, neutral in (("all", "&&", "true"), ("exists", "||", "false")):
        got = compile_expression(f"[{listed}].{name}(x, x)", NAMES, lets=types)(scope, lets)
        assert three(got) is three(chain(symbol, neutral))
    count = sum(v is True for v in values)
    open_ = [v for v in values if three(v) is UNKNOWN]
    one = compile_expression(f"[{listed}].exists_one(x, x)", NAMES, lets=types)(scope, lets)
    assert three(one) is (False if count > 1 else UNKNOWN if open_ else count == 1)


@given(st.sampled_from(["Rows", "NumberOfFrames", "PatientName", "WindowCenter", "SoftwareVersions"]))
def test_absent_equals_nothing(keyword):
    scope = Level({})
    for right in ("null", keyword, f"value({keyword}, 1)"):
        assert compile_expression(f"{keyword} == {right}", NAMES)(scope) is False
        assert compile_expression(f"{keyword} != {right}", NAMES)(scope) is True
        assert compile_expression(f"{keyword} in [{right}]", NAMES)(scope) is False


@given(st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), st.booleans())
def test_comparison_with_unknown_is_unknown(symbol, swap):
    source = f"7 {symbol} SliceThickness" if swap else f"SliceThickness {symbol} 7"
    assert compile_expression(source, NAMES)(sample()) is UNKNOWN
