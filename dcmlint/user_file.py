"""Files that users write, held against the published schemas: each mistake with its place and what is possible there.

jsonschema is imported only here, so only who brings a file of their own pays for it.  Profiles and rules are text:
a text that reads as a number or as true and false is good where the schema asks for one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from dcmlint.errors import LocatedError, did_you_mean

Place = Callable[[str], tuple[int, int]]
_MOST = 20  # mistakes that are told at once
_MOST_FOUND = 200  # that are looked for: what has more is no file of this kind
_CHOICES = 12
_LONGEST_PATH = 120  # characters
_SHOWN = 60  # characters of a value
_KINDS = {
    "object": "a mapping", "array": "a list", "string": "text", "number": "a number", "integer": "a whole number",
    "boolean": "true or false", "null": "nothing",
}  # fmt: skip


def hold(
    value: Any, schema: Path, file: str, place: Place, error: type[LocatedError], *, text: bool, what: str = ""
) -> None:  # fmt: skip
    """Raise ``error`` for the first mistake in the order of the file; ``others`` of it has those that follow.

    ``schema``: a file of the folder ``schemas``; ``place``: line and column of a path like ``$.rows[0].id``, or of the key itself
    (``$.rows[0].id:``), (0, 0) for unknown; ``text``: every scalar of the value is text, as YAML is read here; ``what``: what each message begins with.
    """
    validator = _validator(schema, text)
    mistakes = {
        (*place(path), message): hint
        for one in islice(validator.iter_errors(value), _MOST_FOUND)
        for path, message, hint in _told(one, "$" + "".join(map(_step, one.absolute_path)))
    }
    made = [
        error(what + message, file, line, column, hint)
        for (line, column, message), hint in sorted(mistakes.items(), key=lambda one: one[0])
    ]
    if made:
        made[0].others = tuple(made[1:_MOST])
        raise made[0]


def _step(step: str | int) -> str:
    return f"[{step}]" if isinstance(step, int) else f".{step}"


@cache
def _validator(schema: Path, text: bool) -> Any:
    from jsonschema import Draft202012Validator, validators

    extend: Any = validators.extend
    kind: Any = Draft202012Validator
    if text:
        checker = kind.TYPE_CHECKER.redefine_many(
            {"number": _reads_as(float), "integer": _reads_as(int), "boolean": _is_truth, "null": _is_nothing}
        )
        kind = extend(kind, {"enum": _enum, "const": _const}, type_checker=checker)
    return kind(msgspec.json.decode(schema.read_bytes()))


def _reads_as(number: type[int] | type[float]) -> Callable[[Any, Any], bool]:
    def reads(checker: Any, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            return False
        try:
            return number(value) is not None
        except (ValueError, OverflowError):
            return False

    return reads


def _is_truth(checker: Any, value: Any) -> bool:
    return isinstance(value, bool) or (isinstance(value, str) and value.lower() in ("true", "false"))


def _is_nothing(checker: Any, value: Any) -> bool:
    return value is None or (isinstance(value, str) and value.lower() == "null")


def _words(value: Any) -> Any:
    """A scalar as YAML writes it, so that text and value are equal."""
    return (
        str(value).lower()
        if isinstance(value, bool)
        else str(value)
        if isinstance(value, (int, float))
        else value
    )


def _enum(validator: Any, allowed: Any, value: Any, schema: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if _words(value) not in [_words(one) for one in allowed]:
        yield ValidationError("enum")


def _const(validator: Any, wanted: Any, value: Any, schema: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if _words(value) != _words(wanted):
        yield ValidationError("const")


# -- in words ---------------------------------------------------------------------------------------------------


def _told(mistake: Any, path: str) -> Iterator[tuple[str, str, str]]:
    """Path, message and hint of each mistake that a validator's error stands for."""
    where = "".join(c if c.isprintable() else "?" for c in path.removeprefix("$").lstrip(".")[:_LONGEST_PATH])
    within = f" in {where}" if where else ""
    value, rule = mistake.instance, mistake.validator_value
    if "then" in mistake.absolute_schema_path:
        # What depends on another key is said better by the code that knows why.
        return
    if mistake.validator == "additionalProperties":
        known = tuple(mistake.schema.get("properties", ()))
        for key in _unknown(mistake):
            hint = did_you_mean(key, known, f"known: {', '.join(known)}")
            yield f"{path}.{key}:", f"unknown key {_shown(key)}{within}", hint
    elif mistake.validator == "required":
        # An error for each key that is missing; its message begins with the key.  One that is misspelt is said as such.
        key = mistake.message.split("'")[1]
        if not any(did_you_mean(one, [key]) for one in _unknown(mistake)):
            yield path, f"the key {key!r} is missing{within}", ""
    elif mistake.validator in ("enum", "const"):
        # The empty text of a default is no word that anybody would write.
        choices = [str(_words(one)) for one in (rule if mistake.validator == "enum" else [rule]) if one != ""]
        yield _choices(path, value, tuple(dict.fromkeys(choices)), within)
    elif mistake.validator == "type":
        # A text of some form is called by it.
        form = mistake.schema.get("title") if "pattern" in mistake.schema else None
        kind = form or _kinds([rule] if isinstance(rule, str) else rule)
        yield path, f"{_shown(value)}{within} is not {kind}", ""
    elif mistake.validator == "minItems":
        yield path, f"an empty list{within}", "name at least one, or leave the key out"
    elif mistake.validator in ("minimum", "maximum"):
        yield path, f"{_shown(value)}{within} is not {_range(mistake.schema)}", ""
    elif mistake.validator == "pattern":
        if "propertyNames" in mistake.absolute_schema_path:
            path = f"{path}.{value}"
        title = mistake.schema.get("title")
        yield path, f"{_shown(value)}{within} is not {title or f'text matching {rule}'}", ""
    elif mistake.validator in ("anyOf", "oneOf"):
        yield from _alternatives(mistake, path, within)
    else:
        yield path, f"{_shown(value)}{within}: {mistake.message}", ""


