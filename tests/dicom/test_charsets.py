"""Specific Character Set: its terms, text in every set, and pydicom's files and codecs as an oracle."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.charset import convert_encodings, encode_string
from pydicom.data import get_charset_files
from pydicom.valuerep import PersonName

from dcmlint.dicom.charsets import CHARSET_CODES, Charset
from dcmlint.dicom.values import check_value, decode


def charset(*terms: str) -> Charset:
    return Charset.from_terms(terms)[0]


def codes_of(*terms: str) -> list[str]:
    return [problem.code for problem in Charset.from_terms(terms)[1]]


@pytest.mark.parametrize(
    "terms",
    [
        (),
        ("",),
        ("ISO_IR 100",),
        ("ISO_IR 13",),
        ("ISO_IR 203",),
        ("ISO_IR 192",),
        ("GB18030",),
        ("GBK ",),
        ("", "ISO 2022 IR 87"),
        ("ISO 2022 IR 6", "ISO 2022 IR 87", "ISO 2022 IR 159"),
        ("ISO 2022 IR 13", "ISO 2022 IR 87"),
        ("ISO 2022 IR 100", "ISO 2022 IR 149"),
        ("", "ISO 2022 IR 58"),
    ],
)
def test_defined_terms_are_fine(terms: tuple[str, ...]) -> None:
    assert codes_of(*terms) == []


@pytest.mark.parametrize(
    ("terms", "code", "want"),
    [
        (("ISO-IR 100",), "charset-misspelt", "ISO_IR 100"),
        (("ISO IR 100",), "charset-misspelt", "ISO_IR 100"),
        (("ISO_IR_100",), "charset-misspelt", "ISO_IR 100"),
        (("ISO_IR100",), "charset-misspelt", "ISO_IR 100"),
        (("iso_ir 100",), "charset-misspelt", "ISO_IR 100"),
        (("latin1",), "charset-misspelt", "ISO_IR 100"),
        (("ISO-8859-1",), "charset-misspelt", "ISO_IR 100"),
        (("utf8",), "charset-misspelt", "ISO_IR 192"),
        (("UTF-8",), "charset-misspelt", "ISO_IR 192"),
        (("", "ISO2022 IR87"), "charset-misspelt", "ISO 2022 IR 87"),
        (("ISO_IR 87",), "charset-misspelt", "ISO 2022 IR 87"),
        (("ASCII",), "charset-misspelt", "Specific Character Set absent or empty"),
        (("WINDOWS-1252",), "charset-unknown", ""),
        (("ISO_IR 999",), "charset-unknown", ""),
        (("ISO_IR 192", "ISO 2022 IR 87"), "charset-stand-alone", ""),
        (("", "GB18030"), "charset-stand-alone", ""),
        (("ISO 2022 IR 6", "GBK"), "charset-stand-alone", ""),
        (("ISO_IR 100", "ISO 2022 IR 87"), "charset-iso-2022-prefix", "ISO 2022 IR 100"),
        (("ISO 2022 IR 100",), "charset-extension-alone", "ISO_IR 100"),
        (("ISO 2022 IR 6",), "charset-extension-alone", "Specific Character Set absent or empty"),
        (("ISO 2022 IR 87", "ISO 2022 IR 100"), "charset-multi-byte-first", ""),
        (("ISO 2022 IR 149",), "charset-multi-byte-first", ""),
        (("ISO 2022 IR 100", ""), "charset-empty-value", ""),
        (("ISO 2022 IR 100", "ISO 2022 IR 100"), "charset-repeated", ""),
        (("", "ISO 2022 IR 6"), "charset-repeated", ""),
        (("ISO_IR 6",), "charset-default-named", ""),
    ],
)
def test_wrong_terms_are_named(terms: tuple[str, ...], code: str, want: str) -> None:
    (problem,) = Charset.from_terms(terms)[1]
    assert problem.code == code
    assert problem.want == (want or CHARSET_CODES[code].want)


def test_a_misspelt_term_is_read_as_it_was_meant() -> None:
    assert charset("latin1").decode(b"caf\xe9", "LO") == "café"
    assert charset("utf8").check("é".encode(), "LO") == ()
    assert charset("utf8").check(b"\xe9", "LO")[0].code == "undecodable-text"


def test_an_unknown_term_is_told_once_and_not_for_every_text() -> None:
    unknown = charset("WINDOWS-1252")
    assert unknown.check(b"caf\xe9", "LO") == ()
    assert check_value("LO", b"caf\x92" * 20, charset=unknown) == ()
    assert unknown.decode(b"caf\xe9", "LO") == "caf\ufffd"


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(max_size=18), max_size=5), st.binary(max_size=30))
def test_any_terms_and_any_bytes_give_a_text(terms: list[str], raw: bytes) -> None:
    read, problems = Charset.from_terms(terms)
    assert {problem.code for problem in problems} <= set(CHARSET_CODES)
    assert isinstance(read.decode(raw, "LO"), str)


DEFINED = st.sampled_from(
    ["", "ISO_IR 13", "ISO_IR 166", "ISO_IR 192", "GB18030", "GBK"]
    + [f"ISO 2022 IR {n}" for n in (6, 13, 58, 87, 100, 109, 144, 149, 159, 166, 203)]
)
ENCODED = st.lists(
    st.one_of(
        st.sampled_from([b"\x1b$B", b"\x1b(B", b"\x1b(J", b"\x1b$)C", b"\x1b-A", b"\x1b$(D", b"\x1b)I"]),
        st.sampled_from([b"^", b"=", b"\\", b"\r\n", b"0!", b"\xb0\xa1", b"\x81", b"\x1b", b" "]),
        st.binary(max_size=3),
    ),
    max_size=12,
).map(b"".join)


@settings(max_examples=400, deadline=None)
@given(st.lists(DEFINED, max_size=3), ENCODED, st.sampled_from(["LO", "PN", "UT", "CS"]))
def test_text_of_any_bytes_is_as_long_as_its_bytes_at_most(terms: list[str], raw: bytes, vr: str) -> None:
    read = charset(*terms)
    text = read.decode(raw, vr)
    assert len(text) <= len(raw)
    for problem in read.check(raw, vr):
        assert problem.number == 0
        assert problem.message.isascii()


@pytest.mark.parametrize(
    ("terms", "vr", "raw", "expected"),
    [
        ((), "LO", b"caf\xe9", "character-repertoire"),
        ((), "LO", b"\x1b$B;3\x1b(B", "undeclared-escape"),
        (("ISO_IR 100",), "LO", b"\x1b$B;3\x1b(B", "undeclared-escape"),
        ((), "PN", b"Hong=\x1b$)C\xfb\xf3", "undeclared-escape"),
        (("", "ISO 2022 IR 87"), "LO", b"\x1b$)C\xb1\xe8", "undeclared-escape"),
        (("", "ISO 2022 IR 87"), "LO", b"\x1b%G", "undeclared-escape"),
        (("", "ISO 2022 IR 87"), "LO", b"\x1b$B;3", "escape-not-reset"),
        (("", "ISO 2022 IR 87"), "PN", b"\x1b$B;3^\x1b$B;3\x1b(B", "escape-not-reset"),
        (("", "ISO 2022 IR 87"), "LT", b"\x1b$B;3\r\nabc", "escape-not-reset"),
        (("", "ISO 2022 IR 87"), "LO", b"\x1b$B;\x1b(B", "undecodable-text"),
        (("", "ISO 2022 IR 87"), "LO", b"\xb1", "undesignated-text"),
        (("", "ISO 2022 IR 149"), "PN", b"\x1b$)C\xb1\xe8^\xc8\xf1", "undesignated-text"),
        (("ISO_IR 100",), "LO", "Müller".encode(), "mislabelled-utf-8"),
        (("ISO_IR 192",), "LO", b"caf\xe9", "undecodable-text"),
        (("ISO_IR 192",), "LO", b"\xc0\xaf", "undecodable-text"),
        (("ISO_IR 192",), "LO", b"\xed\xa0\x80", "undecodable-text"),
        (("GBK",), "LO", b"\x81\x30\x81\x30", "undecodable-text"),
        (("ISO_IR 13",), "LO", b"\x83\x5c", "undecodable-text"),
        (("ISO_IR 109",), "LO", b"\xa5", "undecodable-text"),
    ],
)
def test_wrong_text_is_named(terms: tuple[str, ...], vr: str, raw: bytes, expected: str) -> None:
    assert [problem.code for problem in charset(*terms).check(raw, vr)] == [expected]


def test_latin_3_that_happens_to_be_utf_8_is_left_alone() -> None:
    raw = "Ġħ".encode("iso8859-3")
    assert raw.decode("utf-8")
    assert charset("ISO_IR 109").check(raw, "LO") == ()


def test_a_delimiter_that_follows_a_forgotten_reset_stays_one() -> None:
    assert charset("", "ISO 2022 IR 87").decode(b"\x1b$B;3^\x1b$B;3\x1b(B", "PN") == "山^山"


def test_half_a_character_is_no_delimiter() -> None:
    # Second bytes of 5C in GBK and GB18030; 5C in the first set of JIS X 0208.
    assert decode("LO", b"\x81\x5ca\\b", charset=charset("GB18030")) == ("乗a", "b")
    assert decode("LO", b"\x81\x5ca\\b", charset=charset("GBK")) == ("乗a", "b")
    kanji = charset("", "ISO 2022 IR 87")
    assert decode("LO", b"\x1b$B\x30\x5c\x1b(B\\b", charset=kanji) == (
        _jis(0x305C),
        "b",
    )
    assert check_value("LO", b"\x1b$B\x30\x5c\x1b(B\\b", charset=kanji) == ()


def _jis(code: int) -> str:
    return bytes((code >> 8 | 0x80, code & 0xFF | 0x80)).decode("euc_jp")


def test_escape_sequences_do_not_count_as_characters() -> None:
    raw = b"\x1b$B" + b";3" * 16 + b"\x1b(B"
    assert check_value("SH", raw, charset=charset("", "ISO 2022 IR 87")) == ()
    raw = b"\x1b$B" + b";3" * 17 + b"\x1b(B"
    assert [p.code for p in check_value("SH", raw, charset=charset("", "ISO 2022 IR 87"))] == ["sh-length"]


def test_importing_and_decoding_does_not_import_pydicom() -> None:
    program = (
        "import sys; from dcmlint.dicom.values import decode; from dcmlint.dicom.charsets import Charset;"
        "c, _ = Charset.from_terms(['', 'ISO 2022 IR 87']); decode('LO', b'\\x1b$B;3\\x1b(B', charset=c);"
        "sys.exit('pydicom' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("path", get_charset_files("*.dcm"), ids=lambda path: Path(str(path)).name)
def test_names_in_pydicoms_files_are_read_as_pydicom_reads_them(path: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path)
        expected = str(dataset.get("PatientName", ""))
        terms = dataset.get("SpecificCharacterSet", None)
        terms = [terms or ""] if isinstance(terms, str) or terms is None else list(terms)
        element = dataset.get("PatientName")
        raw = element.original_string if element is not None else b""
    read, problems = Charset.from_terms([str(term) for term in terms])
    assert {problem.code for problem in problems} <= {"charset-multi-byte-first"}
    if raw:
        raw = raw + b" " if len(raw) % 2 else raw
        assert decode("PN", raw, charset=read) == (expected.rstrip(" "),)
        # Two of these files declare no character set and hold Latin-1 names.
        assert {p.code for p in check_value("PN", raw, charset=read)} <= {"character-repertoire"}


# Text that pydicom writes is read as it was: one alphabet for each set.
ALPHABETS = [
    (("ISO_IR 100",), "äöüßÉñ"),
    (("ISO_IR 101",), "ąęłŻš"),
    (("ISO_IR 109",), "ħĠŭ"),
    (("ISO_IR 110",), "āēķŠ"),
    (("ISO_IR 144",), "Люкceмбypг"),
    (("ISO_IR 127",), "قباني"),
    (("ISO_IR 126",), "Διονυσιος"),
    (("ISO_IR 138",), "שרון"),
    (("ISO_IR 148",), "ğşİ"),
    (("ISO_IR 166",), "นามสกุล"),
    (("ISO_IR 192",), "王小東 é山홍"),
    (("GB18030",), "王小东𠀀"),
    (("GBK",), "王小东"),
    (("ISO 2022 IR 6", "ISO 2022 IR 87"), "山田太郎"),
    (("ISO 2022 IR 6", "ISO 2022 IR 149"), "홍길동洪"),
    (("ISO 2022 IR 6", "ISO 2022 IR 58"), "王小东"),
    (("ISO 2022 IR 100", "ISO 2022 IR 144"), "äЛюк"),
]


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(ALPHABETS).flatmap(
        lambda pair: st.tuples(st.just(pair[0]), st.text(pair[1] + "abc", min_size=1, max_size=10))
    )
)
def test_what_pydicom_writes_is_read(case: tuple[tuple[str, ...], str]) -> None:
    terms, text = case
    encodings = convert_encodings(list(terms))
    text = text.strip(" ") or "abc"
    raw = encode_string(text, encodings)
    raw = raw + b" " if len(raw) % 2 else raw
    read = charset(*terms)
    assert decode("UT", raw, charset=read) == (text,)
    # pydicom writes GB 2312 without its escape sequence (and then reads it as Latin-1): named here.
    missing = {"undesignated-text"} if "ISO 2022 IR 58" in terms else set()
    assert {problem.code for problem in read.check(raw, "LO")} <= missing


def test_a_name_of_three_groups_is_read_as_pydicom_reads_it() -> None:
    # PS3.5 H.3.2 writes names so: katakana, kanji and hiragana.
    terms = ["ISO 2022 IR 13", "ISO 2022 IR 87"]
    raw = (
        b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J="
        b"\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J"
    )
    expected = str(PersonName(raw, convert_encodings(terms)).decode())
    assert decode("PN", raw, charset=charset(*terms)) == (expected,)
    assert charset(*terms).check(raw, "PN") == ()
