"""Profiles of one's own: what files may say, and how mistakes are told."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from profile_slides import checked, found, gt450, said
from support import slides
from support.writing import ABSENT, to_bytes

from dcmlint.errors import ProfileError, UsageError
from dcmlint.profiles.load import builtin_profiles, find_profile, parse_profile
from dcmlint.profiles.parameters import environment_parameters
from dcmlint.profiles.resolve import resolve_chain, resolve_profile

BARE = 'id: lab\nversion: "1"\ntitle: Lab\narea: LAB\n'


def write(folder: Path, text: str, name: str = "lab.yaml") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def lab(tmp_path: Path, text: str) -> str:
    return write(tmp_path, BARE + text)


def test_the_built_in_profiles() -> None:
    assert {source.profile.id for source in builtin_profiles()} == {
        "dicom", "wsi", "wsi-strict", "pacs-ingest", "deidentified", "wg26-2025", "aperio-gt450-dx", "aperio-iqc", "dicomvert-2.0",
        "reader-openslide", "reader-wsidicom", "reader-slim", "reader-ohif", "archive-azure-dicom", "archive-aws-healthimaging", "archive-google-healthcare",
        "reader-bioformats", "reader-slicer", "archive-orthanc", "archive-dcm4chee-arc",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says", "line"),
    [
        ("titel: x\n", "did you mean title", 5),
        ("attributes:\n  - {attribute: PatientID, presense: always}\n", "did you mean presence", 6),
        ("attributes:\n  - {attribute: PatientID, presence: allways}\n", "did you mean always", 6),
        ("attributes:\n  - {attribute: PatientIdd}\n", "not a keyword", 6),
        ("extends: [wsy]\n", "did you mean", 5),
        ("transfer_syntaxes: [JPEGBaseline]\n", "not a keyword of a Transfer Syntax", 5),
        ("parameters:\n  x: {type: colour}\n", "is not one of attribute, boolean, choice, list", 6),
        ("parameters:\n  x: {type: choice}\n", "without choices", 6),
        ("parameters:\n  X: {}\n", "not a name of a parameter", 6),
        ("set: {y: 1}\n", "no parameter", 5),
        ("id: lab\n", "twice", 5),
        ("overrides:\n  - {match: {Manufacturer: x}, rules: {TILE003: off}, reason: y, expires: soon}\n", "not a day", 6),
        ("overrides:\n  - {match: {}, rules: {TILE003: off}, reason: y, expires: 2099-01-01}\n", "without a match", 6),
        (
            "overrides:\n  - {match: {Manufacturerr: x}, rules: {TILE003: off}, reason: y, expires: 2099-01-01}\n",
            "did you mean Manufacturer", 6,
        ),
        (
            "overrides:\n  - {match: {when: 'Rowz > 1'}, rules: {TILE003: off}, reason: y, expires: 2099-01-01}\n",
            "did you mean Rows", 6,
        ),
        ("endpoints:\n  - {name: a, port: 1}\n  - {name: a, port: 2}\n", "two endpoints", 7),
        ("own_rules:\n  - {id: LAB001, name: x, title: y, severity: error, basis: local}\n", "needs 'assert'", 6),
        ("own_rules:\n  - {id: LAB1, name: x, title: y, severity: error, basis: local, assert: 'true'}\n", "not a rule id", 6),
        ("attributes:\n  - {attribute: Rows, values: [many]}\n", "not a number", 6),
        ("attributes:\n  - {attribute: Rows, values: param.rows}\n", "no parameter 'rows'", 6),
        ("own_rules:\n  - {id: VR001, name: x, title: y, severity: error, basis: local, assert: 'true'}\n", "also used in", 6),
        ("\t", "not YAML", 5),
    ],
)  # fmt: skip
def test_mistakes_have_their_place(tmp_path: Path, text: str, says: str, line: int) -> None:
    path = lab(tmp_path, text)
    with pytest.raises(ProfileError) as caught:
        resolve_profile(path)
    assert says in str(caught.value)
    assert caught.value.line == line, str(caught.value)


@pytest.mark.parametrize(
    ("text", "says", "place"),
    [
        ("attributes:\n  - {presence: always, attribute: StudyI}\n", "'StudyI' is not a keyword of the data dictionary (did you mean StudyID?)", (6, 35)),
        ("attributes:\n  - attribute: Rows\n    minimum: 3\n    maximum: x\n", "Rows: 'x' is not a number, which US needs", (8, 14)),
        ("attributes:\n  - attribute: StudyDate\n    not_before: 2001-01-01\n    not_after: 2001-02-30\n", "StudyDate: 2001-02-30 is not a day of the calendar", (8, 16)),
        ("attributes:\n  - attribute: StudyDate\n    not_after: soon\n", "'soon' is not a day", (7, 16)),
        ("attributes:\n  - attribute: StudyID\n    values_from: no.csv\n", "no.csv is not a file of values", (7, 18)),
        ("attributes:\n  - attribute: SpecimenTypeCodeSequence\n    code: SCT\n", "'SCT' is not a code", (7, 11)),
        ("attributes:\n  - attribute: SpecimenTypeCodeSequence\n    context_group: 99999\n", "99999 is not a context group", (7, 20)),
        ("attributes:\n  - attribute: StudyID\n    source: order.StudyIdd\n", "did you mean StudyID", (7, 13)),
        ("rules: {TILE0O3: off}\n", "did you mean TILE003", (5, 18)),
        ("overrides:\n  - {match: {Modality: x}, rules: {TILEOO3: off}, reason: y, expires: 2099-01-01}\n", "did you mean TILE003", (6, 45)),
        ("overrides:\n  - {match: {Modality: x}, rules: {TILE003: off}, reason: y, expires: 2099-13-01}\n", "not a day of the calendar", (6, 71)),
    ],
)  # fmt: skip
def test_mistakes_have_the_place_of_their_key(
    tmp_path: Path, text: str, says: str, place: tuple[int, int]
) -> None:
    with pytest.raises(ProfileError) as caught:
        resolve_profile(lab(tmp_path, text))
    assert says in str(caught.value)
    assert (caught.value.line, caught.value.column) == place, str(caught.value)


@pytest.mark.parametrize(
    ("endpoint", "says"),
    [
        ("protocol: dicom-tls, tls_minimum: '1.4'", "'1.4' is not a version for tls_minimum"),
        ("protocol: smb, smb_minimum: '5'", "'5' is not a version for smb_minimum"),
        ("protocol: dicom, tls_minimum: '1.2'", "tls_minimum demands nothing of the protocol dicom"),
        ("protocol: dicom, certificate: {self_signed: error}", "certificate demands nothing of the protocol dicom"),
        ("protocol: https, smb_minimum: '3'", "smb_minimum demands nothing of the protocol https"),
        ("protocol: smb, called_ae: A", "called_ae demands nothing of the protocol smb"),
        ("protocol: https, offers: [{sop_class: CTImageStorage}]", "offers demands nothing of the protocol https"),
        ("protocol: amqps, association: {identity: true}", "association demands nothing of the protocol amqps"),
    ],
)  # fmt: skip
def test_no_endpoint_demands_what_its_protocol_does_not_have(
    tmp_path: Path, endpoint: str, says: str
) -> None:
    with pytest.raises(ProfileError) as caught:
        resolve_profile(lab(tmp_path, f"endpoints:\n  - {{name: a, port: 1, {endpoint}}}\n"))
    assert says in str(caught.value)
    assert caught.value.line == 6


def test_a_wrong_expression_has_its_place(tmp_path: Path) -> None:
    rule = "own_rules:\n  - id: LAB001\n    name: lab-x\n    title: X\n    severity: error\n    basis: local\n    assert: Rowz > 1\n"
    with pytest.raises(ProfileError) as caught:
        resolve_profile(lab(tmp_path, rule))
    assert (caught.value.line, "did you mean Rows" in str(caught.value)) == (11, True)


def test_circles(tmp_path: Path) -> None:
    write(tmp_path, 'id: a\nversion: "1"\ntitle: A\nextends: [./b.yaml]\n', "a.yaml")
    write(tmp_path, 'id: b\nversion: "1"\ntitle: B\nextends: [./a.yaml]\n', "b.yaml")
    with pytest.raises(ProfileError, match="a circle: a extends b extends a"):
        resolve_profile(str(tmp_path / "a.yaml"))


def test_later_wins(tmp_path: Path) -> None:
    write(
        tmp_path,
        'id: a\nversion: "1"\ntitle: A\nrules: {TILE: off, VR001: info}\naction: {error: accept}\n',
        "a.yaml",
    )
    write(tmp_path, 'id: b\nversion: "1"\ntitle: B\nrules: {TILE003: "on", VR001: warning}\n', "b.yaml")
    path = lab(tmp_path, "extends: [wsi, ./a.yaml, ./b.yaml]\nrules: {VR002: off}\naction: {error: refuse}\n")
    resolved = resolve_profile(path)
    assert resolved.levels["TILE003"] == "error"
    assert resolved.levels["TILE008"] is None
    assert resolved.levels["VR001"] == "warning"
    assert resolved.levels["VR002"] is None
    assert resolved.action == {"error": "refuse"}


def test_a_child_replaces_a_row_by_its_id(tmp_path: Path) -> None:
    write(
        tmp_path,
        BARE.replace("lab", "base")
        + "attributes:\n  - {id: LAB001, attribute: PatientID, presence: always}\n",
        "base.yaml",
    )
    path = lab(
        tmp_path,
        "extends: [./base.yaml]\nattributes:\n  - {id: LAB001, attribute: PatientID, presence: optional, values: [A]}\n",
    )
    row = next(source.rule for source in resolve_profile(path).rules if source.rule.id == "LAB001")
    assert '== "A"' in row.assert_
    assert found(checked(slides.full_native(), path))["LAB001"] == "error"


ROWS = """\
attributes:
  - {attribute: PatientID, presence: always, pattern: '^EX'}
  - {attribute: AccessionNumber, presence: always, severity: warning}
  - {attribute: StudyDescription, presence: forbidden}
  - {attribute: ImageComments, presence: 'value(ImageType, 3) == "LABEL"'}
  - {attribute: FocusMethod, values: [AUTO, MANUAL]}
  - {attribute: Rows, values: [32, 64], when: NumberOfFrames > 1}
  - {attribute: PatientOrientation, presence: always, empty: required}
  - {attribute: "(0009,0010)", presence: always}
  - attribute: OpticalPathSequence
    presence: always
    items:
      - {attribute: ObjectiveLensPower, presence: always, values: ["20", "40"], value_severity: warning}
  - {attribute: PixelSpacing, presence: optional}
  - {attribute: ImageType, values: ['ORIGINAL\\PRIMARY\\VOLUME\\NONE']}
  - {attribute: TotalPixelMatrixRows, assert: TotalPixelMatrixRows >= Rows}
