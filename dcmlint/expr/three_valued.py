"""What the operators mean when a value is not simply there: the slow half of every evaluation.

The closures of the compiler answer the common case (two numbers, two texts) themselves and come here for
the rest: absent, empty, unknown and missing operands, lists, values of another kind than the dictionary
says, NumPy scalars and arrays (known by their ``tolist``; NumPy itself is never imported).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from dcmlint.expr.values import ABSENT, UNKNOWN, Missing

Run = Callable[[Any, Any, Any], object]  # scope, lets, frame

# A number, a text or a list that grows past this is not a value of any data set.
MAX_INTEGER: Final = 2**256
MAX_TEXT: Final = 1_000_000  # characters
MAX_LIST: Final = 10_000_000  # elements
MAX_NAMES: Final = 8  # of what is missing
_MAX_LISTS: Final = 4  # within each other, that are compared


class OutOfStepsError(Exception):
    """The budget of steps is spent; it never leaves an evaluation."""


def merge(left: object, right: object) -> object:
    """Of two results that are neither true nor false: what is missing is named before what is unknown."""
    if type(left) is Missing:
        if type(right) is Missing and left.names != right.names:
            return Missing(tuple(dict.fromkeys(left.names + right.names))[:MAX_NAMES])
        return left
    return right


def plain(value: object) -> object:
    """A NumPy scalar or array as Python's own value; anything else as it is."""
    tolist = getattr(value, "tolist", None)
    return value if tolist is None else tolist()


def truth(value: object, name: str) -> object:
    """The truth of a value that should be true or false: True, False, UNKNOWN or Missing."""
    if value is True or value is False or value is UNKNOWN or type(value) is Missing:
        return value
    if value is ABSENT:
        return Missing((name,))
    if value is None:
        return Missing((f"{name} (empty)",))
    value = plain(value)
    return value if value is True or value is False else UNKNOWN


def negate(value: object) -> object:
    """Kleene's not."""
    if value is True:
        return False
    if value is False:
        return True
    return value


def lacking(left: object, left_name: str, right: object, right_name: str) -> object:
    """What order or arithmetic gives if an operand is absent, empty, missing or unknown; else None."""
    found: object = None
    for value, name in ((left, left_name), (right, right_name)):
        lack = lack_of(value, name)
        if lack is not None:
            found = lack if found is None else merge(found, lack)
    return found


def lack_of(value: object, name: str) -> object:
    """Why a value cannot be computed with: Missing or UNKNOWN; None if nothing stands against it."""
    if value is ABSENT:
        return Missing((name,))
    if value is None:
        return Missing((f"{name} (empty)",))
    if value is UNKNOWN or type(value) is Missing:
        return value
    return None


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, (list, tuple)):
        return "list"
    return "other"


def equal(left: object, right: object, mixed: object = False, depth: int = 0) -> object:
    """Whether two values are equal: True, False, UNKNOWN or Missing.

    Absent equals nothing; empty (None) equals only empty.  ``mixed`` is the answer for values of two
    kinds: False where any type may stand, UNKNOWN where the dictionary promised one kind.
    """
    if type(left) is Missing or type(right) is Missing or left is UNKNOWN or right is UNKNOWN:
        if type(left) is Missing or left is UNKNOWN:
            return merge(left, right) if type(right) is Missing or right is UNKNOWN else left
        return right
    if left is ABSENT or right is ABSENT:
        return False
    if left is None or right is None:
        return left is right
    left, right = plain(left), plain(right)
    kind, other = _kind(left), _kind(right)
    if kind == other:
        if kind == "list":
            return _equal_lists(left, right, mixed, depth) if depth < _MAX_LISTS else UNKNOWN
        return UNKNOWN if kind == "other" else left == right
    if kind == "list" or other == "list":
        return False
    return mixed


def _equal_lists(left: Any, right: Any, mixed: object, depth: int) -> object:
    if len(left) != len(right):
        return False
    result: object = True
    for one, other in zip(left, right, strict=True):
        if type(one) is type(other) and (type(one) is str or type(one) is int or type(one) is float):
            if one != other:
                return False
            continue
        same = equal(one, other, mixed, depth + 1)
        if same is False:
            return False
        if same is not True:
            result = same if result is True else merge(result, same)
    return result


