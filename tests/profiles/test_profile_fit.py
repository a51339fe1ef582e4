"""Profiles beside each other, drafts from samples, and statements."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from profile_slides import checked, found, gt450
from support.writing import ABSENT, to_bytes

from dcmlint.cli.app import run
from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.dicom.instance import read_instance
from dcmlint.errors import ProfileError
from dcmlint.profiles.conformance import as_html, as_markdown
from dcmlint.profiles.dicompare import imported
from dcmlint.profiles.diff import differences
from dcmlint.profiles.fit import misfits
from dcmlint.profiles.infer import Samples, shape_of
from dcmlint.profiles.load import parse_profile
from dcmlint.profiles.resolve import resolve_profile

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "slide-good"


def written(folder: Path, name: str, text: str) -> str:
    path = folder / f"{name}.yaml"
    path.write_text(f'id: {name}\nversion: "1"\ntitle: T\narea: {name[:3].upper()}\n{text}', encoding="utf-8")
    return str(path)


def fit(folder: Path, sender: str, receiver: str) -> set[tuple[str, str, str]]:
    one = resolve_profile(written(folder, "sender", sender))
    other = resolve_profile(written(folder, "receiver", receiver))
    return {(each.direction, each.severity, each.what) for each in misfits(one, other)}


TAKEN, NEEDED = "sent, not taken", "needed, not promised"
WSI = "sop_classes: [VLWholeSlideMicroscopyImageStorage]\n"


@pytest.mark.parametrize(
    ("sender", "receiver", "wanted"),
    [
        ("transfer_syntaxes: [JPEG2000]\n", "transfer_syntaxes: [JPEGBaseline8Bit]\n", (TAKEN, "error", "transfer syntax JPEG2000")),
        ("transfer_syntaxes: [JPEG2000, RLELossless]\n", "transfer_syntaxes: [JPEG2000]\n", (TAKEN, "warning", "transfer syntax RLELossless")),
        ("", "transfer_syntaxes: [JPEG2000]\n", (NEEDED, "info", "transfer syntax: the sender does not say what it sends")),
        ("sop_classes: [CTImageStorage]\n", WSI, (TAKEN, "error", "SOP Class CTImageStorage")),
        ("", "attributes: [{attribute: IssuerOfPatientID, presence: always}]\n", (NEEDED, "error", "IssuerOfPatientID")),
        ("attributes: [{attribute: StudyID, presence: VNAP}]\n", "attributes: [{attribute: StudyID, presence: ALWAYS, severity: warning}]\n", (NEEDED, "warning", "StudyID")),
        ("attributes: [{attribute: StudyID, presence: always, values: [B]}]\n", "attributes: [{attribute: StudyID, values: [A]}]\n", (TAKEN, "error", "StudyID")),
        ("attributes: [{attribute: StudyID, values: [B]}]\n", "attributes: [{attribute: StudyID, pattern: ^A}]\n", (TAKEN, "error", "StudyID")),
        ("attributes: [{attribute: Rows, values: ['512']}]\n", "attributes: [{attribute: Rows, maximum: 256}]\n", (TAKEN, "error", "Rows")),
        ("", "attributes: [{attribute: Rows, maximum: 256}]\n", (NEEDED, "warning", "Rows")),
        ("attributes: [{attribute: StudyID, presence: always}]\n", "attributes: [{attribute: StudyID, presence: forbidden}]\n", (TAKEN, "error", "StudyID")),
        ("endpoints: [{name: out, port: '104', called_ae: A}]\n", "endpoints: [{name: in, port: '104', called_ae: B}]\n", (TAKEN, "error", "out to in: called AE title")),
        ("endpoints: [{name: out, port: '104'}]\n", "endpoints: [{name: in, port: '104', protocol: dicom-tls}]\n", (TAKEN, "error", "out to in: TLS")),
        ("", "own_rules: [{id: REC101, name: rec-x, title: Xy, severity: error, basis: local, assert: 'Rows > 1'}]\n", ("not compared", "info", "Xy")),
    ],
)  # fmt: skip
def test_what_does_not_fit(tmp_path: Path, sender: str, receiver: str, wanted: tuple[str, str, str]) -> None:
    assert wanted in fit(tmp_path, sender, receiver)


@pytest.mark.parametrize(
    ("sender", "receiver"),
    [
        ("", ""), ("transfer_syntaxes: [JPEG2000]\n", ""), (WSI, WSI + "attributes: [{attribute: StudyInstanceUID, presence: always}]\n"),
        ("attributes: [{attribute: StudyID, presence: always, values: [A]}]\n", "attributes: [{attribute: StudyID, presence: always, values: [A, B]}]\n"),
        ("attributes: [{attribute: Rows, values: ['256']}]\n", "attributes: [{attribute: Rows, minimum: 1, maximum: 256}]\n"),
        ("endpoints: [{name: out, port: '104', called_ae: A}]\n", "endpoints: [{name: x, port: '9', called_ae: B}, {name: in, port: '104', called_ae: A}]\n"),
    ],
)  # fmt: skip
def test_what_fits(tmp_path: Path, sender: str, receiver: str) -> None:
    assert fit(tmp_path, sender, receiver) == set()


def test_the_vendors_beside_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["profile", "fit", "aperio-gt450-dx", "aperio-iqc"]) == 0
    assert "info    transfer syntax ExplicitVRLittleEndian" in capsys.readouterr().out
    assert run(["profile", "fit", "dicomvert-2.0", "pacs-ingest", "-f", "json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert any(one["rule"] == "PACS902" and "ExplicitVRBigEndian" in one["what"] for one in value)
    # The converter's title and line are none that the module's ports have.
    assert run(["profile", "fit", "dicomvert-2.0", "aperio-iqc", "--set", "port=104"]) == 1
    assert "DICOM without TLS" in capsys.readouterr().out


# -- differences --------------------------------------------------------------------------------------------------


def test_differences_have_a_direction(tmp_path: Path) -> None:
    one = resolve_profile("wsi")
    stricter = resolve_profile(
        written(tmp_path, "strict", "extends: [wsi]\nrules: {TILE026: error, VR001: off}\n")
    )
    found_ = {each.what: each.direction for each in differences(one, stricter)}
    assert found_ == {"rule TILE026": "stricter", "rule VR001": "looser"}
    assert {each.what: each.direction for each in differences(stricter, one)} == {
        "rule TILE026": "looser",
        "rule VR001": "stricter",
    }


def test_only_what_differs_in_effect_is_a_difference(tmp_path: Path) -> None:
    row = "attributes: [{id: LAB001, attribute: StudyID, values: param.x}]\n"
    one = resolve_profile(written(tmp_path, "lab", "parameters: {x: {default: A}, y: {default: B}}\n" + row))
    other = resolve_profile(
        written(
            tmp_path, "lab2", "parameters: {x: {default: A}, y: {default: C}}\n" + row.replace("LAB", "LAB")
        )
    )
    assert [each.what for each in differences(one, other)] == []
    changed = resolve_profile(written(tmp_path, "lab3", "parameters: {x: {default: Z}}\n" + row))
    (only,) = differences(one, changed)
    assert only.what == "rule LAB001 demands"
    assert "Z" in only.other


# -- drafts -------------------------------------------------------------------------------------------------------


def draft(*files: bytes) -> str:
    samples = Samples()
    for data in files:
        instance = read_instance(WholeBuffer(data))
        assert instance is not None
        samples.add(instance)
    return samples.profile("draft", "DRA")


def test_a_draft_holds_on_its_samples_and_fails_on_others(tmp_path: Path) -> None:
    path = tmp_path / "draft.yaml"
    path.write_text(draft(*(one.read_bytes() for one in sorted(EXAMPLE.glob("*.dcm")))), encoding="utf-8")
    assert parse_profile(path.read_text(), "draft").profile.attributes
    assert run(["check", "--isolated", "-q", "-p", str(path), "--select", "DRA", str(EXAMPLE)]) == 0
    base = gt450()
    path.write_text(draft(to_bytes(base)), encoding="utf-8")
    own = lambda data: {rule for rule in found(checked(data, str(path))) if rule.startswith("DRA")}  # noqa: E731
    assert own(base) == set()
    mutations: list[dict[str, Any]] = [
        {"PatientID": ABSENT}, {"ImageType": ["ORIGINAL", "PRIMARY", "LABEL", "NONE"]}, {"Rows": 128}, {"StudyDate": None},
        {"OpticalPathSequence[0].OpticalPathIdentifier": ABSENT}, {"Manufacturer": "Other"},
    ]  # fmt: skip
    for changes in mutations:
        assert own(gt450(changes)), changes


def test_a_draft_names_nobody() -> None:
    text = draft(to_bytes(gt450({"PatientName": "Doe^Jane", "PatientID": "4711", "AccessionNumber": "AB12-7"})),
                 to_bytes(gt450({"PatientName": "Roe^Jane", "PatientID": "4712", "AccessionNumber": "CD34-8"})))  # fmt: skip
    assert not {"Doe", "4711", "AB12"} & set(text.replace('"', " ").split())
    assert "Doe" not in text
    assert '"^[A-Z]{2}[0-9]{2}-[0-9]$"' in text.replace("\\\\-", "-").replace("\\-", "-")
    assert text.startswith("# Assumed")


@pytest.mark.parametrize(
    ("text", "shape"), [("AB12", "^[A-Z]{2}[0-9]{2}$"), ("a.1", r"^[a-z]\.[0-9]$"), ("", "^$")]
)
def test_shapes(text: str, shape: str) -> None:
    assert shape_of(text) == shape


# -- statements and other formats ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["dicomvert-2.0", "aperio-gt450-dx", "wsi"])
def test_a_profile_as_a_conformance_statement(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    resolved = resolve_profile(name)
    text = as_markdown(resolved)
    for section in (
        "Networking",
        "Transfer syntaxes",
        "Security",
        "Character sets",
        "Configuration parameters",
    ):
        assert f"\n## {section}\n" in text
    if name == "dicomvert-2.0":
        assert "| Rows | (0028,0010) | US | ALWAYS |" in text
        assert "| >Dimension Index Pointer |" in text
        assert "ISO_IR 100" in text
    page = as_html(resolved)
    assert page.count("<table>") == page.count("</table>") > 0
    assert "<script" not in page
    assert run(["profile", "statement", name, "-f", "html"]) == 0
    assert capsys.readouterr().out == page


SCHEMA = {
    "name": "T1 at our site", "acquisitions": {"T1w": {
        "fields": [
            {"field": "RepetitionTime", "tag": "0018,0080", "value": 2300, "tolerance": 5}, {"field": "Manufacturer", "contains": "SIE+"},
            {"field": "EchoTime", "min": 1, "max": 4}, {"field": "Modality", "value": "MR"}, {"field": "ImageType", "value": ["ORIGINAL", "PRIMARY"]},
            {"field": "CoilType", "value": "x"},
        ],
        "series": [{"name": "a", "fields": []}], "rules": [{"id": "r"}],
    }},
}  # fmt: skip


def test_schemas_of_dicompare(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "T1.json"
    path.write_text(json.dumps(SCHEMA), encoding="utf-8")
    text = imported(path, "IMP")
    rows = {row.attribute: row for row in parse_profile(text, "x").profile.attributes}
    assert (rows["RepetitionTime"].minimum, rows["RepetitionTime"].maximum) == ("2295", "2305")
    assert rows["ImageType"].values == ("ORIGINAL\\PRIMARY",)
    assert rows["Manufacturer"].pattern == "SIE\\+"
    assert "# not taken over: CoilType" in text
    assert "# not taken over: 1 rules in Python" in text
    assert run(["profile", "import", str(path)]) == 0
    assert capsys.readouterr().out == text
    path.write_text("[]")
    with pytest.raises(ProfileError, match="no acquisitions"):
        imported(path, "IMP")


def test_examples_of_rows_and_rules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (
        "attributes:\n  - attribute: StudyID\n    presence: always\n    examples:\n"
        "      - {name: there, passes: true, dataset: {use: wsi-full, StudyID: '1'}}\n      - {name: absent, fails: true, dataset: {use: wsi-full, StudyID: !absent }}\n"
    )
    assert run(["profile", "test", written(tmp_path, "lab", text)]) == 0
    assert "2 examples of 1 rule: none failed" in capsys.readouterr().out
    assert run(["profile", "test", written(tmp_path, "lab", text.replace("fails", "passes"))]) == 1
    assert "absent" in capsys.readouterr().out


def test_what_fit_prints_is_grouped_and_fits_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["profile", "fit", "dicomvert-2.0", "reader-openslide"]) == 0
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 80
    assert said.count("transfer syntaxes [OSL902]") == 1
    assert "May be sent by dicomvert-2.0, and is not accepted by reader-openslide" in said
    # Type 1 in the standard, whatever the document calls it; Planar Configuration is not always there.
    assert "ImageType" not in said
    assert "PlanarConfiguration [OSL003]\n            sender    conditional" in said
    assert "Compared: 1 SOP Class, 25 transfer syntaxes, 14 attributes, 0 connections" in said


def test_any_uid_meets_a_demand_for_the_characters_of_one() -> None:
    found = misfits(resolve_profile("aperio-gt450-dx"), resolve_profile("archive-azure-dicom"))
    assert [(one.what, one.severity) for one in found if one.rule.startswith("AZU0")] == [
        ("PatientID", "error")
    ]


def test_every_row_of_an_attribute_is_compared(tmp_path: Path) -> None:
    head = 'id: {0}\nversion: "1"\ntitle: T\narea: {1}\nattributes:\n'
    (tmp_path / "s.yaml").write_text(
        head.format("s", "SND")
        + "  - {attribute: StudyID, presence: optional}\n  - {attribute: StudyID, presence: always}\n"
    )
    (tmp_path / "r.yaml").write_text(
        head.format("r", "RCV")
        + "  - {attribute: StudyID, presence: always}\n  - {attribute: StudyID, values: [A]}\n"
        "  - {attribute: StationName, presence: Rows > 1}\n"
    )
    found = misfits(resolve_profile(str(tmp_path / "s.yaml")), resolve_profile(str(tmp_path / "r.yaml")))
    assert [(one.direction, one.rule) for one in found] == [
        ("needed, not promised", "RCV002"),
        ("not compared", "RCV003"),
    ]


def test_one_acquisition_of_several_is_imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fields = [{"field": "EchoTime", "value": 2.5}]
    schema = {
        "acquisitions": {"T1": {"fields": fields}, "T2": {"fields": [{"field": "EchoTime", "value": 80}]}}
    }
    path = tmp_path / "schema.json"
    path.write_text(json.dumps(schema))
    assert run(["profile", "import", str(path)]) == 2
    assert "name one with --acquisition: T1, T2" in capsys.readouterr().err
    assert run(["profile", "import", str(path), "--acquisition", "T2"]) == 0
    assert 'values: ["80"]' in capsys.readouterr().out


def test_what_the_standard_demands_and_forbids_counts(tmp_path: Path) -> None:
    rows = [
        "{attribute: Modality, presence: always, values: [SM]}", "{attribute: PixelRepresentation, values: ['0']}",
        "{attribute: Rows, presence: always, minimum: 1}", "{attribute: NumberOfStudyRelatedSeries, maximum: 5}",
        "{attribute: SeriesInstanceUID, presence: always, pattern: '^[0-9.]+$'}",
    ]  # fmt: skip
    fits = f"attributes: [{', '.join(rows)}]\n"
    assert fit(tmp_path, WSI, fits) == set()
    differs = {
        "{attribute: Modality, values: [CT]}": (NEEDED, "warning", "Modality"),
        "{attribute: NumberOfFrames, presence: forbidden}": (TAKEN, "error", "NumberOfFrames"),
        "{attribute: BitsAllocated, presence: always, values: ['8']}": (NEEDED, "warning", "BitsAllocated"),
        "{attribute: Rows, minimum: 2}": (NEEDED, "warning", "Rows"),
        "{attribute: StationName, values: [A]}": (NEEDED, "info", "StationName"),
    }
    for row, wanted in differs.items():
        assert fit(tmp_path, WSI, f"attributes: [{row}]\n") == {wanted}


def test_the_syntaxes_of_an_endpoint_are_not_all_that_is_taken(tmp_path: Path) -> None:
    offers = "endpoints: [{name: in, port: '104', offers: [{sop_class: CTImageStorage, transfer_syntaxes: [JPEG2000]}]}]\n"
    sent = "transfer_syntaxes: [JPEG2000, RLELossless]\n"
    assert fit(tmp_path, sent, offers) == {(TAKEN, "info", "transfer syntax RLELossless"), (NEEDED, "info", "SOP Class: the sender does not say what it sends")}  # fmt: skip


def test_a_receiver_in_the_place_of_a_sender_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    run(["profile", "fit", "reader-slim", "dicomvert-2.0"])
    said = " ".join(capsys.readouterr().out.split())
    assert "reader-slim is the profile of a receiver, and is compared here as if it were a sender" in said
    assert "dicomvert-2.0 is the profile of a sender, and is compared here as if it were a receiver" in said


def test_general_rules_of_a_receiver_need_files(capsys: pytest.CaptureFixture[str]) -> None:
    run(["profile", "fit", "dicomvert-2.0", "pacs-ingest"])
    assert "general rules of pacs-ingest need files" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("sender", "longest", "wanted"),
    [
        ("", 16, set()), ("", 15, {(NEEDED, "warning", "AccessionNumber")}),
        ("attributes: [{attribute: AccessionNumber, values: [ABC]}]\n", 3, set()),
        ("attributes: [{attribute: AccessionNumber, values: [ABC, ABCD]}]\n", 3, {(TAKEN, "error", "AccessionNumber")}),
    ],
)  # fmt: skip
def test_a_longest_value_beside_what_the_vr_can_hold(
    sender: str, longest: int, wanted: set[tuple[str, str, str]], tmp_path: Path
) -> None:
    receiver = f"attributes: [{{attribute: AccessionNumber, longest: {longest}}}]\n"
    assert fit(tmp_path, WSI + sender, receiver) == wanted


def test_titles_and_ports_that_can_be_set_are_a_matter_of_configuration(tmp_path: Path) -> None:
    endpoint = "endpoints: [{{name: a, port: {port}, called_ae: {title}, protocol: dicom}}]\n"
    receiver = endpoint.format(port=104, title="PACS")
    fixed = endpoint.format(port=11112, title="OTHER")
    settable = "parameters: {p: {default: '11112'}, t: {default: OTHER}}\n" + endpoint.format(
        port="param.p", title="param.t"
    )
    assert fit(tmp_path, fixed, receiver) == {
        (TAKEN, "warning", "a to a: port"), (TAKEN, "error", "a to a: called AE title"),
    }  # fmt: skip
    assert fit(tmp_path, settable, receiver) == {
        (TAKEN, "info", "a to a: port"), (TAKEN, "info", "a to a: called AE title"),
    }  # fmt: skip


def test_rules_about_svs_do_not_concern_a_sender_of_dicom() -> None:
    open_ = [
        one
        for one in misfits(resolve_profile("aperio-gt450-dx"), resolve_profile("aperio-iqc"))
        if one.direction == "not compared"
    ]
    assert {one.rule for one in open_} == {"IQC001", "IQC002"}


def _between(sender: str, receiver: str) -> dict[str, tuple[str, str]]:
    return {
        one.what: (one.direction, one.severity)
        for one in misfits(resolve_profile(sender), resolve_profile(receiver))
    }


def test_a_rule_about_transfer_syntaxes_is_held_to_each_that_is_sent() -> None:
    found_ = _between("dicomvert-2.0", "archive-azure-dicom")
    assert {what: how for what, how in found_.items() if "syntax" in what} == {
        "transfer syntax ImplicitVRLittleEndian": (TAKEN, "warning")
    }
    assert not [what for what in _between("dicomvert-2.0", "archive-orthanc") if "syntax" in what]


def test_what_the_standard_requires_of_items_and_under_conditions() -> None:
    found_ = _between("aperio-gt450-dx", "reader-wsidicom")
    assert "OpticalPathSequence.OpticalPathIdentifier" not in found_, "Type 1 in each item"
    planar = _between("aperio-gt450-dx", "reader-openslide")["PlanarConfiguration"]
    assert planar == (NEEDED, "warning"), "Type 1C"


def test_a_row_that_holds_under_a_condition_is_left_to_files(tmp_path: Path) -> None:
    row = "attributes: [{attribute: StationName, presence: always, when: Rows > 5}]\n"
    assert fit(tmp_path, WSI, row) == {("not compared", "info", "Station Name must be present")}
    off = row + "rules: {REC001: off}\n"
    assert fit(tmp_path, WSI, off) == set()
