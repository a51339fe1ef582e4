"""What codes of a scheme look like: the forms of their values, with check digits (PS3.16 8.1 and the schemes themselves)."""

from __future__ import annotations

import re

_FORMS = {
    "SCT": (re.compile(r"[1-9]\d{5,17}"), "a SNOMED CT concept identifier: 6 to 18 digits"),
    "SRT": (re.compile(r"[A-Z][0-9A-Z]?-[0-9A-Z]{4,7}"), "an axis and a code, such as T-A0100"),
    "LN": (re.compile(r"(\d{1,7}|L[AGLP]\d{1,7})-\d"), "a LOINC number, such as 18748-4"),
    "UMLS": (re.compile(r"C\d{7}"), "C and 7 digits"),
    "NCIt": (re.compile(r"C\d{3,7}"), "C and up to 7 digits"),
    "RADLEX": (re.compile(r"RID\d+"), "RID and a number"),
    "RFC5646": (re.compile(r"([A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*|[ixIX](-[A-Za-z0-9]{1,8})+)"), "a language tag, such as en-US"),
    "ISO639_1": (re.compile(r"[a-z]{2}"), "two letters in lower case"),
    "ISO3166_1": (re.compile(r"[A-Z]{2,3}|\d{3}"), "a country code"),
}  # fmt: skip
_FORMS["SNM3"] = _FORMS["99SDM"] = _FORMS["SRT"]
_FORMS["RFC3066"] = _FORMS["RFC5646"]

MISSPELT = {
    "DICOM": "DCM", "SNOMED": "SCT", "SNOMED-CT": "SCT", "SNOMEDCT": "SCT", "SNOMED CT": "SCT", "LOINC": "LN",
}  # fmt: skip
"""Names that are written as designators, and the designators of PS3.16 Table 8-1 that are meant."""
_DESIGNATORS = {
    name.upper(): name for name in ("DCM", "SCT", "SRT", "LN", "UCUM", "UMLS", "NCIt", "RADLEX", "FMA")
}

# Codes of PS3.16 (CID 7000, 12040) whose last digit is none
_OF_PS3_16 = frozenset({("11524-0", "LN"), ("28463900", "SCT")})

# Verhoeff's check digit (SNOMED CT, Appendix B of its release file specification)
_PRODUCTS = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 4, 0, 6, 7, 8, 9, 5], [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
    [3, 4, 0, 1, 2, 8, 9, 5, 6, 7], [4, 0, 1, 2, 3, 9, 5, 6, 7, 8], [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
    [6, 5, 9, 8, 7, 1, 0, 4, 3, 2], [7, 6, 5, 9, 8, 2, 1, 0, 4, 3], [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
    [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
]  # fmt: skip
_PERMUTED = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]


def designator_meant(scheme: str) -> str:
    """The designator of the standard that a name or a spelling of it stands for; "" where it is one or none."""
    known = _DESIGNATORS.get(scheme.upper(), "")
    return MISSPELT.get(scheme.upper(), "") or ("" if known == scheme else known)


def form_wanted(value: str, scheme: str) -> str:
    """What a value should be that no code of its scheme can be; "" where it may be one."""
    form, wanted = _FORMS.get(scheme, (None, ""))
    if form is None or (value, scheme) in _OF_PS3_16:
        return ""
    if not form.fullmatch(value):
        return wanted
    if scheme == "SCT" and not _verhoeff(value):
        return "a SNOMED CT concept identifier, whose last digit is a check digit"
    if scheme == "LN" and value[0].isdigit() and not _luhn(value.replace("-", "")):
        return "a LOINC number, whose last digit is a check digit"
    return ""


def _verhoeff(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit)
        for _ in range(place % 8):
            number = _PERMUTED[number]
        total = _PRODUCTS[total][number]
    return total == 0


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit) * (1 + place % 2)
        total += number // 10 + number % 10
    return total % 10 == 0
