"""Functions of rules that profiles need: names of files, bar codes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from dcmlint.dicom.path import parse_path
from dcmlint.expr.patterns import MAX_SUBJECT
from dcmlint.profiles.patterns import found, replaced, translate
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, Undecided, rule_function

_TOKEN = re.compile(r"\{([^{}]+)\}")
# What Windows does not allow in the name of a file; a scanner has to leave it out or to replace it.
_NOT_IN_NAMES = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
_SUFFIXES = (".dcm", ".dicom", ".dic")


def text_at(context: RuleContext, path: str) -> str | None:
    """The text of an attribute given by its path, white space at the ends left out; None where there is none."""
    level = context.dataset
    steps = parse_path(path)
    for step in steps[:-1]:
        items = level.items(step.tag)
        index = step.index or 0
        if index >= len(items):
            return None
        level = items[index]
    values = level.values(steps[-1].tag)
    if not values:
        return None
    text = "\\".join(str(value) for value in values).strip(" \0\r\n\t")
    return text or None


def modified_barcode(text: str, identifier: str, modifier: str, substitution: str) -> str | None:
    """A bar code as it is used: the part that the identifier finds, with the modifier's matches replaced.

    None where the identifier finds nothing.
    """
    if identifier:
        part = found(translate(identifier), text)
        if part is None:
            return None
        text = part
    return replaced(translate(modifier), text, substitution) if modifier else text


@rule_function("file-name")
def file_name(
    context: RuleContext, template: str, tokens: Mapping[str, str] | None = None, barcode_token: str = "",
    identifier: str = "", modifier: str = "", substitution: str = "", recorded: str = "read",
) -> Iterable[Problem]:  # fmt: skip
    """The file's name is the template with the values of the instance in place of the tokens.

    ``tokens``: token to the path of an attribute, or to nothing for any text; other tokens are keywords.
    ``barcode_token``: the token whose value goes through ``identifier``, ``modifier`` and ``substitution``
    first, unless the attribute holds what comes out of it (``recorded`` modified).
    """
    named = context.facts.group("file_name")
    if named is None:
        raise NotApplicable
    stem = named.name
    for suffix in _SUFFIXES:
        if stem.lower().endswith(suffix):
            stem = stem[: -len(suffix)]
            break
    pattern, at = "", 0
    for token in _TOKEN.finditer(template):
        pattern += re.escape(template[at : token.start()])
        at = token.end()
        path = (tokens or {}).get(token[1], token[1])
        text = text_at(context, path) if path else None
        if not path:
            pattern += ".+"
            continue
        if text is None:
            raise Undecided(f"{path} missing")
        if token[1] == barcode_token and recorded == "read":
            text = modified_barcode(text, identifier, modifier, substitution)
            if text is None:
                raise Undecided("the identifier pattern finds nothing in the bar code")
        if _NOT_IN_NAMES.search(text) or len(text) > MAX_SUBJECT:
            raise Undecided(f"{path} holds what no file name can")
        pattern += re.escape(text)
    pattern += re.escape(template[at:])
    if re.fullmatch(pattern, stem, re.DOTALL) is None:
        yield Problem(message="the file is not called as the template says", want=template)


@rule_function("barcode-identified")
def barcode_identified(context: RuleContext, attribute: str, identifier: str) -> Iterable[Problem]:
    """The identifier pattern is found in the bar code."""
    text = text_at(context, attribute)
    if text is None:
        raise NotApplicable
    if len(text) > MAX_SUBJECT:
        raise Undecided(f"more than {MAX_SUBJECT} characters")
    if found(translate(identifier), text) is None:
        yield Problem(message="the bar code does not hold what its identifier pattern looks for", path=attribute,
                      found=text, want=identifier)  # fmt: skip


@rule_function("barcode-modified")
def barcode_modified(
    context: RuleContext, attribute: str, identifier: str, modifier: str, substitution: str, recorded: str = "read"
) -> Iterable[Problem]:
    """The modifier pattern is found in what the identifier finds, so that the substitution changes something.

    A bar code that is recorded as it was modified must be one that the substitution can give.
    """
    text = text_at(context, attribute)
    if text is None or recorded != "read":
        raise NotApplicable
    part = found(translate(identifier), text) if identifier else text
    if part is None:
        raise Undecided("the identifier pattern finds nothing in the bar code")
    if len(part) > MAX_SUBJECT:
        raise Undecided(f"more than {MAX_SUBJECT} characters")
    if found(translate(modifier), part) is None:
        yield Problem(message="the modifier pattern is not found in the bar code: nothing is substituted", path=attribute,
                      found=text, want=modifier)  # fmt: skip
