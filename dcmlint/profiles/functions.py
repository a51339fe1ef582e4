"""Functions of rules that profiles need: names of files, bar codes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import dcmlint.profiles.stains  # noqa: F401 - registers
from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.path import parse_path, tag_text
from dcmlint.expr.patterns import MAX_SUBJECT, safe_pattern
from dcmlint.facts.run.index import KeptFile
from dcmlint.findings.redact import shape
from dcmlint.profiles.file_names import TOKEN
from dcmlint.profiles.orders import IDENTIFIERS, order_of
from dcmlint.profiles.patterns import found, replaced
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, Undecided, rule_function
from dcmlint.rules.slide_functions import SlideContext, paths
from dcmlint.standard.tags import (
    NumberOfFrames,
)

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
        part = found(safe_pattern(identifier), text)
        if part is None:
            return None
        text = part
    return replaced(safe_pattern(modifier), text, substitution) if modifier else text


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
    pattern, wanted, at = "", "", 0
    for token in TOKEN.finditer(template):
        pattern += re.escape(template[at : token.start()])
        wanted += template[at : token.start()]
        at = token.end()
        path = (tokens or {}).get(token[1], token[1])
        text = text_at(context, path) if path else None
        if not path:
            pattern += ".+"
            wanted += "*"
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
        wanted += shape(text)
    pattern += re.escape(template[at:])
    wanted += template[at:]
    if re.fullmatch(pattern, stem, re.DOTALL) is None:
        # The values are those of a patient or a case: their shape says enough beside the name of the file.
        yield Problem(
            message="the file name does not match the template",
            said=shape(stem),
            want=f"{template}, here {wanted}",
        )


@rule_function("file-limits")
def file_limits(
    context: RuleContext, size: int, frames: int, creators: list[str] | None
) -> Iterable[Problem]:
    """The file is at most so large, has at most so many frames (0: any) and private elements of these creators only (None: any)."""
    length = len(context.instance.buffer)
    if size and length > size:
        yield Problem(
            message="the file is larger than the profile allows",
            said=f"{length} bytes",
            want=f"at most {size} bytes",
        )
    number = context.dataset.value(NumberOfFrames)
    if frames and isinstance(number, (int, float)) and number > frames:
        yield Problem(
            message="there are more frames than the profile allows",
            path="NumberOfFrames",
            said=f"{number:g}",
            want=f"at most {frames}",
        )
    if creators is not None:
        yield from _private(context.dataset, creators)


def _private(dataset: Dataset, creators: list[str]) -> Iterable[Problem]:
    """Private elements of other creators: one problem for each creator and level."""
    others: dict[str, int] = {}
    for element in dataset:
        tag = element.tag
        if tag >> 16 & 1 and tag & 0xFFFF > 0xFF:
            creator = dataset.creator(tag) or "without a creator"
            if creator not in creators:
                others.setdefault(creator, tag)
        if element.items is not None:
            for item in dataset.items(tag):
                yield from _private(item, creators)
    want = ", ".join(creators) or "no private elements"
    for creator, tag in others.items():
        yield Problem(
            message="private elements of a creator that the profile does not list",
            path=tag_text(tag),
            said=creator,
            want=want,
        )


@rule_function("same-as-order")
def same_as_order(
    context: RuleContext, rows: Mapping[str, str], orders: list[Mapping[str, str]]
) -> Iterable[Problem]:
    """The values of attributes (``rows``: path to the keyword of the order) are those of the instance's order."""
    mine = {key: text_at(context, key) or "" for key in IDENTIFIERS}
    order = order_of(mine, orders)
    if order is None:
        raise Undecided("no order with the identifiers of the instance")
    lacking = sorted({key for key in rows.values() if key not in order})
    faults = 0
    for path, key in rows.items():
        wanted = order.get(key)
        if wanted is None:
            continue
        found_ = text_at(context, path)
        if _same(found_ or "", wanted):
            continue
        faults += 1
        yield Problem(
            message="the value is not that of the order",
            path=path,
            found=found_,
            want="the value of the order",
        )
    if lacking and not faults:
        raise Undecided(f"the order does not say {', '.join(lacking[:6])}")


