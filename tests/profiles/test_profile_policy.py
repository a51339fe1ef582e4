"""A policy in plain YAML: limits, private creators, orders, rules without a profile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from profile_slides import checked, found, gt450
from pydicom.dataset import Dataset
from support.writing import ABSENT, to_bytes

from dcmlint.cli.app import run
from dcmlint.errors import ProfileError, UsageError
from dcmlint.profiles.orders import order_of, read_orders
from dcmlint.profiles.resolve import ORDERS, resolve_profile


def written(folder: Path, text: str) -> str:
    path = folder / "pol.yaml"
    path.write_text(f'id: pol\nversion: "1"\ntitle: T\narea: POL\n{text}', encoding="utf-8")
    return str(path)


def with_private(creator: str, nested: bool = False) -> Any:
    made = gt450()
    level: Dataset = made.SpecimenDescriptionSequence[0] if nested else made
    block = level.private_block(0x0009, creator, create=True)
    block.add_new(0x01, "LO", "x")
    return made


@pytest.mark.parametrize(
    ("limits", "good", "bad", "wanted"),
    [
        ("{file_size: 1 GB}", gt450, None, ""), ("{file_size: 1 kB}", None, gt450, "at most 1000 bytes"),
        ("{frames: 4}", gt450, None, ""), ("{frames: 3}", None, gt450, "at most 3"),
        ("{private_creators: [ACME 1.1]}", lambda: with_private("ACME 1.1"), lambda: with_private("OTHER"), "ACME 1.1"),
        ("{private_creators: []}", gt450, lambda: with_private("ACME 1.1", nested=True), "no private elements"),
    ],
)  # fmt: skip
def test_limits(tmp_path: Path, limits: str, good: Any, bad: Any, wanted: str) -> None:
    path = written(tmp_path, f"limits: {limits}\n")
    if good is not None:
        assert "POL905" not in found(checked(good(), path))
    if bad is not None:
        (finding,) = [one for one in checked(bad(), path).findings if one.rule == "POL905"]
        assert finding.severity == "error"
        assert finding.want == wanted


@pytest.mark.parametrize("limits", ["{file_size: big}", "{frames: many}", "{file_sise: 1}"])
def test_limits_that_are_none(tmp_path: Path, limits: str) -> None:
    with pytest.raises(ProfileError) as caught:
        resolve_profile(written(tmp_path, f"limits: {limits}\n"))
    assert caught.value.line == 5


HL7 = "MSH|^~\\&|LIS|X|||20240101||OML^O33|1|P|2.5\rPID|1||4711^^^HIS||Doe^Jane^^Jr^Dr||19700203|F\rOBR|1|||||||||||||||||AB12-7\rSPM|1|C-1^x\r"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("o.json", json.dumps({"PatientID": "4711", "PatientName": "Doe^Jane", "AccessionNumber": "AB12-7"})),
        ("o.json", json.dumps([{"00100020": {"vr": "LO", "Value": ["4711"]}, "00080050": {"vr": "SH", "Value": ["AB12-7"]},
                                "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]}}])),
        ("o.csv", "AccessionNumber,PatientID,PatientName\nZZ,1,A\nAB12-7,4711,Doe^Jane\n"), ("o.hl7", HL7.replace("^^Jr^Dr", "")),
    ],
)  # fmt: skip
def test_values_are_those_of_the_order(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    orders = read_orders(str(tmp_path / name))
    path = written(
        tmp_path,
        "attributes:\n  - {attribute: PatientID, source: order}\n  - {attribute: PatientName, presence: MWL}\n",
    )
    same = {"AccessionNumber": "AB12-7", "PatientID": "4711", "PatientName": "Doe^Jane"}
    settings = {"parameters": {ORDERS: [dict(one) for one in orders]}}
    assert "POL904" not in found(checked(gt450(same), path, **settings))
    report = checked(gt450({**same, "PatientID": "4712", "PatientName": "Roe^Jane"}), path, **settings)
    assert {one.path for one in report.findings if one.rule == "POL904"} == {"PatientID", "PatientName"}
    assert "4711" not in str(report.findings)
    if name == "o.csv":
        other = checked(gt450({**same, "AccessionNumber": "nobody", "PatientID": "nobody"}), path, **settings)
        assert "no order" in str(other.undecided["POL904"])


def test_without_an_order_it_is_said(tmp_path: Path) -> None:
    path = written(tmp_path, "attributes:\n  - {attribute: PatientID, source: order}\n")
    assert [one.parameter for one in resolve_profile(path).not_checked] == ["--order"]
    with pytest.raises(ProfileError, match="not a source"):
        resolve_profile(written(tmp_path, "attributes:\n  - {attribute: PatientID, source: heaven}\n"))


def test_names_of_hl7_become_those_of_dicom(tmp_path: Path) -> None:
    (tmp_path / "o.hl7").write_text(HL7, encoding="utf-8", newline="")
    (order,) = read_orders(str(tmp_path / "o.hl7"))
    assert order == {
        "PatientID": "4711", "PatientName": "Doe^Jane^^Dr^Jr", "PatientBirthDate": "19700203", "PatientSex": "F",
        "AccessionNumber": "AB12-7", "ContainerIdentifier": "C-1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text"),
    [("o.json", "{"), ("o.json", "[1]"), ("o.csv", "Nonsense\n1\n"), ("o.xml", "x"), ("o.csv", "")],
)
def test_orders_that_are_none(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match="--order"):
        read_orders(str(tmp_path / name))


def test_an_order_is_found_by_its_most_exact_identifier() -> None:
    orders = [{"AccessionNumber": "A", "PatientID": "1"}, {"AccessionNumber": "B", "PatientID": "1"}]
    assert order_of({"AccessionNumber": "B", "PatientID": "1"}, orders) is orders[1]
    assert order_of({"PatientID": "1"}, orders) is None
    assert order_of({"PatientID": "9"}, orders[:1]) is orders[0]


RULE = """\
id: OUR001
name: our-rows
title: Tiles of ours are small
severity: error
basis: local
assert: Rows <= 16
message: large tiles
references: [{part: our policy}]
"""


def test_rules_without_a_profile(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, slide = tmp_path / "rules", tmp_path / "slide.dcm"
    folder.mkdir()
    slide.write_bytes(to_bytes(gt450()))
    (folder / "OUR001-our-rows.yaml").write_text(RULE)
    assert run(["check", "--isolated", "--rules", str(folder), "--select", "OUR", str(slide)]) == 1
    assert "error[OUR001]" in capsys.readouterr().out
    (folder / "OUR001-our-rows.yaml").write_text(RULE.replace("Rows", "Rowz"))
    assert run(["check", "--isolated", "--rules", str(folder), str(slide)]) == 2
    assert "did you mean Rows" in capsys.readouterr().err
    assert run(["check", "--isolated", "--rules", str(tmp_path / "nowhere"), str(slide)]) == 2


def test_an_order_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    slide, order = tmp_path / "slide.dcm", tmp_path / "o.csv"
    slide.write_bytes(to_bytes(gt450({"PatientID": "1"})))
    order.write_text("PatientID\n2\n")
    path = written(tmp_path, "attributes:\n  - {attribute: PatientID, source: order}\n")
    assert run(["check", "--isolated", "-p", path, "--select", "POL", "--order", str(order), str(slide)]) == 1
    assert "error[POL904]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("row", "value", "says", "wanted"),
    [
        ("presence: always, pattern: ^S", ABSENT, "Study ID is missing", "text matching ^S"),
        ("presence: always, pattern: ^S", None, "Study ID is empty", "text matching ^S"),
        ("presence: always, pattern: ^S", "X1", "Study ID does not match ^S", "text matching ^S"),
        ("presence: VNAP, pattern: ^S", "X1", "Study ID does not match ^S", "text matching ^S"),
        ("presence: EMPTY", "X1", "Study ID is not empty", "present, without a value"),
        ("presence: EMPTY", ABSENT, "Study ID is missing", "present, without a value"),
        ("assert: size(StudyID) > 3, want: a long one", "X1", "Study ID is not a long one", "a long one"),
        # The profile's own words are shown whatever is in the file; its lists of values are not.
        ("values: [HIS]", "X1", "Study ID is not HIS", "HIS"),
        ("values_from: ids.csv", "X1", "Study ID is not one of the 2 values of ids.csv", "one of the 2 values of ids.csv"),
    ],
)  # fmt: skip
def test_a_finding_says_which_demand_is_not_met(
    tmp_path: Path, row: str, value: str | None, says: str, wanted: str
) -> None:
    (tmp_path / "ids.csv").write_text("S1\nS2\n", encoding="utf-8")
    path = written(tmp_path, f"attributes:\n  - {{id: POL001, attribute: StudyID, {row}}}\n")
    made = gt450({"StudyID": value, "InstitutionName": "HIS"})
    (finding,) = [one for one in checked(made, path).findings if one.rule == "POL001"]
    assert (finding.message, finding.want) == (says, wanted)


def test_several_rows_of_one_attribute(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "attributes:\n  - {attribute: StudyID, pattern: ^S}\n  - {attribute: StudyID, pattern: 1$}\n"
        "  - {attribute: StationName, empty: required}\n",
    )
    assert [f.rule for f in checked(gt450({"StudyID": "S2"}), path).findings if f.rule.startswith("POL")] == [
        "POL002"
    ]
    assert set(found(checked(gt450({"StudyID": "S1", "StationName": "x"}), path))) & {
        "POL001",
        "POL002",
        "POL003",
    } == {"POL003"}


def test_parts_are_shared_by_anchors_and_merged(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "x-one: &one {presence: always, severity: warning}\nx-two: &two {severity: info, why: Two}\n"
        "attributes:\n  - {<<: [*one, *two], id: POL001, attribute: StudyID}\n"
        "  - {<<: *one, id: POL002, attribute: PatientID, severity: error}\n",
    )
    rows = {one.rule.id: one.rule for one in resolve_profile(path).rules if one.rule.id.startswith("POL")}
    assert [(one.severity, one.why) for one in rows.values()] == [("warning", "Two"), ("error", "")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x-a: &a one\nattributes:\n  - {<<: *a, attribute: StudyID}\n", "takes the anchor of a mapping"),
        ("x-a: &a {a: 1}\n" + "".join(f"x-{n}: &{n} {{<<: [*{m}, *{m}]}}\n" for m, n in zip("abcdefghijklmnopqrst", "bcdefghijklmnopqrstu", strict=True)),
         "aliases counted each time"),
    ],
)  # fmt: skip
def test_anchors_that_cannot_be_merged(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ProfileError, match=says) as caught:
        resolve_profile(written(tmp_path, text))
    assert caught.value.line >= 5


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("{size: big, frames: 0, creators: null}", "the function file-limits: size: Expected `int`, got `str`"),
        ("{frames: 0, creators: null}", "the function file-limits: missing a required argument: 'size'"),
        ("{size: 1, frames: 0, creators: null, x: 1}", "the function file-limits: got an unexpected keyword argument 'x'"),
    ],
)  # fmt: skip
def test_what_a_function_is_given_is_of_its_types(tmp_path: Path, parameters: str, message: str) -> None:
    rule = "own_rules:\n  - {id: POL101, name: pol-a, title: T, severity: error, basis: local, kind: function, function: file-limits, why: w,\n     parameters: "  # fmt: skip
    good = written(tmp_path, f"{rule}{{size: '100', frames: 0, creators: null}}}}\n")
    (finding,) = [one for one in checked(gt450(), good).findings if one.rule == "POL101"]
    assert finding.want == "at most 100 bytes"
    with pytest.raises(ProfileError, match=message) as caught:
        resolve_profile(written(tmp_path, f"{rule}{parameters}}}\n"))
    assert caught.value.line == 7


def test_uids_are_shown_by_name(tmp_path: Path) -> None:
    made = gt450()
    made.SOPClassUID = "1.2.840.10008.5.1.4.1.1.77.1.1"
    path = written(tmp_path, "sop_classes: [VLWholeSlideMicroscopyImageStorage, 1.2.3.4]\n")
    (finding,) = [one for one in checked(made, path).findings if one.rule == "POL901"]
    assert (finding.is_, finding.want) == ("VL Endoscopic Image", "VL Whole Slide Microscopy Image, 1.2.3.4")


def of(tmp_path: Path, row: str, changes: dict[str, Any]) -> list[tuple[str, str, str]]:
    path = written(tmp_path, f"attributes:\n  - {row}\n")
    return [(f.message, f.is_, f.want) for f in checked(gt450(changes), path).findings if f.rule == "POL001"]


ILLUMINATION = "OpticalPathSequence[0].IlluminationTypeCodeSequence"


@pytest.mark.parametrize(
    ("demand", "changes", "wanted"),
    [
        ("code: DCM:111744", {}, []),
        ("code: [DCM:111741, SCT:1]", {}, [("holds another code", "DCM:111744", "DCM:111741 or SCT:1")]),
        ("code: DCM:111744", {f"{ILLUMINATION}[0].CodeValue": ABSENT}, [("holds another code", "DCM:no value", "DCM:111744")]),
        ("context_group: 8123", {}, []),
        ("context_group: 8122", {}, [("holds a code that is not of CID 8122", "DCM:111744", "a code of CID 8122, Microscopy Illuminator and Sensor Color")]),
        ("context_group: 8123", {f"{ILLUMINATION}[0].CodeValue": ABSENT}, [("holds a code that is not of CID 8123", "DCM:no value", "a code of CID 8123, Microscopy Illumination Method")]),
    ],
)  # fmt: skip
def test_a_code_that_is_not_the_one_wanted_is_shown(
    tmp_path: Path, demand: str, changes: dict[str, Any], wanted: list[tuple[str, str, str]]
) -> None:
    row = f"{{attribute: OpticalPathSequence, id: POL002, items: [{{id: POL001, attribute: IlluminationTypeCodeSequence, {demand}}}]}}"
    assert of(tmp_path, row, changes) == [
        (f"Illumination Type Code Sequence {fault}", found_, want) for fault, found_, want in wanted
    ]


def test_days_that_are_none(tmp_path: Path) -> None:
    for days, message in (
        ("not_before: 2024-02-30", "2024-02-30 is not a day of the calendar"),
        ("not_before: 2025-01-01, not_after: 2024-12-31", "2025-01-01 is after 2024-12-31"),
    ):
        with pytest.raises(ProfileError, match=message) as caught:
            of(tmp_path, f"{{id: POL001, attribute: StudyDate, {days}}}", {})
        assert caught.value.line == 6
    row = "{id: POL001, attribute: StudyDate, not_before: 2030-01-01}"
    assert of(tmp_path, row, {"StudyDate": "20291231"}) == [
        ("Study Date is before 2030-01-01", "99999999", "a date not before 2030-01-01")
    ]
    assert of(tmp_path, row, {"StudyDate": "20300101"}) == []


@pytest.mark.parametrize("words", ["lock: [TILE03]", "rules: {POLX: error}", "rules: {POL001: warning}"])
def test_words_that_demand_of_a_rule_what_there_is_not(tmp_path: Path, words: str) -> None:
    with pytest.raises(ProfileError, match="is not a rule, area or tag") as caught:
        resolve_profile(written(tmp_path, f"{words}\n"))
    assert caught.value.line == 5
    # A row that is not checked is known all the same.
    unset = "rules: {POL001: warning}\nparameters: {x: {}}\nattributes:\n  - {id: POL001, attribute: StudyID, values: param.x}\n"
    assert [one.what for one in resolve_profile(written(tmp_path, unset)).not_checked] == ["POL001"]


def test_a_row_that_leaves_presence_to_the_standard_cites_its_document(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "attributes:\n  - {id: POL001, attribute: ImageType, presence: conditional, section: '5.2'}\n",
    )
    (finding,) = [f for f in checked(gt450({"ImageType": ABSENT}), path).findings if f.rule == "POL001"]
    assert (finding.references[0].part, finding.references[0].section) == ("profile pol 1", "5.2")


def test_orders_with_other_separators_and_what_they_do_not_say(tmp_path: Path) -> None:
    made = gt450()
    csv = tmp_path / "orders.csv"
    csv.write_text(
        f"AccessionNumber;PatientName\n{made.AccessionNumber};{made.PatientName}\n", encoding="utf-8"
    )
    path = written(
        tmp_path,
        "attributes:\n  - {id: POL001, attribute: PatientName, source: order}\n  - {id: POL002, attribute: StudyID, source: order}\n",
    )
    report = checked(made, path, parameters={ORDERS: read_orders(str(csv))})
    # The name agrees; of the study the order says nothing, and that is told.
    assert report.undecided["POL904"] == {"the order does not say StudyID": "slide.dcm"}
    hl7 = tmp_path / "order.hl7"
    hl7.write_text(
        "MSH|^~\\&|L\rORC|NW|P1^L|F2\rOBR|1|P1||||||||||||||12^Doe^Jane||A1|RP9\r", encoding="utf-8"
    )
    assert read_orders(str(hl7)) == (
        {"PlacerOrderNumberImagingServiceRequest": "P1", "FillerOrderNumberImagingServiceRequest": "F2",
         "RequestingPhysician": "Doe^Jane", "AccessionNumber": "A1", "RequestedProcedureID": "RP9"},
    )  # fmt: skip


def test_an_example_of_a_row_that_is_none_has_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(
        tmp_path,
        "attributes:\n  - id: POL001\n    attribute: StudyID\n    presence: always\n    examples:\n"
        "      - {name: a, fails: true, dataset: {use: wsi-full, StudyIDD: x}}\n",
    )
    assert run(["profile", "test", path]) == 2
    assert "pol.yaml:10:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("v.txt", "A1\n# of the year before\nB2\n", "2 values"), ("v.csv", "A1,x\nB2,y\n", "2 values"),
        ("v.csv", "case;StudyID\n9;A1\n8;B2\n7\n", "2 values"), ("v.csv", "Study ID\tcase\nA1\t9\nB2\t8\nB2\t7\n", "2 values"),
    ],
)  # fmt: skip
def test_values_from_a_file(tmp_path: Path, name: str, text: str, wanted: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    path = written(tmp_path, f"attributes:\n  - {{attribute: StudyID, values_from: {name}}}\n")
    for value, known in (("A1", True), ("B2", True), ("StudyID", False), ("9", False)):
        report = checked(gt450({"StudyID": value}), path)
        assert ("POL001" not in found(report)) == known, value
        assert all(
            f"one of the {wanted} of {name}" == one.want for one in report.findings if one.rule == "POL001"
        )


def test_rows_of_items_are_about_the_sop_class_of_their_sequence(tmp_path: Path) -> None:
    rows = "attributes:\n  - attribute: SpecimenDescriptionSequence\n    sop_class: [%s]\n    items:\n      - {attribute: SpecimenShortDescription, presence: always, values: [none]}\n"
    for name, held in (("VLWholeSlideMicroscopyImageStorage", True), ("CTImageStorage", False)):
        assert ("POL002" in found(checked(gt450(), written(tmp_path, rows % name)))) == held


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("o.csv", "AccessionNumber,StudyDate,StudyTime\nEX24-17,2024-03-15,14:05:30\n"),
        (
            "o.json",
            '{"AccessionNumber": "EX24-17", "StudyDate": "2024-03-15T00:00:00", "StudyTime": "140530"}',
        ),
    ],
)
def test_dates_and_times_of_orders_as_spreadsheets_write_them(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    (order,) = read_orders(str(tmp_path / name))
    assert (order["StudyDate"], order["StudyTime"]) == ("20240315", "140530")


def test_a_date_of_hl7_with_its_time(tmp_path: Path) -> None:
    path = tmp_path / "o.hl7"
    path.write_text("MSH|^~\\&|\rPID|1||7||A^B||196002290815\rOBR|1||||||||||||||||||X1\r", encoding="utf-8")
    (order,) = read_orders(str(path))
    assert order["PatientBirthDate"] == "19600229"


def test_an_order_that_no_row_asks_for_is_a_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "o.csv"
    path.write_text("AccessionNumber\nEX24-17\n", encoding="utf-8")
    assert run(["check", "--isolated", "-p", "wsi", "--order", str(path), str(tmp_path)]) == 2
    assert "no row of wsi has an order as its source" in capsys.readouterr().err
