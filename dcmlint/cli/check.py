"""`dcmlint check`: hold files to the standard and to a profile."""

from __future__ import annotations

import gc
import os
import sys
import time
from typing import Annotated, Any

import typer

from dcmlint.cli import completion
from dcmlint.cli.app import EXIT_CODES, app
from dcmlint.cli.help import INPUT, KNOWN, REPORT, RULES, explained
from dcmlint.cli.interrupts import held_back
from dcmlint.cli.options import (
    Color,
    Config,
    Debug,
    Edition,
    Exclude,
    ExitZero,
    FailOn,
    FilesFrom,
    Frames,
    Ignore,
    Include,
    Isolated,
    Jobs,
    MaskUids,
    Parameters,
    Profiles,
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

# Objects that are made before the collector looks at the young ones: a file of many items makes some hundred thousand, of
# which nearly none goes before its check ends.
_COLLECT_AFTER = 10_000


@app.command(
    **explained(
        "dcmlint check slide/ -p wsi",
        "dcmlint check study.zip -f html=report.html -f junit=report.xml",
        "dcmlint check archive/ --baseline known.json",
        "dcmlint check converted/ --against scanned/",
        codes=EXIT_CODES,
    )
)
def check(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH...", help="Files, folders and archives; - reads standard input."),
    ] = None,
    files_from: FilesFrom = None,
    include: Include = None,
    exclude: Exclude = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Follow links to folders outside the given folder.", rich_help_panel=INPUT)
    ] = False,
    all_dicom: Annotated[
        bool,
        typer.Option("--all-dicom", help="Report files in folders that are not DICOM as findings.", rich_help_panel=INPUT),
    ] = False,
    expect: Annotated[
        int | None,
        typer.Option(
            "--expect", min=0, metavar="N", help="The expected number of instances; another number is a finding.",
            rich_help_panel=INPUT,
        ),
    ] = None,
    frames: Frames = None,
    decode: Annotated[
        bool, typer.Option("--decode", help="Also decode a sample of the frames.", rich_help_panel=INPUT)
    ] = False,
    profile: Profiles = None,
    parameter: Parameters = None,
    order: Annotated[
        list[str] | None,
        typer.Option(
            "--order", metavar="FILE", help="Orders (.json, .csv, .hl7) with which the profile compares attributes.",
            rich_help_panel=RULES,
        ),
    ] = None,
    rules: Annotated[
        list[str] | None,
        typer.Option(
            "--rules", metavar="PATH", help="Also apply your own rule files or folders of them.", rich_help_panel=RULES
        ),
    ] = None,
    select: Select = None,
    ignore: Ignore = None,
    extend_select: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RULES", help="Apply these rules in addition.", autocompletion=completion.rules, rich_help_panel=RULES
        ),
    ] = None,
    extend_ignore: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RULES", help="Ignore these rules in addition.", autocompletion=completion.rules, rich_help_panel=RULES
        ),
    ] = None,
    severity: Severities = None,
    edition: Edition = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Report only findings that are not in this baseline (see dcmlint baseline write).",
            rich_help_panel=KNOWN,
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER", help="The files from which the checked ones were made: report only new findings.",
            rich_help_panel=KNOWN,
        ),
    ] = None,
    format_: Annotated[
        list[str] | None,
        typer.Option(
            "-f", "--format", metavar="FORMAT[=FILE]",
            help="Write a report in this format, to a file or to standard output. Repeatable. "
            f"Formats: {', '.join(format_names())}.",
            autocompletion=completion.formats, rich_help_panel=REPORT,
        ),
    ] = None,
    show: Show = None,
    show_values: ShowValues = None,
    mask_uids: MaskUids = False,
    thumbnails: Annotated[
        bool,
        typer.Option(
            "--thumbnails",
            help="In HTML, show thumbnails of the images. They can show patient data, such as a label.",
            rich_help_panel=REPORT,
        ),
    ] = False,
    max_per_rule: Annotated[
        int,
        typer.Option(
            min=0, metavar="N", help="In text, findings of one rule per file; 0 shows all.", rich_help_panel=REPORT
        ),
    ] = 10,
    group: Annotated[
        bool,
        typer.Option("--group/--no-group", help="Merge repeats over frames and items.", rich_help_panel=REPORT),
    ] = True,
    statistics: Annotated[
        bool, typer.Option("--statistics", help="Print the outcomes of every rule.", rich_help_panel=REPORT)
    ] = False,
    diff: Annotated[
        bool,
        typer.Option(
            "--diff", help="Print what dcmlint fix would change, instead of a report.", rich_help_panel=REPORT
        ),
    ] = False,
    unsafe: Annotated[
        bool, typer.Option("--unsafe-fixes", help="With --diff: include unsafe repairs.", rich_help_panel=REPORT)
    ] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    color: Color = "auto",
    config: Config = None,
    isolated: Isolated = False,
    fail_on: FailOn = None,
    exit_zero: ExitZero = False,
    jobs: Jobs = 0,
    debug: Debug = False,
) -> int:  # fmt: skip
    """Check DICOM files, slides and archives of files against the standard and a profile."""
    gc.disable()  # until all that stays is there
    from dcmlint.cli.outputs import Outputs
    from dcmlint.engine.processes import check_inputs
    from dcmlint.engine.session import Checker
    from dcmlint.engine.stream import deliver
    from dcmlint.engine.totals import Totals
    from dcmlint.profiles.profile_text import not_checked_line
    from dcmlint.reports.writer import head_for
    from dcmlint.sources.input import Selection
    from dcmlint.sources.inputs import list_inputs, open_input

    started = time.monotonic()
    if not paths and files_from is None:
        raise UsageError("nothing to check: name a file or a folder")
    if unsafe and not diff:
        raise UsageError("--unsafe-fixes: only with --diff, which shows repairs; dcmlint fix makes them")
    run = run_of(
        further=_further(order, rules), profile=",".join(profile) if profile else None, parameter=parameter, config=config, isolated=isolated, select=select, ignore=ignore,
        extend_select=extend_select, extend_ignore=extend_ignore, severity=severity, fail_on=fail_on, format_=format_,
        show=show, show_values=show_values, mask_uids=mask_uids, max_per_rule=max_per_rule, quiet=quiet, verbose=verbose, color=color,
        group=group, frames=frames, decode=decode, edition=edition, all_dicom=all_dicom, expect=expect,
        thumbnails=thumbnails,
        exhibits=any(one.partition("=")[0] == "html" for one in format_ or ()),
    )  # fmt: skip
    checker = Checker(run.settings)
    if order:
        _order_is_asked_for(checker)
    # What is there now stays: the collector need not look at it again, and looks at the rest more often.
    gc.freeze()
    gc.enable()
    gc.set_threshold(_COLLECT_AFTER, 10, 10)
    if checker.profile.not_checked and not quiet:
        print(not_checked_line(checker.profile), file=sys.stderr)
    selection = Selection(tuple(include or run.base.include), tuple(exclude or run.base.exclude), follow)
    inputs = list_inputs(paths or [], files_from=files_from, selection=selection)
    if diff:
        return _diff(checker, inputs, unsafe, run, baseline, verbose, jobs or run.base.jobs)
    known = _baseline(baseline, run)
    source = _source_of(checker, against, jobs or run.base.jobs) if against is not None else None
    if run.base.accepted:
        from dcmlint.engine.accepted import check_entries

        check_entries(run.base.accepted, checker, run.config or "")
    interrupted = False
    with Outputs(run.outputs, paths or ()) as outputs:
        outputs.start(head_for(checker, config=run.config, fail_on=run.fail_on, text=run.text))
        # What is known, inherited or accepted is only clear when everything was checked.
        waits = known is not None or source is not None or bool(run.base.accepted)
        totals = Totals(checker) if waits else Totals(checker, outputs)
        silent = quiet or outputs.prints
        try:
            with counter(
                silent, None if files_from or include or exclude else total_of(paths or [], silent)
            ) as tick:
                for _, result in check_inputs(checker, inputs, open_input, jobs or run.base.jobs, apart=True):
                    with held_back():
                        totals.add(result)
                        outputs.flush()
                    tick()
        except KeyboardInterrupt:
            interrupted = True
            print("interrupted: the report covers what was checked so far", file=sys.stderr)
        if waits:
            report = totals.report(started=started, fail_on=run.fail_on, config=run.config)
            report = _adopted(report, run, checker, known, source)
            deliver(report, [outputs])
            closing = report.closing()
        else:
            closing = totals.close(started=started, fail_on=run.fail_on)
    if outputs.files_only and not quiet:
        from dcmlint.reports.border import printable
        from dcmlint.reports.words import VERDICTS, counts_of

        # Without it, whoever looks at the terminal sees an exit code alone.
        said = f"{VERDICTS[closing.exit_code]}  {counts_of(closing.summary)}"
        print(printable(f"{said}; written: {', '.join(outputs.files_only)}"), file=sys.stderr)
    _say_locked(checker, run)
    if statistics:
        _statistics(closing)
    return INTERRUPTED if interrupted else exit_code(closing, exit_zero)


