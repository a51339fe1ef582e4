"""`dcmlint probe`: ask an endpoint what it takes, and hold the answers to a profile."""

from __future__ import annotations

import time
from typing import Annotated, Any, cast

import typer

from dcmlint.cli import completion
from dcmlint.cli.app import EXIT_CODES, app
from dcmlint.cli.help import CONNECTION, EXPECTED, REPORT, RULES, explained, one_of
from dcmlint.cli.options import (
    Color,
    Config,
    Debug,
    ExitZero,
    FailOn,
    Ignore,
    Isolated,
    LiveFormats,
    Parameters,
    Quiet,
    Select,
    Severities,
    Show,
)
from dcmlint.errors import UsageError


@app.command(
    **explained(
        "dcmlint probe pacs.example 11112 --called ARCHIVE",
        "dcmlint probe 10.0.0.5 2762 --tls require --level full",
        codes=EXIT_CODES,
    )
)
def probe(
    host: Annotated[
        str | None, typer.Argument(metavar="HOST", help="Host name or address; or give a profile and --host.", show_default=False)
    ] = None,
    port: Annotated[int | None, typer.Argument(min=1, max=65535, metavar="PORT", help="Port.", show_default=False)] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            "-p", "--profile", metavar="PROFILE", help="A profile whose endpoints define what is expected.",
            autocompletion=completion.profiles, rich_help_panel=RULES,
        ),
    ] = None,
    role: Annotated[
        list[str] | None,
        typer.Option("--host", metavar="ROLE=HOST", help="The host of a role of the profile. Repeatable.", rich_help_panel=RULES),
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option(metavar="NAME", help="Probe only this endpoint of the profile.", rich_help_panel=RULES)
    ] = None,
    parameter: Parameters = None,
    called: Annotated[
        str,
        typer.Option(metavar="AET", help="Called AE title.  [default: of the profile, or ANY-SCP]", rich_help_panel=CONNECTION),
    ] = "",
    calling: Annotated[
        str,
        typer.Option(metavar="AET", help="Calling AE title.  [default: of the profile, or DCMLINT]", rich_help_panel=CONNECTION),
    ] = "",
    level: Annotated[
        str, typer.Option(help="How much is probed.", **one_of("quick", "full"), rich_help_panel=CONNECTION)
    ] = "quick",
    tls: Annotated[
        str | None,
        typer.Option(help="Whether TLS is used.  [default: auto]", **one_of("auto", "off", "require"), rich_help_panel=CONNECTION),
    ] = None,
    ca: Annotated[
        str,
        typer.Option(metavar="FILE", help="Trusted authorities (PEM).  [default: those of the system]", rich_help_panel=CONNECTION),
    ] = "",
    cert: Annotated[
        str, typer.Option(metavar="FILE", help="Client certificate (PEM).", rich_help_panel=CONNECTION)
    ] = "",
    key: Annotated[
        str,
        typer.Option(metavar="FILE", help="Key of the client certificate (PEM), if in another file.", rich_help_panel=CONNECTION),
    ] = "",
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="Time limit of each response.", min=0.1, max=600, rich_help_panel=CONNECTION)
    ] = 10.0,
    tls_profile: Annotated[
        str,
        typer.Option(help="The TLS profile of PS3.15 that the endpoint claims.", **one_of("B.12", "B.13"), rich_help_panel=EXPECTED),
    ] = "B.12",
    pin: Annotated[
        list[str] | None,
        typer.Option(metavar="SHA256", help="Fingerprint of the expected certificate or its key. Repeatable.", rich_help_panel=EXPECTED),
    ] = None,
    server_name: Annotated[
        str,
        typer.Option(metavar="NAME", help="The name in the certificate.  [default: the host]", rich_help_panel=EXPECTED),
    ] = "",
    mutual: Annotated[
        bool, typer.Option("--mutual", help="A client certificate must be required.", rich_help_panel=EXPECTED)
    ] = False,
    sop: Annotated[
        list[str] | None,
        typer.Option(metavar="UID", help="A SOP Class that must be accepted. Repeatable.", rich_help_panel=EXPECTED),
    ] = None,
    syntax: Annotated[
        list[str] | None,
        typer.Option(metavar="UID", help="A transfer syntax that must be accepted. Repeatable.", rich_help_panel=EXPECTED),
    ] = None,
    forbid: Annotated[
        list[str] | None,
        typer.Option(metavar="UID", help="A transfer syntax that must be refused. Repeatable.", rich_help_panel=EXPECTED),
    ] = None,
    choice: Annotated[
        str,
        typer.Option(metavar="UID", help="The transfer syntax that must be selected from several.", rich_help_panel=EXPECTED),
    ] = "",
    expect_reject_aet: Annotated[
        bool, typer.Option("--expect-reject-aet", help="Unknown AE titles must be rejected.", rich_help_panel=EXPECTED)
    ] = False,
    max_pdu: Annotated[
        str, typer.Option(metavar="MIN..MAX", help="The range of the maximum PDU length in bytes.", rich_help_panel=EXPECTED)
    ] = "",
    expect_identity: Annotated[
        bool, typer.Option("--expect-identity", help="A user identity must be acknowledged.", rich_help_panel=EXPECTED)
    ] = False,
    implementation: Annotated[
        list[str] | None,
        typer.Option(metavar="UID|NAME", help="A known Implementation Class UID or version name. Repeatable.", rich_help_panel=EXPECTED),
    ] = None,
    concurrent: Annotated[
        int, typer.Option(metavar="N", help="The number of simultaneous associations.", min=0, max=64, rich_help_panel=EXPECTED)
    ] = 0,
    idle: Annotated[
        float,
        typer.Option(metavar="SECONDS", help="How long an idle association must be kept open.", min=0, max=3600, rich_help_panel=EXPECTED),
    ] = 0.0,
    baseline: Annotated[
        str,
        typer.Option(metavar="FILE", help="The JSON report of an earlier probe, to find changes.", rich_help_panel=EXPECTED),
    ] = "",
    config: Config = None,
    isolated: Isolated = False,
    select: Select = None,
    ignore: Ignore = None,
    severity: Severities = None,
    fail_on: FailOn = None,
    format_: LiveFormats = None,
    show: Show = None,
    exit_zero: ExitZero = False,
    quiet: Quiet = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Also print information.", rich_help_panel=REPORT)
    ] = False,
    color: Color = "auto",
    debug: Debug = False,
) -> int:  # fmt: skip
    """Probe what an endpoint accepts: TCP, TLS, C-ECHO, presentation contexts.  Nothing is stored."""
    from dcmlint.cli.live import need_network
    from dcmlint.cli.outputs import Outputs
    from dcmlint.cli.running import exit_code, pairs, run_of

    started = time.monotonic()
    need_network()
    # What somebody demands of this endpoint is an error where it does not hold, whatever the rule is otherwise.
    given = {
        "NET120": mutual, "NET203": expect_reject_aet, "NET204": expect_reject_aet, "NET211": forbid, "NET213": choice,
        "NET220": max_pdu, "NET234": expect_identity, "NET241": implementation, "NET304": idle, "NET305": concurrent,
    }  # fmt: skip
    demanded = [f"{rule}=error" for rule, value in given.items() if value]
    of_tls = {
        "--ca": ca,
        "--cert": cert,
        "--pin": pin,
        "--mutual": mutual,
        "--server-name": server_name,
        "--tls-profile B.13": tls_profile == "B.13",
    }
    needs_tls = [option for option, value in of_tls.items() if value]
    if needs_tls and tls == "off":
        raise UsageError(f"{needs_tls[0]} needs TLS, and --tls off is given")
    if needs_tls:
        tls = "require"
    run = run_of(
        profile=profile, parameter=parameter, config=config, isolated=isolated, select=select, ignore=ignore,
        severity=[*demanded, *(severity or ())], fail_on=fail_on, format_=format_, show=show, show_values=None, quiet=quiet,
        verbose=verbose, color=color,
    )  # fmt: skip
    from dcmlint.engine.session import Checker
    from dcmlint.engine.totals import Totals
    from dcmlint.network.look import look_at
    from dcmlint.network.requestor.plan import Asked, plan_probe, uid_of
    from dcmlint.network.tls.context import Credentials
    from dcmlint.reports.writer import head_for

    _among("--level", level, ("quick", "full"))
    _among("--tls-profile", tls_profile, ("B.12", "B.13"))
    if tls is not None:
        _among("--tls", tls, ("auto", "off", "require"))
    if key and not cert:
        raise UsageError("--key needs --cert")
    checker = Checker(run.settings)
    asked = Asked(
        host=host or "", port=port, hosts=pairs("--host", role), endpoint=endpoint or "", called=called,
        calling=calling, timeout=timeout, level=cast(Any, level), tls=cast(Any, tls), tls_profile=cast(Any, tls_profile),
        credentials=Credentials(ca=ca, certificate=cert, key=key, pins=tuple(pin or ())), server_name=server_name,
        sop_classes=tuple(uid_of(word, "SOP Class", "--sop") for word in sop or ()),
        syntaxes=tuple(uid_of(word, "Transfer Syntax", "--syntax") for word in syntax or ()),
        forbidden=tuple(uid_of(word, "Transfer Syntax", "--forbid") for word in forbid or ()),
        choice=uid_of(choice, "Transfer Syntax", "--choice") if choice else "",
        reject_titles=expect_reject_aet, mutual=mutual, max_pdu=_range(max_pdu), identity=expect_identity,
        implementations=tuple(implementation or ()), concurrent=concurrent, idle=idle,
    )  # fmt: skip
    if asked.level == "quick" and (expect_reject_aet or expect_identity or concurrent or idle or mutual):
        raise UsageError("these expectations require a full probe: add --level full")
    _usable(asked.credentials)
    plans = plan_probe(checker.profile.endpoints, asked)
    with Outputs(run.outputs) as outputs:
        outputs.start(head_for(checker, config=run.config, fail_on=run.fail_on, text=run.text))
        earlier = _earlier(baseline) if baseline else {}
        totals = Totals(checker, outputs)
        for plan in plans:
            seen = look_at(checker, plan, earlier.get(plan.id))
            totals.associate(seen.record, seen.checked)
            outputs.flush()
        closing = totals.close(started=started, fail_on=run.fail_on, received=False)
    return exit_code(closing, exit_zero)


