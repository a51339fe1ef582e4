"""`dcmlint gate`: the gate before an archive, and what its operators ask it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import time
from typing import Annotated, Any

import typer

from dcmlint.cli.app import app
from dcmlint.cli.help import Commands
from dcmlint.errors import InputError, UsageError
from dcmlint.plural import number_of

gates = typer.Typer(
    cls=Commands,
    help="Run a gate that checks before an archive.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(gates, name="gate")

_DESCRIPTORS = 1 << 16

ConfigFile = Annotated[
    Path, typer.Option("-c", "--config", metavar="FILE", help="The configuration, gate.toml.")
]


@gates.callback()
def _gates() -> None:
    """Receive from scanners, check, and forward to an archive: no acknowledged instance is lost."""


@gates.command("run")
def run(config: ConfigFile = Path("gate.toml")) -> int:
    """Run the gate until it is terminated; what is not yet forwarded continues at the next start."""
    need_gate()
    from dcmlint.gate.alerts import Alerts
    from dcmlint.gate.audit_trail import audit_trail
    from dcmlint.gate.config import read_config
    from dcmlint.gate.logs import json_log, libraries_to, on_defect
    from dcmlint.gate.metrics import Metrics
    from dcmlint.gate.observer import Observer
    from dcmlint.gate.running import Gate
    from dcmlint.gate.serving import stow_server
    from dcmlint.gate.watch_verdict import folder_watcher
    from dcmlint.gate.web import WebServer

    settings = read_config(config)
    os.umask(0o077)  # spool and journal hold patients' data
    # Waited for below. A handler would run in this thread only, which nothing wakes when the kernel gives the
    # signal to another one.
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    import resource  # POSIX only, as the gate is

    # Each connection is a descriptor, and a gate without one cannot open a file.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    log = json_log()
    threading.excepthook = on_defect(log)
    libraries_to(log)
    metrics = Metrics()
    alerts = Alerts(settings.alert, log) if settings.alert.url else None
    audit = audit_trail(settings, config.parent, log) if settings.audit.host else None
    observers: list[Observer] = [metrics, *(one for one in (alerts, audit) if one is not None)]
    gate = Gate(settings, config.parent, log=log, observers=tuple(observers))
    metrics.watch(gate)
    if audit is not None:
        audit.watch(gate.journal)
    page = WebServer(gate, metrics, settings.page.host, settings.page.port) if settings.page.port else None
    watchers = [folder_watcher(gate, one, config.parent, log) for one in settings.watch]
    stow = stow_server(gate, settings, config.parent) if settings.stow.port else None
    try:
        gate.start()
        if alerts is not None:
            alerts.watch(gate)
        if audit is not None:
            audit.start()
        if page is not None:
            page.start()
            log("page", port=page.port)
        if stow is not None:
            stow.start()
            log("STOW-RS", port=stow.port)
        for watcher in watchers:
            watcher.start()
        signal.sigwait(ends)
    finally:
        for watcher in watchers:
            watcher.end()  # all at once: together they have as long as one
        for watcher in watchers:
            watcher.stop(1.5)
        for server in (stow, page):
            if server is not None:
                server.stop()
        if alerts is not None:
            alerts.stop()
        gate.stop(5.0)
        if audit is not None:
            audit.stop(1.0)
    return 0


@gates.command("status")
def status(config: ConfigFile = Path("gate.toml")) -> int:
    """Show the number of instances by state, the queues, and the age of the oldest held instance."""
    from dcmlint.gate import operate
    from dcmlint.gate.words import status_lines
    from dcmlint.reports.border import printable

    with journal_of(config) as (journal, _):
        print("\n".join(printable(line) for line in status_lines(operate.summary(journal), time())))
    return 0


@gates.command("explain")
def explain(
    uid: Annotated[str, typer.Argument(metavar="UID", help="A SOP Instance UID.")],
    config: ConfigFile = Path("gate.toml"),
) -> int:
    """Show where an instance is and why: all its events."""
    from dcmlint.gate.explain import explain as lines_of
    from dcmlint.gate.operate import as_text
    from dcmlint.reports.border import printable

    with journal_of(config) as (journal, _):
        lines = list(lines_of(journal, as_text(uid)))
    if not lines:
        raise UsageError(f"{as_text(uid)}: no instance with this UID was received")
    print("\n".join(printable(line) for line in lines))
    return 0


@gates.command("audit")
def audit(config: ConfigFile = Path("gate.toml")) -> int:
    """Check that rows, files and digests agree.  Ends with 1 if any does not."""
    from dcmlint.gate import operate
    from dcmlint.reports.border import printable

    with journal_of(config) as (journal, spool):
        found = operate.audit(journal, spool)
        rows = journal.read("SELECT count(*) FROM instances")[0][0]
    for one in found:
        print(printable(one))
    print(f"{number_of(rows, 'instance')}: {number_of(len(found), 'disagreement')}")
    return 1 if found else 0


@gates.command("check")
def check(
    config: ConfigFile = Path("gate.toml"),
    offline: Annotated[bool, typer.Option("--offline", help="Ask no destination.")] = False,
) -> int:
    """Check the configuration, the profile, the disk and each destination."""
    need_gate()
    from dcmlint.gate.preflight import preflight
    from dcmlint.reports.border import printable

    good = True
    for step in preflight(config, offline=offline):
        good = good and step.good
        word = "FAIL" if not step.good else "warn" if step.warns else "ok  "
        print(printable(f"{word}  {step.what}"))
    return 0 if good else 4


def need_gate() -> None:
    """Raise ``UsageError`` where the gate cannot run."""
    from importlib.util import find_spec

    if os.name != "posix":
        raise UsageError("the gate needs the file locks and fsync of a POSIX system")
    missing = [
        name
        for name in ("structlog", "prometheus_client", "python_multipart", "starlette", "uvicorn")
        if find_spec(name) is None
    ]
    if missing:
        raise UsageError(
            f"the gate needs the extra 'gate' ({', '.join(missing)} not installed): pip install 'dcmlint[gate]'"
        )


@contextmanager
def journal_of(config: Path) -> Iterator[tuple[Any, Path]]:
    """The journal of a configuration and its spool; what cannot be read or written in it is an ``InputError``."""
    import sqlite3

    from dcmlint.gate.config import read_config, relative
    from dcmlint.gate.operate import open_journal

    settings = read_config(config)
    spool = Path(relative(config.parent, settings.spool))
    try:
        journal = open_journal(spool, [one.name for one in settings.forward])
        try:
            yield journal, spool
        finally:
            journal.close()
    except sqlite3.Error as error:
        raise InputError(f"{spool}: the journal cannot be used: {error}") from None
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        raise InputError(what) from None
