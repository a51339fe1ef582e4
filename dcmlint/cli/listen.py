"""`dcmlint listen`: receive from a sender, check what comes and how it comes."""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, cast

import typer

from dcmlint.cli.app import EXIT_CODES, app
from dcmlint.cli.option_types import (
    Color,
    Config,
    Debug,
    ExitZero,
    FailOn,
    Ignore,
    Isolated,
    LiveFormats,
    MaskUids,
    Parameters,
    Quiet,
    Select,
    Severities,
    Show,
    ShowValues,
    Verbose,
)
from dcmlint.errors import InputError, UsageError


@app.command(epilog=EXIT_CODES)
def listen(
    port: Annotated[int, typer.Argument(min=0, max=65535, help="The port; 0 takes a free one.")],
    profile: Annotated[
        str | None, typer.Option("-p", "--profile", help="What to hold instances to; default: wsi.")
    ] = None,
    parameter: Parameters = None,
    host: Annotated[
        str, typer.Option(help="The address to listen on; others than this machine reach 0.0.0.0.")
    ] = "127.0.0.1",
    ae: Annotated[
        list[str] | None, typer.Option(help="Answer only to this called AE title; default: to any.")
    ] = None,
    calling: Annotated[
        list[str] | None, typer.Option(help="Take only this calling AE title; default: any.")
    ] = None,
    cert: Annotated[str, typer.Option(help="Our certificate, in PEM: the line is TLS then.")] = "",
    key: Annotated[str, typer.Option(help="Its key, in PEM, where it is not in the same file.")] = "",
    ca: Annotated[str, typer.Option(help="Authorities of client certificates: one is demanded then.")] = "",
    out: Annotated[str, typer.Option(help="Keep what comes in this folder.")] = "",
    discard: Annotated[
        bool, typer.Option("--discard", help="Keep nothing (without --out, so it is).")
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="Stop when one sender is done.")] = False,
    settle: Annotated[
        float, typer.Option(help="Seconds without a connection after which a sender is done.", min=0.2)
    ] = 10.0,
    expect: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="The number of instances; fewer or more is a finding. With --once, stop when all are there.",
        ),
    ] = None,
    wait: Annotated[float, typer.Option(help="Stop if nothing comes for so many seconds.", min=0)] = 0.0,
    status: Annotated[
        str, typer.Option(help="success (default), by-policy: refuse what the profile refuses.")
    ] = "success",
    max_pdu: Annotated[int, typer.Option(help="The PDU length to announce.", min=4096, max=1 << 24)] = 131072,
    max_associations: Annotated[int, typer.Option(help="Associations served at once.", min=1, max=1000)] = 64,
    max_instance: Annotated[int, typer.Option(help="The most bytes of one instance.", min=1)] = 20 * 10**9,
    config: Config = None,
    isolated: Isolated = False,
    select: Select = None,
    ignore: Ignore = None,
    severity: Severities = None,
    fail_on: FailOn = None,
    format_: LiveFormats = None,
    show: Show = None,
    show_values: ShowValues = None,
    mask_uids: MaskUids = False,
    exit_zero: ExitZero = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    color: Color = "auto",
    debug: Debug = False,
) -> int:
    """Receive instances (C-STORE, C-ECHO), check each as it arrives and how it was sent.

    An interrupt ends it with the report.
    """
    from dcmlint.cli.live import need_network
    from dcmlint.cli.outputs import Outputs
    from dcmlint.cli.running import exit_code, run_of

    started = time.monotonic()
    need_network()
    run = run_of(
        profile=profile, parameter=parameter, config=config, isolated=isolated, select=select, ignore=ignore,
        severity=severity, fail_on=fail_on, format_=format_, show=show, show_values=show_values, mask_uids=mask_uids, quiet=quiet,
        verbose=verbose, color=color, expect=expect,
    )  # fmt: skip
    if status not in ("success", "by-policy"):
        raise UsageError(f"--status {status}: success or by-policy")
    if out and discard:
        raise UsageError("--out keeps what --discard removes: give one of the two")
    if (key or ca) and not cert:
        raise UsageError("--key and --ca are for TLS, which needs --cert")
    from dcmlint.engine.session import Checker
    from dcmlint.network.acceptor.negotiate import Acceptance
    from dcmlint.network.acceptor.settings import Settings
    from dcmlint.network.listening import Listening, ListenSettings
    from dcmlint.network.tls.context import server_context

    checker = Checker(run.settings)
    acceptance = Acceptance(
        called=frozenset(ae) if ae else None, calling=frozenset(calling) if calling else None
    )
    with _folder(out) as (directory, keep):
        settings = ListenSettings(
            receive=Settings(
                directory=directory, host=host, port=port, acceptance=acceptance, max_pdu=max_pdu,
                tls=server_context(cert, key, client_ca=ca, require_client=bool(ca)) if cert else None,
                max_associations=max_associations, max_connections=max_associations * 2 + 32, max_instance=max_instance,
            ),
            keep=keep, status=cast(Any, status), once=once, settle=settle, wait=wait, expect=expect,
        )  # fmt: skip
        outputs = Outputs(run.outputs)
        tell = _Teller(run, checker)
        listening = Listening(checker, settings, tell)
        with _terminable(listening):
            _start(listening, tell)
        report = listening.report(started=started, fail_on=run.fail_on, config=run.config)
    if run.talks:
        tell.senders(report)
    with outputs:
        outputs.write(report, run.text, checker.rules, printed=run.talks)
    return exit_code(report, exit_zero)