def _unknown(mistake: Any) -> list[str]:
    """The first keys of a mapping that its schema does not have."""
    known = mistake.schema.get("properties", mistake.instance)
    return list(islice((one for one in mistake.instance if one not in known), _MOST))


def _alternatives(mistake: Any, path: str, within: str) -> Iterator[tuple[str, str, str]]:
    """Of several possible forms, the mistake in the one that was meant, as far as its type tells."""
    if all(set(one) <= {"required", "properties"} for one in mistake.validator_value):
        if not _unknown(mistake):
            forms = ", ".join(" with ".join(one.get("required", ())) for one in mistake.validator_value)
            count = "exactly one" if mistake.validator == "oneOf" else "one"
            yield path, f"{count} of {forms} is needed{within}", ""
        return
    of_this_type = [
        one for one in mistake.context
        if not (one.validator == "type" and one.absolute_path == mistake.absolute_path)
    ]  # fmt: skip
    if of_this_type:
        deepest = max(of_this_type, key=lambda one: len(one.absolute_path))
        for one in of_this_type:
            if one.relative_schema_path[0] == deepest.relative_schema_path[0]:
                yield from _told(one, "$" + "".join(map(_step, one.absolute_path)))
        return
    kinds = [
        kind for one in mistake.context
        for kind in ([one.validator_value] if isinstance(one.validator_value, str) else one.validator_value)
    ]  # fmt: skip
    yield path, f"{_shown(mistake.instance)}{within} is not {_kinds(kinds)}", ""


def _choices(path: str, value: Any, choices: tuple[str, ...], within: str) -> tuple[str, str, str]:
    near = did_you_mean(value, choices) if isinstance(value, str) else ""
    more = f" or {len(choices) - _CHOICES} more" if len(choices) > _CHOICES else ""
    wanted = f"one of {', '.join(choices[:_CHOICES])}{more}" if len(choices) > 1 else choices[0]
    return path, f"{_shown(value)}{within} is not {wanted}", near


def _range(schema: Any) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    return (
        f"at least {least}" if most is None else f"at most {most}" if least is None else f"{least} to {most}"
    )


def _kinds(kinds: list[str]) -> str:
    # Where text is good, a number and a truth value are good only because YAML may have read the text so.
    wanted = ["string"] if "string" in kinds and "array" not in kinds and "object" not in kinds else kinds
    shown = [_KINDS.get(kind, kind) for kind in dict.fromkeys(wanted) if kind != "null" or len(wanted) == 1]
    if "text" in shown:
        shown = [one for one in shown if one not in ("a number", "true or false")]
    return " or ".join(shown)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    shown = repr(value) if isinstance(value, str) else str(_words(value))
    return shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…"
