"""`profile check`: a statement held against the standard."""

from __future__ import annotations

import pytest
from profile_slides import DICOMVERT, GT450

from dcmlint.profiles.lint import lint_profile
from dcmlint.profiles.load import builtin_profiles, find_profile, parse_profile
from dcmlint.profiles.remark import Remark

HEAD = """\
id: stated
version: "1"
title: Stated
area: LAB
source: {document: A Statement}
applies: {sop_class: [VLWholeSlideMicroscopyImageStorage]}
"""


def remarks(text: str, **parameters: str) -> list[Remark]:
    return list(lint_profile(parse_profile(HEAD + text, "stated.yaml"), parameters))


def codes(text: str, **parameters: str) -> set[str]:
    return {remark.code for remark in remarks(text, **parameters)} - {"not-promised"}


def row(more: str, keyword: str = "ContainerIdentifier") -> str:
    return f'attributes:\n  - {{attribute: {keyword}, section: "1", presence: always, {more}}}\n'


@pytest.mark.parametrize(
    ("text", "code", "severity"),
    [
        (row('tag: "0040,0512", vr: LO'), "", ""),
        (row("vr: SH"), "vr-mismatch", "error"),
        (row('tag: "0040,0513"'), "tag-mismatch", "error"),
        (row("name: Container Number"), "name-mismatch", "warning"),
        (row("name: container identifier"), "", ""),
        (row("vr: CS", "ContainerIdentifierr"), "unknown-keyword", "error"),
        (row("pattern: '^[0-9]{80}$'"), "pattern-too-long", "error"),
        (row(r"values: ['ORIGINAL\PRIMARY\LABEL\NONE']", "ImageType"), "", ""),
        (row(r"values: ['MIXED\PRIMARY\VOLUME\NONE']", "ImageType"), "value-not-allowed", "error"),
        (row("values: [MAYBE]", "BurnedInAnnotation"), "value-not-allowed", "error"),
        (row("vr: LT", "IdentifyingComments"), "retired-attribute", "warning"),
        (row("vr: DS", "BodyPartThickness"), "outside-iod", "info"),
        (row("severity: error", "ObjectiveLensPower"), "nested-attribute", "warning"),
        ("attributes:\n  - {attribute: PixelSpacing, presence: forbidden, sop_class: [VLWholeSlideMicroscopyImageStorage]}\n", "nested-attribute", "warning"),
        ("attributes:\n  - {attribute: EchoTime, severity: warning}\n", "requires-nothing", "warning"),
        ("transfer_syntaxes: [ExplicitVRBigEndian]\n", "retired-uid", "warning"),
        ("transfer_syntaxes: [CTImageStorage]\n", "unknown-uid", "error"),
        ("transfer_syntaxes: [1.2.840.10008.5.1.4.1.1.2]\n", "unknown-uid", "error"),
        ("lock: [NOPE]\n", "unknown-rule", "error"),
        ("rules: {TILE03: off}\n", "unknown-rule", "error"),
        ("overrides:\n  - {match: {Modality: x}, rules: {TILE03: off}, reason: y, expires: 2099-01-01}\n", "unknown-rule", "error"),
        ("statements:\n  - {section: '1', says: x}\n", "unexplained-statement", "error"),
        ("statements:\n  - {section: '1', says: x, by: [LAB777]}\n", "unknown-rule", "warning"),
        ("overrides:\n  - {match: {Modality: x}, rules: {VR001: off}, reason: y, expires: 2001-01-01}\n", "expired", "warning"),
        ("overrides:\n  - {match: {Modality: x}, rules: {VR001: off}, reason: ' ', expires: 2099-01-01}\n", "no-reason", "error"),
        ("endpoints:\n  - {name: a, port: 104, protocol: dicom-tls, tls_minimum: '1.1'}\n", "weak-tls", "warning"),
        ("endpoints:\n  - {name: a, port: 104, protocol: dicom, tls_minimum: '1.2'}\n", "cannot-be-used", "error"),
    ],
)  # fmt: skip
def test_remarks(text: str, code: str, severity: str) -> None:
    found = {remark.code: remark.severity for remark in remarks(text)}
    if code:
        assert found.get(code) == severity, found
    else:
        assert set(found) <= {"not-promised"}, found


