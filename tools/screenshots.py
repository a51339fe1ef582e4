"""Makes the pictures of the README: ``python tools/screenshots.py`` writes them to ``docs/images``.

It needs Chromium.  ``terminal.png`` is the text of a check as a terminal draws it; ``report.png`` and
``report-dark.png`` are the HTML report of the broken example.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from shutil import which

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
DCMLINT = Path(sys.executable).parent / "dcmlint"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--virtual-time-budget=6000",
    "--force-device-scale-factor=1",
)
WIDTH = 88


def check(*options: str) -> str:
    """The output of a check of the broken example."""
    done = subprocess.run(
        [DCMLINT, "check", "--isolated", *options], capture_output=True, text=True, cwd=ROOT, check=False,
        env={"COLUMNS": str(WIDTH), "PYTHONUTF8": "1", "TERM": "xterm-256color"},
    )  # fmt: skip
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr)
    # The time differs from run to run.
    return re.sub(r" · \d+\.\d+ s", "", done.stdout)


def terminal(page: Path) -> int:
    """Write a page with the text of a check; gives its height in pixels."""
    output = check("examples/slide-broken/level-0.dcm", "--color", "always")
    text = f"$ dcmlint check examples/slide-broken/level-0.dcm\n{output}"
    console = Console(record=True, width=WIDTH, file=open("/dev/null", "w", encoding="utf-8"))  # noqa: SIM115
    console.print(Text.from_ansi(text))
    # Its font is on a network: the machine has one.
    svg = re.sub(r"@font-face \{.*?\}", "", console.export_svg(title="dcmlint"), flags=re.S).replace(
        "Fira Code", "DejaVu Sans Mono"
    )
    page.write_text(
        f"<!doctype html><style>body{{margin:0}}svg{{width:960px;display:block}}</style>{svg}", "utf-8"
    )
    wide, high = re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)[0]
    return round(960 * float(high) / float(wide))


def shot(page: Path, target: str, width: int, height: int, *flags: str) -> None:
    """One picture of a page."""
    browser = which("chromium")
    if browser is None:
        raise SystemExit("chromium is not installed")
    subprocess.run(
        [browser, *FLAGS, *flags, f"--window-size={width},{height}", f"--screenshot={IMAGES / target}", page.as_uri()],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    print(IMAGES / target)


def main() -> int:
    """Make all of them."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "page.html")
        shot(page, "terminal.png", 960, terminal(page))
        check("examples/slide-broken", "-q", "-f", f"html={page}")
        shot(page, "report.png", 1180, 1060)
        shot(page, "report-dark.png", 1180, 1060, "--blink-settings=preferredColorScheme=0")
    return 0


if __name__ == "__main__":
    sys.exit(main())
