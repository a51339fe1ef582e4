"""The forms of codes: those of the standard have them, changed ones have not."""

import pytest

from dcmlint.standard import documents, load
from dcmlint.standard.code_forms import designator_meant, form_wanted


def test_the_codes_of_the_standard_have_the_form_of_their_scheme() -> None:
    tables = load()
    codes = {
        code
        for cid in tables.context_groups()
        for group in [tables.context_group(cid)]
        if group is not None
        for code in group.codes
    } | set(documents.load().meanings)
    assert len(codes) > 10_000
    assert [code for code in sorted(codes) if form_wanted(*code) or designator_meant(code[1])] == []


@pytest.mark.parametrize(
    ("value", "scheme"),
    [("12738007", "SCT"), ("12738", "SCT"), ("T-A0100", "SCT"), ("12738006", "SRT"), ("24627-3", "LN"), ("24627", "LN"),
     ("english", "RFC5646"), ("en_US", "RFC5646"), ("EN", "ISO639_1"), ("C12", "UMLS"), ("5", "RADLEX")],
)  # fmt: skip
def test_what_no_code_can_be(value: str, scheme: str) -> None:
    assert form_wanted(value, scheme)


@pytest.mark.parametrize(
    ("value", "scheme"),
    [("12738006", "SCT"), ("24627-2", "LN"), ("LP29684-5", "LN"), ("T-A0100", "SRT"), ("en", "RFC3066"), ("zh-Hant-TW", "RFC5646"),
     ("anything", "99ACME"), ("C0000039", "UMLS"), ("900000000000207008", "SCT")],
)  # fmt: skip
def test_what_may_be_a_code(value: str, scheme: str) -> None:
    assert form_wanted(value, scheme) == ""


@pytest.mark.parametrize(
    ("scheme", "meant"),
    [
        ("SNOMED", "SCT"),
        ("LOINC", "LN"),
        ("dcm", "DCM"),
        ("RadLex", "RADLEX"),
        ("NCIt", ""),
        ("99LOCAL", ""),
        ("IBSI", ""),
    ],
)
def test_designators(scheme: str, meant: str) -> None:
    assert designator_meant(scheme) == meant