def contains(items: object, wanted: object, mixed: object = False) -> object:
    """Whether ``wanted`` is in a list (or in a list of one): True, False, UNKNOWN or Missing."""
    lack: object = wanted if wanted is UNKNOWN or type(wanted) is Missing else None
    if items is UNKNOWN or type(items) is Missing:
        lack = items if lack is None else merge(lack, items)
    if lack is not None:
        return lack
    if items is ABSENT or items is None or wanted is ABSENT:
        return False
    items, wanted = plain(items), plain(wanted)
    result: object = False
    for item in items if isinstance(items, (list, tuple)) else (items,):
        same = equal(wanted, item, mixed)
        if same is True:
            return True
        if same is not False:
            result = same if result is False else merge(result, same)
    return result


def compare(
    operator: Callable[[Any, Any], bool], left: object, right: object, names: tuple[str, str]
) -> object:
    """Order of two values that are not both plain: True, False, UNKNOWN or Missing."""
    lack = lacking(left, names[0], right, names[1])
    if lack is not None:
        return lack
    left, right = plain(left), plain(right)
    kind = _kind(left)
    if kind == _kind(right) and (kind == "number" or kind == "text"):
        return operator(left, right)
    return UNKNOWN  # several values, or another kind than the dictionary says


def calculate(operator: str, left: Any, right: Any, names: tuple[str, str], text: str) -> object:
    """Arithmetic: a number (or a text or list, for ``+``), UNKNOWN or Missing."""
    lack = lacking(left, names[0], right, names[1])
    if lack is not None:
        return lack
    left, right = plain(left), plain(right)
    kind = _kind(left)
    if kind != _kind(right):
        return UNKNOWN
    if kind == "number":
        return _number(operator, left, right, text)
    if operator == "+" and kind == "text":
        return _bounded(left, right, MAX_TEXT)
    if operator == "+" and kind == "list":
        return _bounded(list(left), list(right), MAX_LIST)
    return UNKNOWN


def _bounded(left: Any, right: Any, limit: int) -> object:
    return left + right if len(left) + len(right) <= limit else UNKNOWN


def _number(operator: str, left: Any, right: Any, text: str) -> object:
    try:
        if operator == "+":
            result = left + right
        elif operator == "-":
            result = left - right
        elif operator == "*":
            result = left * right
        elif right == 0:
            return Missing((f"{text} (division by zero)",))
        elif operator == "/":
            return left / right
        else:
            return _remainder(left, right, text)
    except OverflowError:
        return Missing((f"{text} (too large)",))
    if type(result) is int and not -MAX_INTEGER < result < MAX_INTEGER:
        return Missing((f"{text} (too large)",))
    return result


def _remainder(left: Any, right: Any, text: str) -> object:
    """The remainder of integers; like CEL's it has the sign of the left operand."""
    if type(left) is float or type(right) is float:
        if left != left or right != right or int_of(left) is None or int_of(right) is None:
            return Missing((f"{text} (not of integers)",))
        left, right = int(left), int(right)
    rest = abs(left) % abs(right)
    return -rest if left < 0 else rest


def int_of(value: Any) -> int | None:
    """A number as an integer, if it is one."""
    if type(value) is int:
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return None


def minus(value: Any, name: str) -> object:
    """The number with its sign changed, UNKNOWN or Missing."""
    lack = lack_of(value, name)
    if lack is not None:
        return lack
    value = plain(value)
    return -value if _kind(value) == "number" else UNKNOWN


def nth(value: Any, number: object, name: str) -> object:
    """Value ``number`` (1-based) of an attribute or a list; ABSENT beyond the last."""
    if type(number) is not int:
        lack = lack_of(number, name)
        if lack is not None:
            return lack
        index = int_of(plain(number))
        if index is None:
            return UNKNOWN
        number = index
    if value is ABSENT or value is None:
        return ABSENT
    if value is UNKNOWN or type(value) is Missing:
        return value
    if isinstance(value, (list, tuple)) or getattr(value, "ndim", False):
        if not 1 <= number <= len(value):
            return ABSENT
        found = plain(value[number - 1])
        return None if type(found) is str and not found else found
    return value if number == 1 else ABSENT