def _start(listening: Any, tell: _Teller) -> None:
    try:
        listening.run(tell.begin)
    except InputError as error:
        raise UsageError(str(error)) from None


@contextmanager
def _folder(out: str) -> Iterator[tuple[Path, Path | None]]:
    """Where files are received, and where they stay."""
    if out:
        folder = Path(out)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"--out {out}: {error.strerror}") from None
        yield folder, folder
        return
    with tempfile.TemporaryDirectory(prefix="dcmlint-", ignore_cleanup_errors=True) as made:
        yield Path(made), None


@contextmanager
def _terminable(listening: Any) -> Iterator[None]:
    """An interrupt, or a request to terminate, ends the listening with its report; a second one at once."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        if listening.stopping:
            raise KeyboardInterrupt
        listening.stop()

    before = signal.signal(signal.SIGTERM, interrupt)
    # A shell starts what runs in the background with interrupts ignored: here they are meant.
    before_interrupt = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        signal.signal(signal.SIGINT, before_interrupt)


class _Teller:
    """Prints what is told as it comes, where standard output is text for people; else says it on stderr."""

    def __init__(self, run: Any, checker: Any) -> None:
        from dcmlint import standard
        from dcmlint.reports.writer import Head
        from dcmlint.version import __version__

        self.run = run
        self.head = Head(
            version=__version__, edition=standard.load().edition, profile=checker.profile.name, config=run.config,
            fail_on=run.fail_on, rules=checker.rules, text=run.text,
        )  # fmt: skip
        self._slide_heading = "slides and series so far"

    def begin(self, host: str, port: int) -> None:
        """Say where."""
        print(f"listening on {host}:{port} · interrupt ends", file=sys.stderr, flush=True)

    def __call__(self, told: Any) -> None:
        from dcmlint.reports.text import write_association, write_file, write_findings

        text = self.head
        if not self.run.talks:
            if told.association is not None:
                from dcmlint.reports.border import printable

                print(
                    f"{printable(told.association.id)}: {printable(told.association.title)}",
                    file=sys.stderr,
                    flush=True,
                )
            return
        if told.file is not None:
            sys.stdout.writelines(write_file(told.file, told.findings, text))
        elif told.association is not None:
            sys.stdout.writelines(write_association(told.association, told.findings, text))
        else:
            found = list(write_findings(told.findings, text))
            if found:
                sys.stdout.write(self._slide_heading + "\n\n")
                sys.stdout.writelines(found)
        sys.stdout.flush()

    def senders(self, report: Any) -> None:
        """The senders, which are judged over all that they did."""
        from dcmlint.reports.text import write_association

        for record in report.associations:
            if "sender" in record.facts:
                found = [one for one in report.findings if one.subject.id == record.id]
                sys.stdout.writelines(write_association(record, found, self.head))