"""


@pytest.mark.parametrize(
    ("changes", "rule", "severity"),
    [
        ({"PatientID": "X"}, "LAB001", "error"),
        ({"PatientID": None}, "LAB001", "error"),
        ({"PatientID": ABSENT}, "LAB001", "error"),
        ({"AccessionNumber": None}, "LAB002", "warning"),
        ({"StudyDescription": "x"}, "LAB003", "error"),
        ({"FocusMethod": "OTHER"}, "LAB005", "error"),
        ({"Rows": 31}, "LAB006", "error"),
        ({"PatientOrientation": ["L", "P"]}, "LAB007", "error"),
        ({"PatientOrientation": ABSENT}, "LAB007", "error"),
        ({"(0009,0010)": ABSENT}, "LAB008", "error"),
        ({"OpticalPathSequence[0].ObjectiveLensPower": ABSENT}, "LAB010", "error"),
        ({"OpticalPathSequence[0].ObjectiveLensPower": "10"}, "LAB010", "warning"),
        ({"ImageType": ["DERIVED", "PRIMARY", "VOLUME", "NONE"]}, "LAB012", "error"),
        ({"TotalPixelMatrixRows": 1}, "LAB013", "error"),
    ],
)  # fmt: skip
def test_rows(tmp_path: Path, changes: dict[str, Any], rule: str, severity: str) -> None:
    path = lab(tmp_path, ROWS)
    clean = {"PatientOrientation": None, "(0009,0010)": "ACME"}
    slide = slides.changed(slides.full_native(), {"PatientOrientation": None})
    slides.put(slide, "(0009,0010)", "ACME", "LO")
    report = checked(slide, path)
    assert not [one for one in found(report) if one.startswith("LAB")], said(report)
    del clean
    assert found(checked(slides.changed(slide, changes), path))[rule] == severity


def test_a_condition_of_presence(tmp_path: Path) -> None:
    path = lab(tmp_path, ROWS)
    assert found(checked(slides.label(), path))["LAB004"] == "error"
    assert "LAB004" not in found(checked(slides.full_native(), path))


def test_sop_classes_transfer_syntaxes_and_file_names(tmp_path: Path) -> None:
    path = lab(
        tmp_path,
        "sop_classes: [VLWholeSlideMicroscopyImageStorage]\ntransfer_syntaxes: [JPEGBaseline8Bit, 1.2.840.10008.1.2.4.90]\n"
        "file_names: {template: 'lab_{PatientID}_{N}', tokens: {N: InstanceNumber}}\n",
    )
    good = checked(slides.full_jpeg(), path, name="folder/lab_EX-17_1.dcm")
    assert not [rule for rule in found(good) if rule.startswith("LAB")]
    assert found(checked(slides.full_native(), path, name="lab_EX-17_1")).keys() >= {"LAB902"}
    assert "LAB903" in found(checked(slides.full_jpeg(), path, name="EX-17_1.dcm"))
    assert "LAB903" not in found(checked(slides.full_jpeg(), path, name="<bytes>")), "bytes have no name"
    assert "LAB901" in found(checked(slides.ct(), path, name="lab_EX-17_1"))


def test_a_profile_may_be_about_some_equipment_only(tmp_path: Path) -> None:
    path = lab(
        tmp_path,
        "applies: {manufacturer: [leica], model: [gt450]}\nattributes:\n  - {attribute: ImageComments, presence: always}\n",
    )
    assert "LAB001" in found(checked(gt450(), path))
    assert "LAB001" not in found(checked(slides.full_native(), path))


def test_locked_rules_stay(tmp_path: Path) -> None:
    path = lab(
        tmp_path, "lock: [LAB001, VR001]\nattributes:\n  - {attribute: ImageComments, presence: always}\n"
    )
    slide = to_bytes(slides.full_native())
    for settings in ({"ignore": ("LAB001",)}, {"severity": {"LAB001": "info"}}, {"select": ("VR002",)}):
        assert found(checked(slide, path, **settings))["LAB001"] == "error"


def test_exceptions_have_a_match_a_reason_and_an_end(tmp_path: Path) -> None:
    def override(match: str, level: str = "off", days: int = 1, lock: str = "") -> str:
        until = (datetime.date.today() + datetime.timedelta(days=days)).isoformat()
        return lab(
            tmp_path,
            f"attributes:\n  - {{attribute: ImageComments, presence: always}}\n{lock}"
            f"overrides:\n  - match: {match}\n    rules: {{LAB001: {level}}}\n    reason: known\n    expires: {until}\n",
        )

    def state(path: str, name: str = "scans/slide.dcm") -> str:
        report = checked(slides.full_native(), path, name=name)
        (finding,) = [one for one in report.findings if one.rule == "LAB001"]
        return "suppressed" if finding.suppressed else finding.severity

    assert state(override("{ManufacturerModelName: 'sample*'}")) == "suppressed"
    assert state(override("{ManufacturerModelName: 'sample*'}", "info")) == "info"
    assert state(override("{ManufacturerModelName: 'other*'}")) == "error"
    assert state(override("{path: 'scans/*'}")) == "suppressed"
    assert state(override("{path: 'other/*'}")) == "error"
    assert state(override("{when: 'Rows == 32'}")) == "suppressed"
    assert state(override("{when: 'Rows == 32', Manufacturer: nobody}")) == "error", "all must hold"
    assert state(override("{path: '*'}", days=-1)) == "error", "it has expired"
    assert state(override("{path: '*'}", lock="lock: [LAB001]\n")) == "error", "it is locked"


def test_parameters_from_a_child_and_from_outside(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        'id: lab\nversion: "1"\ntitle: Lab\nextends: [aperio-gt450-dx]\nset: {port: 4242, title: LAB}\n',
    )
    (endpoint,) = resolve_profile(path).endpoints
    assert (endpoint.port, endpoint.called_ae) == ("4242", "LAB")
    (endpoint,) = resolve_profile(path, {"PORT": 5, "title": "X"}).endpoints
    assert (endpoint.port, endpoint.called_ae) == ("5", "X")
    environment = {"DCMLINT_SET_TILE_ROWS": "256", "OTHER": "x"}
    assert environment_parameters(environment) == {"tile_rows": "256"}


def test_pacs_ingest_refuses_what_it_cannot_keep() -> None:
    assert not found(checked(slides.full_native(), "pacs-ingest"), "error", "warning")
    assert (
        found(checked(slides.changed(slides.full_native(), {"PatientID": None}), "pacs-ingest"))["PACS001"]
        == "error"
    )
    broken = to_bytes(slides.changed(slides.full_native(), {"NumberOfFrames": "3"}))
    assert found(checked(broken, "wsi"))["TILE003"] == "error"
    assert found(checked(broken, "pacs-ingest"))["TILE003"] == "error", "a tile that is not there"
    cut = slides.full_native()
    cut.PixelData = cut.PixelData[:-1000]
    assert found(checked(to_bytes(cut), "pacs-ingest"))["PIX033"] == "error"
    assert (
        found(
            checked(slides.changed(slides.full_native(), {"ContainerIdentifier": None}), "pacs-ingest"),
            "error",
        )
        == {}
    )
    wrong = to_bytes(slides.changed(slides.full_native(), {"StudyInstanceUID": b"1.02.3\0"}))
    assert "error" in found(checked(wrong, "pacs-ingest")).values()
    other = checked(slides.full_native(), "pacs-ingest", parameters={"transfer_syntaxes": "JPEGBaseline8Bit"})
    assert found(other)["PACS902"] == "error"


def test_dicom_leaves_interoperability_out() -> None:
    resolved = resolve_profile("dicom")
    for source in resolved.rules:
        wanted = source.rule.basis in ("requirement", "inference") and "wg26-2025" not in source.rule.tags
        wanted = wanted and source.rule.id != "PHI013"  # a claim that is checked in files that leave the site
        assert (resolved.levels[source.rule.id] is not None) == wanted, source.rule.id


def test_wsi_strict_raises_interoperability_only() -> None:
    resolved = resolve_profile("wsi-strict")
    assert set(resolved.levels) == {one.rule.id for one in resolved.rules if one.rule.basis == "interop"}
    assert set(resolved.levels.values()) == {"warning"}


def test_deidentified_locks_privacy() -> None:
    resolved = resolve_profile("deidentified")
    privacy = {one.rule.id for one in resolved.rules if one.rule.area == "PHI"}
    assert privacy
    assert resolved.locked == privacy
    removed = slides.changed(slides.label(), {"PatientIdentityRemoved": "YES", "DeidentificationMethod": "x"})
    rules = found(checked(removed, "deidentified", ignore=("PHI",)))
    assert [rule for rule in rules if rule.startswith("PHI")]


def test_wg26_is_off_unless_asked_for() -> None:
    tagged = {one.rule.id for one in resolve_profile("wsi").rules if "wg26-2025" in one.rule.tags}
    assert tagged
    levels = resolve_profile("wg26-2025").levels
    assert {rule for rule, level in levels.items() if level is not None} == tagged | {
        "ENT008",
        "IOD021",
    }  # on in wsi too, as a warning


def test_an_unknown_profile_is_one_line() -> None:
    with pytest.raises(UsageError, match="did you mean wsi-strict"):
        find_profile("wsi-strickt")
    with pytest.raises(UsageError, match="cannot be read"):
        find_profile("./nowhere.yaml")


def test_rules_in_profiles_see_parameters() -> None:
    text = BARE + (
        "parameters:\n  most: {type: number, default: 10}\n  words: {type: list, default: [a, b]}\n  attribute: {type: attribute, default: Rows}\n"
        "own_rules:\n  - id: LAB001\n    name: lab-x\n    title: X\n    severity: error\n    basis: local\n"
        "    assert: param.attribute < param.most && !(PatientID in param.words)\n    at: param.attribute\n"
        "    message: '{param.attribute} is not below {param.most} of {param.words}'\n"
    )
    (rule,) = [
        one.rule for one in resolve_chain((parse_profile(text, "x"),)).rules if one.rule.id == "LAB001"
    ]
    assert rule.assert_ == 'Rows < 10 && !(PatientID in ["a", "b"])'
    assert (rule.at, rule.message) == ("Rows", "Rows is not below 10 of a, b")


def test_exceptions_hold_for_slides_when_they_match_all_their_files(tmp_path: Path) -> None:
    from dcmlint.api import check

    folder = tmp_path / "slide"
    folder.mkdir()
    parts = slides.pyramid()[:2]
    for number, part in enumerate(parts):
        part.PyramidUID = f"1.2.826.0.1.{number}"
        (folder / f"level{number}.dcm").write_bytes(to_bytes(part))

    def suppressed(match: str) -> set[bool]:
        path = lab(
            tmp_path,
            f"overrides:\n  - match: {match}\n    rules: {{PYR: off}}\n    reason: known\n    expires: 2099-01-01\n",
        )
        report = check(folder, profile=path)
        found = [one for one in report.findings if one.subject.kind != "file" and one.rule.startswith("PYR")]
        assert found
        return {one.suppressed for one in found if len(one.subject.files) == 2}

    assert suppressed("{Manufacturer: '*'}") == {True}
    assert suppressed("{path: '*level0.dcm'}") == {False}
