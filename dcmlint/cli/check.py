"""`dcmlint check`: hold files to the standard and to a profile."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dcmlint.cli.app import app
from dcmlint.cli.option_types import (
    Color,
    Config,
    Debug,
    ExitZero,
    FailOn,
    Ignore,
    Isolated,
    Parameters,
    Quiet,
    Select,
    Severities,
    Show,
    ShowValues,
    Verbose,
)
from dcmlint.cli.progress import counter
from dcmlint.cli.running import FORMATS, exit_code, run_of, write_outputs
from dcmlint.errors import UsageError

if TYPE_CHECKING:
    from dcmlint.engine.session import Checker, Result


@app.command()
def check(
    paths: Annotated[
        list[str] | None, typer.Argument(help="Files, folders, archives; - for standard input.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option("-p", "--profile", help="What to hold the files to; default: wsi.")
    ] = None,
    parameter: Parameters = None,
    config: Config = None,
    files_from: Annotated[
        str | None, typer.Option(help="Read paths from this file, one a line; - for standard input.")
    ] = None,
    include: Annotated[
        list[str] | None, typer.Option(help="Look only at files in folders that match this pattern.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help="Leave out files in folders that match this pattern.")
    ] = None,
    select: Select = None,
    ignore: Ignore = None,
    extend_select: Annotated[list[str] | None, typer.Option(help="These rules too.")] = None,
    extend_ignore: Annotated[list[str] | None, typer.Option(help="Nor these rules.")] = None,
    severity: Severities = None,
    fail_on: FailOn = None,
    format_: Annotated[
        list[str] | None,
        typer.Option("-f", "--format", help=f"FORMAT[=FILE], repeatable: {', '.join(FORMATS)}."),
    ] = None,
    show: Show = "warning",
    show_values: ShowValues = None,
    max_per_rule: Annotated[
        int, typer.Option(help="Findings of one rule shown for a file in text; 0: all.")
    ] = 10,
    group: Annotated[
        bool, typer.Option("--group/--no-group", help="Join repeats over frames and items.")
    ] = True,
    frames: Annotated[
        str | None, typer.Option(help="Code streams looked at: auto (default), all, sample, none.")
    ] = None,
    decode: Annotated[bool, typer.Option("--decode", help="Decode a sample of the frames.")] = False,
    jobs: Annotated[int, typer.Option("-j", "--jobs", help="Processes; 0: one for each core.")] = 1,
    isolated: Isolated = False,
    exit_zero: ExitZero = False,
    statistics: Annotated[
        bool, typer.Option("--statistics", help="Count the outcomes of every rule.")
    ] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    color: Color = "auto",
    debug: Debug = False,
) -> int:
    """Check DICOM files: one, many, folders, archives."""
    from dcmlint.engine.session import Checker, Totals
    from dcmlint.profiles.words import not_checked_line
    from dcmlint.sources.inputs import Selection, list_inputs

    started = time.monotonic()
    if not paths and files_from is None:
        raise UsageError("nothing to check: name a file or a folder")
    run = run_of(
        profile=profile, parameter=parameter, config=config, isolated=isolated, select=select, ignore=ignore,
        extend_select=extend_select, extend_ignore=extend_ignore, severity=severity, fail_on=fail_on, format_=format_,
        show=show, show_values=show_values, max_per_rule=max_per_rule, quiet=quiet, verbose=verbose, color=color,
        group=group, frames=frames, decode=decode,
    )  # fmt: skip
    checker = Checker(run.settings)
    if checker.profile.not_checked and not quiet:
        print(not_checked_line(checker.profile), file=sys.stderr)
    totals = Totals(checker)
    selection = Selection(tuple(include or run.base.include), tuple(exclude or run.base.exclude))
    inputs = list_inputs(paths or [], files_from=files_from, selection=selection)
    with counter(quiet) as tick:
        for result in _results(checker, inputs, jobs):
            totals.add(result)
            tick()
    report = totals.report(started=started, fail_on=run.fail_on, config=run.config)
    write_outputs(report, run, checker.rules)
    if statistics:
        _statistics(report)
    return exit_code(report, exit_zero)


def _results(checker: Checker, inputs: Iterable[Any], jobs: int) -> Iterator[Result | None]:
    from dcmlint.engine.processes import run_in_processes, worker_count
    from dcmlint.engine.session import Task
    from dcmlint.sources.inputs import open_input

    workers = worker_count(jobs)
    if workers == 1:
        for one in inputs:
            yield checker.check(Task(one.path, one.named), partial(open_input, one))
        return
    for _, result in run_in_processes(checker, inputs, open_input, workers):
        yield result


def _statistics(report: Any) -> None:
    print("\nrule       pass   fail  not appl.  undecided  error", file=sys.stderr)
    for rule, row in sorted(report.outcomes.items()):
        if row["fail"] or row["undecided"] or row["error"]:
            print(
                f"{rule:9}{row['pass']:6}{row['fail']:7}{row['not_applicable']:11}{row['undecided']:11}{row['error']:7}",
                file=sys.stderr,
            )
