"""`dcmlint scan`: check an archive in shards, with the results in Parquet."""

from __future__ import annotations

import datetime
import sys
from typing import Annotated, Any

import typer

from dcmlint.cli import completion
from dcmlint.cli.app import EXIT_CODES, app
from dcmlint.cli.help import explained
from dcmlint.cli.options import (
    Config,
    Debug,
    Exclude,
    ExitZero,
    FailOn,
    Frames,
    Ignore,
    Include,
    Isolated,
    MaskUids,
    Parameters,
    Profiles,
    Quiet,
    Select,
    Severities,
    ShowValues,
)
from dcmlint.errors import InputError, UsageError
from dcmlint.plural import number_of

INTERRUPTED, INCOMPLETE = 130, 4
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


@app.command(
    **explained(
        "dcmlint scan archive/ --out findings/",
        "dcmlint scan s3://bucket/prefix --out findings/ --one-per-series",
        "dcmlint query findings/ worst-series",
        codes=EXIT_CODES,
    )
)
def scan(
    source: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE...", help="Folders and files, or one URL: s3://, gs://, az://, https://, sftp://, dicomweb+https://, dicom://, dicom+tls://."),
    ],
    out: Annotated[str, typer.Option("-o", "--out", metavar="FOLDER", help="The folder of results; an interrupted scan is continued.")],
    profile: Profiles = None,
    parameter: Parameters = None,
    engine: Annotated[str, typer.Option(metavar="ENGINE", help="local, dask, or dask=SCHEDULER.", autocompletion=completion.engines)] = "local",
    jobs: Annotated[int, typer.Option("-j", "--jobs", min=0, metavar="N", help="Processes on this machine; 0: one per core.")] = 0,
    shard_size: Annotated[int, typer.Option(min=1, max=100_000, metavar="N", help="Maximum number of objects in a shard.")] = 2000,
    keys: Annotated[
        str | None, typer.Option("--keys", metavar="FILE", help="Read keys from the column key of this CSV or Parquet file instead of listing the source.")
    ] = None,
    one_per_series: Annotated[
        bool, typer.Option("--one-per-series", help="Check only the first object of each folder (of each series of a server).")
    ] = False,
    sample: Annotated[str | None, typer.Option(metavar="SHARE", help="Check a sample, such as 1%; the same objects in every run.")] = None,
    since: Annotated[str | None, typer.Option(metavar="DATE", help="Check objects modified on or after this date (of a server: studies), such as 2026-01-31.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Check objects modified before this date (of a server: studies).")] = None,
    modality: Annotated[str | None, typer.Option(metavar="MODALITY", help="Check only this modality, on a server or with a column modality in --keys.")] = None,
    include: Include = None,
    exclude: Exclude = None,
    option: Annotated[
        list[str] | None, typer.Option("--source-option", metavar="NAME=VALUE", help="An option of the client of the source, such as region=eu-west-1. Repeatable.")
    ] = None,
    sender: Annotated[
        str, typer.Option(metavar="REGEX", help="A regular expression for keys, whose first group is the sender.")
    ] = "",
    time_limit: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="Time limit for one file; 0: no limit.")] = 300,
    memory_limit: Annotated[str, typer.Option(metavar="SIZE", help="Memory limit of a process with the local engine, such as 2G; 0: no limit.")] = "4G",
    cache: Annotated[
        bool, typer.Option("--cache/--no-cache", help="Reuse the findings of earlier runs for unchanged objects.")
    ] = True,
    key_file: Annotated[
        str, typer.Option("--key-file", metavar="FILE", help="The key (32 random bytes) of the hashes of identifying values.  [default: the file key in the folder of results, made when it is absent]")
    ] = "",
    fresh: Annotated[bool, typer.Option("--fresh", help="Start again, even if there is an interrupted scan.")] = False,
    select: Select = None,
    ignore: Ignore = None,
    severity: Severities = None,
    fail_on: FailOn = None,
    show_values: ShowValues = None,
    mask_uids: MaskUids = False,
    frames: Frames = None,
    config: Config = None,
    isolated: Isolated = False,
    exit_zero: ExitZero = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> int:  # fmt: skip
    """Check an archive: a folder, a bucket, a PACS; the results are Parquet files."""
    from dcmlint.cli.progress import counter
    from dcmlint.cli.running import pairs, run_of

    run = run_of(
        profile=",".join(profile) if profile else None, parameter=parameter, config=config, isolated=isolated, select=select,
        ignore=ignore, severity=severity, fail_on=fail_on, format_=None, show=None, show_values=show_values, quiet=quiet,
        verbose=False, color="auto", mask_uids=mask_uids, frames=frames,
    )  # fmt: skip
    try:
        from dcmlint.archive.arrow import load_arrow

        load_arrow()
        from dcmlint.archive.plan import Choice
        from dcmlint.archive.scan import ScanSettings
        from dcmlint.archive.scan import scan as run_scan
        from dcmlint.archive.work import Work
    except ImportError as error:
        raise _without_extra(error) from None
    from dcmlint.sources.input import Selection
    from dcmlint.sources.open_source import SourceSettings

    days = day_of("--since", since), day_of("--until", until)
    settings = ScanSettings(
        work=Work(
            settings=run.settings, time_limit=time_limit, memory_limit=_size(memory_limit), sender=sender,
            source=SourceSettings(
                names=tuple(source), options=pairs("--source-option", option), keys=keys or "", modality=modality or "",
                since=days[0], until=days[1],
                selection=Selection(tuple(include or run.base.include), tuple(exclude or run.base.exclude)),
            ),
        ),
        choice=Choice(share=_share(sample), one_per_series=one_per_series),
        engine=engine, jobs=jobs or run.base.jobs, shard_size=shard_size, cache=cache, fresh=fresh, fail_on=run.fail_on, key_file=key_file,
    )  # fmt: skip
    try:
        with counter(quiet) as tick:
            row = run_scan(out, settings, tick)
    except KeyboardInterrupt:
        print(f"interrupted: {out} has the results so far; run the same command to continue", file=sys.stderr)
        return INTERRUPTED
    except InputError as error:
        print(f"dcmlint: {error}; {out} has the results so far", file=sys.stderr)
        return INCOMPLETE
    if not quiet:
        _print(row, out)
    code = int(row["exit_code"])
    return 0 if exit_zero and code in (0, 1) else code


