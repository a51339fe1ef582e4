"""Text and names: LO, SH, UC, PN, ST, LT, UT, and the strings of the default repertoire, AE, CS, UR (PS3.5 6.2)."""

from __future__ import annotations

import re

from dcmlint.dicom.charsets import Charset
from dcmlint.dicom.value_problem import Findings, shape

# PS3.5 6.2: characters, not bytes; UC and UT have no limit of their own.
_LENGTHS = {"LO": 64, "SH": 16, "ST": 1024, "LT": 10240}
_PARAGRAPHS = frozenset({"ST", "LT", "UT"})

# C0, DEL and C1 without NUL, which is told apart. PS3.5 6.1.3
_CONTROLS = re.compile(r"[\x01-\x1f\x7f-\x9f]")
_PARAGRAPH_CONTROLS = re.compile(r"[\x01-\x08\x0b\x0e-\x1f\x7f-\x9f]")

_NOT_CODE = re.compile(rb"[^A-Z0-9_ ]")
_NOT_CODE_KEY = re.compile(rb"[^A-Z0-9_ *?]")
_NOT_TITLE = re.compile(rb"[^ -\[\]-~]")
# RFC 3986, 2
_URI_CHARACTERS = re.compile(rb"[^A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]")
_BAD_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def explain_text(vr: str, body: bytes, charset: Charset, findings: Findings) -> None:
    """Say what is wrong with a field of text that Specific Character Set rules, its padding NULs gone."""
    wrong = False

    def report(code: str, detail: str) -> None:
        nonlocal wrong
        wrong = True
        findings.add(code, 0, detail)

    text = charset.read(body, vr, report)
    if wrong or not (charset.certain or body.isascii()):
        # Bytes that could not be decoded as they were meant: how many characters, and which, is a guess.
        _explain_structure(vr, text, findings)
        return
    if vr in _PARAGRAPHS:
        _explain_characters(vr, 1, text, _PARAGRAPH_CONTROLS, findings)
        if vr in _LENGTHS:
            _explain_length(vr, 1, text, findings)
        return
    # One SPACE that makes the length even belongs to the field, not to its last value. PS3.5 6.4
    if text.endswith(" ") and not len(body) % 2:
        text = text[:-1]
    for number, value in enumerate(text.split("\\"), 1):
        _explain_characters(vr, number, value, _CONTROLS, findings)
        if vr == "PN":
            _explain_name(number, value, countable, findings)
        elif countable and vr in _LENGTHS:
            _explain_length(vr, number, value, findings)


def _explain_length(vr: str, number: int, value: str, findings: Findings) -> None:
    if vr in _PARAGRAPHS and value.endswith(" "):
        value = value[:-1]
    limit = _LENGTHS[vr]
    if len(value) > limit:
        findings.add(
            f"{vr.lower()}-length", number, f"has {len(value)} characters, at most {limit} are allowed"
        )


def _explain_characters(
    vr: str, number: int, value: str, controls: re.Pattern[str], findings: Findings
) -> None:
    if "\0" in value:
        findings.add("embedded-null", number, "has a NUL inside")
    found = controls.findall(value)
    if found:
        code = "text-control-characters" if vr in _PARAGRAPHS else "control-characters"
        plural = "" if len(found) == 1 else "s"
        windows = ", as Windows-1252 text has" if any(c > "\x7f" for c in found) else ""
        findings.add(code, number, f"has {len(found)} control character{plural}{windows}")


def _explain_name(number: int, value: str, countable: bool, findings: Findings) -> None:
    groups = value.split("=")
    if len(groups) > 3:
        findings.add("pn-groups", number, f"has {len(groups)} component groups, at most 3 are allowed")
    for group in groups:
        components = group.count("^") + 1
        if components > 5:
            findings.add(
                "pn-components", number, f"has a group of {components} components, at most 5 are allowed"
            )
        if countable and len(group) > 64:
            findings.add(
                "pn-length",
                number,
                f"has a component group of {len(group)} characters, at most 64 are allowed",
            )


def explain_code(number: int, value: bytes, is_query: bool, findings: Findings) -> None:
    """Say what is wrong with one Code String."""
    if len(value) > 16:
        findings.add("cs-length", number, f"has {len(value)} characters, at most 16 are allowed")
    wrong = (_NOT_CODE_KEY if is_query else _NOT_CODE).findall(value)
    if wrong:
        if all(c.islower() for c in wrong):
            findings.add("cs-repertoire", number, f"has {_letters(len(wrong))} in lower case")
        else:
            findings.add("cs-repertoire", number, f"has the shape {shape(value)!r}")


def _letters(count: int) -> str:
    return "a letter" if count == 1 else f"{count} letters"


def explain_application_entity(number: int, value: bytes, findings: Findings) -> None:
    """Say what is wrong with one Application Entity title."""
    if len(value) > 16:
        findings.add("ae-length", number, f"has {len(value)} characters, at most 16 are allowed")
    if not value.strip(b" "):
        findings.add("ae-blank", number, "is only spaces")
    elif wrong := _NOT_TITLE.findall(value):
        findings.add("ae-repertoire", number, f"has {len(wrong)} characters outside printable ASCII")


def explain_uri(body: bytes, findings: Findings) -> None:
    """Say what is wrong with a URI; spaces may only follow it."""
    uri = body.rstrip(b" ")
    if b"\0" in uri:
        findings.add("embedded-null", 1, "has a NUL inside")
        uri = uri.replace(b"\0", b"")
    wrong = _URI_CHARACTERS.findall(uri)
    if wrong:
        findings.add("ur-grammar", 1, f"has {len(wrong)} characters that must be percent encoded")
    elif _BAD_PERCENT.search(uri):
        findings.add("ur-grammar", 1, "has a percent sign without two hexadecimal digits")
