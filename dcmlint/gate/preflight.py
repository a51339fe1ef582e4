"""What is looked at before a gate is started: `dcmlint gate check`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import msgspec

from dcmlint.errors import DcmlintError
from dcmlint.gate.config import read_config, relative
from dcmlint.gate.settings import Forward, GateSettings
from dcmlint.gate.spool import file_system
from dcmlint.network.requestor.association import Target, associate, association_request
from dcmlint.network.tls.context import Credentials, client_context
from dcmlint.network.wire.associate import ProposedContext
from dcmlint.network.wire.pdu import WireError
from dcmlint.plural import number_of
from dcmlint.standard.uids import ImplicitVRLittleEndian, Verification

_SYNC_FILES = 5


class Step(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    good: bool
    what: str


def preflight(config: Path, *, offline: bool) -> Iterator[Step]:
    """Configuration, profile, disk, and an echo of each destination."""
    try:
        settings = read_config(config)
    except DcmlintError as error:
        yield Step(False, f"configuration: {error}")
        return
    yield Step(
        True,
        f"configuration: mode {settings.mode}, {number_of(len(settings.forward), 'destination')}",
    )
    yield _profile(settings)
    yield from _certificates(settings, config.parent)
    yield from _disk(settings, Path(relative(config.parent, settings.spool)))
    for one in () if offline else settings.forward:
        yield _destination(one, config.parent)


def _profile(settings: GateSettings) -> Step:
    from dcmlint.engine.session import Checker
    from dcmlint.engine.settings import Settings

    try:
        checker = Checker(Settings(profile=settings.profile, parameters=settings.parameters))
    except DcmlintError as error:
        return Step(False, f"profile: {error}")
    unknown = [rule for rule in settings.rules if rule not in checker.rules]
    if unknown:
        return Step(False, f"rules: the profile has no rule {', '.join(unknown)}")
    action = dict(checker.profile.action) or {"error": "refuse"}
    words = ", ".join(f"{severity}: {word}" for severity, word in action.items())
    return Step(True, f"profile: {checker.profile.name}, {len(checker.rules)} rules ({words})")


def _certificates(settings: GateSettings, base: Path) -> Iterator[Step]:
    from dcmlint.network.tls.context import server_context

    listen = settings.listen
    if not listen.certificate:
        yield Step(True, f"listen: {listen.host}:{listen.port} without TLS")
        return
    try:
        server_context(
            relative(base, listen.certificate), relative(base, listen.key), client_ca=relative(base, listen.client_ca),
            require_client=bool(listen.client_ca),
        )  # fmt: skip
    except DcmlintError as error:
        yield Step(False, f"listen: {error}")
        return
    clients = ", clients need a certificate" if listen.client_ca else ""
    yield Step(True, f"listen: {listen.host}:{listen.port} with TLS{clients}")


def _disk(settings: GateSettings, spool: Path) -> Iterator[Step]:
    import os

    try:
        spool.mkdir(parents=True, exist_ok=True)
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
    except OSError as error:
        yield Step(False, f"spool: {spool}: {error.strerror}")
        return
    kind = file_system(spool)
    remote = kind.startswith(("nfs", "cifs", "smb"))
    yield Step(
        not remote, f"spool: {spool} on {kind or 'an unknown file system'}, a sync takes {took:.1f} ms"
    )
    free = found.f_bavail * found.f_frsize
    yield Step(
        free >= settings.space.high,
        f"free space: {free / 1e9:.1f} GB (opens above {settings.space.high / 1e9:.1f} GB)",
    )


def _destination(one: Forward, base: Path) -> Step:
    """C-ECHO, with the titles and the TLS of the configuration."""
    name = f"{one.name}: {one.called} at {one.host}:{one.port}"
    try:
        tls = None
        if one.tls is not None:
            files = Credentials(
                ca=relative(base, one.tls.ca), certificate=relative(base, one.tls.certificate), key=relative(base, one.tls.key)
            )  # fmt: skip
            tls = client_context(files)
        target = Target(
            host=one.host, port=one.port, called=one.called, calling=one.calling, timeout=min(one.timeout, 10.0), tls=tls,
            server_name=one.tls.name if one.tls is not None else "",
        )  # fmt: skip
        contexts = (ProposedContext(1, Verification, (ImplicitVRLittleEndian,)),)
        dialogue, facts, _ = associate(target, association_request(target, contexts), "echo")
        if dialogue is None:
            return Step(False, f"{name}: {facts.outcome} {facts.detail}".rstrip())
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
