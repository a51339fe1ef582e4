"""The HTML report: what it carries, and what a browser makes of it."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import zlib
from io import BytesIO, StringIO
from pathlib import Path

import msgspec
import pytest
from support.html_page import packed_data

from dcmlint.cli.app import run
from dcmlint.engine.exhibit import AssociationRecord, ContextRow
from dcmlint.engine.image_exhibit import ImageExhibit
from dcmlint.engine.report import Report, Summary
from dcmlint.engine.stream import deliver
from dcmlint.findings.finding import FileRecord, Finding, Reference, Subject
from dcmlint.reports.html import HtmlWriter
from dcmlint.reports.writer import TextOptions, head_of
from dcmlint.rules.load import data_folder, read_rule

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--virtual-time-budget=8000", "--dump-dom",
)  # fmt: skip


def page_of(report: Report) -> str:
    sink = StringIO()
    deliver(report, [HtmlWriter(sink, head_of(report, {}, TextOptions()))])
    return sink.getvalue()


def report(count: int = 3, message: str = "wrong") -> Report:
    files = tuple(FileRecord(path=f"{n}.dcm", passed=10) for n in range(max(1, count // 10)))
    found = tuple(
        Finding(
            rule=f"TILE{n % 7:03}", name="a-name", severity=("error", "warning")[n % 2], basis="requirement",  # type: ignore[arg-type]
            subject=Subject("file", file := files[n % len(files)].path, (file,)), file=file, path=f"Rows{n}", message=f"{message} {n}",
        )
        for n in range(count)
    )  # fmt: skip
    cells = bytes([1, 1, 0, 2, 1, 3])
    image = ImageExhibit(
        flavour="VOLUME", matrix_columns=1536, matrix_rows=1024, tile_columns=512, tile_rows=512, columns=3, rows=2, frames=5,
        spacing=0.0005, origin=(10.0, 20.0), orientation=(0, -1, -1, 0), cells=zlib.compress(cells),
        first=zlib.compress(b"".join(n.to_bytes(4, "little", signed=True) for n in (0, 1, -1, 2, 3, 4))), outside=1,
    )  # fmt: skip
    return Report(
        version="1", edition="2025e", profile="wsi", files=files, findings=found, exhibits={"0.dcm": image},
        slides=(("1.2.3", ("0.dcm",)),), summary=Summary(files=len(files), errors=count, undecided=1), exit_code=1,
        undecided={"TILE001": {"a reason": "0.dcm"}},
    )  # fmt: skip


def data_of(page: str) -> dict[str, object]:
    value: dict[str, object] = json.loads(packed_data(page))
    return value


def test_the_page_carries_everything_once_and_needs_no_network() -> None:
    page = page_of(report(20))
    data = data_of(page)
    assert len(data["findings"]) == 20  # type: ignore[arg-type]
    assert [image["path"] for image in data["slides"][0]["images"]] == ["0.dcm"]  # type: ignore[index]
    assert "not decided: TILE001" in data["notes"]  # type: ignore[operator]
    assert re.findall(r"(?:src|href)=", page) == []
    assert page_of(report(20)) == page


def test_nothing_from_a_file_is_markup() -> None:
    value = msgspec.structs.replace(
        report(1, "</script><img src=x onerror=alert(1)>"), profile="<b>&{{ 7*7 }}"
    )
    page = page_of(value)
    assert "onerror" not in page
    assert "<b>" not in page
    assert "49" not in re.findall(r"profile (.*?) ·", page)[0]


@pytest.fixture
def browser(tmp_path: Path):  # type: ignore[no-untyped-def]
    if CHROMIUM is None:
        pytest.skip("no chromium")

    def dom(page: str, fragment: str = "") -> str:
        path = tmp_path / "report.html"
        path.write_text(page, "utf-8")
        done = subprocess.run(
            [CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", f"{path.as_uri()}{fragment}"],
            capture_output=True, timeout=120, check=False,
        )  # fmt: skip
        return done.stdout.decode()

    return dom


@pytest.mark.peer
def test_a_browser_draws_findings_and_pictures(browser) -> None:  # type: ignore[no-untyped-def]
    dom = browser(page_of(report(10_000)))
    assert "data-ready=" in dom
    assert dom.count('<details class="group"') == 7
    assert "10000 of 10000 findings" in dom
    assert "1536 × 1024" in dom
    assert re.search(r"<canvas[^>]*aria-label=\"5 of 6 tiles have a frame\"", dom)
    for word in ("missing 1", "present 3", "duplicate 1", "off the grid 1", "outside the matrix 1"):
        assert word in dom


def test_an_incomplete_run_says_in_its_head_what_it_lacks() -> None:
    assert (
        "not decided: TILE001"
        in page_of(msgspec.structs.replace(report(), exit_code=4)).partition("<main")[0]
    )
    assert "not decided" not in page_of(report()).partition("<main")[0]


@pytest.mark.peer
def test_many_slides_are_closed_and_have_their_counts(browser) -> None:  # type: ignore[no-untyped-def]
    value = report(40)
    (image,) = value.exhibits.values()
    names = [f"{number}.dcm" for number in range(4)]
    slides = tuple((f"1.2.{number}", (name,)) for number, name in enumerate(names))
    dom = browser(
        page_of(msgspec.structs.replace(value, exhibits=dict.fromkeys(names, image), slides=slides))
    )
    assert dom.count('<details class="slide">') == 4
    assert dom.count('<span class="error">10 errors</span>') == 2
    assert dom.count('<span class="warning">10 warnings</span>') == 2
    few = browser(page_of(value))
    assert '<details class="slide"' not in few
    assert re.findall(r"<nav.*?</nav>", few)[0].count("<button") == 3


@pytest.mark.peer
def test_the_filter_is_in_the_address(browser) -> None:  # type: ignore[no-untyped-def]
    dom = browser(page_of(report(100)), "#q=tile003&by=file&severity=error")
    assert "7 of 100 findings" in dom
    assert 'value="tile003"' in dom


@pytest.mark.peer
def test_what_is_printed_is_opened(browser) -> None:  # type: ignore[no-untyped-def]
    page = page_of(report(100))
    printing = "<script>new MutationObserver((_, one) => { if (document.body.dataset.ready) { one.disconnect(); EVENTS } }).observe(document, {subtree: true, attributes: true})</script>"
    printed = browser(page + printing.replace("EVENTS", "dispatchEvent(new Event('beforeprint'))"))
    groups = printed.count('<details class="group"')
    assert groups == printed.count('<details class="group" open=""') > 1
    assert printed.count('class="finding"') == 100
    after = browser(
        page
        + printing.replace(
            "EVENTS", "for (const name of ['before', 'after']) dispatchEvent(new Event(`${name}print`))"
        )
    )
    assert '<details class="group" open=""' not in after


@pytest.mark.peer
def test_a_hundred_thousand_frames_are_drawn_and_filtered(browser) -> None:  # type: ignore[no-untyped-def]
    side = 317
    count = side * side
    image = ImageExhibit(
        flavour="VOLUME", matrix_columns=side * 512, matrix_rows=side * 512, tile_columns=512, tile_rows=512, columns=side,
        rows=side, frames=count, cells=zlib.compress(b"\1" * count),
        first=zlib.compress(b"".join(n.to_bytes(4, "little") for n in range(count))),
        sizes=zlib.compress(b"".join((1000 + n % 500).to_bytes(4, "little") for n in range(count))),
    )  # fmt: skip
    dom = browser(page_of(msgspec.structs.replace(report(10_000), exhibits={"0.dcm": image})), "#q=rows17")
    assert f"{count} of {count} tiles have a frame" in dom
    assert f"Sizes of {count} frames: 1000 to 1499 bytes" in dom
    assert re.search(r"\b111 of 10000 findings", dom)


def _png(page: str) -> list[bytes]:
    data = data_of(page)
    images = [image for slide in data["slides"] for image in slide["images"]]  # type: ignore[attr-defined]
    return [base64.b64decode(image["thumbnail"]) for image in images]


def test_thumbnails_are_made_from_the_frames_where_they_are_asked_for(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    from PIL import Image

    folder = Path(__file__).resolve().parents[2] / "examples" / "slide-good"
    pages = []
    for options in ([], ["--thumbnails"]):
        page = tmp_path / f"{len(options)}.html"
        assert run(["check", "--isolated", "-q", str(folder), "-f", f"html={page}", *options]) == 0
        pages.append(page.read_text("utf-8"))
    assert set(_png(pages[0])) == {b""}
    sizes = {Image.open(BytesIO(data)).size for data in _png(pages[1])}
    assert sizes == {(170, 128), (128, 96), (96, 64), (152, 52)}
    label = next(
        Image.open(BytesIO(data)) for data in _png(pages[1]) if Image.open(BytesIO(data)).size == (96, 64)
    )
    assert len(set(label.convert("L").tobytes())) > 10


def test_what_cannot_be_decoded_says_so() -> None:
    image = ImageExhibit(matrix_columns=10, matrix_rows=10, no_thumbnail="frame 1 cannot be decoded")
    page = page_of(msgspec.structs.replace(report(1), exhibits={"0.dcm": image}))
    assert data_of(page)["slides"][0]["images"][0]["no_thumbnail"] == "frame 1 cannot be decoded"  # type: ignore[index]


@pytest.mark.peer
def test_an_association_has_a_grid_of_contexts(browser) -> None:  # type: ignore[no-untyped-def]
    def context(name: str, syntaxes: tuple[str, ...], result: int) -> ContextRow:
        return ContextRow(
            sop_class="1.2",
            sop_class_name=name,
            proposed=syntaxes,
            names=syntaxes,
            result=result,
            answer="accepted" if result == 0 else "refused",
        )

    endpoint = AssociationRecord(
        id="pacs:104", title="ARCHIVE", lines=(("TLS", "1.3, certificate of pacs"),),
        contexts=(
            context("Slide", ("JPEG Baseline",), 0), context("Slide", ("JPEG 2000",), 4), context("Report", ("JPEG 2000",), 0),
            context("Slide", ("JPEG Baseline", "JPEG 2000"), 0),
        ),
    )  # fmt: skip
    dom = browser(page_of(msgspec.structs.replace(report(1), associations=(endpoint,))))
    grid = dom.partition('<figure class="grid">')[2].partition("</figure>")[0]
    assert re.findall(r'title="([^"]*)"', grid) == [
        "Slide, JPEG Baseline: accepted", "Slide, JPEG 2000: refused", "Report, JPEG Baseline: not proposed", "Report, JPEG 2000: accepted",
    ]  # fmt: skip
    assert "1.3, certificate of pacs" in dom
    assert "<td>JPEG Baseline, JPEG 2000</td>" in dom


def test_a_finding_carries_its_own_references_where_they_are_not_those_of_the_rule() -> None:
    tables = ("C.7-1", "C.7-10", "C.7-1")
    found = [
        Finding(
            rule="MOD003", name="type-2", severity="error", basis="requirement", subject=Subject("file", "0.dcm", ("0.dcm",)),
            file="0.dcm", path=f"A{n}", message="missing", references=(Reference("PS3.3", "", table), Reference("PS3.5", "7.4.3")),
        )
        for n, table in enumerate(tables)
    ]  # fmt: skip
    rule = read_rule(next(data_folder("rules").rglob("MOD003-*.yaml"))).rule
    sink = StringIO()
    deliver(
        msgspec.structs.replace(report(), findings=tuple(found)),
        [HtmlWriter(sink, head_of(report(), {"MOD003": rule}, TextOptions()))],
    )
    data = json.loads(packed_data(sink.getvalue()))
    names = [text for text, _ in data["references"]]
    assert [[names[number] for number in row[15]] for row in data["findings"]] == [
        [f"PS3.3 Table {table}"] for table in tables
    ]
    (about,) = data["rules"]
    assert [names[number] for number in about["references"]] == [str(one) for one in rule.references]
