"""What findings say: because, descriptions and messages."""

import pytest
from expression_scope import LET_TYPES, LETS, NAMES, Level, sample

from dcmlint.expr import UNKNOWN, compile_expression, describe, parse_message


def because(source, scope=None, lets=None, types=None):
    expression = compile_expression(source, NAMES, lets=types or LET_TYPES)
    return [(operand.text, operand.value) for operand in expression.because(scope or sample(), lets or LETS)]


@pytest.mark.parametrize(
    ("source", "operands"),
    [
        ("NumberOfFrames == tiling.columns * tiling.rows", [("NumberOfFrames", 25), ("tiling.columns", 11), ("tiling.rows", 5)]),
        ("Rows == 512 && NumberOfFrames == want", [("NumberOfFrames", 25), ("want", 55)]),
        ("Rows == 1 || Columns == 2", [("Rows", 512), ("Columns", 256)]),
        ("Rows == 512 && (Rows == 1 || Rows < Columns)", [("Rows", 512), ("Columns", 256)]),
        ("!(Rows == 512 && Columns == 256)", [("Rows", 512), ("Columns", 256)]),
        ("!(Rows == 1 || Columns == 256)", [("Columns", 256)]),
        ('value(ImageType, 3) == "LABEL"', [("value 3 of ImageType", "VOLUME")]),
        ("Rows > 1 ? Columns == 1 : NumberOfFrames == 1", [("Columns", 256)]),
        ("OpticalPathSequence.all(p, p.OpticalPathIdentifier == '1')", [("OpticalPathSequence[1].OpticalPathIdentifier", "2")]),
        ("OpticalPathSequence.exists(p, p.OpticalPathIdentifier == '3')", [("size(OpticalPathSequence)", 2)]),
        ("values(PixelSpacing).all(v, v > 0.4)", [("value 2 of values(PixelSpacing)", 0.25)]),
        ("size(OpticalPathSequence) == 3", [("size(OpticalPathSequence)", 2)]),
        ("OpticalPathSequence[0].OpticalPathIdentifier == OpticalPathSequence[1].OpticalPathIdentifier",
         [("OpticalPathSequence[0].OpticalPathIdentifier", "1"), ("OpticalPathSequence[1].OpticalPathIdentifier", "2")]),
        ("OpticalPathSequence.all(p, p.IlluminationTypeCodeSequence.all(c, c.CodeValue == 'x'))",
         [("OpticalPathSequence[0].IlluminationTypeCodeSequence[0].CodeValue", "111744")]),
        ("abs(Rows - Columns) < 3", [("Rows", 512), ("Columns", 256)]),
        ("Rows * Columns", [("Rows", 512), ("Columns", 256)]),
    ],
)  # fmt: skip
def test_because(source, operands):
    assert because(source) == operands


def test_because_looks_into_a_let_and_keeps_its_tags():
    want = compile_expression("tiling.columns * tiling.rows", NAMES)
    who = compile_expression("PatientID", NAMES)
    lets = {"want": 55, "who": "S24-100"}
    types = {"want": want, "who": who}
    assert because("NumberOfFrames == want", None, lets, types) == [
        ("NumberOfFrames", 25), ("want", 55), ("tiling.columns", 11), ("tiling.rows", 5),
    ]  # fmt: skip
    operands = compile_expression("who == 'x'", NAMES, lets=types).because(sample(), lets)
    assert operands[0].tags == (0x00100020,)


