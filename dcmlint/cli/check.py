"""`dcmlint check`: hold files to the standard and to a profile."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any

import typer

from dcmlint.cli import completion
from dcmlint.cli.app import EXIT_CODES, app
from dcmlint.cli.option_types import (
    Color,
    Config,
    Debug,
    ExitZero,
    FailOn,
    Ignore,
    Isolated,
    MaskUids,
    Parameters,
    Quiet,
    Select,
    Severities,
    Show,
    ShowValues,
    Verbose,
)
from dcmlint.cli.progress import counter, total_of
from dcmlint.cli.running import exit_code, run_of
from dcmlint.errors import UsageError
from dcmlint.reports.names import format_names

INTERRUPTED = 130  # 128 and the number of SIGINT, as shells say it


@app.command(epilog=EXIT_CODES)
def check(
    paths: Annotated[
        list[str] | None, typer.Argument(help="Files, folders, archives; - for standard input.")
    ] = None,
    profile: Annotated[
        list[str] | None,
        typer.Option(
            "-p",
            "--profile",
            help="What to hold the files to; default: wsi. Repeatable: all of them hold.",
            autocompletion=completion.profiles,
        ),
    ] = None,
    parameter: Parameters = None,
    order: Annotated[
        list[str] | None,
        typer.Option("--order", help="Orders (.json, .csv, .hl7) that rows with a source are held to."),
    ] = None,
    rules: Annotated[
        list[str] | None,
        typer.Option("--rules", help="Rule files or folders of one's own, without a profile."),
    ] = None,
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
        typer.Option(
            "-f",
            "--format",
            help=f"FORMAT[=FILE], repeatable: {', '.join(format_names())}.",
            autocompletion=completion.formats,
        ),
    ] = None,
    show: Show = None,
    show_values: ShowValues = None,
    mask_uids: MaskUids = False,
    max_per_rule: Annotated[
        int, typer.Option(min=0, help="Findings of one rule shown for a file in text; 0: all.")
    ] = 10,
    group: Annotated[
        bool, typer.Option("--group/--no-group", help="Join repeats over frames and items.")
    ] = True,
    frames: Annotated[
        str | None, typer.Option(help="Code streams looked at: auto (default), all, sample, none.")
    ] = None,
    decode: Annotated[bool, typer.Option("--decode", help="Decode a sample of the frames.")] = False,
    jobs: Annotated[
        int,
        typer.Option(
            "-j", "--jobs", min=0, help="Processes; 0 (default): one for each core, if there are many files."
        ),
    ] = 0,
    all_dicom: Annotated[
        bool, typer.Option("--all-dicom", help="A file in a folder that is not DICOM is a finding.")
    ] = False,
    expect: Annotated[
        int | None,
        typer.Option("--expect", min=0, help="The number of instances; fewer or more is a finding."),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Follow links to folders outside of the folder that is named.")
    ] = False,
    baseline: Annotated[
        str | None,
        typer.Option(help="Only findings that this baseline does not know (`dcmlint baseline write`)."),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            help="The folder that the files were made from: only findings that it does not have; the others are counted."
        ),
    ] = None,
    isolated: Isolated = False,
    exit_zero: ExitZero = False,
    diff: Annotated[
        bool,
        typer.Option(
            "--diff", help="Show what `dcmlint fix` would change, and nothing else; 1 if something would."
        ),
    ] = False,
    unsafe: Annotated[
        bool,
        typer.Option("--unsafe-fixes", help="With --diff: what `dcmlint fix --unsafe-fixes` would change."),
    ] = False,
    statistics: Annotated[
        bool, typer.Option("--statistics", help="Count the outcomes of every rule.")
    ] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    color: Color = "auto",
    debug: Debug = False,
) -> int:
    """Check DICOM files: one, many, folders, archives.

    Examples: dcmlint check slide/ -p wsi; dcmlint check study.zip -f html=report.html -f junit=report.xml;
    dcmlint check archive/ --baseline known.json
    """
    from dcmlint.cli.outputs import Outputs
    from dcmlint.engine.accepted import check_entries
    from dcmlint.engine.processes import check_inputs
    from dcmlint.engine.session import Checker, Totals
    from dcmlint.profiles.profile_text import not_checked_line
    from dcmlint.sources.input import Selection
    from dcmlint.sources.inputs import list_inputs, open_input

    started = time.monotonic()
    if not paths and files_from is None:
        raise UsageError("nothing to check: name a file or a folder")
    run = run_of(
        further=_further(order, rules), profile=",".join(profile) if profile else None, parameter=parameter, config=config, isolated=isolated, select=select, ignore=ignore,
        extend_select=extend_select, extend_ignore=extend_ignore, severity=severity, fail_on=fail_on, format_=format_,
        show=show, show_values=show_values, mask_uids=mask_uids, max_per_rule=max_per_rule, quiet=quiet, verbose=verbose, color=color,
        group=group, frames=frames, decode=decode, all_dicom=all_dicom, expect=expect,
        exhibits=any(one.partition("=")[0] == "html" for one in format_ or ()),
    )  # fmt: skip
    checker = Checker(run.settings)
    if checker.profile.not_checked and not quiet:
        print(not_checked_line(checker.profile), file=sys.stderr)
    known = _baseline(baseline, run)
    if diff:
        return _diff(checker, paths or [], files_from, unsafe, run, verbose)
    source = _source_of(checker, against, jobs or run.base.jobs) if against is not None else None
    check_entries(run.base.accepted, checker, run.config or "")
    totals = Totals(checker)
    selection = Selection(tuple(include or run.base.include), tuple(exclude or run.base.exclude), follow)
    inputs = list_inputs(paths or [], files_from=files_from, selection=selection)
    outputs = Outputs(run.outputs, paths or ())
    interrupted = False
    try:
        with counter(
            quiet, None if files_from or include or exclude else total_of(paths or [], quiet)
        ) as tick:
            for _, result in check_inputs(checker, inputs, open_input, jobs or run.base.jobs):
                totals.add(result)
                tick()
    except KeyboardInterrupt:
        interrupted = True
        print("interrupted: the report is of what was checked until now", file=sys.stderr)
    report = totals.report(started=started, fail_on=run.fail_on, config=run.config)
    report = _adopted(report, run, checker, known, source, quiet)
    with outputs:
        outputs.write(report, run.text, checker.rules)
    if statistics:
        _statistics(report)
    return INTERRUPTED if interrupted else exit_code(report, exit_zero)


def _diff(
    checker: Any, paths: list[str], files_from: str | None, unsafe: bool, run: Any, verbose: bool
) -> int:
    """What would be repaired, in place of a report."""
    from dcmlint.cli.fix import show
    from dcmlint.fixes.choice import Choice
    from dcmlint.fixes.run import Target, fix_inputs
    from dcmlint.sources.inputs import list_inputs, open_input

    as_json = any(name in ("json", "jsonl") for name, _ in run.outputs)
    inputs = list_inputs(paths, files_from=files_from)
    outcomes = fix_inputs(checker, inputs, open_input, Choice(unsafe=unsafe), Target())
    return show(outcomes, "json" if as_json else "text", True, run.text.quiet, verbose)


def _further(order: list[str] | None, rules: list[str] | None) -> dict[str, Any]:
    """What --order and --rules name, for the profile."""
    from dcmlint.profiles.orders import read_orders
    from dcmlint.profiles.resolve import ORDERS, RULES

    made: dict[str, Any] = {}
    if order:
        made[ORDERS] = [one for name in order for one in read_orders(name)]
    if rules:
        made[RULES] = list(rules)
    return made


def _baseline(given: str | None, run: Any) -> Any:
    name = given or run.base.baseline
    if not name:
        return None
    from pathlib import Path

    from dcmlint.engine.baseline import read_baseline

    return read_baseline(Path(name))


def _source_of(checker: Any, folder: str, jobs: int) -> Any:
    """The report of the files that others were made from."""
    from dcmlint.engine.processes import totals_of
    from dcmlint.sources.inputs import list_inputs, open_input

    totals = totals_of(checker, list_inputs([folder]), open_input, jobs)
    return totals.report(started=time.monotonic(), fail_on=None, config=None)


def _adopted(report: Any, run: Any, checker: Any, known: Any, source: Any, quiet: bool) -> Any:
    """The report without what is known, inherited or accepted; how much of each is said on standard error."""
    import datetime

    said: list[str] = []
    if known is not None:
        from dcmlint.engine.baseline import split, suppressed

        which, gone = split(report, known)
        new = len(which) - sum(which)
        report = suppressed(report, which)
        said.append(
            f"baseline: {sum(which)} known, {new} new, {sum(one.count for one in gone)} no longer found"
        )
    if source is not None:
        from dcmlint.engine.baseline import suppressed
        from dcmlint.engine.inherited import compared

        found = compared(report, source)
        report = suppressed(report, found.inherited)
        said.append(
            f"against the source: {sum(found.inherited)} inherited, {found.new} new, {found.cured} cured"
        )
    if run.base.accepted:
        from dcmlint.engine.accepted import without_accepted

        report, refused = without_accepted(report, run.base.accepted, checker, datetime.date.today())
        said += [f"{rule} is locked by the profile: its findings cannot be accepted" for rule in refused]
    said += [
        f"{rule} is locked by the profile: --ignore does not switch it off"
        for rule in sorted(checker.profile.locked)
        if rule in checker.rules and not set(run.settings.ignore).isdisjoint(checker.rules[rule].words)
    ]
    for line in said if not quiet else ():
        print(line, file=sys.stderr)
    return report


def _statistics(report: Any) -> None:
    print("\nrule       pass   fail  not appl.  undecided  error", file=sys.stderr)
    for rule, row in sorted(report.outcomes.items()):
        if row["fail"] or row["undecided"] or row["error"]:
            print(
                f"{rule:9}{row['pass']:6}{row['fail']:7}{row['not_applicable']:11}{row['undecided']:11}{row['error']:7}",
                file=sys.stderr,
            )