def _print(row: dict[str, Any], out: str) -> None:
    seconds = (row["ended"] - row["started"]).total_seconds()
    print(
        f"{number_of(row['instances'], 'instance')} of {number_of(row['keys'], 'object')}: {row['checked']} checked, {row['partial']} in part, "
        f"{row['unreadable']} unreadable; {row['skipped']} skipped, {number_of(row['reused'], 'object')} unchanged"
    )
    print(
        f"{number_of(row['errors'], 'error')}, {number_of(row['warnings'], 'warning')}, {row['infos']} information"
    )
    # Servers of DICOM do not tell sizes.
    of_listed = f" of {_bytes(row['bytes_listed'])}" if row["bytes_listed"] else ""
    print(
        f"{_bytes(row['bytes_read'])}{of_listed} read in {number_of(row['requests'], 'request')}, {seconds:.1f} s"
    )
    print(f"run {row['run']} in {out}; query it with: dcmlint query {out}")


def _bytes(count: int) -> str:
    size = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}" if unit != "bytes" else f"{count} bytes"
        size /= 1000
    return f"{size:.4g} TB"


def _without_extra(error: ImportError) -> UsageError:
    return UsageError(f"archives need {error.name}: pip install 'dcmlint[archive]'")


def _share(text: str | None) -> float:
    if text is None:
        return 1.0
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise UsageError(f"--sample {text}: a share such as 1% or 0.01")
    return share


def day_of(option: str, text: str | None) -> datetime.datetime | None:
    """The day that an option gives, at its beginning in UTC.  Raises `UsageError`."""
    if text is None:
        return None
    try:
        return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC)
    except ValueError:
        raise UsageError(f"{option} {text}: a day such as 2026-01-31") from None


def _size(text: str) -> int:
    number, unit = text.lower().removesuffix("b"), ""
    if number[-1:] in ("k", "m", "g"):
        number, unit = number[:-1], number[-1]
    try:
        return int(float(number) * _UNITS[unit])
    except ValueError:
        raise UsageError(f"--memory-limit {text}: a size such as 2G") from None
