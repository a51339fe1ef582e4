"""No demand of a profile passes silently: what extends what, what is locked, what cannot be understood."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from profile_slides import checked, dicomvert, found, gt450
from support.writing import ABSENT, to_bytes

from dcmlint.errors import DcmlintError, ProfileError
from dcmlint.profiles.lint import lint_profile
from dcmlint.profiles.load import find_profile
from dcmlint.profiles.profile_text import resolved_lines
from dcmlint.profiles.resolve import resolve_profile

HEAD = 'version: "1"\ntitle: T\n'


def written(folder: Path, name: str, area: str, text: str) -> str:
    path = folder / f"{name}.yaml"
    path.write_text(f"id: {name}\n{HEAD}area: {area}\n{text}", encoding="utf-8")
    return str(path)


def fired(path: str, changes: dict[str, Any] | None = None, **settings: Any) -> dict[str, str]:
    return found(checked(gt450(changes), path, **settings))


@pytest.mark.parametrize(
    ("base", "severity"), [("dicom", "error"), ("pacs-ingest", "error"), ("wsi", "error")]
)
def test_words_act_on_what_is_inherited(tmp_path: Path, base: str, severity: str) -> None:
    path = written(
        tmp_path, "own", "OWN",
        f"extends: [{base}]\nsop_classes: [CTImageStorage]\nattributes:\n  - {{id: OWN001, attribute: IssuerOfPatientID, presence: always}}\n",
    )  # fmt: skip
    fires = fired(path)
    assert fires["OWN001"] == severity
    assert fires["OWN901"] == severity


def test_a_profiles_own_words_reach_its_own_rows_by_id_and_area(tmp_path: Path) -> None:
    row = "attributes:\n  - {id: OWN001, attribute: IssuerOfPatientID, presence: always}\n"
    for word, severity in (("ALL: off", "error"), ("OWN001: info", "info"), ("OWN: warning", "warning")):
        path = written(tmp_path, "own", "OWN", f"extends: [wsi]\nrules: {{{word}}}\n{row}")
        assert fired(path)["OWN001"] == severity, word


def test_two_bases_do_not_change_each_other(tmp_path: Path) -> None:
    written(
        tmp_path, "one", "ONE", "attributes: [{id: ONE001, attribute: IssuerOfPatientID, presence: always}]\n"
    )
    written(
        tmp_path,
        "two",
        "TWO",
        "rules: {ALL: off}\nattributes: [{id: TWO001, attribute: PatientComments, presence: always}]\n",
    )
    path = written(tmp_path, "both", "BOT", "extends: [./one.yaml, ./two.yaml]\n")
    changes = {"PatientComments": ABSENT}
    assert {"ONE001", "TWO001"} <= set(fired(path, changes))
    joint = f"{tmp_path / 'one.yaml'},{tmp_path / 'two.yaml'}"
    assert {"ONE001", "TWO001"} <= set(fired(joint, changes))


@pytest.mark.parametrize(
    ("text", "says", "line"),
    [
        ("attributes:\n  - {id: TRY001, attribute: StudyID}\n  - {id: TRY001, attribute: PatientID}\n", "used twice", 7),
        ('attributes:\n  - {attribute: PatientID, pattern: "^(?!TEST).*"}\n', "TRY001", 6),
        ("attributes:\n  - {attribute: StudyID, presence: Required}\n", "not a presence", 6),
        ("attributes:\n  - {attribute: StudyID, assert: 'StudyIDD == \"1\"'}\n", "did you mean StudyID", 6),
        ('file_names: {template: "{PatientId}_{Nr}"}\n', "unknown token {PatientId}", 5),
        ('file_names: {template: "{PatientID"}\n', "brace", 5),
        ('endpoints:\n  - {name: a, port: "99999"}\n', "not a port", 6),
        ('endpoints:\n  - {name: a, port: "104", called_ae: SEVENTEEN_LETTERS}\n', "not an AE title", 6),
        ("attributes:\n  - {attribute: Rows, minimum: 5, maximum: 4}\n", "larger than the maximum", 6),
        ("attributes:\n  - {attribute: PatientID, minimum: 5}\n", "are for numbers", 6),
        ("attributes:\n  - {attribute: PatientID, not_before: today}\n", "are for dates", 6),
        ("attributes:\n  - {attribute: StudyDate, not_before: tomorrow}\n", "is not a day", 6),
        ("attributes:\n  - {attribute: OpticalPathSequence, context_group: 99999999}\n", "not a context group", 6),
        ("attributes:\n  - {attribute: OpticalPathSequence, code: x}\n", "is not a code", 6),
        ("attributes:\n  - {attribute: PatientID, values_from: nowhere.csv}\n", "not a file of values", 6),
    ],
)  # fmt: skip
def test_mistakes_are_said_before_anything_is_checked(
    tmp_path: Path, text: str, says: str, line: int
) -> None:
    path = written(tmp_path, "try", "TRY", text)
    with pytest.raises(ProfileError) as caught:
        resolve_profile(path)
    assert says in str(caught.value)
    assert (caught.value.file, caught.value.line) == (path, line), str(caught.value)
    assert caught.value.column > 0


# -- locks --------------------------------------------------------------------------------------------------------

BASE = """\
extends: [wsi]
parameters:
  accession: {type: pattern, default: '^ZZ[0-9]+$'}
  free: {type: pattern}
