"""What is written like a function but looks at its arguments as written; and the call of a real one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dcmlint.expr.checks import scalar
from dcmlint.expr.code import Code
from dcmlint.expr.functions import FunctionSignature
from dcmlint.expr.patterns import MAX_SUBJECT, PatternError, safe_pattern
from dcmlint.expr.syntax import Call, Keyword, Literal, TagRead
from dcmlint.expr.three_valued import (
    Run,
    charge,
    every,
    is_empty,
    lack_of,
    merge,
    nth,
    plain,
    present,
    read_from,
    size_of,
    spend,
)
from dcmlint.expr.types import ANY, BOOL, NUMBER, TAG, Type, list_of, words
from dcmlint.expr.values import ABSENT, UNKNOWN, Missing
from dcmlint.plural import number_of

if TYPE_CHECKING:
    from dcmlint.expr.compiler import Compiler


def _arguments(compiler: Compiler, node: Call, count: int, usage: str) -> tuple[Code, ...]:
    if len(node.arguments) != count:
        given = len(node.arguments)
        raise compiler.error(node, f"{node.name}() is given {number_of(given, 'argument')}", f"write {usage}")
    return tuple(compiler.compile(argument) for argument in node.arguments)


def _named(compiler: Compiler, node: Call) -> Code:
    """The only argument of has() and empty(): a name."""
    (code,) = _arguments(compiler, node, 1, f"{node.name}(Keyword)")
    if not code.leaf:
        hint = "an attribute, an item, value(X, n), a fact or a let"
        raise compiler.error(code.node, f"{node.name}() takes a name", hint)
    return code


def _is_there(scope: Any, tag: int, found: object) -> object:
    """Whether an attribute without a known value is there: its value could not be read, or nobody knows."""
    may_have = getattr(scope, "may_have", None)
    return found if may_have is not None and may_have(tag) else True


def has(compiler: Compiler, node: Call) -> Code:
    """``has(X)``."""
    code = _named(compiler, node)
    run = code.run
    if isinstance(code.node, (Keyword, TagRead)):
        # An attribute whose value could not be read is there all the same; only a path that leads through
        # something unreadable, or the end of a file that is cut, leaves it open.
        (tag,) = code.tags
        if not code.parts:

            def has_attribute(scope: Any, lets: Any, frame: Any) -> object:
                found = run(scope, lets, frame)
                return _is_there(scope, tag, found) if found is UNKNOWN else found is not ABSENT

            return Code(node, BOOL, has_attribute, compiler.text(node), (code,), clean=True)
        item_of = code.parts[0].run

        def item_has(scope: Any, lets: Any, frame: Any) -> object:
            item = item_of(scope, lets, frame)
            if item is UNKNOWN:
                return item
            found = read_from(item, tag)
            return _is_there(item, tag, found) if found is UNKNOWN else found is not ABSENT

        return Code(node, BOOL, item_has, compiler.text(node), (code,), clean=True)

    def evaluate(scope: Any, lets: Any, frame: Any) -> object:
        return present(run(scope, lets, frame))

    return Code(node, BOOL, evaluate, compiler.text(node), (code,), clean=True)


def empty(compiler: Compiler, node: Call) -> Code:
    """``empty(X)``."""
    code = _named(compiler, node)
    run = code.run

    def evaluate(scope: Any, lets: Any, frame: Any) -> object:
        return is_empty(run(scope, lets, frame))

    return Code(node, BOOL, evaluate, compiler.text(node), (code,), clean=True)


def value(compiler: Compiler, node: Call) -> Code:
    """``value(X, n)``."""
    code, number = _arguments(compiler, node, 2, "value(Keyword, 1)")
    kind = code.type
    if kind.kind in ("items", "item", "bytes", "null", "bool"):
        hint = f"items are written {code.text}[0]" if kind.kind == "items" else ""
        raise compiler.error(code.node, f"{code.text} is {words(kind)}: it has no values to count", hint)
    written = number.node.value if isinstance(number.node, Literal) else None
    if scalar(number.type).kind not in ("number", "any") or isinstance(written, float):
        raise compiler.error(number.node, f"{number.text} is not a whole number", "values are counted from 1")
    if isinstance(written, int) and written < 1:
        raise compiler.error(number.node, f"there is no value {written}", "values are counted from 1")
    result = kind.element if kind.element is not None else kind
    run, text = code.run, code.text
    if isinstance(written, int):
        index = written
        label = f"value {index} of {text}"

        def at(scope: Any, lets: Any, frame: Any) -> object:
            found = run(scope, lets, frame)
            if type(found) is tuple:
                if index > len(found):
                    return ABSENT
                one = found[index - 1]
                return one if type(one) is not str or one else None
            return nth(found, index, label)

        return Code(node, result, at, label, (code,), code.leaf, False, code.tags, None, code.slot)
    count, counted = number.run, number.text

    def evaluate(scope: Any, lets: Any, frame: Any) -> object:
        return nth(run(scope, lets, frame), count(scope, lets, frame), counted)

    # Not a leaf by itself: the number has names of its own, and has() wants one all the same.
    return Code(
        node,
        result,
        evaluate,
        compiler.text(node),
        (code, number),
        code.leaf,
        False,
        code.tags,
        None,
        code.slot,
    )


def values(compiler: Compiler, node: Call) -> Code:
    """``values(X)``."""
    (code,) = _arguments(compiler, node, 1, "values(Keyword)")
    kind = code.type
    if kind.kind in ("items", "item", "bytes", "null", "bool"):
        hint = f"write {code.text}.all(x, ...)" if kind.kind == "items" else ""
        raise compiler.error(code.node, f"{code.text} is {words(kind)}: it has no list of values", hint)
    run = code.run

    def evaluate(scope: Any, lets: Any, frame: Any) -> object:
        return every(run(scope, lets, frame))

    result = list_of(kind.element if kind.element is not None else kind)
    return Code(
        node, result, evaluate, compiler.text(node), (code,), code.leaf, False, code.tags, None, code.slot
    )


def size(compiler: Compiler, node: Call) -> Code:
    """``size(X)``."""
    (code,) = _arguments(compiler, node, 1, "size(Keyword)")
    if code.type.kind in ("number", "tag", "bool", "null", "item"):
        raise compiler.error(code.node, f"{code.text} is {words(code.type)}: it has no size")
    run, text, several = code.run, code.text, code.type.kind == "values"

    def evaluate(scope: Any, lets: Any, frame: Any) -> object:
        return size_of(run(scope, lets, frame), text, several)

    return Code(node, NUMBER, evaluate, compiler.text(node), (code,))


def tag_of(compiler: Compiler, node: Call) -> Code:
    """``tag_of(Keyword)``."""
    usage = "tag_of(Keyword)"
    argument = node.arguments[0] if len(node.arguments) == 1 else None
    if not isinstance(argument, (Keyword, TagRead)) or argument.target is not None:
        raise compiler.error(node, "tag_of() takes a keyword", f"write {usage}")
    if isinstance(argument, TagRead):
        tag = argument.tag
    else:
        found = compiler.names.attribute(argument.name)
        if found is None:
            compiler.keyword(argument)  # raises, with what was meant
            raise AssertionError(argument.name)
        tag = found.tag
    return Code(node, TAG, lambda scope, lets, frame: tag, compiler.text(node))


def unknown(compiler: Compiler, node: Call) -> Code:
    """``unknown("reason")``."""
    reason = node.arguments[0] if len(node.arguments) == 1 else None
    if not isinstance(reason, Literal) or not isinstance(reason.value, str) or not reason.value.strip():
        raise compiler.error(
            node, "unknown() takes the reason as a text", 'write unknown("why no file shows it")'
        )
    return Code(node, BOOL, lambda scope, lets, frame: UNKNOWN, compiler.text(node), clean=True)


def matches(compiler: Compiler, node: Call) -> Code:
    """``matches(text, pattern)``."""
    code, written = _arguments(compiler, node, 2, 'matches(Keyword, "^[A-Z]+$")')
    compiler.single(code)
    if scalar(code.type).kind not in ("text", "any"):
        raise compiler.error(code.node, f"{code.text} is {words(code.type)}, not text")
    if not isinstance(written.node, Literal) or not isinstance(written.node.value, str):
        raise compiler.error(written.node, "the pattern is a text in the rule", 'write r"^[A-Z]+$"')
    try:
        pattern = safe_pattern(written.node.value)
    except PatternError as problem:
        raise compiler.source.error(_offset(compiler, written.node, problem.offset), str(problem)) from None
    run, text, loop = code.run, code.text, compiler.loops > 0
    search, ends, degree = pattern.search, pattern.ends, pattern.degree

    def evaluate(scope: Any, lets: Any, frame: Any) -> object:
        subject = run(scope, lets, frame)
        if type(subject) is not str:
            lack = lack_of(subject, text)
            if lack is not None:
                return lack
            subject = plain(subject)
            if not isinstance(subject, str):
                return UNKNOWN
        length = len(subject)
        if loop:
            spend(frame, min(length, MAX_SUBJECT) ** degree // 100)
        if length <= MAX_SUBJECT:
            return search(subject) is not None
        found: Any = search(subject[:MAX_SUBJECT])
        return True if found is not None and not (ends and found.end() == MAX_SUBJECT) else UNKNOWN

    return Code(node, BOOL, evaluate, compiler.text(node), (code,), clean=True)


def _offset(compiler: Compiler, node: Literal, offset: int) -> int:
    """The place of a character of a text, exact for a text without escapes."""
    text = compiler.text(node)
    raw = text[0] in "rR"
    exact = raw or "\\" not in text
    return node.start + (offset + 1 + raw if exact else 0)


def usage(signature: FunctionSignature) -> str:
    """A function as it is written: ``log2(number)``."""
    parameters = ", ".join(str(each) for each in signature.parameters)
    return f"{signature.name}({parameters}{', ...' if signature.variadic else ''})"


_KINDS: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "number": (int, float),
    "tag": (int,),
    "bool": (bool,),
    "bytes": (bytes,),
}


def calling(
    fitting: tuple[FunctionSignature, ...], arguments: tuple[Code, ...], text: str, loop: bool
) -> Run:
    """The closure that calls a function with plain arguments, or says why it cannot."""
    runs = tuple((code.run, code.text) for code in arguments)
    count = len(arguments)
    choices = []
    for signature in fitting:
        parameters = signature.parameters
        parameters += parameters[-1:] * (count - len(parameters))
        choices.append((signature.call, parameters))

    def evaluate(scope: Any, lets: Any, frame: Any) -> object:
        given: list[object] = []
        lack: object = None
        for run, name in runs:
            found = run(scope, lets, frame)
            kind = type(found)
            if kind is not str and kind is not int and kind is not float:
                without = lack_of(found, name)
                if without is not None:
                    lack = without if lack is None else merge(lack, without)
                found = plain(found)
            if loop:
                charge(frame, found)
            given.append(found)
        if lack is not None:
            return lack
        for call, parameters in choices:
            taken = []
            for value_, parameter, (_, name) in zip(given, parameters, runs, strict=True):
                one = _conform(value_, parameter, name)
                if one is UNKNOWN:
                    break
                if type(one) is Missing:
                    return one
                taken.append(one)
            else:
                try:
                    return call(*taken)
                except (ArithmeticError, ValueError):
                    return Missing((f"{text} (no value)",))
        return UNKNOWN

    return evaluate


def _conform(value_: object, parameter: Type, name: str) -> object:
    """An argument as its parameter wants it; UNKNOWN if the file holds another kind of value, or Missing."""
    if parameter.element is None:
        if parameter == ANY:
            return value_
        kinds = _KINDS.get(parameter.kind)
        if kinds is None or isinstance(value_, kinds):
            return UNKNOWN if isinstance(value_, bool) and parameter.kind != "bool" else value_
        return UNKNOWN
    if not isinstance(value_, (list, tuple)):
        if isinstance(value_, bytes) or hasattr(value_, "attribute"):
            return UNKNOWN
        value_ = (value_,)
    element = parameter.element
    kinds = _KINDS.get(element.kind)
    result = []
    lack: object = None
    for index, each in enumerate(value_):
        one = each
        if type(one) is not str and type(one) is not int and type(one) is not float:
            without = lack_of(one, f"value {index + 1} of {name}")
            if without is not None:
                lack = without if lack is None else merge(lack, without)
                continue
            one = plain(one)
        if kinds is not None and (not isinstance(one, kinds) or (isinstance(one, bool) and element != BOOL)):
            return UNKNOWN
        result.append(one)
    return result if lack is None else lack
