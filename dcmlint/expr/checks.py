"""The rules of types: what may be compared, computed, listed or given to a function."""

from __future__ import annotations

from dcmlint.expr.types import ANY, NUMBER, Type, list_of


def scalar(kind: Type) -> Type:
    """The type of one value of an attribute whose VM may exceed 1; else the type itself."""
    return kind.element if kind.kind == "values" and kind.element is not None else kind


def family(kind: Type) -> str:
    """Types of one family can be compared: tags are numbers."""
    return "number" if kind.kind == "tag" else kind.kind


def comparable(left: Type, right: Type) -> bool:
    """Whether ``==`` between two types can ever be true."""
    kinds = (left.kind, right.kind)
    if "null" in kinds:
        return True
    if "bytes" in kinds or "items" in kinds or "item" in kinds:
        return False
    if "any" in kinds:
        return True
    if left.kind == "list" or right.kind == "list":
        one, other = left.element, right.element
        return one is not None and other is not None and comparable(one, other)
    return family(scalar(left)) == family(scalar(right))


def accepts(parameter: Type, given: Type) -> bool:
    """Whether a function's parameter takes an argument, as far as its type tells."""
    if given.kind == "any":
        return True
    if parameter.kind == "any":
        return given.kind not in ("bytes", "items", "item", "null")
    if parameter.element is not None:
        element = given.element
        return element is not None and (accepts(parameter.element, element) or parameter.element == ANY)
    if given.kind == "values" and given.at_least > 1:
        return False
    return family(parameter) == family(scalar(given))


def common(types: list[Type]) -> Type | None:
    """The type of a list of such elements, or of a choice between them; None if they do not mix."""
    found: Type | None = None
    for each in types:
        kind = scalar(each)
        if kind.kind == "null":
            continue
        if found is None or found == kind:
            found = kind
        elif found.kind == "any" or kind.kind == "any":
            found = ANY
        elif family(found) == family(kind) == "number":
            found = NUMBER
        elif found.element is not None and kind.element is not None:
            inner = common([found.element, kind.element])
            if inner is None:
                return None
            found = list_of(inner)
        else:
            return None
    return ANY if found is None else found
