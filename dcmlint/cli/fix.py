"""`dcmlint fix`: repair what can be repaired without inventing anything."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from dcmlint.cli.app import app
from dcmlint.cli.help import REPORT, explained, one_of
from dcmlint.cli.options import (
    Color,
    Config,
    Debug,
    Exclude,
    FilesFrom,
    Frames,
    Ignore,
    Include,
    Isolated,
    Jobs,
    MaskUids,
    Parameters,
    Profiles,
    Select,
    ShowValues,
)
from dcmlint.errors import UsageError
from dcmlint.plural import number_of

EXIT_CODES = (
    "0 done, or nothing to do; 1 with --check or --diff: something "
    "would change; 2 invalid command line, configuration, profile or rule; 3 no input; 4 incomplete: a file could not be "
    "read or written, or was refused; 130 interrupted"
)
Unsafe = Annotated[
    bool,
    typer.Option("--unsafe-fixes", help="Also apply unsafe repairs, which need a decision of the user."),
]


@app.command(
    **explained(
        "dcmlint fix slide/ --out fixed/",
        "dcmlint fix archive/ --diff",
        "dcmlint fix a.dcm --in-place",
        codes=EXIT_CODES,
    )
)
def fix(
    paths: Annotated[
        list[str] | None, typer.Argument(metavar="PATH...", help="Files, folders and archives.")
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="FOLDER",
            help="Write repaired files to this folder; the originals are not changed.",
        ),
    ] = None,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Replace each file and keep the original as FILE.orig.")
    ] = False,
    no_original: Annotated[
        bool, typer.Option("--no-orig", help="With --in-place: do not keep the original.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="With --out: replace existing files.")
    ] = False,
    unchanged: Annotated[
        bool, typer.Option("--all", help="With --out: also copy files without repairs.")
    ] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Print what would change; write nothing.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; end with 1 if anything would change.")
    ] = False,
    unsafe: Unsafe = False,
    from_: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="FILE", help="Values that a person supplies: a file of values, or a profile."
        ),
    ] = None,
    record: Annotated[
        bool | None,
        typer.Option(
            "--record/--no-record",
            help="Record in the file what was done (Original Attributes, Contributing Equipment).  "
            "[default: if values of --from were used]",
        ),
    ] = None,
    new_uids: Annotated[
        bool,
        typer.Option(
            "--new-uids",
            help="Write a new SOP Instance UID in each file that changes, and update references.",
        ),
    ] = False,
    profile: Profiles = None,
    parameter: Parameters = None,
    config: Config = None,
    files_from: FilesFrom = None,
    include: Include = None,
    exclude: Exclude = None,
    select: Select = None,
    ignore: Ignore = None,
    baseline: Annotated[
        str | None,
        typer.Option("--baseline", metavar="FILE", help="Do not repair findings that are in this baseline."),
    ] = None,
    format_: Annotated[
        str,
        typer.Option(
            "-f", "--format", help="json: one object per line, with a JSON Patch.", **one_of("text", "json")
        ),
    ] = "text",
    jobs: Jobs = 0,
    show_values: ShowValues = None,
    mask_uids: MaskUids = False,
    frames: Frames = None,
    isolated: Isolated = False,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Print the sum only.", rich_help_panel=REPORT)
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "-v",
            "--verbose",
            help="List every change, and files with nothing to repair.",
            rich_help_panel=REPORT,
        ),
    ] = False,
    color: Color = "auto",
    debug: Debug = False,
) -> int:
    """Repair DICOM files: what can be repaired without inventing a value."""
    from dcmlint.cli.running import run_of
    from dcmlint.engine.session import Checker
    from dcmlint.fixes.choice import Choice
    from dcmlint.fixes.processes import fix_many
    from dcmlint.fixes.supplied import read_supplied
    from dcmlint.fixes.whole_set import over_the_set
    from dcmlint.sources.input import Selection
    from dcmlint.sources.inputs import list_inputs, open_input

    if not paths and files_from is None:
        raise UsageError("nothing to fix: name a file or a folder")
    if format_ not in ("text", "json"):
        raise UsageError(f"--format {format_}: text or json")
    target = _target(out, in_place, not no_original, overwrite, unchanged, diff or check, paths or [])
    run = run_of(
        profile=",".join(profile) if profile else None, parameter=parameter, config=config, isolated=isolated,
        select=select, ignore=ignore, severity=None, fail_on=None, format_=["auto"], show=None, show_values=show_values,
        mask_uids=mask_uids, quiet=quiet, verbose=verbose, color=color, frames=frames,
    )  # fmt: skip
    checker = Checker(run.settings)
    selection = Selection(tuple(include or run.base.include), tuple(exclude or run.base.exclude), False)
    inputs = list_inputs(paths or [], files_from=files_from, selection=selection)
    # What is written must not be found again.
    if target.in_place:
        inputs = iter(list(inputs))
    elif target.out:
        inputs = (one for one in inputs if not _is_below(one.path, target.out))
    supplied = read_supplied(from_) if from_ is not None else None
    choice = Choice(
        unsafe=unsafe,
        supplied=supplied,
        record=record,
        spared=spared(checker, run, baseline),
        patch=format_ == "json",
    )
    if unsafe or new_uids:
        listed = list(inputs)
        choice, inputs = over_the_set(checker, listed, open_input, choice, new_uids), iter(listed)
    return show(
        fix_many(checker, inputs, open_input, choice, target, jobs or run.base.jobs),
        format_,
        diff or not check,
        quiet,
        verbose,
        run.text.colour,
    )


def spared(checker: Any, run: Any, baseline: str | None) -> Any:
    """The findings that a baseline and the configuration keep from being repaired; None for none."""
    import datetime
    from pathlib import Path

    from dcmlint.engine.accepted import check_entries
    from dcmlint.engine.baseline import read_baseline
    from dcmlint.fixes.spared import Spared

    check_entries(run.base.accepted, checker, run.config or "")
    name = baseline or run.base.baseline
    if not name and not run.base.accepted:
        return None
    known = read_baseline(Path(name)) if name else None
    return Spared(checker, known, run.base.accepted, datetime.date.today())


def _target(
    out: str | None,
    in_place: bool,
    keep: bool,
    overwrite: bool,
    unchanged: bool,
    shows: bool,
    paths: list[str],
) -> Any:
    from dcmlint.fixes.run import Target

    if shows:
        if out is not None or in_place:
            raise UsageError("--diff and --check write nothing: leave out --out and --in-place")
        return Target()
    if (out is None) == (not in_place):
        raise UsageError("name where to write: --out FOLDER or --in-place; --diff shows what would change")
    inside = next((path for path in paths if out and path != "-" and _is_below(path, out)), None)
    if inside is not None:  # what is below it is taken for what was written before
        raise UsageError(f"{inside} is in the folder of --out: name another folder, or --in-place")
    return Target(
        out=out or "",
        in_place=in_place,
        keep=keep,
        overwrite=overwrite,
        unchanged=unchanged,
        roots=tuple(paths),
    )


def _is_below(path: str, folder: str) -> bool:
    import os

    return not os.path.relpath(os.path.realpath(path), os.path.realpath(folder)).startswith(os.pardir)


def show(outcomes: Any, format_: str, lists: bool, quiet: bool, verbose: bool, colour: bool) -> int:
    """Print what comes of each input and the sum; returns the exit code."""
    import json
    from collections import Counter

    from dcmlint.cli.terminal import utf8_output
    from dcmlint.fixes.diff import json_value, text_lines
    from dcmlint.reports.border import printable

    utf8_output()
    counts: Counter[str] = Counter()
    changes = unsafe = refusals = 0
    try:
        for outcome in outcomes:
            counts[outcome.status] += 1
            changes, unsafe = changes + len(outcome.changes), unsafe + outcome.unsafe
            refusals += len(outcome.refusals)
            if format_ == "json":
                if outcome.status != "skipped":
                    print(json.dumps(_clean(json_value(outcome), printable), ensure_ascii=False))
            elif lists and not quiet and (verbose or _matters(outcome)):
                print(f"{printable(outcome.path)}: {printable(_head(outcome))}")
                for line in text_lines(outcome, 0 if verbose else 40):
                    print(_painted(printable(line, 1000), colour))
    except KeyboardInterrupt:
        print("interrupted: the files written so far are complete", file=sys.stderr)
        return 130
    if not sum(counts.values()):
        print("no input", file=sys.stderr)
        return 3
    for line in _sum(counts, changes, refusals, unsafe):
        print(line, file=sys.stderr)
    if counts["failed"] or counts["refused"]:
        return 4
    return 1 if counts["would-change"] else 0


# How lines of a diff are drawn, by their first character (ANSI SGR).
_STYLE = {"-": "31", "+": "32", "~": "36"}


def _painted(line: str, colour: bool) -> str:
    style = _STYLE.get(line.lstrip()[:1]) if colour else None
    return line if style is None else f"\x1b[{style}m{line}\x1b[0m"


def _matters(outcome: Any) -> bool:
    return outcome.status not in ("unchanged", "skipped") or bool(outcome.refusals)


def _head(outcome: Any) -> str:
    if outcome.status in ("refused", "failed"):
        return f"{'not changed' if outcome.status == 'refused' else 'failed'}: {outcome.reason}"
    if outcome.status == "skipped":
        return f"skipped: {outcome.reason}"
    count = len(outcome.changes)
    if not count:
        return "nothing repaired" if outcome.refusals else "nothing to repair"
    what = f"{number_of(count, 'change')}, {outcome.size:,} -> {outcome.new_size:,} bytes"
    written = f", written to {outcome.written}" if outcome.written and outcome.written != outcome.path else ""
    kept = f", the original is {outcome.original}" if outcome.original else ""
    return f"{what}{written}{kept}"


def _sum(counts: Any, changes: int, refusals: int, unsafe: int) -> list[str]:
    words = {
        "fixed": "repaired", "would-change": "would be repaired", "unchanged": "with nothing to repair",
        "refused": "not changed", "failed": "failed", "skipped": "skipped",
    }  # fmt: skip
    parts = [f"{counts[status]} {text}" for status, text in words.items() if counts[status]]
    files = sum(counts.values()) - counts["skipped"]
    lines = [f"{number_of(files, 'file')}: {', '.join(parts)}; {number_of(changes, 'change')}"]
    if refusals:
        lines.append(
            f"{number_of(refusals, 'finding')} could not be repaired: nothing proves the right value"
        )
    if unsafe:
        lines.append(f"{number_of(unsafe, 'more repair')} with --unsafe-fixes")
    return lines


def _clean(value: Any, printable: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {key: _clean(one, printable) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(one, printable) for one in value]
    return value
