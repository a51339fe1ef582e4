"""Reading the sentences that say when an attribute or a module is required.

Only forms whose meaning leaves no doubt are read, and only when they take up the whole sentence; for everything else
a person writes the condition into the overlay. The result is the source of an expression.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from dcmlint.standard.build.source import letters, sentence_hash
from dcmlint.standard.build.values import NUMERIC
from dcmlint.standard.dictionary import Entry
from dcmlint.standard.tables import Otherwise

_TEXT = frozenset({"CS", "LO", "SH", "UI", "AE", "LT", "ST"})
_OPENING = re.compile(r"(?:required|shall be present)(?P<only>(?: if and)? only)? (?:if|when) ", re.I)
_ABOUT = re.compile(
    r"\b(required|shall (?:only )?(?:not )?be (?:present|absent)|may (?:\w+ )?be present)\b", re.I
)


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What a sentence says. ``when`` is None where it could not be read; ``absent`` are the keywords whose absence
    would make the condition true: they must be where the condition looks for them."""

    when: str | None
    otherwise: Otherwise
    hash: str
    absent: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()


class _CannotRead(Exception):
    pass


Lookup = Callable[[int], Entry | None]


def sentences(text: str) -> list[str]:
    """The sentences of a description, without their full stops; a list item is one too."""
    found: list[str] = []
    for paragraph in re.split(r"\n+", text):
        found += re.split(r"(?<=[\w)\"'])\.(?:\s+|$)", paragraph.strip())
    return [" ".join(sentence.split()) for sentence in found if sentence.strip()]


def conditional(text: str) -> list[str]:
    """The sentences that speak of when something is required or present."""
    return [sentence for sentence in sentences(text) if _ABOUT.search(sentence)]


def read_condition(text: str, lookup: Lookup, *, complete: bool) -> Reading | None:
    """What a description says about when its attribute is required; None where it says nothing.

    ``complete`` tells that the text is known to go on to its end; else the last sentence counts only with its full
    stop, and a clause "otherwise" that is not there may have been cut off.
    """
    about = conditional(text)
    if not about:
        return None
    reading_hash = sentence_hash(" . ".join(about))
    otherwise, conditions = _otherwise(about)
    when, absent, named = None, frozenset[str](), frozenset[str]()
    whole = complete or re.search(r"[.]\s*$", text.strip()) or not text.strip().endswith(about[-1])
    if len(conditions) == 1 and whole and otherwise is not None:
        opening = _OPENING.match(conditions[0])
        if opening:
            try:
                when, absent, named = _read(conditions[0][opening.end() :], lookup)
            except _CannotRead:
                when = None
            if when is not None and opening["only"] and otherwise == "unread":
                otherwise = "not"
    if when is not None and complete and otherwise == "unread" and "!=" not in when:
        otherwise = "not"  # PS3.5 7.4.2 and 7.4.4: the sentence was read to its end and allows nothing else
    return Reading(when=when, otherwise=otherwise or "may", hash=reading_hash, absent=absent, named=named)


def _otherwise(about: list[str]) -> tuple[Otherwise | None, list[str]]:
    """What the last clauses allow (None: something that is not understood), and the sentences that remain."""
    remaining: list[str] = []
    otherwise: Otherwise | None = "unread"
    for sentence in about:
        tail = re.search(r"[;,]\s*(may be present otherwise|shall not be present otherwise)$", sentence, re.I)
        clause = tail[1] if tail else sentence
        if re.fullmatch(r"(it )?may (also )?be present otherwise", clause, re.I):
            otherwise = "may"
        elif re.fullmatch(r"(it )?shall not be present otherwise", clause, re.I):
            otherwise = "not"
        elif re.match(r"(required|shall be present) ", clause, re.I):
            remaining.append(sentence)
            continue
        else:
            return None, []
        if tail:
            remaining.append(sentence[: tail.start()])
    return otherwise, remaining