def _among(option: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UsageError(f"{option} {value}: one of {', '.join(allowed)}")


def _range(text: str) -> tuple[int | None, int | None] | None:
    from dcmlint.profiles.placed_endpoints import pdu_range

    try:
        return pdu_range(text) if text else None
    except ValueError as problem:
        raise UsageError(f"--max-pdu {text}: {problem}") from None


def _usable(credentials: Any) -> None:
    """Say at once that a file cannot be used, not in the middle of a probe."""
    from dcmlint.network.tls.context import client_context

    for pin in credentials.pins:
        digits = pin.replace(":", "").strip()
        if len(digits) != 64 or any(digit not in "0123456789abcdefABCDEF" for digit in digits):
            raise UsageError(f"--pin {pin}: a SHA-256 has 64 hexadecimal digits")
    if credentials.ca or credentials.certificate:
        client_context(credentials)


def _earlier(path: str) -> dict[str, dict[str, Any]]:
    """The facts of an earlier probe by endpoint.  Raises ``UsageError``."""
    import json

    try:
        with open(path, encoding="utf-8") as stream:
            report = json.load(stream)
        return {
            record["id"]: {**record["facts"], "proposals": record["contexts"]}
            for record in report["associations"]
        }
    except OSError as error:
        raise UsageError(f"--baseline {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UsageError(f"--baseline {path}: not the JSON report of a probe") from None
