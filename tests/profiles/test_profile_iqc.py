"""Aperio iQC: which slides it takes, and its table of ports."""

from __future__ import annotations

from typing import Any

import pytest

from dcmlint.profiles.resolve import resolve_profile
from profile_slides import IQC, checked, found, gt450, said
from support.writing import to_bytes

STAIN = "SpecimenDescriptionSequence[0].SpecimenPreparationSequence[3].SpecimenPreparationStepContentItemSequence"


def stained(*codes: tuple[str, str, str]) -> Any:
    """A slide whose staining step names these substances."""
    made = gt450()
    step = made.SpecimenDescriptionSequence[0].SpecimenPreparationSequence[3]
    contents = step.SpecimenPreparationStepContentItemSequence
    names = [one for one in contents if one.ConceptNameCodeSequence[0].CodeValue == "424361007"]
    assert len(names) == 2
    for one, code in zip(names, codes, strict=False):
        value = one.ConceptCodeSequence[0]
        value.CodeValue, value.CodingSchemeDesignator, value.CodeMeaning = code
    for one in names[len(codes) :]:
        contents.remove(one)
    return made


H = ("12710003", "SCT", "hematoxylin stain")
E = ("36879007", "SCT", "water soluble eosin stain")
KI67 = ("KI67", "99LAB", "Antibody to Ki-67")
LOCAL = ("X17", "99LAB", "Something local")
PAS = ("255808002", "SCT", "periodic acid Schiff stain")


def outcome(report: Any, rule: str) -> str:
    return next(kind for kind, count in report.outcomes[rule].items() if count)


def test_a_slide_that_is_eligible_is_silent() -> None:
    report = checked(gt450(), IQC)
    assert said(report) == []
    assert outcome(report, "IQC002") == "pass"


@pytest.mark.parametrize(
    ("codes", "wanted"),
    [
        ((H, E), "pass"), ((H, KI67), "pass"), ((PAS, H), "fail"), ((PAS,), "fail"), ((H,), "undecided"),
        ((H, LOCAL), "undecided"), ((E,), "undecided"), ((), "undecided"),
    ],
)  # fmt: skip
def test_stains(codes: tuple[tuple[str, str, str], ...], wanted: str) -> None:
    report = checked(to_bytes(stained(*codes)), IQC)
    assert outcome(report, "IQC002") == wanted
    if not codes:
        assert "no stain" in report.undecided["IQC002"].popitem()[0]


def test_another_scanner_and_another_object() -> None:
    from support import slides

    assert "IQC001" in found(checked(gt450({"ManufacturerModelName": "Other"}), IQC))
    assert not found(checked(gt450({"ManufacturerModelName": "Other"}), "wsi"), "error", "warning")
    assert "IQC901" in found(checked(to_bytes(slides.ct()), IQC))


def test_all_eight_rows_of_the_port_table() -> None:
    """Port, protocol, source, destination, as the guide gives them."""
    rows = {one.port: one for one in resolve_profile(IQC).endpoints}
    assert {port: (row.protocol, row.source, row.destination, row.tls_minimum, row.smb_minimum) for port, row in rows.items()} == {
        "104": ("dicom-tls", "scanner", "sam", "1.2", ""),
        "139": ("smb", "converter", "share", "", "3"),
        "443": ("https", "dashboard", "sam", "1.2", ""),
        "445": ("smb", "converter", "share", "", "3"),
        "2762": ("dicom-tls", "scanner", "sam", "1.2", ""),
        "5761": ("amqps", "iqc", "sam", "1.2", ""),
        "8443": ("https", "iqc", "browser", "1.2", ""),
        "8444": ("https", "iqc", "sam", "1.2", ""),
    }
    assert len(resolve_profile(IQC).endpoints) == 8
    for row in rows.values():
        assert row.listens, row.name
        if row.tls_minimum:
            assert row.certificate.required
            assert row.certificate.self_signed == "warning"
            assert "procure" in row.certificate.advice