_NAME = re.compile(
    r"(?:the )?(?P<words>[A-Z][\w'’/()\-µ]*(?: (?!\()(?:[A-Z0-9][\w'’/()\-]*|of|in|to|and|per|for|the|by|from|with|or|at|on|is|a))*?) ?\((?P<tag>[0-9A-Fa-f]{4},[0-9A-Fa-f]{4})\)"
)


class _Text:
    """What is left of a sentence."""

    def __init__(self, text: str) -> None:
        self.rest = text.strip()

    def take(self, pattern: str) -> re.Match[str] | None:
        found = re.match(pattern, self.rest)
        if found:
            self.rest = self.rest[found.end() :].lstrip()
        return found


def _read(text: str, lookup: Lookup) -> tuple[str, frozenset[str], frozenset[str]]:
    left = _Text(text.replace("“", '"').replace("”", '"'))
    parts = [_clause(left, lookup)]
    joints: list[str] = []
    while left.rest:
        joint = left.take(r"(?:,? ?(and|or) (?:if )?|, (?=if ))")
        if joint is None or joint[1] is None:
            raise _CannotRead
        left.take(r"(?:if|either|both) ")
        joints.append(joint[1])
        parts.append(_clause(left, lookup))
    if len(set(joints)) > 1:  # "and" beside "or": English leaves open which binds first
        raise _CannotRead
    sign = " && " if joints[:1] == ["and"] else " || "
    other = "||" if joints[:1] == ["and"] else "&&"
    sources = [f"({source})" if joints and other in source else source for source, _, _ in parts]
    absent = frozenset[str]().union(*(part[1] for part in parts))
    named = frozenset[str]().union(*(part[2] for part in parts))
    return sign.join(sources), absent, named


_Clause = tuple[str, frozenset[str], frozenset[str]]


def _clause(left: _Text, lookup: Lookup) -> _Clause:
    neither = left.take(r"neither ")
    left.take(r"(?:either|both) ") if not neither else None
    position = left.take(r"(?:the )?Value (\d+) of ")
    if position is None and not neither:
        left.take(r"(?:the )?[Vv]alue of (?:Attribute )?")
    names = [_attribute(left, lookup)]
    joint = ""
    while True:
        mark = left.rest
        found = left.take(r"(?:,? (and|or|nor) |(and|or|nor) |, )(?=(?:the )?[A-Z])")
        if found is None:
            break
        try:
            name = _attribute(left, lookup)
        except _CannotRead:
            left.rest = mark
            break
        names.append(name)
        joint = found[1] or found[2] or joint
    if len(names) > 1:
        return _presence(left, names, joint, bool(neither))
    if neither:
        raise _CannotRead
    entry = names[0]
    if position is None:
        position = left.take(r",? ?Value (\d+)(?: of this [Ff]rame)?,? ")
    number = int(position[1]) if position else 0
    return _predicate(left, entry, number)


def _attribute(left: _Text, lookup: Lookup) -> Entry:
    found = left.take(_NAME.pattern)
    if found is None:
        raise _CannotRead
    entry = lookup(int(found["tag"].replace(",", ""), 16))
    if entry is None or not entry.keyword or letters(entry.name) != letters(found["words"]):
        raise _CannotRead  # a tag whose name is another's: a slip of the text, or of the reader
    return entry


def _presence(left: _Text, names: list[Entry], joint: str, neither: bool) -> _Clause:
    found = left.take(r"(?:is|are) (not )?present(?= *$|,? (?:and|or) )")
    if found is None:
        raise _CannotRead
    negative = bool(found[1])
    keywords = [entry.keyword for entry in names]
    if neither and joint == "nor" and not negative:
        return " && ".join(f"!has({word})" for word in keywords), frozenset(keywords), frozenset(keywords)
    if neither or (negative and joint != "and"):  # "A or B is not present" can be read both ways
        raise _CannotRead
    mark = "!" if negative else ""
    sign = {"and": " && ", "or": " || "}.get(joint)
    if sign is None:
        raise _CannotRead
    source = sign.join(f"{mark}has({word})" for word in keywords)
    return source, frozenset(keywords if negative else ()), frozenset(keywords)