attributes:
  - {id: LCK001, attribute: AccessionNumber, presence: always, pattern: param.accession}
  - {id: LCK002, attribute: IssuerOfPatientID, presence: always}
  - {id: LCK003, attribute: StudyID, pattern: param.free}
transfer_syntaxes: [JPEG2000]
lock: [LCK]
"""


def test_a_lock_holds_against_words(tmp_path: Path) -> None:
    written(tmp_path, "base", "LCK", BASE)
    path = written(
        tmp_path, "child", "CHI", "extends: [./base.yaml]\nrules: {LCK001: off, ALL: info, LCK902: warning}\n"
    )
    assert {name: one for name, one in fired(path).items() if name.startswith("LCK")} == {
        "LCK001": "error", "LCK002": "error", "LCK902": "error",
    }  # fmt: skip
    resolved = resolve_profile(path)
    assert any(line.startswith("LCK001    error") and "locked" in line for line in resolved_lines(resolved))
    assert {one.rule for one in resolved.refused} >= {"LCK001", "LCK002", "LCK902"}
    remarks = [one for one in lint_profile(find_profile(path)) if one.code == "locked"]
    assert remarks
    assert all("base" in one.message for one in remarks)


@pytest.mark.parametrize(
    ("area", "text", "says"),
    [
        ("LCK", "attributes: [{id: LCK002, attribute: IssuerOfPatientID}]\n", "LCK002 is locked by base"),
        ("LCK", "transfer_syntaxes: [JPEGBaseline8Bit]\n", "LCK902 is locked by base"),
        ("CHI", "set: {accession: '.'}\n", "parameter accession cannot be changed: base locks LCK001"),
        (
            "CHI",
            "parameters: {accession: {type: pattern, default: '.'}}\n",
            "parameter accession cannot be changed",
        ),
    ],
)
def test_a_lock_cannot_be_got_round(tmp_path: Path, area: str, text: str, says: str) -> None:
    written(tmp_path, "base", "LCK", BASE)
    path = written(tmp_path, "child", area, f"extends: [./base.yaml]\n{text}")
    with pytest.raises(ProfileError, match=says):
        resolve_profile(path)


def test_a_list_of_ones_own_leaves_the_locked_one(tmp_path: Path) -> None:
    written(tmp_path, "base", "LCK", BASE)
    path = written(
        tmp_path, "child", "CHI", "extends: [./base.yaml]\ntransfer_syntaxes: [JPEGBaseline8Bit]\n"
    )
    fires = fired(path)
    assert "LCK902" in fires
    assert "CHI902" not in fires


def test_a_locked_parameter_without_a_value_can_be_set_once(tmp_path: Path) -> None:
    base = written(tmp_path, "base", "LCK", BASE)
    with pytest.raises(ProfileError, match="cannot be changed"):
        resolve_profile(base, {"accession": "."})
    resolve_profile(base, {"accession": "^ZZ[0-9]+$"})
    assert "LCK003" in fired(base, parameters={"free": "^nothing$"})


# -- rows ---------------------------------------------------------------------------------------------------------

SPACING = """\
attributes:
  - attribute: SharedFunctionalGroupsSequence
    items:
      - attribute: PixelMeasuresSequence
        items:
          - {id: TRY007, attribute: PixelSpacing, maximum: 0.0000001, when: 'value(ImageType, 3) == "VOLUME"'}
