"""What is looked at before a gate is started: `dcmlint gate check`."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec

from dcmlint.errors import DcmlintError
from dcmlint.gate.config import read_config, relative
from dcmlint.gate.operate import open_journal, summary
from dcmlint.gate.reception import classes_of
from dcmlint.gate.running import known_destinations
from dcmlint.gate.settings import Commitment, Forward, GateSettings, Watch
from dcmlint.gate.spool import journal_in, local_file_system, make_folder, own
from dcmlint.gate.tls_files import client_tls, server_tls
from dcmlint.gate.watch_verdict import watched_folder
from dcmlint.gate.words import STATES
from dcmlint.network.reach import attempt_words
from dcmlint.network.requestor.association import Target, associate, association_request
from dcmlint.network.wire.associate import ProposedContext
from dcmlint.network.wire.pdu import WireError
from dcmlint.plural import number_of
from dcmlint.standard.uids import ImplicitVRLittleEndian, Verification

_SYNC_FILES = 5


class Step(msgspec.Struct, frozen=True):
    """One thing that was looked at; ``warns``: the gate starts all the same."""

    good: bool
    what: str
    warns: bool = False


def preflight(config: Path, *, offline: bool) -> Iterator[Step]:
    """Configuration, profile, all that a start needs, disk, and an echo of each destination."""
    try:
        settings = read_config(config)
    except DcmlintError as error:
        yield Step(False, f"configuration: {error}")
        return
    yield Step(
        True,
        f"configuration: mode {settings.mode}, {number_of(len(settings.forward), 'destination')}",
    )
    yield from _profile(settings)
    for name, make in _parts(settings, config.parent):
        yield _made(name, make)
    spool = Path(relative(config.parent, settings.spool))
    yield from _disk(settings, spool)
    yield _made("journal", partial(_journal, settings, spool))
    for one in settings.forward:
        yield _destination(one, config.parent, offline=offline)


def _profile(settings: GateSettings) -> Iterator[Step]:
    from dcmlint.engine.session import Checker
    from dcmlint.engine.settings import Settings
    from dcmlint.rules.repairs import may_be_safe

    try:
        checker = Checker(Settings(profile=settings.profile, parameters=settings.parameters))
    except DcmlintError as error:
        yield Step(False, f"profile: {error}")
        return
    unknown = [rule for rule in settings.rules if rule not in checker.rules]
    if unknown:
        yield Step(False, f"rules: the profile has no rule {', '.join(unknown)}")
        return
    action = dict(checker.profile.action) or {"error": "refuse"}
    words = ", ".join(f"{severity}: {word}" for severity, word in action.items())
    yield Step(True, f"profile: {checker.profile.name}, {len(checker.rules)} rules ({words})")
    for rule, word in settings.rules.items():
        if word == "fix" and not may_be_safe(checker.rules[rule]):
            words = f"rules: {rule} has the action fix, but no safe repair: an error is refused, anything else accepted"
            yield Step(True, words, warns=True)


def _listen(settings: GateSettings, base: Path) -> str:
    listen = settings.listen
    tls = server_tls(listen, base)
    classes = classes_of(listen.sop_classes)
    clients = ", clients need a certificate" if listen.client_ca else ""
    taken = f", {number_of(len(classes), 'SOP Class')}" if classes is not None else ""
    return f"{listen.host}:{listen.port} {'with TLS' if tls is not None else 'without TLS'}{clients}{taken}"


def _stow(settings: GateSettings, base: Path) -> str:
    from dcmlint.gate.stow import read_tokens

    stow = settings.stow
    tls = server_tls(stow, base, alpn=())
    clients = ", clients need a certificate" if stow.client_ca else ""
    count = len(read_tokens(stow, base))
    tokens = number_of(count, "token") if count else "no token is asked for"
    scheme = "https" if tls is not None else "http"
    return f"{scheme}://{stow.host}:{stow.port}{stow.path}/studies, {tokens}{clients}"


def _audit(settings: GateSettings, base: Path) -> str:
    audit = settings.audit
    if audit.transport == "tls":
        client_tls(audit, base, alpn=())
    return f"{audit.host}:{audit.port} over {audit.transport}"


def _watch(one: Watch, base: Path) -> str:
    return str(watched_folder(one, base))


def _commitment(one: Commitment, base: Path) -> str:
    if one.tls is not None:
        client_tls(one.tls, base)
    return f"results for {one.title} go to {one.host}:{one.port}"


def _journal(settings: GateSettings, spool: Path) -> str:
    """What an earlier process left: a start needs a destination for it."""
    if not journal_in(spool).exists():
        return "none yet"
    journal = open_journal(spool, [one.name for one in settings.forward])
    try:
        known_destinations(journal, settings)
        counted: Any = summary(journal)["states"]
    finally:
        journal.close()
    return ", ".join(f"{counted[state]} {state}" for state in STATES if state in counted) or "empty"


def _parts(settings: GateSettings, base: Path) -> Iterator[tuple[str, Callable[[], str]]]:
    """The parts of a gate, and what makes of each what its start needs."""
    yield "listen", partial(_listen, settings, base)
    if settings.stow.port:
        yield "STOW-RS", partial(_stow, settings, base)
    for folder in settings.watch:
        yield "watch", partial(_watch, folder, base)
    for peer in settings.commitment:
        yield "commitment", partial(_commitment, peer, base)
    if settings.audit.host:
        yield "audit", partial(_audit, settings, base)


def _made(name: str, make: Callable[[], str]) -> Step:
    try:
        return Step(True, f"{name}: {make()}")
    except (DcmlintError, OSError, sqlite3.Error) as error:
        return Step(False, f"{name}: {error}")


def _disk(settings: GateSettings, spool: Path) -> Iterator[Step]:
    import os

    try:
        make_folder(spool)
        kind = local_file_system(spool)
        own(spool)
        probe = spool / ".check"
        began = monotonic()
        for _ in range(_SYNC_FILES):
            with probe.open("wb") as file:
                file.write(bytes(4096))
                file.flush()
                os.fsync(file.fileno())
        took = (monotonic() - began) / _SYNC_FILES * 1000
        probe.unlink()
        found = os.statvfs(spool)
    except DcmlintError as error:
        yield Step(False, f"spool: {error}")
        return
    except OSError as error:
        # A gate on a full disk has to start: it delivers, and so makes room.
        full = error.errno == errno.ENOSPC
        yield Step(full, f"spool: {spool}: {error.strerror}", warns=full)
        return
    yield Step(True, f"spool: {spool} on {kind or 'an unknown file system'}, a sync takes {took:.1f} ms")
    free = found.f_bavail * found.f_frsize
    words = f"free space: {free / 1e9:.1f} GB (opens above {settings.space.high / 1e9:.1f} GB)"
    yield Step(True, words, warns=free < settings.space.high)


def _destination(one: Forward, base: Path, *, offline: bool) -> Step:
    """C-ECHO, with the titles and the TLS of the configuration."""
    name = f"{one.name}: {one.called} at {one.host}:{one.port}"
    try:
        tls = client_tls(one.tls, base) if one.tls is not None else None
        if offline:
            return Step(True, f"{name}: not asked")
        target = Target(
            host=one.host, port=one.port, called=one.called, calling=one.calling, timeout=min(one.timeout, 10.0), tls=tls,
            server_name=one.tls.name if one.tls is not None else "",
        )  # fmt: skip
        contexts = (ProposedContext(1, Verification, (ImplicitVRLittleEndian,)),)
        dialogue, facts, _ = associate(target, association_request(target, contexts), "echo")
        if dialogue is None:
            return Step(False, f"{name}: {attempt_words(facts)}")
        try:
            echo = dialogue.echo()
            dialogue.release()
        finally:
            dialogue.close()
    except WireError as error:
        return Step(False, f"{name}: {error.problem.detail}")
    except DcmlintError as error:
        return Step(False, f"{name}: {error}")
    return Step(echo.status == 0, f"{name}: C-ECHO {echo.status:04X}H in {echo.milliseconds:.0f} ms")
