"""Specific Character Set (0008,0005): its terms, and text decoded by them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from msgspec import Struct

from dcmlint.dicom.iso2022 import ASCII, ESCAPES, KATAKANA, ROMAJI, decode_strictly, read_extended
from dcmlint.dicom.value_problem import Code, Problems, ValueProblem
from dcmlint.plural import number_of

# ISO-IR number → Python codec of the bytes above 127. PS3.3 Table C.12-2
_SINGLE_BYTE = {
    100: "iso8859-1",
    101: "iso8859-2",
    109: "iso8859-3",
    110: "iso8859-4",
    144: "iso8859-5",
    127: "iso8859-6",
    126: "iso8859-7",
    138: "iso8859-8",
    148: "iso8859-9",
    203: "iso8859-15",
    13: KATAKANA,
    166: "tis-620",
}
# PS3.3 Table C.12-4: only beside others, from value 2 on
_MULTI_BYTE = frozenset({87, 159, 149, 58})
# PS3.3 Table C.12-5: never beside others
_STAND_ALONE = {"ISO_IR 192": "utf-8", "GB18030": "gb18030", "GBK": "gbk"}

# What people write instead of a term, without case and punctuation.
_MISSPELT = {
    "LATIN1": "ISO_IR 100",
    "ISO88591": "ISO_IR 100",
    "ISO88592": "ISO_IR 101",
    "ISO88593": "ISO_IR 109",
    "ISO88594": "ISO_IR 110",
    "ISO88595": "ISO_IR 144",
    "ISO88596": "ISO_IR 127",
    "ISO88597": "ISO_IR 126",
    "ISO88598": "ISO_IR 138",
    "ISO88599": "ISO_IR 148",
    "ISO885915": "ISO_IR 203",
    "LATIN2": "ISO_IR 101",
    "LATIN9": "ISO_IR 203",
    "TIS620": "ISO_IR 166",
    "UTF8": "ISO_IR 192",
    "UNICODE": "ISO_IR 192",
    "ISO2022IR192": "ISO_IR 192",
    "GB18030": "GB18030",
    "GBK": "GBK",
    "ISO2022GBK": "GBK",
    # Without escape sequences, GB 2312 text is GBK text.
    "GB2312": "GBK",
    "ISO202258": "ISO 2022 IR 58",
    "ASCII": "",
    "USASCII": "",
    "ISO646": "",
}

_TERM = re.compile(r"ISO(_IR|[ ]2022[ ]IR)[ ](6|13|58|87|1[0-9][0-9]|203)", re.ASCII)
_LOOSE_TERM = re.compile(r"ISO(2022)?IR([0-9]{1,3})", re.ASCII)
_PUNCTUATION = re.compile(r"[\s_./:-]+")

CHARSET_CODES: Mapping[str, Code] = {
    "charset-unknown": Code(
        "Specific Character Set has an unknown term",
        "a Defined Term such as ISO_IR 192",
        "PS3.3 C.12.1.1.2",
    ),
    "charset-misspelt": Code(
        "Specific Character Set has a misspelled term",
        "a Defined Term such as ISO_IR 192",
        "PS3.3 C.12.1.1.2",
    ),
    "charset-stand-alone": Code(
        "ISO_IR 192, GB18030 or GBK is combined with another character set",
        "ISO_IR 192, GB18030 or GBK as the only value",
        "PS3.3 C.12.1.1.2",
    ),
    "charset-iso-2022-prefix": Code(
        "One of several character sets is not an ISO 2022 term",
        "ISO 2022 IR terms if there are several values",
        "PS3.3 C.12.1.1.2",
    ),
    "charset-extension-alone": Code(
        "The only character set is an ISO 2022 term",
        "an ISO_IR term if there is only one value",
        "PS3.3 C.12.1.1.2",
    ),
    "charset-multi-byte-first": Code(
        "Value 1 is a multi-byte character set",
        "a single-byte character set, or empty, as value 1",
        "PS3.3 C.12.1.1.2",
    ),
    "charset-empty-value": Code(
        "A value of Specific Character Set other than the first is empty",
        "only value 1 empty",
        "PS3.3 C.12.1.1.2",
    ),
    "charset-repeated": Code(
        "A character set is listed more than once", "each character set once", "PS3.3 C.12.1.1.2"
    ),
    "charset-default-named": Code(
        "The default repertoire is named, but has no Defined Term",
        "Specific Character Set absent or empty",
        "PS3.3 C.12.1.1.2",
    ),
}


# A code and how "the value" goes on.
Report = Callable[[str, str], None]

# Where text that is valid UTF-8 can hardly be meant as it stands, an accented capital before a symbol: in
# other sets the second byte is a letter, and Latin-3 has such a pair of letters.
_LATIN = frozenset(_SINGLE_BYTE[number] for number in (100, 148))


class CharsetProblem(Struct, frozen=True, kw_only=True):
    """One thing that is wrong with Specific Character Set; ``number`` is the 1-based value."""

    code: str
    number: int
    message: str
    want: str
    clause: str


# VRs whose repertoire Specific Character Set replaces or extends. PS3.5 6.1.2.2
CHARSET_VRS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})


class Charset(Struct, frozen=True, kw_only=True):
    """The character sets of a data set, ready to decode its text.

    ``terms`` are the values as the file has them; ``codec`` the Python codec of a set without code
    extensions (empty: code extensions are in force); ``certain`` is false where a term is not known, and
    then text is not judged. Source: PS3.5 6.1.2, PS3.3 C.12.1.1.2.
    """

    terms: tuple[str, ...] = ()
    codec: str = ASCII
    g0: str = ASCII
    g1: str = ""
    declared: frozenset[int] = frozenset()
    certain: bool = True

    @staticmethod
    def from_terms(terms: Sequence[str]) -> tuple[Charset, tuple[CharsetProblem, ...]]:
        """Read the values of Specific Character Set; none, or one empty value, is the default repertoire.

        Never raises: a misspelt term is taken for what it most likely means, and named as a problem.
        """
        # One term is a sequence of str too, of its letters.
        return _from_terms((terms,) if isinstance(terms, str) else tuple(terms))

    def read(self, raw: bytes, vr: str, report: Report) -> str:
        """Decode a whole value field; each problem of its encoding is given to ``report``.

        Backslashes that delimit values stay in the text, those inside a character of several bytes vanish
        with it. Never raises; what cannot be decoded becomes U+FFFD. Source: PS3.5 6.1.2.
        """
        if raw.isascii() and b"\x1b" not in raw:
            return raw.decode("ascii")
        if vr not in CHARSET_VRS:
            return raw.decode("ascii", "replace")
        if not self.certain:
            report = _ignore
        if not self.codec:
            return read_extended(raw, vr, self.g0, self.g1, self.declared, report)
        return self._read_plain(raw, report)

    def decode(self, raw: bytes, vr: str) -> str:
        """Decode a whole value field; see :meth:`read`."""
        return self.read(raw, vr, _ignore)

    def check(self, raw: bytes, vr: str) -> tuple[ValueProblem, ...]:
        """Say what is wrong with the encoding of a value field; see :meth:`read`."""
        problems = Problems()
        self.read(raw, vr, lambda code, detail: problems.add(code, 0, detail))
        return problems.problems()

    def _read_plain(self, raw: bytes, report: Report) -> str:
        text, fine = decode_strictly(raw, self.codec)
        if b"\x1b" in raw:
            # What follows an escape is in another set: nothing more can be said of it.
            known = any(escape in raw for escape in ESCAPES)
            what = (
                "of a character set that is not declared"
                if known
                else "that does not belong to a DICOM character set"
            )
            report("undeclared-escape", f"has an escape sequence {what}")
        elif self.codec == ASCII and not fine:
            high = len(raw) - len(raw.translate(None, _HIGH))
            hint = " that are valid UTF-8" if _is_utf8(raw) else ""
            report(
                "character-repertoire",
                f"has {number_of(high, 'byte')} above 127{hint}, but no character set is declared",
            )
        elif self.codec in _LATIN and not raw.isascii() and _is_utf8(raw):
            report("mislabelled-utf-8", "has bytes above 127 that are valid UTF-8")
        elif not fine:
            report("undecodable-text", "has bytes that are invalid in the declared character set")
        # An escape is told above; as a control character it would be told twice.
        return text.replace("\x1b", "\ufffd")


def _ignore(_code: str, _detail: str) -> None:
    pass


_HIGH = bytes(range(0x80, 0x100))


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _correct(term: str) -> str | None:
    """Give the term that a misspelt one means ("" for the default repertoire), or None."""
    plain = _PUNCTUATION.sub("", term.upper())
    if plain in _MISSPELT:
        return _MISSPELT[plain]
    loose = _LOOSE_TERM.fullmatch(plain)
    if not loose:
        return None
    number = int(loose[2])
    if number == 192:
        return "ISO_IR 192"
    if number in _MULTI_BYTE or (loose[1] and (number in _SINGLE_BYTE or number == 6)):
        return f"ISO 2022 IR {number}"
    return f"ISO_IR {number}" if number in _SINGLE_BYTE or number == 6 else None


def _is_defined(term: str) -> bool:
    match = _TERM.fullmatch(term)
    if not match:
        return term in _STAND_ALONE
    number = int(match[2])
    if match[1] == "_IR":
        return number in _SINGLE_BYTE or number in (6, 192)
    return number in _SINGLE_BYTE or number in _MULTI_BYTE or number == 6


class _Terms:
    """The values as they are read one by one: what each stands for, and what is wrong with it."""

    def __init__(self) -> None:
        self.problems: dict[str, CharsetProblem] = {}
        self.certain = True
        # Number, term, and whether the term was written as it should be.
        self.read: list[tuple[int, str, bool]] = []

    def report(self, code: str, number: int, message: str, want: str = "") -> None:
        entry = CHARSET_CODES[code]
        problem = CharsetProblem(
            code=code, number=number, message=message, want=want or entry.want, clause=entry.clause
        )
        self.problems.setdefault(code, problem)

    def add(self, number: int, term: str) -> None:
        if not term:
            if number > 1:
                self.report("charset-empty-value", number, f"value {number} is empty")
            else:
                self.read.append((number, "ISO 2022 IR 6", True))
            return
        fine = True
        if not _is_defined(term):
            meant = _correct(term)
            if meant is None:
                self.report("charset-unknown", number, f"value {number} is not a Defined Term")
                self.certain = False
                return
            want = meant or "Specific Character Set absent or empty"
            self.report("charset-misspelt", number, f"value {number} is misspelled", want)
            term, fine = meant or "ISO_IR 6", False
        self.read.append((number, term, fine))


# Bounded, since the terms come from the files: a folder has few different ones.
@lru_cache(maxsize=64)
def _from_terms(terms: tuple[str, ...]) -> tuple[Charset, tuple[CharsetProblem, ...]]:
    stripped = [term.strip(" \0") for term in terms]
    if not any(stripped) and len(stripped) <= 1:
        return Charset(terms=terms), ()
    values = _Terms()
    for number, term in enumerate(stripped, 1):
        values.add(number, term)
    several = len(stripped) > 1
    alone = [(number, term) for number, term, _ in values.read if term in _STAND_ALONE]
    if alone:
        number, term = alone[0]
        if number > 1 or any(stripped[1:]):  # that a later value is empty was told
            values.report(
                "charset-stand-alone", number, f"value {number} cannot be combined with another character set"
            )
        # As a later value it may or may not be what the text is in.
        certain = values.certain and number == 1
        return Charset(terms=terms, codec=_STAND_ALONE[term], certain=certain), tuple(
            values.problems.values()
        )
    _check_extensions(values, several)
    if not values.read:
        return Charset(terms=terms, certain=values.certain), tuple(values.problems.values())
    numbers = [_number(term) for _, term, _ in values.read]
    first = numbers[0]
    extended = several or values.read[0][1].startswith("ISO 2022")
    charset = Charset(
        terms=terms,
        codec="" if extended else _SINGLE_BYTE.get(first, ASCII),
        g0=ROMAJI if first == 13 else ASCII,
        g1=_SINGLE_BYTE.get(first, ""),
        declared=frozenset(numbers),
        certain=values.certain,
    )
    return charset, tuple(values.problems.values())


def _check_extensions(values: _Terms, several: bool) -> None:
    seen: set[int] = set()
    for number, term, fine in values.read:
        registration = _number(term)
        prefixed = term.startswith("ISO 2022")
        if registration in seen:
            values.report("charset-repeated", number, f"value {number} repeats an earlier value")
        seen.add(registration)
        if not fine:
            # One mistake, one problem: a term that is misspelt is not judged further.
            continue
        if registration in _MULTI_BYTE and number == 1:
            values.report("charset-multi-byte-first", 1, "value 1 is a multi-byte character set")
        elif several and not prefixed:
            values.report(
                "charset-iso-2022-prefix",
                number,
                f"value {number} is a term without code extensions, but there are several values",
                f"ISO 2022 IR {registration}",
            )
        elif not several and prefixed:
            want = "Specific Character Set absent or empty" if registration == 6 else f"ISO_IR {registration}"
            values.report(
                "charset-extension-alone",
                1,
                "the only value is an ISO 2022 term",
                want,
            )
        elif not several and registration == 6:
            values.report("charset-default-named", 1, "value 1 is the default repertoire")


def _number(term: str) -> int:
    return int(term.rpartition(" ")[2])


DEFAULT_CHARSET = Charset()
