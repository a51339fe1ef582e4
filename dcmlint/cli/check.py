"""`dcmlint check`: hold files to the standard and to a profile."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any, cast

import typer

from dcmlint.cli.app import app
from dcmlint.cli.progress import counter
from dcmlint.errors import UsageError

_LEVELS = ("error", "warning", "info")
FORMATS = ("full", "grouped", "concise", "json", "jsonl", "junit", "junit:all", "sarif")


@app.command()
def check(
    paths: Annotated[
        list[str] | None, typer.Argument(help="Files, folders, archives; - for standard input.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option("-p", "--profile", help="What to hold the files to; default: wsi.")
    ] = None,
    parameter: Annotated[
        list[str] | None, typer.Option("--set", help="A parameter of the profile: NAME=VALUE.")
    ] = None,
    config: Annotated[str | None, typer.Option(help="Read this configuration file.")] = None,
    files_from: Annotated[
        str | None, typer.Option(help="Read paths from this file, one a line; - for standard input.")
    ] = None,
    include: Annotated[
        list[str] | None, typer.Option(help="Look only at files in folders that match this pattern.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help="Leave out files in folders that match this pattern.")
    ] = None,
    select: Annotated[
        list[str] | None, typer.Option(help="Only these rules: id, area, name or tag, with commas.")
    ] = None,
    ignore: Annotated[list[str] | None, typer.Option(help="Not these rules.")] = None,
    extend_select: Annotated[list[str] | None, typer.Option(help="These rules too.")] = None,
    extend_ignore: Annotated[list[str] | None, typer.Option(help="Nor these rules.")] = None,
    severity: Annotated[list[str] | None, typer.Option(help="RULE=error|warning|info")] = None,
    fail_on: Annotated[
        str | None, typer.Option(help="The least severity that fails: error (default), warning, info, never.")
    ] = None,
    format_: Annotated[
        list[str] | None,
        typer.Option("-f", "--format", help=f"FORMAT[=FILE], repeatable: {', '.join(FORMATS)}."),
    ] = None,
    show: Annotated[str, typer.Option(help="The least severity that text shows.")] = "warning",
    show_values: Annotated[
        str | None, typer.Option(help="Values in reports: safe (default), none, all.")
    ] = None,
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
    isolated: Annotated[bool, typer.Option("--isolated", help="Read no configuration file.")] = False,
    exit_zero: Annotated[bool, typer.Option("--exit-zero", help="End with 0 whatever was found.")] = False,
    statistics: Annotated[
        bool, typer.Option("--statistics", help="Count the outcomes of every rule.")
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Only findings.")] = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Every file, and information too.")
    ] = False,
    color: Annotated[str, typer.Option(help="auto, always, never.")] = "auto",
) -> int:
    """Check DICOM files: one, many, folders, archives."""
    from dcmlint.cli.config import Config
    from dcmlint.cli.options import utf8_output
    from dcmlint.engine.session import Checker, Totals
    from dcmlint.engine.settings import Settings
    from dcmlint.profiles.parameters import environment_parameters
    from dcmlint.profiles.words import not_checked_line
    from dcmlint.sources.inputs import Selection, list_inputs

    utf8_output()
    started = time.monotonic()
    if not paths and files_from is None:
        raise UsageError("nothing to check: name a file or a folder")
    found, shown = _config(config, isolated)
    base = found or Config()
    limit = _one_of("--fail-on", fail_on or base.fail_on or "error", (*_LEVELS, "never"))
    _one_of("--show", show, _LEVELS)
    outputs = _outputs(format_ or [])
    settings = Settings(
        profile=profile or base.profile or "wsi", select=_words(select) or base.select,
        ignore=_words(ignore) or base.ignore, extend_select=(*base.extend_select, *_words(extend_select)),
        extend_ignore=(*base.extend_ignore, *_words(extend_ignore)),
        severity={**_levels(base.severity), **_severities(severity)},
        show_values=cast(Any, _one_of("--show-values", show_values or base.show_values or "safe", ("safe", "none", "all"))),
        group=group, frames=_one_of("--frames", frames or base.frames or "auto", ("auto", "all", "sample", "none")),
        decode=decode, jobs=jobs, parameters={**base.parameters, **environment_parameters(), **_parameters(parameter)},
    )  # fmt: skip
    checker = Checker(settings)
    if checker.profile.not_checked and not quiet:
        print(not_checked_line(checker.profile), file=sys.stderr)
    totals = Totals(checker)
    selection = Selection(tuple(include or base.include), tuple(exclude or base.exclude))
    inputs = list_inputs(paths or [], files_from=files_from, selection=selection)
    with counter(quiet) as tick:
        for result in _results(checker, inputs, settings):
            totals.add(result)
            tick()
    report = totals.report(
        started=started, fail_on=None if limit == "never" else cast(Any, limit), config=shown
    )
    for name, target in outputs:
        _write(report, name, target, rules=checker.rules, show="info" if verbose else show, max_per_rule=max_per_rule, quiet=quiet,
               verbose=verbose, color=color)  # fmt: skip
    if statistics:
        _statistics(report)
    return 0 if exit_zero and report.exit_code in (0, 1) else report.exit_code


def _results(checker: Any, inputs: Any, settings: Any) -> Iterator[Any]:
    from dcmlint.engine.processes import run_in_processes, worker_count
    from dcmlint.engine.session import Task
    from dcmlint.sources.inputs import open_input

    workers = worker_count(settings.jobs)
    if workers == 1:
        for one in inputs:
            yield checker.check(Task(one.path, one.named), partial(open_input, one))
        return
    for _, result in run_in_processes(checker, inputs, open_input, workers):
        yield result


def _config(given: str | None, isolated: bool) -> tuple[Any, str | None]:
    """The configuration and how reports name its file."""
    from pathlib import Path

    from dcmlint.cli.config import find_config, read_config

    if given is not None:
        return read_config(Path(given)), given
    path = None if isolated else find_config()
    return (None, None) if path is None else (read_config(path), str(path))


def _one_of(option: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise UsageError(f"{option} {value}: one of {', '.join(allowed)}")
    return value


def _levels(values: dict[str, str]) -> dict[str, Any]:
    return _severities([f"{rule}={level}" for rule, level in values.items()])


def _parameters(values: list[str] | None) -> dict[str, str]:
    result: dict[str, str] = {}
    for value in values or ():
        name, found, text = value.partition("=")
        if not found:
            raise UsageError(f"--set {value}: NAME=VALUE")
        result[name.strip()] = text
    return result


def _words(values: list[str] | None) -> tuple[str, ...]:
    return tuple(word.strip() for value in values or () for word in value.split(",") if word.strip())


def _severities(values: list[str] | None) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for value in values or ():
        rule, found, level = value.partition("=")
        if not found or level not in _LEVELS:
            raise UsageError(f"--severity {value}: RULE={'|'.join(_LEVELS)}")
        result[rule] = level
    return result


def _outputs(values: list[str]) -> list[tuple[str, str | None]]:
    result: list[tuple[str, str | None]] = []
    for value in values:
        name, _, target = value.partition("=")
        if name not in FORMATS:
            raise UsageError(f"--format {name}: one of {', '.join(FORMATS)}")
        result.append((name, target or None))
    if sum(target is None for _, target in result) > 1:
        raise UsageError("two formats want standard output: give one of them a file, FORMAT=FILE")
    if not any(target is None for _, target in result) and not result:
        result.append(("auto", None))
    return result


def _write(
    report: Any,
    name: str,
    target: str | None,
    *,
    rules: dict[str, Any],
    show: str,
    max_per_rule: int,
    quiet: bool,
    verbose: bool,
    color: str,
) -> None:
    from dcmlint.cli.options import terminal_width, wants_colour
    from dcmlint.reports.json_ import write_json, write_jsonl
    from dcmlint.reports.junit import write_junit
    from dcmlint.reports.text import TextOptions, write_text

    if name in ("json", "jsonl"):
        parts = write_json(report) if name == "json" else write_jsonl(report)
    elif name == "sarif":
        from dcmlint.reports.sarif import write_sarif

        parts = write_sarif(report, rules)
    elif name.startswith("junit"):
        parts = write_junit(report, every_rule=name == "junit:all")
    else:
        options = TextOptions(
            width=terminal_width(sys.stdout) if target is None else 80,
            colour=target is None and wants_colour(color, sys.stdout), show=cast(Any, show),
            max_per_rule=max_per_rule, quiet=quiet, verbose=verbose,
        )  # fmt: skip
        parts = write_text(report, options, name)
    if target is None:
        for part in parts:
            sys.stdout.write(part)
        return
    try:
        with open(target, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as stream:
            stream.writelines(parts)
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror}") from None


def _statistics(report: Any) -> None:
    print("\nrule       pass   fail  not appl.  undecided  error", file=sys.stderr)
    for rule, row in sorted(report.outcomes.items()):
        if row["fail"] or row["undecided"] or row["error"]:
            print(
                f"{rule:9}{row['pass']:6}{row['fail']:7}{row['not_applicable']:11}{row['undecided']:11}{row['error']:7}",
                file=sys.stderr,
            )
