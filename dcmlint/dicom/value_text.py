"""Text and names: LO, SH, UC, PN, ST, LT, UT, and the strings of the default repertoire, AE, CS, UR (PS3.5 6.2)."""

from __future__ import annotations

import re

from dcmlint.dicom.charsets import Charset
from dcmlint.dicom.value_problem import Problems, split_values
from dcmlint.plural import number_of

# PS3.5 6.2: characters, not bytes; UC and UT have no limit of their own.
_LENGTHS = {"LO": 64, "SH": 16, "ST": 1024, "LT": 10240}
_PARAGRAPHS = frozenset({"ST", "LT", "UT"})

# C0 and DEL without NUL, which is told apart; C1. PS3.5 6.1.3
_CONTROLS = re.compile(r"[\x01-\x1f\x7f]")
_PARAGRAPH_CONTROLS = re.compile(r"[\x01-\x08\x0b\x0e-\x1f\x7f]")
_HIGH_CONTROLS = re.compile(r"[\x80-\x9f]")

_CODE = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_ "
_CODE_KEY = _CODE + b"*?"  # PS3.4 C.2.2.2.4
_TITLE = bytes(range(0x20, 0x7F))
# RFC 3986, 2
_URI = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/?#[]@!$&'()*+,;=%"
_BAD_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def explain_text(vr: str, body: bytes, charset: Charset, problems: Problems) -> None:
    """Say what is wrong with a field of text that Specific Character Set rules, its padding NULs gone."""
    # Where bytes could not be decoded as they were meant, how many characters there are is a guess.
    readable = charset.certain or body.isascii()

    def report(code: str, detail: str) -> None:
        nonlocal readable
        readable = readable and code == "escape-not-reset"
        problems.add(code, 0, detail)

    text = charset.read(body, vr, report)
    if vr in _PARAGRAPHS:
        _explain_controls(1, text, "text-control-characters", readable, problems)
        if readable and vr in _LENGTHS:
            _explain_length(vr, 1, text.removesuffix(" "), problems)
        return
    # One SPACE that makes the length even belongs to the field, not to its last value. PS3.5 6.4
    if text.endswith(" ") and not len(body) % 2:
        text = text[:-1]
    for number, value in enumerate(split_values(text), 1):
        _explain_controls(number, value, "control-characters", readable, problems)
        if vr == "PN":
            _explain_name(number, value, readable, problems)
        elif readable and vr in _LENGTHS:
            _explain_length(vr, number, value, problems)


def _explain_length(vr: str, number: int, value: str, problems: Problems) -> None:
    limit = _LENGTHS[vr]
    if len(value) > limit:
        problems.add(
            f"{vr.lower()}-length", number, f"has {len(value)} characters, at most {limit} are allowed"
        )


def _explain_controls(number: int, value: str, code: str, readable: bool, problems: Problems) -> None:
    if "\0" in value:
        problems.add("embedded-null", number, "contains NUL")
    pattern = _PARAGRAPH_CONTROLS if code == "text-control-characters" else _CONTROLS
    low = sum(1 for _ in pattern.finditer(value))
    high = 0 if value.isascii() or not readable else sum(1 for _ in _HIGH_CONTROLS.finditer(value))
    if low or high:
        windows = " (Windows-1252 text?)" if high else ""
        problems.add(code, number, f"has {number_of(low + high, 'control character')}{windows}")


def _explain_name(number: int, value: str, readable: bool, problems: Problems) -> None:
    groups = value.split("=")
    if len(groups) > 3:
        problems.add("pn-groups", number, f"has {len(groups)} component groups, at most 3 are allowed")
    for group in groups:
        components = group.count("^") + 1
        if components > 5:
            problems.add(
                "pn-components", number, f"has a group of {components} components, at most 5 are allowed"
            )
        if readable and len(group) > 64:
            problems.add(
                "pn-length",
                number,
                f"has a component group of {len(group)} characters, at most 64 are allowed",
            )


def _named(wrong: bytes) -> str:
    """Signs by themselves; letters and bytes that are no sign only by kind, for they may be of a patient."""
    signs = "".join(dict.fromkeys(chr(one) for one in wrong if 0x20 < one < 0x7F and not chr(one).isalnum()))
    kinds = [repr(sign) for sign in signs[:5]]
    if wrong.upper() != wrong:
        kinds.append("lower case letters")
    if any(one <= 0x20 or one >= 0x7F for one in wrong):
        kinds.append("bytes outside printable ASCII")
    return ", ".join(kinds)


def explain_code(number: int, value: bytes, is_query: bool, problems: Problems) -> None:
    """Say what is wrong with one Code String."""
    if len(value) > 16:
        problems.add("cs-length", number, f"has {len(value)} characters, at most 16 are allowed")
    wrong = value.translate(None, _CODE_KEY if is_query else _CODE)
    if wrong:
        if wrong.isalpha():
            problems.add("cs-repertoire", number, f"has {number_of(len(wrong), 'letter')} in lower case")
        else:
            problems.add("cs-repertoire", number, f"contains {_named(wrong)}, not allowed in a CS")


def explain_application_entity(number: int, value: bytes, problems: Problems) -> None:
    """Say what is wrong with one Application Entity title."""
    if len(value) > 16:
        problems.add("ae-length", number, f"has {len(value)} characters, at most 16 are allowed")
    if not value.strip(b" "):
        problems.add("ae-blank", number, "consists of spaces only")
    elif wrong := value.translate(None, _TITLE):
        problems.add(
            "ae-repertoire", number, f"has {number_of(len(wrong), 'character')} outside printable ASCII"
        )


def explain_uri(body: bytes, problems: Problems) -> None:
    """Say what is wrong with a URI; spaces may only follow it."""
    uri = body.rstrip(b" ")
    if b"\0" in uri:
        problems.add("embedded-null", 1, "contains NUL")
        uri = uri.replace(b"\0", b"")
    wrong = uri.translate(None, _URI)
    if wrong:
        problems.add(
            "ur-grammar", 1, f"has {number_of(len(wrong), 'character')} that must be percent-encoded"
        )
    elif _BAD_PERCENT.search(uri):
        problems.add("ur-grammar", 1, "has a percent sign without two hexadecimal digits")