@pytest.mark.parametrize(
    ("source", "tag"),
    [
        ("has(ImageType) && Rows == 3", 0x00280010),
        ("has(ImageType)", 0x00080008),
        ("tiling.columns == NumberOfFrames", 0x00280008),
        ("OpticalPathSequence.all(x, has(x.ICCProfile))", 0x00480105),
        ("OpticalPathSequence[0].Rows == 1", 0x00480105),
        ("root.Rows == 3", 0x00280010),
        ("tiling.rows == 1", None),
    ],
)
def test_primary(source, tag):
    assert compile_expression(source, NAMES).primary() == tag


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ('value(ImageType, 3) == "VOLUME"', "value 3 of ImageType is VOLUME"),
        ('Modality != "SM"', "Modality is not SM"),
        ('!(Modality == "SM")', "Modality is not SM"),
        ("has(Rows) && !has(Columns)", "Rows is present and Columns is absent"),
        ("has(Rows) && (has(Columns) || Rows > 1)", "Rows is present and (Columns is present or Rows is more than 1)"),
        ("!(has(Rows) && has(Columns))", "Rows is absent or Columns is absent"),
        ('Modality in ["SM", "SC", "CT"]', "Modality is SM, SC or CT"),
        ('Modality in ["A", "B", "C", "D", "E", "F", "G", "H"]', "Modality is A, B, C, D, E or one of 3 others"),
        ('root.SOPClassUID in ["1.2.840.10008.5.1.4.1.1.2", "1.2"]', "SOPClassUID of the data set is CT Image or 1.2"),
        ('!(Modality in ["SM", "SC"])', "Modality is none of SM or SC"),
        ('!(Modality in ["SM"])', "Modality is not SM"),
        ('"A" in ImageType', "A is among ImageType"),
        ("Rows >= 2", "Rows is at least 2"),
        ("PatientName == null", "PatientName is empty"),
        ("PatientName != null", "PatientName is not empty"),
        ("empty(PatientName) || !empty(PatientID)", "PatientName is absent or empty or PatientID has a value"),
        ('unknown("contrast was used") && has(Rows)', "contrast was used and Rows is present"),
        ('root.SOPClassUID == "1.2"', "SOPClassUID of the data set is 1.2"),
        ("up.Rows == 1", "Rows is 1"),
        ('file.TransferSyntaxUID == "1.2"', "TransferSyntaxUID of the file meta group is 1.2"),
        ("size(OpticalPathSequence) > 1", "the number of items of OpticalPathSequence is more than 1"),
        ('OpticalPathSequence.exists(c, c.OpticalPathIdentifier == "1" && has(c.Rows))',
         "in at least one item of OpticalPathSequence, OpticalPathIdentifier is 1 and Rows is present"),
        ("!OpticalPathSequence.exists(c, has(c.Rows))", "in no item of OpticalPathSequence, Rows is present"),
        ("values(PixelSpacing).all(v, v > 0)", "in every value of PixelSpacing, it is more than 0"),
        ('starts_with(PatientID, "S")', "PatientID starts with S"),
        ("slide.has_label", "slide.has_label is true"),
        ("!slide.has_label", "slide.has_label is false"),
        ("Rows * (Columns + 1) - (1 - Rows) == 2", "Rows * (Columns + 1) - (1 - Rows) is 2"),
        ("Rows == 1 ? has(Rows) : has(Columns)", "if Rows is 1, Rows is present, else Columns is present"),
        ("Rows + 1", "Rows + 1"),
        ('Modality in ["SM", "SC"] && empty(Rows)', "(Modality is SM or SC) and (Rows is absent or empty)"),
        ('Modality in ["SM", "SC"] || !empty(Rows)', "Modality is SM or SC or Rows has a value"),
    ],
)  # fmt: skip
def test_descriptions(source, words):
    assert describe(compile_expression(source, NAMES)) == words


def test_what_is_known_to_be_present_is_not_described():
    source = "(!has(Rows) && has(Columns) || has(Rows) && Rows > 1) && !has(PixelSpacing)"
    assert (
        describe(compile_expression(source, NAMES), "Rows")
        == "Rows is more than 1 and PixelSpacing is absent"
    )
    assert describe(compile_expression("has(Rows) || has(Columns)", NAMES), "Columns").startswith(
        "Rows is present"
    )
    assert describe(compile_expression("has(Rows) && has(Columns)", NAMES), "Rows") == "Columns is present"


def show(value, tag):
    return "***" if tag in (0x00100020, 0x00100010) else str(value)


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("{NumberOfFrames} frames, but {want} tiles", "25 frames, but 55 tiles"),
        ("{{{Rows}}}", "{512}"),
        ('{value(ImageType, 3) + "}"} and {"{"}', "VOLUME} and {"),
        ("{PatientID}, {upper(PatientID)}, {PatientID + Modality}", "***, ***, ***"),
        ("{slide.stain}", "***"),
        ("{ContentDate} {PatientName} {SliceThickness} {Rows / 0}", "(absent) (empty) (unknown) (missing)"),
        (
            "{Rows > 1} {PixelData} {OpticalPathSequence} {OpticalPathSequence[0]}",
            "true (8 bytes) (2 items) (an item)",
        ),
        ("no placeholder", "no placeholder"),
        ("", ""),
    ],
)
def test_messages(text, rendered):
    assert parse_message(text, NAMES, LET_TYPES).render(sample(), LETS, show) == rendered


def test_a_let_does_not_launder_a_name():
    who = compile_expression("upper(PatientID)", NAMES)
    message = parse_message("{who}", NAMES, {"who": who})
    assert message.render(sample(), {"who": "S24-100"}, show) == "***"
    assert message.lets == {"who"}


def test_unreadable_items_are_said_in_words():
    scope = Level({"OpticalPathSequence": UNKNOWN})
    assert because("OpticalPathSequence.all(p, p.Rows == 1)", scope) == [
        ("size(OpticalPathSequence)", UNKNOWN)
    ]