"""


def test_conditions_of_nested_rows_see_what_is_around_them(tmp_path: Path) -> None:
    path = written(tmp_path, "try", "TRY", SPACING)
    assert "TRY007" in fired(path)
    other = written(tmp_path, "try", "TRY", SPACING.replace("VOLUME", "LABEL"))
    assert "TRY007" not in fired(other)


YEAR = datetime.date.today().year


@pytest.mark.parametrize(
    ("row", "good", "bad", "want"),
    [
        ("{attribute: Rows, minimum: 256, maximum: 512}", {}, {"Rows": 128}, "256 to 512"),
        ("{attribute: Rows, minimum: 256}", {}, {"Rows": 128}, "at least 256"),
        ("{attribute: StudyID, pattern: '^S[0-9]+$'}", {"StudyID": "S1"}, {"StudyID": "1"}, "^S[0-9]+$"),
        ("{attribute: StudyID, values_from: ids.csv}", {"StudyID": "S2"}, {"StudyID": "S3"}, "one of the 2 values of ids.csv"),
        ("{attribute: StudyDate, not_after: today}", {"StudyDate": f"{YEAR}0101"}, {"StudyDate": f"{YEAR + 2}0101"}, "not after today"),
        ("{attribute: PatientBirthDate, not_before: today-120y}", {"PatientBirthDate": "20000101"}, {"PatientBirthDate": "18000101"}, "not before"),
        ("{attribute: StudyDate, not_before: 2020-01-01}", {"StudyDate": "20240101"}, {"StudyDate": "20191231"}, "2020-01-01"),
        ("{attribute: StudyID, assert: 'size(StudyID) > 3'}", {"StudyID": "1234"}, {"StudyID": "1"}, "size(StudyID) > 3"),
        ("{attribute: ContainerTypeCodeSequence, code: 'SCT:433466003'}", {}, {"ContainerTypeCodeSequence[0].CodeValue": "434711009"}, "SCT:433466003"),
        ("{attribute: ContainerTypeCodeSequence, context_group: 8101}", {}, {"ContainerTypeCodeSequence[0].CodeValue": "1"}, "CID 8101"),
        ("{attribute: StudyID, presence: ALWAYS}", {"StudyID": "1"}, {"StudyID": None}, "with a value"),
        ("{attribute: StudyID, presence: VNAP}", {"StudyID": None}, {"StudyID": ABSENT}, "may be empty"),
        ("{attribute: StudyID, presence: EMPTY}", {"StudyID": None}, {"StudyID": "1"}, "without a value"),
        ("{attribute: StudyID, presence: ANAP, values: [A]}", {"StudyID": ABSENT}, {"StudyID": "B"}, "A"),
        ("{attribute: StudyID, presence: AUTO}", {"StudyID": "1"}, {"StudyID": ABSENT}, "with a value"),
        ("{attribute: StudyID, empty: forbidden}", {"StudyID": ABSENT}, {"StudyID": None}, "with a value"),
        ("{attribute: StudyID, presence: forbidden}", {"StudyID": ABSENT}, {"StudyID": "1"}, "absent"),
    ],
)  # fmt: skip
def test_what_a_row_can_demand(
    tmp_path: Path, row: str, good: dict[str, Any], bad: dict[str, Any], want: str
) -> None:
    (tmp_path / "ids.csv").write_text("# ids of ours\nS1,first\nS2\n", encoding="utf-8")
    path = written(tmp_path, "try", "TRY", f"attributes:\n  - {row}\n")
    assert "TRY001" not in fired(path, good)
    (finding,) = [one for one in checked(gt450(bad), path).findings if one.rule == "TRY001"]
    assert want in finding.want
    assert finding.severity == "error"


def test_what_is_assumed_never_lowers_what_the_standard_forbids() -> None:
    slide = to_bytes(dicomvert())
    # Rows, explicit VR little endian: US of two bytes becomes SS.
    patched = slide.replace(b"\x28\x00\x10\x00US\x02\x00", b"\x28\x00\x10\x00SS\x02\x00", 1)
    assert patched != slide
    assert found(checked(patched, "dicomvert-2.0"))["DVT041"] == "error"
    assert found(checked(dicomvert({"Rows": 256}), "dicomvert-2.0"))["DVT041"] == "warning"


# -- files that steer ---------------------------------------------------------------------------------------------


def test_json_is_found_as_yaml_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lab.json").write_text(
        '{"id": "lab", "version": "1", "title": "T", "area": "LAB", "attributes": [{"attribute": "IssuerOfPatientID", "presence": "always"}]}'
    )
    monkeypatch.chdir(tmp_path)
    assert "LAB001" in found(checked(gt450(), "lab.json"))


def test_shared_parts_by_anchors(tmp_path: Path) -> None:
    path = written(
        tmp_path, "try", "TRY",
        "x-always: &always {presence: always}\nattributes:\n  - {attribute: IssuerOfPatientID, presence: *p}\n".replace(
            "&always {presence: always}", "&p always"
        ),
    )  # fmt: skip
    assert "TRY001" in fired(path)


def test_aliases_that_multiply_are_refused(tmp_path: Path) -> None:
    lines = ["x-0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"x-{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    path = written(tmp_path, "try", "TRY", "\n".join(lines) + "\n")
    with pytest.raises(ProfileError, match="aliases counted each time"):
        resolve_profile(path)


def test_long_lines_of_profiles_are_refused(tmp_path: Path) -> None:
    for number in range(40):
        written(tmp_path, f"p{number}", "PPP", f"extends: [./p{number + 1}.yaml]\n")
    written(tmp_path, "p40", "PPP", "")
    with pytest.raises(ProfileError, match="more than 32 profiles"):
        resolve_profile(str(tmp_path / "p0.yaml"))


def test_devices_are_no_profiles() -> None:
    with pytest.raises(DcmlintError, match="not a regular file"):
        resolve_profile("/dev/null")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("port", "99999", "not within 1 to 65535"), ("port", "2762.5", "not a whole number"),
        ("title", "SEVENTEEN_LETTERS", "does not match"), ("file_location", "images", "does not match"),
        ("image_filename_format", "{IMAGEID}-{BARCODID}", "did you mean BARCODEID"),
    ],
)  # fmt: skip
def test_settings_of_the_scanner_have_their_form(name: str, value: str, says: str) -> None:
    with pytest.raises(ProfileError) as caught:
        resolve_profile("aperio-gt450-dx", {name: value})
    assert says in str(caught.value)
    resolve_profile("aperio-gt450-dx", {"file_location": r"\\server\share", "port": "104"})


def test_doubled_backslashes_are_remarked() -> None:
    remarks = lint_profile(find_profile("aperio-gt450-dx"), {"barcode_value_identifier": r"\\d{6}"})
    assert [one.code for one in remarks if "backslash" in one.code] == ["doubled-backslash"]
    assert not lint_profile(find_profile("aperio-gt450-dx"), {"barcode_value_identifier": r"\d{6}"})


def test_a_slide_of_another_scanner_does_not_pass() -> None:
    for changes in ({"Manufacturer": "Hamamatsu"}, {"ManufacturerModelName": "Aperio AT2"}):
        assert found(checked(gt450(changes), "aperio-gt450-dx"))["GTX010"] == "error"
    assert "GTX011" in found(checked(gt450({"SoftwareVersions": "1.0.1"}), "aperio-gt450-dx"))
    assert "GTX011" not in found(checked(gt450({"SoftwareVersions": ["1.10", "2.0"]}), "aperio-gt450-dx"))


def test_what_was_not_checked_and_what_was_kept_is_in_every_report(tmp_path: Path) -> None:
    path = written(
        tmp_path, "try", "TRY",
        "parameters: {x: {}}\nattributes:\n  - {attribute: StudyID, values: param.x}\n  - {attribute: IssuerOfPatientID, presence: always}\nlock: [TRY002]\n",
    )  # fmt: skip
    report = checked(gt450(), path, ignore=("TRY",))
    assert report.summary.not_checked == ("x (TRY001)",)
    assert report.summary.kept == ("TRY002",)
    assert "TRY002" in found(report)
    from dcmlint.reports.words import unchecked

    notes = "\n".join(unchecked(report.closing()))
    assert "not checked, because a parameter has no value: x (TRY001)" in notes
    assert "locked by the profile, and neither ignored nor lowered: TRY002" in notes
    assert checked(gt450(), path, severity={"TRY002": "info"}).summary.kept == ("TRY002",)
    assert checked(gt450(), path, severity={"TRY": "error"}).summary.kept == ()
    child = written(tmp_path, "child", "CHI", "extends: [./try.yaml]\nrules: {TRY002: off}\n")
    assert checked(gt450(), child).summary.kept == ("TRY002",)


def test_rules_that_serve_a_statement_cite_it() -> None:
    report = checked(gt450({"NumberOfFrames": "3"}), "aperio-gt450-dx")
    (finding,) = [one for one in report.findings if one.rule == "TILE003"]
    assert "MAN-0515 Rev. B 4 step 4e" in [str(reference) for reference in finding.references]
    report = checked(gt450({"NumberOfFrames": "3"}), "wsi")
    assert all("MAN" not in str(one.references) for one in report.findings)


@pytest.mark.parametrize(
    ("condition", "fails"),
    [
        ('Modality == "SM"', True), ('Modality == "CT"', False), ("size(SpecimenDescriptionSequence) > 1", False),
        ('value(ImageType, 3) == "VOLUME"', True),
    ],
)  # fmt: skip
def test_the_condition_of_a_sequence_holds_for_the_rows_of_its_items(
    condition: str, fails: bool, tmp_path: Path
) -> None:
    path = written(
        tmp_path, "try", "TRY",
        f"attributes:\n  - attribute: SpecimenDescriptionSequence\n    when: '{condition}'\n    items:\n"
        "      - {id: TRY002, attribute: SpecimenIdentifier, values: [OTHER]}\n"
        "      - attribute: SpecimenPreparationSequence\n        when: has(SpecimenIdentifier)\n        items:\n"
        "          - attribute: SpecimenPreparationStepContentItemSequence\n            items:\n"
        "              - {id: TRY005, attribute: ValueType, values: [NUM]}\n",
    )  # fmt: skip
    assert set(found(checked(gt450(), path), "error")) == ({"TRY002", "TRY005"} if fails else set())
    without = gt450({"SpecimenDescriptionSequence[0].SpecimenIdentifier": ABSENT})
    assert "TRY005" not in found(checked(without, path))


def test_the_longest_value(tmp_path: Path) -> None:
    path = written(
        tmp_path, "try", "TRY",
        "attributes:\n  - {attribute: StudyID, longest: 4}\n  - {attribute: ImageType, longest: 8}\n  - {attribute: PatientName, longest: 7}\n",
    )  # fmt: skip
    assert found(checked(gt450({"StudyID": "ABCD", "PatientName": "山田^太郎"}), path), "error") == {}
    report = checked(
        gt450({"StudyID": "ABCDE", "ImageType": ["ORIGINAL", "PRIMARY", "VOLUME", "RESAMPLED"]}), path
    )
    one, other = (each for each in report.findings if each.rule in ("TRY001", "TRY002"))
    assert (one.message, one.want) == ("Study ID is longer than 4 characters", "at most 4 characters")
    assert other.rule == "TRY002"


def test_a_profile_of_another_scanner_says_that_it_was_not_concerned(tmp_path: Path) -> None:
    from dcmlint.reports.words import unchecked

    path = written(
        tmp_path, "try", "TRY",
        "applies: {manufacturer: [Nordscan]}\nattributes:\n  - {attribute: StudyID, presence: always}\n  - {attribute: SeriesDescription}\n",
    )  # fmt: skip
    report = checked(gt450(), path)
    assert report.summary.not_concerned == "try"
    assert "no rule of the profile try itself applied to any of the files" in unchecked(report.closing())
    assert not checked(gt450({"Manufacturer": "Nordscan AB"}), path).summary.not_concerned
    assert not checked(gt450(), "wsi").summary.not_concerned
