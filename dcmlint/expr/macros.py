"""Closures for the macros over lists and the items of sequences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dcmlint.expr.code import Code, condition
from dcmlint.expr.three_valued import OutOfStepsError, Run, charge, elements, every, items_of, merge
from dcmlint.expr.values import ABSENT, UNKNOWN, Missing

STEPS = 1_000_000  # turns of loops in one evaluation


def source_of(target: Code) -> Callable[[object], object]:
    """What makes the value of a target into something to go through."""
    if target.type.kind == "items":
        return items_of
    return every if target.type.kind == "values" else elements


def place(target: Code, index: int) -> str:
    """How a message names the element of a loop: ``item [0]`` by its path, a value by its number."""
    if target.type.kind == "items":
        return f"{target.text}[{index}]"
    return f"value {index + 1} of {target.text}"


def relabel(name: str, variable: str, label: str) -> str:
    """A name that begins with a loop variable, with what the variable stands for."""
    if name == variable:
        return label
    if name.startswith((variable + ".", variable + " ", variable + "[")):
        return label + name[len(variable) :]
    return name


def macro(name: str, target: Code, body: Code, variable: str, slot: int) -> Run:
    """The closure of ``target.name(variable, body)``; the variable lives in ``frame[slot]``."""
    if name == "map":
        return _map(target, body, slot)
    if name == "filter":
        return _filter(target, body, variable, slot)
    if name == "exists_one":
        return _exists_one(target, body, variable, slot)
    return _decide(target, body, variable, slot, deciding=name == "exists")


def _decide(target: Code, body: Code, variable: str, slot: int, deciding: bool) -> Run:
    """``all`` and ``exists``: Kleene's and, or, over all elements; of none, and of an absent list, neutral."""
    run, test, source = target.run, condition(body), source_of(target)
    neutral = not deciding

    def evaluate(scope: Any, lets: Any, frame: Any) -> object:
        found = run(scope, lets, frame)
        values: Any = source(found)
        if values is ABSENT:
            return neutral
        if values is UNKNOWN or type(values) is Missing:
            return values
        if values is not found:
            charge(frame, values)
        result: object = neutral
        steps = frame[0]
        index = -1
        for index, value in enumerate(values):
            if index >= steps:
                raise OutOfStepsError
            frame[slot] = value
            answer = test(scope, lets, frame)
            if answer is neutral:
                continue
            if answer is deciding:
                result = answer
                break
            answer = _placed(answer, variable, target, index)
            result = answer if result is neutral else merge(result, answer)
        frame[0] -= index + 1
        return result

    return evaluate


def _placed(answer: object, variable: str, target: Code, index: int) -> object:
    """An answer that names what is missing, with the place of the element instead of the variable."""
    if type(answer) is not Missing:
        return answer
    label = place(target, index)
    return Missing(tuple(relabel(name, variable, label) for name in answer.names))


def _exists_one(target: Code, body: Code, variable: str, slot: int) -> Run:
    run, test, source = target.run, condition(body), source_of(target)

    def evaluate(scope: Any, lets: Any, frame: Any) -> object:
        found = run(scope, lets, frame)
        values: Any = source(found)
        if values is ABSENT:
            return False
        if values is UNKNOWN or type(values) is Missing:
            return values
        if values is not found:
            charge(frame, values)
        count = 0
        undecided: object = None
        steps = frame[0]
        index = -1
        for index, value in enumerate(values):
            if index >= steps:
                raise OutOfStepsError
            frame[slot] = value
            answer = test(scope, lets, frame)
            if answer is True:
                count += 1
                if count > 1:
                    break
            elif answer is not False:
                answer = _placed(answer, variable, target, index)
                undecided = answer if undecided is None else merge(undecided, answer)
        frame[0] -= index + 1
        if count > 1 or undecided is None:
            return count == 1
        return undecided

    return evaluate


def _filter(target: Code, body: Code, variable: str, slot: int) -> Run:
    run, test, source = target.run, condition(body), source_of(target)

    def evaluate(scope: Any, lets: Any, frame: Any) -> object:
        found = run(scope, lets, frame)
        values: Any = source(found)
        if values is ABSENT or values is UNKNOWN or type(values) is Missing:
            return values
        charge(frame, values)
        kept = []
        undecided: object = None
        for index, value in enumerate(values):
            frame[slot] = value
            answer = test(scope, lets, frame)
            if answer is True:
                kept.append(value)
            elif answer is not False:
                answer = _placed(answer, variable, target, index)
                undecided = answer if undecided is None else merge(undecided, answer)
        return kept if undecided is None else undecided

    return evaluate


def _map(target: Code, body: Code, slot: int) -> Run:
    run, each, source = target.run, body.run, source_of(target)

    def evaluate(scope: Any, lets: Any, frame: Any) -> object:
        values: Any = source(run(scope, lets, frame))
        if values is ABSENT or values is UNKNOWN or type(values) is Missing:
            return values
        charge(frame, values)
        result = []
        for value in values:
            frame[slot] = value
            result.append(each(scope, lets, frame))
        return result

    return evaluate
