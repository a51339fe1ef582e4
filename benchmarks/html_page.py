"""How long a browser takes to open the HTML report: 10,000 findings and 100,000 frames, and a filter in the address.

    python benchmarks/html_page.py

Each figure is the least of seven runs of headless Chromium, with an empty page beside it; virtual time, so that only
work counts and not waiting.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from io import StringIO
from pathlib import Path

from dcmlint.engine.image_exhibit import ImageExhibit
from dcmlint.engine.report import Report, Summary
from dcmlint.engine.stream import deliver
from dcmlint.findings.finding import FileRecord, Finding, Subject
from dcmlint.reports.html import HtmlWriter
from dcmlint.reports.writer import TextOptions, head_of

FINDINGS, SIDE, RUNS = 10_000, 317, 7
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--virtual-time-budget=8000",
    "--dump-dom",
)


def page() -> str:
    """The report of a folder of 1,000 files with one large image."""
    files = tuple(FileRecord(path=f"slide/{n}.dcm", passed=400) for n in range(1000))
    findings = tuple(
        Finding(
            rule=f"TILE{n % 30:03}", name="a-name", severity=("error", "warning", "info")[n % 3], basis="requirement",
            subject=Subject("file", path := files[n % 1000].path, (path,)), file=path, path=f"PerFrameFunctionalGroupsSequence[{n}]",
            message=f"the frame is not aligned with the tile grid, number {n}", is_="column 17, row 33", want="a multiple of 512, plus 1",
        )
        for n in range(FINDINGS)
    )  # fmt: skip
    count = SIDE * SIDE
    image = ImageExhibit(
        flavour="VOLUME", matrix_columns=SIDE * 512, matrix_rows=SIDE * 512, tile_columns=512, tile_rows=512, columns=SIDE,
        rows=SIDE, frames=count, spacing=0.00025, origin=(20.0, 40.0), orientation=(0, -1, -1, 0), cells=zlib.compress(b"\1" * count),
        first=zlib.compress(b"".join(n.to_bytes(4, "little") for n in range(count))),
        sizes=zlib.compress(b"".join((9000 + n * 7919 % 5000).to_bytes(4, "little") for n in range(count))),
    )  # fmt: skip
    report = Report(
        version="1", edition="2025e", profile="wsi", files=files, findings=findings, exhibits={files[0].path: image},
        slides=(("1.2.3", (files[0].path,)),), summary=Summary(files=1000, errors=FINDINGS), exit_code=1, undecided={},
    )  # fmt: skip
    sink = StringIO()
    deliver(report, [HtmlWriter(sink, head_of(report, {}, TextOptions()))])
    return sink.getvalue()


def seconds(browser: str, addresses: list[str], profile: Path) -> list[float]:
    """The least seconds until the browser has drawn each page and printed it; pages take turns, for machines vary."""
    least = [float("inf")] * len(addresses)
    for _ in range(RUNS):
        for number, address in enumerate(addresses):
            start = time.perf_counter()
            done = subprocess.run(
                [browser, *FLAGS, f"--user-data-dir={profile}", address],
                capture_output=True,
                timeout=120,
                check=True,
            )
            least[number] = min(least[number], time.perf_counter() - start)
            assert b"data-ready" in done.stdout or "empty" in address, "the page was not drawn"
    return least


def main() -> int:
    """Print a row for each."""
    browser = shutil.which("chromium")
    if browser is None:
        print("chromium is not installed", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        empty, full = Path(folder, "empty.html"), Path(folder, "report.html")
        empty.write_text("<!doctype html><title>empty</title>", "utf-8")
        full.write_text(page(), "utf-8")
        profile = Path(folder, "profile")
        opened, filtered = full.as_uri(), f"{full.as_uri()}#q=tile017&by=file&severity=error"
        base, plain, with_filter = seconds(browser, [empty.as_uri(), opened, filtered], profile)
        print(
            f"page {full.stat().st_size / 1e6:.2f} MB; an empty page {base:.2f} s, the report {plain:.2f} s, filtered {with_filter:.2f} s"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
