"""The end of a JPEG XL code stream, which no marker tells."""

from __future__ import annotations

import base64

import pytest
from mutations import fresh
from pydicom.dataset import FileDataset
from support import slides
from support.slides import to_bytes
from test_mutations import _check

from dcmlint.dicom.codestreams import read_codestream
from dcmlint.dicom.codestreams.jpegxl_end import stated_end

# Tiles of 32 x 32 pixels, written by libjxl.
STREAMS = {
    "VarDCT, XYB": base64.b85decode(
        "{|ZM2027D;02BiwZV>>03YAgD4PMUmeEFfnV%o-"
        "ahPK+au!OPMUKk`K9KnV|MC<L%kNZH`y2e4h=hAcU_#O{B6zN<@fqmGv504cmfO@&;;0||EhVJ6Qm?P9gC8TQr0000gq(BDXR%AT"
        "JBjf2VK)N9!(uiM>-"
        "a%>EeB7lw_<d79p|OKl8*0UC_bPzc&(m_KAuz&0|DZX330D|AA_xm~^=kx>Kl+8sVd`OXkFYJRkF?!}26XlPQE5n@{RKGAjI2$uD"
        "24F?"
    ),
    "modular, gray": base64.b85decode(
        "{|ZMyP}~Rz1OWhC1WPz+7|PQj6(mfEfEqAMG7mKnhVWgy86-FWc>Hltg(<>&u!X-"
        "<baIn=(0dL4$<6ZpIg|@HKiF^%sJ+%z2=JsM=NCO_0xBcTOKD<6;O>47{W=|ul4Li{c<&fEcAu_P!p|(-P9-"
        "SJE!Zng3yoPQuFi<aMZpuBd?5Wq=%o5RIItg(uTFRm&{q6U<dQp9U50!~uLK_GNJX+n+|;0M&5&lWXH9XM`Jq6cmFU~vR!VirQ_J"
        "qY0}B(QFW-1IT*a#>Ad#&Hh)E(j_A1!-"
        "7gYv+msA2@x;)Q>9o0nG#+Igan;0pp{UpB!ye`TL&+s7zx(lfC!;yy~nf7ikVVtB8C=EphxfEW9fGax)AmFnQ"
    ),
    "in a container": base64.b85decode(
        "0000CN?1%F4GM<}0000KW^{RQYItlQ00000YItlQ0002kYItm8{|ZM2027D;02BiwZV>>03YAgD4PMUmeEFfnV%o-"
        "ahPK+au!OPMUKk`K9KnV|MC<L%kNZH`y2e4h=hAcU_#O{B6zN<@fqmGv504cmfO@&;;0||EhVJ6Qm?P9gC8TQr0000gq(BDXR%AT"
        "JBjf2VK)N9!(uiM>-"
        "a%>EeB7lw_<d79p|OKl8*0UC_bPzc&(m_KAuz&0|DZX330D|AA_xm~^=kx>Kl+8sVd`OXkFYJRkF?!}26XlPQE5n@{RKGAjI2$uD"
        "24F?"
    ),
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_whole_code_stream_ends_where_it_says(name: str) -> None:
    data = STREAMS[name]
    assert stated_end(data) == len(data)
    assert stated_end(data + bytes(9)) == len(data)
    assert read_codestream(data).complete is True


@pytest.mark.parametrize("name", STREAMS)
def test_wherever_it_is_cut_it_is_not_whole(name: str) -> None:
    data = STREAMS[name]
    # Before its code stream begins, a container is none.
    for length in range(48 if data.startswith(bytes(3)) else 16, len(data)):
        end = stated_end(data[:length])
        assert end is not None
        assert end > length, length
        assert read_codestream(data[:length]).complete is False


def test_several_frames_are_not_followed() -> None:
    # all_default image of 8 x 8; a frame header that is not default, regular, VarDCT, and not the last one
    bits = (
        "1"
        + "00000"
        + "001"
        + "1"
        + "1"
        + "000000"
        + "0"
        + "00"
        + "0"
        + "00"
        + "00"
        + "000000"
        + "00"
        + "0"
        + "00"
        + "0"
    )
    number = int(bits[::-1], 2)
    assert stated_end(b"\xff\x0a" + number.to_bytes(-(-len(bits) // 8), "little") + bytes(40)) is None


def _slide(streams: list[bytes]) -> FileDataset:
    made = fresh("jpeg")
    made.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.112"
    made.PhotometricInterpretation = "XYB"
    made.LossyImageCompressionMethod = "ISO_18181_1"
    made.LossyImageCompressionRatio = str(round(61440 / sum(map(len, streams)), 2))
    return slides.put_frames(made, streams)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda data: data, []),
        (lambda data: data[:100], [("PIX017", "error")]),
        (lambda data: data[:5], [("PIX017", "error")]),
        (lambda data: data + b"\x55" * 40, [("PIX109", "warning")]),
    ],
)
def test_a_frame_of_a_slide(change: object, told: list[tuple[str, str]]) -> None:
    assert callable(change)
    frames = [STREAMS["VarDCT, XYB"]] * 20
    frames[6] = change(frames[6])
    report = _check({"0.dcm": to_bytes(_slide(frames))})
    assert [(one.rule, one.severity) for one in report.findings if one.severity != "info"] == told
    assert "PIX017" not in report.files[0].undecided
