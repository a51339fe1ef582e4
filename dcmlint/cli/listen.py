"""`dcmlint listen`: receive from a sender, check what comes and how it comes."""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, cast

import typer

from dcmlint.cli import completion
from dcmlint.cli.app import EXIT_CODES, app
from dcmlint.cli.help import CONNECTION, RULES, RUN, STORED, explained, one_of
from dcmlint.cli.options import (
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


@app.command(
    **explained(
        "dcmlint listen 11112 --out received/",
        "dcmlint listen 11112 --host 0.0.0.0 --once --expect 9 -f html=report.html",
        codes=EXIT_CODES,
    )
)
def listen(
    port: Annotated[int, typer.Argument(min=0, max=65535, metavar="PORT", help="Port; 0 uses a free one.")],
    profile: Annotated[
        str | None,
        typer.Option(
            "-p", "--profile", metavar="PROFILE", help="The profile to check instances against.  [default: wsi]",
            autocompletion=completion.profiles, rich_help_panel=RULES,
        ),
    ] = None,
    parameter: Parameters = None,
    host: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="The address to listen on; 0.0.0.0 for all networks.", rich_help_panel=CONNECTION),
    ] = "127.0.0.1",
    ae: Annotated[
        list[str] | None,
        typer.Option(metavar="AET", help="Accept only this called AE title. Repeatable.  [default: any]", rich_help_panel=CONNECTION),
    ] = None,
    calling: Annotated[
        list[str] | None,
        typer.Option(metavar="AET", help="Accept only this calling AE title. Repeatable.  [default: any]", rich_help_panel=CONNECTION),
    ] = None,
    cert: Annotated[
        str, typer.Option(metavar="FILE", help="Server certificate (PEM); enables TLS.", rich_help_panel=CONNECTION)
    ] = "",
    key: Annotated[
        str, typer.Option(metavar="FILE", help="Key of the certificate (PEM), if in another file.", rich_help_panel=CONNECTION)
    ] = "",
    ca: Annotated[
        str,
        typer.Option(metavar="FILE", help="Authorities of client certificates, which are then required.", rich_help_panel=CONNECTION),
    ] = "",
    max_pdu: Annotated[
        int,
        typer.Option(metavar="BYTES", help="Maximum PDU length to announce.", min=4096, max=1 << 24, rich_help_panel=CONNECTION),
    ] = 131072,
    max_associations: Annotated[
        int, typer.Option(metavar="N", help="Simultaneous associations.", min=1, max=1000, rich_help_panel=CONNECTION)
    ] = 64,
    max_per_address: Annotated[
        int,
        typer.Option(metavar="N", help="Simultaneous associations of one address; 0: half of all.", min=0, rich_help_panel=CONNECTION),
    ] = 0,
    max_instance: Annotated[
        int, typer.Option(metavar="BYTES", help="Maximum size of an instance.", min=1, rich_help_panel=CONNECTION)
    ] = 20 * 10**9,
    out: Annotated[
        str, typer.Option(metavar="FOLDER", help="Keep received instances in this folder.", rich_help_panel=STORED)
    ] = "",
    discard: Annotated[
        bool, typer.Option("--discard", help="Keep nothing, which is the default without --out.", rich_help_panel=STORED)
    ] = False,
    status: Annotated[
        str,
        typer.Option(
            help="The status returned: always success, or a failure for what the profile refuses.",
            **one_of("success", "by-policy"), rich_help_panel=STORED,
        ),
    ] = "success",
    once: Annotated[
        bool, typer.Option("--once", help="Stop when one sender has finished.", rich_help_panel=RUN)
    ] = False,
    settle: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", help="A sender has finished after this time without a connection.", min=0.2, rich_help_panel=RUN
        ),
    ] = 10.0,
    expect: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="N",
            help="The expected number of instances; another number is a finding. With --once, stop when all are received.",
            rich_help_panel=RUN,
        ),
    ] = None,
    wait: Annotated[
        float, typer.Option(metavar="SECONDS", help="Stop if nothing is received for this time.", min=0, rich_help_panel=RUN)
    ] = 0.0,
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
) -> int:  # fmt: skip
    """Receive instances (C-STORE), and check each on arrival and how it was sent.

    Interrupt (Ctrl-C) to stop and print the report.
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
    from dcmlint.network.listen_settings import ListenSettings
    from dcmlint.network.listening import Listening
    from dcmlint.network.tls.context import server_context
    from dcmlint.reports.writer import head_for

    checker = Checker(run.settings)
    acceptance = Acceptance(
        called=frozenset(ae) if ae else None, calling=frozenset(calling) if calling else None
    )
    with _folder(out) as (directory, keep):
        settings = ListenSettings(
            receive=Settings(
                directory=directory, host=host, port=port, acceptance=acceptance, max_pdu=max_pdu,
                tls=server_context(cert, key, client_ca=ca, require_client=bool(ca)) if cert else None,
                max_associations=max_associations, max_connections=max_associations * 2 + 32,
                per_address=max_per_address or max(max_associations // 2, 1), max_instance=max_instance,
            ),
            keep=keep, status=cast(Any, status), once=once, settle=settle, wait=wait, expect=expect,
        )  # fmt: skip
        head = head_for(checker, config=run.config, fail_on=run.fail_on, text=run.text, printed=run.talks)
        with Outputs(run.outputs) as outputs:
            tell = _Teller(run.talks, head, outputs.flush)
            listening = Listening(checker, settings, tell, outputs.start(head))
            with _terminable(listening):
                _start(listening, tell)
            closing = listening.close(started=started, fail_on=run.fail_on)
    return exit_code(closing, exit_zero)


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
        from dcmlint.intake.folder import incoming_folder

        with ExitStack() as stack:
            try:
                incoming = stack.enter_context(incoming_folder(folder))
            except OSError as error:
                raise UsageError(f"--out {out}: {error.strerror}") from None
            yield incoming, folder
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

    def __init__(self, talks: bool, head: Any, flush: Callable[[], None]) -> None:
        self.talks, self.head, self._flush = talks, head, flush
        self._slide_heading = "slides and series so far"

    def begin(self, host: str, port: int) -> None:
        """Say where."""
        print(f"listening on {host}:{port} · interrupt ends", file=sys.stderr, flush=True)

    def __call__(self, told: Any) -> None:
        from dcmlint.reports.text import write_association, write_file, write_findings

        text = self.head
        if not self.talks:
            self._flush()
            if told.association is not None and not told.sender:
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