def elements(value: object) -> object:
    """What a loop over a list goes through; ABSENT, UNKNOWN and Missing stay what they are."""
    if type(value) is tuple or type(value) is list:
        return value
    if value is ABSENT or value is UNKNOWN or type(value) is Missing:
        return value
    if value is None:
        return ()
    value = plain(value)
    if isinstance(value, (str, bytes)) or not hasattr(value, "__getitem__") or not hasattr(value, "__len__"):
        return UNKNOWN
    return value


def every(value: object) -> object:
    """All values as a list; ABSENT, UNKNOWN and Missing stay what they are; empty has none."""
    if type(value) is tuple or type(value) is list:
        return value
    if value is ABSENT or value is UNKNOWN or type(value) is Missing:
        return value
    if value is None:
        return ()
    value = plain(value)
    if isinstance(value, (list, tuple)):
        return value
    return (value,)


def items_of(value: Any) -> object:
    """The items of a sequence; UNKNOWN if the value has none (a file may say anything)."""
    if value is None:
        return ()
    if value is ABSENT or value is UNKNOWN or type(value) is Missing:
        return value
    if isinstance(value, (str, bytes)) or not hasattr(value, "__getitem__") or not _sized(value):
        return UNKNOWN
    if len(value) and not hasattr(value[0], "attribute"):
        return UNKNOWN
    return value


def item_at(value: object, index: object, name: str) -> object:
    """Item ``index`` (0-based) of a sequence; ABSENT beyond the last."""
    items: Any = items_of(value)
    if items is ABSENT or items is UNKNOWN or type(items) is Missing:
        return items
    if type(index) is not int:
        lack = lack_of(index, name)
        if lack is not None:
            return lack
        number = int_of(plain(index))
        if number is None:
            return UNKNOWN
        index = number
    return items[index] if 0 <= index < len(items) else ABSENT


def read_from(item: object, tag: int) -> object:
    """An attribute of an item; ABSENT if the item is not there, UNKNOWN if it is no item."""
    if item is ABSENT or item is None:
        return ABSENT
    if item is UNKNOWN or type(item) is Missing:
        return item
    reader = getattr(item, "attribute", None)
    return UNKNOWN if reader is None else reader(tag)


def present(value: object) -> object:
    """``has``: whether it is there, be it empty; UNKNOWN only if that could not be read."""
    if value is UNKNOWN:
        return UNKNOWN
    return not (value is ABSENT or type(value) is Missing)


def is_empty(value: Any) -> object:
    """``empty``: absent, of zero length, or of empty values only."""
    if value is ABSENT or value is None or type(value) is Missing:
        return True
    if value is UNKNOWN:
        return UNKNOWN
    if isinstance(value, (list, tuple)):
        return all(one is None or one is ABSENT or (type(one) is str and not one) for one in value)
    return len(value) == 0 if _sized(value) else False


def size_of(value: Any, name: str, values: bool) -> object:
    """``size``: characters of a text, elements of a list, items of a sequence, bytes.

    ``values``: count the values of an attribute whose VM may exceed 1, even if it has one value.
    """
    if value is None:
        return 0
    if value is ABSENT:
        return Missing((name,))
    if value is UNKNOWN or type(value) is Missing:
        return value
    if values and isinstance(value, (str, int, float)):
        return 1
    return len(value) if _sized(value) else UNKNOWN


def _sized(value: object) -> bool:
    # A NumPy scalar has __len__ nowhere, but an array of no dimensions has, and raises.
    return hasattr(value, "__len__") and getattr(value, "ndim", 1) != 0


def charge(frame: Any, value: Any) -> None:
    """Pay for work on a whole list or text within a loop."""
    if _sized(value):
        spend(frame, len(value))


def spend(frame: Any, steps: int) -> None:
    """Take steps from the budget of an evaluation."""
    frame[0] -= steps
    if frame[0] < 0:
        raise OutOfStepsError


def is_null(value: Any) -> object:
    """``== null``: present, but without a value."""
    if value is None:
        return True
    if value is UNKNOWN or type(value) is Missing:
        return value
    return _sized(value) and len(value) == 0
