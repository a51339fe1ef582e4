"""What a file can make large has a bound, and past it that is said."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import pytest
from support import slides

from dcmlint.dicom import encapsulation, instance, tokens
from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.dicom.dataset import Element
from dcmlint.engine import instance_findings
from dcmlint.engine.session import Checker, Task
from dcmlint.engine.settings import Settings

ITEM = struct.pack("<HHI", 0xFFFE, 0xE000, 0)
CHECKER = Checker(Settings())


def checked(data: bytes):
    result = CHECKER.check_buffer(Task("a.dcm", True), WholeBuffer(data))
    assert result is not None
    return result


def with_items(count: int, many: bytes = ITEM) -> bytes:
    data = slides.to_bytes(slides.ct())
    at = data.index(b"\x08\0\x60\0CS")
    value = many * count
    return data[:at] + struct.pack("<HH2sHI", 0x0008, 0x0051, b"SQ", 0, len(value)) + value + data[at:]


@pytest.mark.parametrize("threshold", [8, 1 << 40])
def test_items(threshold: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MANY_ITEMS", threshold)
    monkeypatch.setattr(tokens, "BOUNDS", tokens.Bounds(elements=500, items=500))
    result = checked(with_items(2000))
    (finding,) = [one for one in result.findings if one.rule == "FILE906"]
    assert "500" in finding.want
    assert result.record.status == "partial"
    assert "FILE906" not in {one.rule for one in checked(with_items(100)).findings}


def test_inflated_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instance, "SMALL_INFLATED", 1 << 16)
    monkeypatch.setattr(instance, "MAX_RATIO", 2)
    made = slides.ct()
    made.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
    made.add_new(0x00204000, "LT", "x" * (1 << 20))
    data = slides.to_bytes(made)
    if b"x" * 100 in data:  # the writer did not deflate
        end = 144 + struct.unpack_from("<I", data, 140)[0]
        engine = zlib.compressobj(wbits=-15)
        data = data[:end] + engine.compress(data[end:]) + engine.flush()
    result = checked(data)
    assert "FILE906" in {one.rule for one in result.findings}
    assert result.record.status == "partial"


@pytest.mark.parametrize(
    "body",
    [
        b"\x08\0\x08\0CS\0\0" * 2000,  # one tag again and again
        b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\0\0\0\0" * 2000,
    ],
)
def test_a_data_set_that_is_inflated_many_times_has_fewer_elements_and_fragments(
    body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instance, "INFLATED", tokens.Bounds(500, 500, 500))
    monkeypatch.setattr(instance, "MAX_RATIO", 2)
    made = slides.ct()
    made.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
    data = slides.to_bytes(made)
    end = 144 + struct.unpack_from("<I", data, 140)[0]
    engine = zlib.compressobj(wbits=-15)
    (finding,) = [
        one
        for one in checked(data[:end] + engine.compress(body) + engine.flush()).findings
        if one.rule == "FILE906"
    ]
    assert finding.want.startswith("500 ")


def test_findings_of_one_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are counted on, and the file is not called incomplete."""
    monkeypatch.setattr(instance_findings, "MAX_FINDINGS", 10)
    made = slides.ct()
    for number in range(50):
        made.add_new(0x00140002 + 0x20000 * number, "LO", "a")
    found = [one for one in checked(slides.to_bytes(made)).findings if one.rule == "ELM006"]
    assert len(found) == 11
    assert sum(one.count for one in found) >= 30
    assert [one.count for one in found if "not listed" in one.message] == [
        sum(one.count for one in found) - 10
    ]


def test_oddities(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MAX_ODDITIES", 10)
    monkeypatch.setattr(tokens, "MANY_ITEMS", 1 << 40)
    item = struct.pack("<HHIHH2sH", 0xFFFE, 0xE000, 11, 0x0008, 0x1155, b"UI", 3) + b"1.2"
    found = [one for one in checked(with_items(40, item)).findings if one.rule == "ENC004"]
    assert sum(one.count for one in found) == 40


def test_fragments(monkeypatch: pytest.MonkeyPatch) -> None:
    data = slides.to_bytes(slides.full_jpeg())
    assert "FILE906" not in {one.rule for one in checked(data).findings}
    monkeypatch.setattr(encapsulation, "MAX_ITEMS", 3)
    result = checked(data)
    assert [one.want for one in result.findings if one.rule == "FILE906"] == ["3 fragments"]
    assert result.record.status == "partial"


def test_a_level_is_put_in_order_once_for_all_its_elements(monkeypatch: pytest.MonkeyPatch) -> None:
    from dcmlint.rules.repair_functions import encoding

    asked: list[int] = []

    def counted(elements: Sequence[Element]) -> list[tuple[Element, int]]:
        asked.append(len(elements))
        return tokens.out_of_place(elements)

    monkeypatch.setattr(encoding, "out_of_place", counted)
    body = b"".join(struct.pack("<HH2sH", 0x0009, 0x0100 - number, b"LO", 0) for number in range(100))
    found = [one for one in checked(slides.to_bytes(slides.ct()) + body).findings if one.rule == "ENC001"]
    assert sum(one.count for one in found) > 1
    assert len(asked) == 1