def _same(one: str, other: str) -> bool:
    """Equal, or equal but for separators of names that end empty (PS3.5 6.2.1.1)."""
    return one.rstrip("^ ") == other.rstrip("^ ")


@rule_function("barcode-identified")
def barcode_identified(context: RuleContext, attribute: str, identifier: str) -> Iterable[Problem]:
    """The identifier pattern is found in the bar code."""
    text = text_at(context, attribute)
    if text is None:
        raise NotApplicable
    if len(text) > MAX_SUBJECT:
        raise Undecided(f"more than {MAX_SUBJECT} characters")
    if found(safe_pattern(identifier), text) is None:
        yield Problem(message="the bar code does not hold what its identifier pattern looks for", path=attribute,
                      found=text, want=identifier)  # fmt: skip


@rule_function("barcode-modified")
def barcode_modified(
    context: RuleContext,
    attribute: str,
    identifier: str,
    modifier: str,
    substitution: str,
    recorded: str = "read",
) -> Iterable[Problem]:
    """The modifier pattern is found in what the identifier finds, so that the substitution changes something.

    A bar code that is recorded as it was modified must be one that the substitution can give.
    """
    text = text_at(context, attribute)
    if text is None or recorded != "read":
        raise NotApplicable
    part = found(safe_pattern(identifier), text) if identifier else text
    if part is None:
        raise Undecided("the identifier pattern finds nothing in the bar code")
    if len(part) > MAX_SUBJECT:
        raise Undecided(f"more than {MAX_SUBJECT} characters")
    if found(safe_pattern(modifier), part) is None:
        yield Problem(message="the modifier pattern is not found in the bar code: nothing is substituted", path=attribute,
                      found=text, want=modifier)  # fmt: skip


@rule_function("slide-has-barcode")
def slide_has_barcode(context: SlideContext, attribute: str, required: str = "true") -> Iterable[Problem]:
    """Some instance of the slide carries a bar code."""
    if required != "true":
        raise NotApplicable
    slide = context.slide
    if attribute != "BarcodeValue":
        raise Undecided(f"what the other instances hold in {attribute} is not kept")
    if any(part.image.barcode is not None and not part.image.barcode.empty for part in slide.parts):
        return
    if not slide.labels:
        raise Undecided("no LABEL image of the slide was checked")
    yield Problem(
        message="no instance of the slide carries a bar code", path=attribute, want="a bar code",
        files=paths(slide.of("LABEL") + slide.of("VOLUME", "THUMBNAIL", "OVERVIEW")),
    )  # fmt: skip


@rule_function("instance-numbers-sequential")
def instance_numbers_sequential(context: SlideContext) -> Iterable[Problem]:
    """The Instance Numbers of the whole slide images of a series are distinct and follow each other.

    A gap is less severe than a number used twice: what is missing may not have been among the inputs.
    """
    parts = [part for part in context.parts if part.on_slide and part.has_image]
    numbers: dict[int, list[KeptFile]] = {}
    for part in parts:
        if part.image.number is not None:
            numbers.setdefault(part.image.number, []).append(part)
    if len(parts) < 2 or not numbers:
        raise NotApplicable
    twice = [
        part for same in numbers.values() if len({p.kept.sop_instance for p in same}) > 1 for part in same
    ]
    if twice:
        yield Problem(message="one Instance Number is used by several instances of the series", path="InstanceNumber",
                      files=paths(twice), want="one number for each instance")  # fmt: skip
        return
    ordered = sorted(numbers)
    gaps = ordered[-1] - ordered[0] + 1 - len(ordered)
    if gaps:
        yield Problem(message=f"the Instance Numbers go from {ordered[0]} to {ordered[-1]}, and {gaps} are missing",
                      path="InstanceNumber", files=paths(parts), want="numbers that follow each other", severity="warning")  # fmt: skip