def _diff(
    checker: Any, inputs: Any, unsafe: bool, run: Any, baseline: str | None, verbose: bool, jobs: int
) -> int:
    """What would be repaired, in place of a report."""
    from dcmlint.cli.fix import show, spared
    from dcmlint.fixes.choice import Choice
    from dcmlint.fixes.processes import fix_many
    from dcmlint.fixes.run import Target
    from dcmlint.fixes.whole_set import over_the_set
    from dcmlint.sources.inputs import open_input

    choice = Choice(unsafe=unsafe, spared=spared(checker, run, baseline))
    if unsafe:
        inputs = list(inputs)
        choice = over_the_set(checker, inputs, open_input, choice, False)
    outcomes = fix_many(checker, inputs, open_input, choice, Target(), jobs)
    as_json = any(name in ("json", "jsonl") for name, _ in run.outputs)
    return show(outcomes, "json" if as_json else "text", True, run.text.quiet, verbose, run.text.colour)


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


def _order_is_asked_for(checker: Any) -> None:
    """An order that no row names would be compared with nothing, and nobody would know."""
    from dcmlint.profiles.attributes import placed_rows

    profile = checker.profile
    if not any(placed.row.source for link in profile.chain for placed in placed_rows(link.profile)):
        raise UsageError(f"--order: no row of {profile.name} has an order as its source (source: order)")


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

    if "://" not in folder and not os.path.exists(folder):
        raise UsageError(f"--against {folder}: no such file or folder")
    totals = totals_of(checker, list_inputs([folder]), open_input, jobs)
    return totals.report(started=time.monotonic(), fail_on=None, config=None)


def _adopted(report: Any, run: Any, checker: Any, known: Any, source: Any) -> Any:
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
        said += [f"{rule} is locked by the profile: its findings cannot be ignored" for rule in refused]
    for line in said if not run.text.quiet else ():
        print(line, file=sys.stderr)
    return report


def _say_locked(checker: Any, run: Any) -> None:
    for rule in sorted(checker.profile.locked) if not run.text.quiet else ():
        if rule in checker.rules and not set(run.settings.ignore).isdisjoint(checker.rules[rule].words):
            print(f"{rule} is locked by the profile: --ignore does not switch it off", file=sys.stderr)


def _statistics(closing: Any) -> None:
    print("\nrule       pass   fail  not appl.  undecided  error", file=sys.stderr)
    for rule, row in sorted(closing.outcomes.items()):
        if row["fail"] or row["undecided"] or row["error"]:
            print(
                f"{rule:9}{row['pass']:6}{row['fail']:7}{row['not_applicable']:11}{row['undecided']:11}{row['error']:7}",
                file=sys.stderr,
            )
