"""Orthanc: a script for its Python plug-in, and the process that checks for it.

The process reads instances from standard input (eight bytes of length, big endian, and the bytes) and writes a line
of JSON for each: action, status, why, sop_instance_uid. The script needs nothing but Python's own library.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import IO, BinaryIO

import msgspec

from dcmlint.engine.settings import Settings
from dcmlint.intake.checking import Checks
from dcmlint.intake.policy import Policy
from dcmlint.intake.task import Start, Task
from dcmlint.intake.verdict import Reply
from dcmlint.reports.border import printable
from dcmlint.version import __version__

_TEMPLATE = Path(__file__).parent / "templates" / "orthanc_plugin.txt"
_CHUNK = 1 << 20
# The script kills this process when it is late. A file without a name is gone then; where it has to have one, it may stay.
_NAMELESS = Path("/proc/self/fd").is_dir()
_TEMPORARY = tempfile.TemporaryFile if _NAMELESS else tempfile.NamedTemporaryFile


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the answer; ``action``: as `Verdict` has it, or ``unchecked``."""

    action: str
    status: int
    why: str
    sop_instance_uid: str


def plugin_script(profile: str, parameters: dict[str, str], *, seconds: float) -> str:
    """The script: what starts the process is written into it."""
    command = [sys.executable, "-P", "-m", "dcmlint.gate.orthanc", profile, repr(seconds)]
    command += [f"{name}={value}" for name, value in parameters.items()]
    text = _TEMPLATE.read_text(encoding="utf-8")
    values = {"VERSION": __version__, "COMMAND": json.dumps(command), "SECONDS": repr(seconds)}
    for name, value in values.items():
        text = text.replace(f"{{{{{name}}}}}", value)
    return text


def serve(settings: Settings, seconds: float, source: BinaryIO, sink: BinaryIO) -> None:
    """Check what comes until ``source`` ends; an instance that takes more than ``seconds`` is unchecked.

    Raises ``UsageError`` for a profile that does not work.
    """
    checks = Checks(Start(settings=settings), children=1)
    policy = Policy(profile=checks.start(), observe=False)
    try:
        while len(head := source.read(8)) == 8:
            with _TEMPORARY(prefix="dcmlint-") as file:
                if not _copied(source, int.from_bytes(head, "big"), file):
                    return
                path = f"/proc/{os.getpid()}/fd/{file.fileno()}" if _NAMELESS else file.name
                reply = checks.submit(Task(path=path, over_network=False)).wait(seconds)
            sink.write(msgspec.json.encode(_verdict(reply, policy, seconds)) + b"\n")
            sink.flush()
    finally:
        checks.stop()


def _verdict(reply: Reply | None, policy: Policy, seconds: float) -> Verdict:
    if reply is None:
        return Verdict(
            action="unchecked", status=0, why=f"not checked within {seconds:g} s", sop_instance_uid=""
        )
    decided = policy.decide(reply)
    return Verdict(
        action="unchecked" if reply.internal or reply.crashed else decided.action,
        status=decided.status, why=printable(decided.why), sop_instance_uid=printable(reply.instance),
    )  # fmt: skip


def _copied(source: BinaryIO, size: int, file: IO[bytes]) -> bool:
    """Whether all bytes came."""
    while size:
        piece = source.read(min(size, _CHUNK))
        if not piece:
            return False
        file.write(piece)
        size -= len(piece)
    file.flush()
    return True


if __name__ == "__main__":
    serve(
        Settings(profile=sys.argv[1], parameters=dict(one.split("=", 1) for one in sys.argv[3:])), float(sys.argv[2]),
        sys.stdin.buffer, sys.stdout.buffer,
    )  # fmt: skip