def test_a_remark_has_its_line() -> None:
    (remark,) = [one for one in remarks(row("vr: SH")) if one.code == "vr-mismatch"]
    assert remark.line == 8
    assert str(remark).startswith("stated.yaml:8:74: error[vr-mismatch] LAB001:")


def test_the_gap() -> None:
    gap = {one.subject: one.severity for one in remarks(row("vr: LO")) if one.code == "not-promised"}
    assert gap["ImageType"] == "error", "type 1"
    assert gap["PatientName"] == "warning", "type 2"
    assert gap["OpticalPathSequence"] == "error"
    assert "FrameOfReferenceUID" not in gap, "nothing says that it is a VOLUME"
    assert "ImagedVolumeWidth" not in gap
    assert "PatientComments" not in gap, "type 3"
    assert "ContainerIdentifier" not in gap, "promised"
    assert not [path for path in gap if path.startswith("OpticalPathSequence.")], (
        "its own items are another matter"
    )


def test_conditions_that_the_statement_s_own_values_make_true() -> None:
    volume = row(r"values: ['ORIGINAL\PRIMARY\VOLUME\NONE']", "ImageType")
    gap = {one.subject for one in remarks(volume) if one.code == "not-promised"}
    assert {"FrameOfReferenceUID", "ImagedVolumeWidth"} <= gap
    label = row(r"values: ['ORIGINAL\PRIMARY\LABEL\NONE']", "ImageType")
    gap = {one.subject for one in remarks(label) if one.code == "not-promised"}
    assert "FrameOfReferenceUID" not in gap
    assert {"LabelText", "BarcodeValue"} <= gap


def test_the_gap_within_items() -> None:
    text = row(
        "vr: SQ, items: [{attribute: OpticalPathIdentifier, presence: always, section: '1'}]",
        "OpticalPathSequence",
    )
    gap = {one.subject for one in remarks(text) if one.code == "not-promised"}
    assert "OpticalPathSequence.IlluminationTypeCodeSequence" in gap
    assert "OpticalPathSequence.OpticalPathIdentifier" not in gap


def test_codes_are_held_to_their_context_group() -> None:
    def code(value: str, meaning: str) -> str:
        items = f"[{{attribute: CodeValue, section: '1', values: ['{value}']}}, {{attribute: CodingSchemeDesignator, section: '1', values: [DCM]}}"
        items += f", {{attribute: CodeMeaning, section: '1', values: ['{meaning}']}}]"
        inner = f"[{{attribute: IlluminationTypeCodeSequence, section: '1', vr: SQ, presence: always, items: {items}}}]"
        return row(f"vr: SQ, items: {inner}", "OpticalPathSequence")

    assert not codes(code("111744", "Brightfield illumination")) & {"code-outside-group", "code-meaning"}
    assert "code-outside-group" in codes(code("111999", "x"))
    assert "code-meaning" in codes(code("111744", "Darkfield"))


def test_one_sites_examples_of_the_gt450_guide() -> None:
    """What the guide's picture shows can be said wrong without a file."""
    source = find_profile(GT450)
    assert not lint_profile(source)
    given = {
        "case_id_format": r"\d{23}\d{23}", "case_id_attribute": "AccessionNumber", "slide_id_format": r"\d{23}\d{23}",
        "barcode_value_modifier": "[(.*)&$]", "barcode_value_substitution_format": "$1&amp;",
    }  # fmt: skip
    found = {(one.code, one.severity, one.message.split(" ")[0]) for one in lint_profile(source, given)}
    assert found == {
        ("pattern-too-long", "error", "case_id_format"),
        ("substitution-without-group", "error", "barcode_value_substitution_format:"),
        ("html-entity", "warning", "barcode_value_substitution_format"),
    }
    good = {**given, "case_id_attribute": "ContainerIdentifier", "barcode_value_modifier": "(.*)&",
            "barcode_value_substitution_format": "$1"}  # fmt: skip
    assert not lint_profile(source, good)