_EQUALS = (
    r"(?:is present (?:and (?:the [Vv]alue is |is |equals |is equal to |has (?:a|the) [Vv]alue (?:of )?)|with (?:a|the) [Vv]alue (?:of )?)"
    r"|equals |is equal to |is set to |has (?:a|the) [Vv]alue (?:of )?|[Vv]alue is |is |= ?)(?:one of |either )?"
)
_DIFFERS = (
    r"(?:is present and is not |is not equal to |does not equal |has a [Vv]alue other than |is other than "
    r"|equals other than |is not )"
    r"(?!present)"
)
_VALUE = r"(?:\"(?P<quoted>[^\"]+)\"|(?P<word>[A-Z0-9][A-Z0-9_]*(?: (?!AND\b|OR\b)[A-Z0-9_]+)*)(?![a-z'(]))"


def _predicate(left: _Text, entry: Entry, number: int) -> _Clause:
    word = entry.keyword
    operand = f"value({word}, {number})" if number else word
    end = r"(?= *$|,? (?:and|or) )"
    named = frozenset({word})
    if not number:
        if left.take(r"is (?:not present|absent)" + end):
            return f"!has({word})", named, named
        if left.take(r"is present" + end):
            return f"has({word})", frozenset(), named
    if entry.vm != "1" and not number:
        raise _CannotRead  # which of the values is meant?
    if entry.vr in NUMERIC and left.take(
        r"(?:is present and )?(?:is non-?zero|(?:has|with) a (?:non-?zero [Vv]alue|[Vv]alue (?:that is )?(?:greater than zero|other than (?:0|zero))))"
        + end
    ):
        return f"has({word}) && {operand} != 0", frozenset(), named
    if found := left.take(
        r"(?:is|has a [Vv]alue) (greater|less|larger|more) than (or equal to )?(\d+)" + end
    ):
        if entry.vr not in NUMERIC:
            raise _CannotRead
        sign = ("<" if found[1] == "less" else ">") + ("=" if found[2] else "")
        return f"{operand} {sign} {found[3]}", frozenset(), named
    differs = left.take(_DIFFERS)
    if differs is None and left.take(_EQUALS) is None:
        raise _CannotRead
    values = _values(left, entry)
    if differs:
        if len(values) > 1:
            return f"has({word}) && !({operand} in [{', '.join(values)}])", frozenset(), named
        return f"has({word}) && {operand} != {values[0]}", frozenset(), named
    if len(values) > 1:
        return f"{operand} in [{', '.join(values)}]", frozenset(), named
    return f"{operand} == {values[0]}", frozenset(), named


def _values(left: _Text, entry: Entry) -> list[str]:
    values = [_value(left, entry)]
    while True:
        mark = left.rest
        if left.take(r"(?:,? or |or |, )") is None:
            break
        try:
            values.append(_value(left, entry))
        except _CannotRead:
            left.rest = mark
            break
    return values


def _value(left: _Text, entry: Entry) -> str:
    found = left.take(_VALUE)
    if found is None:
        raise _CannotRead
    text = found["quoted"] or found["word"]
    if entry.vr in NUMERIC:
        if not re.fullmatch(r"\d+", text):
            raise _CannotRead
        return str(int(text))
    if entry.vr not in _TEXT or (entry.vr == "CS" and not re.fullmatch(r"[A-Z0-9_ ]{1,16}", text)):
        raise _CannotRead
    if found["word"] and re.fullmatch(r"\d{1,2}", text) and entry.keyword != "LossyImageCompression":
        raise _CannotRead
    return f'"{text}"'
