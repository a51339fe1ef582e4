"""What is settled for a shape is what rules and facts give for every instance of it."""

from __future__ import annotations

from functools import cache

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.dicom.instance import read_instance
from dcmlint.engine.session import Checker, Result, Task
from dcmlint.engine.settings import Settings
from dcmlint.facts.registry import Facts, groups
from dcmlint.facts.shape import shape_of
from dcmlint.rules.examples import example_files
from dcmlint.rules.load import data_folder, read_folder


@cache
def _files() -> list[bytes]:
    """Examples of rules for instances, each file once."""
    sources = [
        one
        for one in read_folder(data_folder("rules"))
        if one.rule.scope not in ("slide", "series", "association") and one.rule.examples
    ]
    # One in three: neighbors are much alike.
    return list({file.data: None for source in sources[::3] for file in example_files(source, 0)})


def _said(result: Result) -> tuple[object, ...]:
    return result.findings, sorted(result.outcomes.items()), result.undecided


def test_a_shape_that_comes_again_gives_what_it_gave_at_first():
    checker = Checker(Settings())
    met = settled = 0
    for data in _files():
        first = checker.check_buffer(Task("x", True), WholeBuffer(data))
        again = [checker.check_buffer(Task("x", True), WholeBuffer(data)) for _ in range(2)]
        assert [_said(one) for one in again] == [_said(first)] * 2
        instance = read_instance(WholeBuffer(data))
        shape = shape_of(instance) if instance is not None else None
        if shape is not None:
            planned = checker.planner.plan(instance.sop_class).for_shape(shape)
            met += 1
            settled += len(planned.settled)
    assert met > 100
    assert settled > 30 * met


def test_facts_that_a_shape_rules_out_are_not_there():
    ruled_out = 0
    for data in _files():
        instance = read_instance(WholeBuffer(data))
        shape = shape_of(instance) if instance is not None else None
        if shape is None:
            continue
        facts = Facts(instance)
        for name, group in groups().items():
            if group.possible is not None and not group.possible(shape):
                assert facts.group(name) is None, name
                ruled_out += 1
    assert ruled_out > 1000
