"""`dcmlint baseline`: adopt dcmlint on files that have findings already; only new ones fail then."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from dcmlint.cli.app import app
from dcmlint.cli.help import Commands, one_of
from dcmlint.cli.options import Config, Isolated, Jobs
from dcmlint.errors import UsageError, did_you_mean

baselines = typer.Typer(
    cls=Commands, help="Baselines of known findings: with check --baseline FILE, only new findings fail.",
    no_args_is_help=True, rich_markup_mode=None,
)  # fmt: skip
app.add_typer(baselines, name="baseline")

File = Annotated[
    str, typer.Argument(metavar="FILE", help="The baseline, a JSON file with paths and UIDs but no values.")
]
Paths = Annotated[list[str], typer.Argument(metavar="PATH...", help="Files, folders, archives.")]
Profile = Annotated[
    str | None,
    typer.Option("-p", "--profile", metavar="PROFILE", help="The profile.  [default: of the configuration]"),
]


@baselines.command("write")
def write(
    file: File, paths: Paths, profile: Profile = None,
    fingerprint: Annotated[
        str, typer.Option(help="How files are recognized: path (also in a moved folder), uid (also renamed).", **one_of("path", "uid"))
    ] = "path",
    jobs: Jobs = 0, config: Config = None, isolated: Isolated = False,
) -> int:  # fmt: skip
    """Check, and write all findings to a baseline."""
    from dcmlint.engine.baseline import baseline_of

    if fingerprint not in ("path", "uid"):
        raise UsageError(
            f"--fingerprint {fingerprint}: {did_you_mean(fingerprint, ('path', 'uid'), 'path or uid')}"
        )
    made = baseline_of(_report(paths, profile, config, isolated, jobs), fingerprint)  # type: ignore[arg-type]
    _save(file, made)
    print(f"{file}: {sum(one.count for one in made.findings)} findings")
    return 0


@baselines.command("show")
def show(file: File) -> int:
    """Count the findings of a baseline by rule."""
    from dcmlint.cli.terminal import utf8_output
    from dcmlint.engine.baseline import read_baseline
    from dcmlint.reports.border import printable

    utf8_output()
    found = read_baseline(Path(file))
    counts: Counter[str] = Counter()
    for one in found.findings:
        counts[one.rule] += one.count
    for rule, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        print(f"{count:8}  {printable(rule)}")
    print(
        f"{sum(counts.values()):8}  findings, profile {printable(found.profile)}, fingerprint {found.fingerprint}"
    )
    return 0


@baselines.command("prune")
def prune(
    file: File,
    paths: Paths,
    profile: Profile = None,
    jobs: Jobs = 0,
    config: Config = None,
    isolated: Isolated = False,
) -> int:
    """Check again, and remove findings that no longer occur."""
    from dcmlint.engine.baseline import pruned, read_baseline

    before = read_baseline(Path(file))
    after = pruned(_report(paths, profile or before.profile, config, isolated, jobs), before)
    _save(file, after)
    kept = sum(one.count for one in after.findings)
    print(f"{file}: {sum(one.count for one in before.findings) - kept} removed, {kept} kept")
    return 0


def _report(paths: list[str], profile: str | None, config: str | None, isolated: bool, jobs: int) -> Any:
    from dcmlint.cli.running import run_of
    from dcmlint.engine.processes import totals_of
    from dcmlint.engine.session import Checker
    from dcmlint.sources.input import Selection
    from dcmlint.sources.inputs import list_inputs, open_input

    run = run_of(
        profile=profile, parameter=None, config=config, isolated=isolated, select=None, ignore=None, severity=None, fail_on=None,
        format_=None, show=None, show_values=None, quiet=True, verbose=False, color="never",
    )  # fmt: skip
    inputs = list_inputs(paths, selection=Selection(run.base.include, run.base.exclude, False))
    totals = totals_of(Checker(run.settings), inputs, open_input, jobs or run.base.jobs)
    report = totals.report(started=time.monotonic(), fail_on=None, config=None)
    if not report.files:
        raise UsageError("there is no input: nothing was written")
    return report


def _save(file: str, baseline: Any) -> None:
    from dcmlint.cli.outputs import replace_file
    from dcmlint.engine.baseline import baseline_bytes

    replace_file(file, baseline_bytes(baseline))