def test_dicomvert_every_remark_was_read_again() -> None:
    source = find_profile(DICOMVERT)
    listed = lint_profile(source)
    readings = source.profile.readings
    keys = {remark.key for remark in listed} | {remark.code for remark in listed}
    for remark in listed:
        assert remark.key in readings or remark.code in readings, remark
    assert not set(readings) - keys, "a reading of what is not found any more"
    subjects = {(remark.code, remark.subject.rpartition(".")[2]) for remark in listed}
    assert {
        ("not-promised", "FrameOfReferenceUID"), ("not-promised", "WholeSlideMicroscopyImageFrameTypeSequence"),
        ("retired-scheme", "CodingSchemeDesignator"), ("promised-conditionally", "DeviceSerialNumber"),
    } <= subjects  # fmt: skip
    assert sum(remark.code == "retired-uid" for remark in listed) == 15


def test_types_of_the_gap_agree_with_another_copy_of_the_tables() -> None:
    """highdicom carries the tables of 2026b, made by other people in another way."""
    import json
    from importlib.resources import files

    pytest.importorskip("highdicom")
    tables = json.loads((files("highdicom") / "_standard" / "module_attribute_map.json").read_text())
    types: dict[tuple[str, tuple[str, ...]], set[str]] = {}
    for module in tables.values():
        for one in module:
            types.setdefault((one["keyword"], tuple(one["path"])), set()).add(one["type"])
    checked = 0
    for remark in lint_profile(find_profile(DICOMVERT)):
        if remark.code in ("not-promised", "promised-conditionally"):
            *path, keyword = remark.subject.split(".")
            stated = remark.message.partition("(Type ")[2].partition(",")[0]
            assert stated in types[keyword, tuple(path)], remark.message
            checked += 1
    assert checked >= 9


@pytest.mark.parametrize("source", builtin_profiles(), ids=lambda source: source.profile.id)
def test_built_in_profiles_have_no_mistakes_of_ours(source: object) -> None:
    from dcmlint.profiles.model import ProfileSource

    assert isinstance(source, ProfileSource)
    ours = [
        one
        for one in lint_profile(source)
        if one.code in ("unknown-rule", "cannot-be-used", "unexplained-statement", "no-section")
    ]
    assert not ours, [str(one) for one in ours]


@pytest.mark.parametrize(
    "name",
    ["reader-openslide", "reader-wsidicom", "reader-slim", "reader-ohif", "reader-bioformats", "aperio-iqc"],
)
def test_a_receiver_promises_nothing(name: str) -> None:
    codes = {one.code for one in lint_profile(find_profile(name))}
    assert not codes & {"not-promised", "promised-conditionally", "items-not-described", "value-not-allowed"}


def test_a_receiver_may_not_demand_what_no_image_can_be() -> None:
    head = "id: x\nversion: '1'\ntitle: T\narea: LAB\nside: receiver\nsource: {document: D}\nsop_classes: [VLWholeSlideMicroscopyImageStorage]\nattributes:\n"
    rows = "  - {attribute: Modality, values: [CT], section: '1'}\n  - {attribute: Rows, presence: forbidden, section: '1'}\n  - {attribute: EchoTime, presence: always, section: '1'}\n"
    found = {(one.code, one.subject) for one in lint_profile(parse_profile(head + rows, "x.yaml"))}
    assert found == {
        ("value-not-allowed", "Modality"),
        ("forbidden-attribute", "Rows"),
        ("outside-iod", "EchoTime"),
    }
