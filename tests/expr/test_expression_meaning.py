import pytest
from expression_meaning import MEANING, PAGE, page_with_tables, result_of
from expression_scope import NAMES

from dcmlint.expr import FORMS, compile_expression, functions

ROWS = [(source, result) for rows in MEANING.values() for source, result, _ in rows]


@pytest.mark.parametrize(("source", "result"), ROWS, ids=[source for source, _ in ROWS])
def test_meaning(source, result):
    assert result_of(source) == result


def test_the_page_prints_this_table():
    page = PAGE.read_text("utf-8")
    assert page_with_tables(page) == page, "run python tests/expr/expression_meaning.py"
    assert page.count("\n| `") >= len(ROWS)


def test_every_built_in_function_has_a_row():
    shown = " ".join(source for source, _ in ROWS)
    own = {
        name
        for name, several in functions().items()
        if several[0].call.__module__ == "dcmlint.expr.functions"
    }
    assert [name for name in sorted(own | set(FORMS)) if f"{name}(" not in shown] == []


@pytest.mark.parametrize(
    ("vr", "vm", "source", "fine"),
    [
        ("US or SS", "1", "X > 1", True),
        ("US/SS", "1", "X > 1", True),
        ("US or OW", "1-n", "X == 1", True),
        ("OB or OW", "1", "X == 1", False),
        ("DS", "1-n", "X > 1", True),
        ("DS", "2-2n", "X > 1", False),
        ("UN", "1", "has(X)", True),
        ("", "1", 'X == "a" || X == 1', True),
    ],
)
def test_types_come_from_vr_and_vm(vr, vm, source, fine):
    from dcmlint.errors import RuleError
    from dcmlint.expr import AttributeName

    class One:
        def attribute(self, keyword):
            return AttributeName(1, vr, vm) if keyword == "X" else None

        attribute_names = fact_names = staticmethod(lambda: ())
        fact = NAMES.fact

    if fine:
        compile_expression(source, One())
    else:
        with pytest.raises(RuleError):
            compile_expression(source, One())
