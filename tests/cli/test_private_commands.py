"""No command shows what could identify a patient: markers in every text, random damage, all that a command prints and writes.

See `tests/engine/test_private.py` for the reports of a check.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import general, slides
from support.markers import MARKER, damaged, encoded, planted

from dcmlint.cli.app import run
from dcmlint.compare.peers import dciodvfy_program

MAKERS = (slides.full_native, slides.pyramid, general.ct, general.mr, general.basic_sr, general.enhanced_ct)


@pytest.fixture(params=range(2))
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder of instances with markers, half of them damaged."""
    chance = random.Random(f"commands {request.param}")
    place = tmp_path / "in"
    place.mkdir()
    for number, maker in enumerate(MAKERS):
        made = maker()
        for part, one in enumerate(made if isinstance(made, list) else [made]):
            data = encoded(planted(one, chance, chance.choice((0.0, 0.1, 0.5))))
            (place / f"{number}-{part}.dcm").write_bytes(
                damaged(data, chance) if chance.random() < 0.5 else data
            )
    return place


def commands(place: Path) -> Iterator[list[str]]:
    """Each command that reads files, with the options that make it say the most."""
    one = str(next(place.iterdir()))
    out = str(place.parent / "out")
    files = str(place)
    yield ["fix", files, "--diff", "--unsafe-fixes", "-v", "--debug"]
    yield ["fix", files, "--diff", "--unsafe-fixes", "-f", "json"]
    yield ["fix", files, "--check", "-p", "deidentified"]
    yield ["check", files, "--diff"]
    yield ["check", files, "-v", "--debug", "-p", "deidentified", "-f", f"csv={place.parent / 'report.csv'}"]
    yield ["baseline", "write", f"{place.parent / 'baseline.json'}", files]
    yield ["scan", files, "--out", out]
    yield ["query", out, "select * from findings"]
    yield ["report", out, "-f", f"html={place.parent / 'archive.html'}"]
    for rule in ("MOD001", "WSI001", "FILE001", "VR001"):
        yield ["explain", rule, "--file", one]
    yield ["compare", files]


def test_what_commands_print_and_write_holds_no_marker(
    folder: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="dcmlint")
    for command in commands(folder):
        if command[0] == "compare" and dciodvfy_program() is None:
            continue
        code = run([*command, "--isolated"] if command[0] in ("check", "fix") else command)
        out, err = capfd.readouterr()
        assert code in (0, 1, 4), (command, err)
        assert MARKER not in out + err, (command, _around(out + err))
        assert MARKER not in caplog.text, (command, _around(caplog.text))
    written = [path for path in folder.parent.rglob("*") if path.is_file() and folder not in path.parents]
    assert written
    for path in written:
        assert MARKER not in path.read_bytes().decode("latin-1"), path


def _around(text: str) -> str:
    at = text.find(MARKER)
    return text[max(0, at - 300) : at + 60]
