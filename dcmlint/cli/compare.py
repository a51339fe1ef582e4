"""`dcmlint compare`: a second opinion from other validators, side by side."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from functools import partial
from typing import Annotated, Any

import typer

from dcmlint.cli.app import app
from dcmlint.cli.help import one_of
from dcmlint.errors import UsageError, did_you_mean
from dcmlint.plural import number_of


@app.command()
def compare(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Files, folders, archives.")],
    with_: Annotated[
        str, typer.Option("--with", metavar="NAMES", help="The other validators, separated by commas.")
    ] = "dciodvfy",
    profile: Annotated[
        str, typer.Option("-p", "--profile", metavar="PROFILE", help="The profile of dcmlint.")
    ] = "dicom",
    severity: Annotated[
        str,
        typer.Option(
            help="The lowest severity that is compared: error or warning.", **one_of("error", "warning")
        ),
    ] = "error",
) -> int:
    """Compare with other installed validators, by attribute and kind of finding."""
    from dcmlint.cli.terminal import utf8_output
    from dcmlint.compare.agreement import Agreement, agree, remarks_of
    from dcmlint.compare.peers import PEERS
    from dcmlint.engine.session import Checker, Task
    from dcmlint.engine.settings import Settings
    from dcmlint.sources.inputs import list_inputs, open_input

    utf8_output()
    names = [name.strip() for name in with_.split(",") if name.strip()]
    for name in names:
        if name not in PEERS:
            known = f"one of {', '.join(PEERS)}"
            raise UsageError(f"--with {name}: {did_you_mean(name, PEERS, known)}")
        if not _installed(name):
            raise UsageError(
                f"{name} is not installed, nothing was compared: pip install 'dcmlint[standard]'"
            )
    if severity not in ("error", "warning"):
        raise UsageError(f"--severity {severity}: error or warning")
    for path in paths:
        if not os.path.exists(path):
            raise UsageError(f"{path}: no such file or folder, nothing was compared")
    levels = ("error",) if severity == "error" else ("error", "warning")
    checker = Checker(Settings(profile=profile))
    files = 0
    silent: Counter[str] = Counter()
    totals: dict[str, dict[str, Any]] = {
        name: {"both": Counter(), "ours": defaultdict(list), "theirs": defaultdict(list)} for name in names
    }
    for one in list_inputs(paths):
        if one.kind != "file":
            continue
        result = checker.check(Task(one.path, one.named), partial(open_input, one))
        if result.record.status == "skipped":
            continue
        files += 1
        ours = remarks_of(result.findings)
        for name in names:
            theirs = PEERS[name](one.path)
            if theirs is None:
                silent[name] += 1
                continue
            # A remark of either that the other makes at another severity is agreement all the same.
            found: Agreement = agree(ours, theirs)
            total = totals[name]
            for remark in found.both:
                total["both"][remark.key] += 1
            for side, remarks in (("ours", found.ours), ("theirs", found.theirs)):
                for remark in remarks:
                    if remark.severity in levels:
                        total[side][remark.key].append(
                            (one.path, remark.text if side == "ours" else remark.opening)
                        )
    for name in names:
        _print(name, totals[name], files, silent[name])
    if not files:
        return 3
    # A peer that answered for no file is no second opinion.
    return 4 if any(silent[name] == files for name in names) else 0


def _installed(name: str) -> bool:
    from importlib.util import find_spec

    from dcmlint.compare.peers import dciodvfy_program

    if name == "dciodvfy":
        return dciodvfy_program() is not None
    return find_spec(name.replace("-", "_")) is not None


def _print(name: str, total: dict[str, Any], files: int, silent: int) -> None:
    from dcmlint import standard
    from dcmlint.reports.border import printable

    dictionary = standard.load().dictionary

    def attribute(tag: str) -> str:
        entry = dictionary.entry(int(tag, 16)) if tag else None
        return entry.keyword if entry is not None else tag or "(the file)"

    print(f"{name}: {number_of(files, 'file')}" + (f", {silent} of them without an answer" if silent else ""))
    print(f"  found by both: {sum(total['both'].values())}")
    for side, words in (("theirs", f"found only by {name}"), ("ours", "found only by dcmlint")):
        groups = sorted(total[side].items(), key=lambda group: -len(group[1]))
        print(f"  {words}: {sum(len(places) for _, places in groups)}")
        for (tag, kind), places in groups[:40]:
            path, text = places[0]
            print(f"    {len(places):5}  {attribute(tag)} ({kind}): {printable(text, 90)}")
            print(f"           for example {printable(path)}")
        if len(groups) > 40:
            print(f"    and {len(groups) - 40} more")
