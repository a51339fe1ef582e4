"""A gate that is killed at a step, or broken in one of three ways. ``crash_gate.py gate.toml [step:N | broken:KIND]``"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from dcmlint.gate.config import read_config
from dcmlint.gate.core import Core
from dcmlint.gate.deliver import Courier
from dcmlint.gate.journal import Journal
from dcmlint.gate.logs import json_log
from dcmlint.gate.records import Taken
from dcmlint.gate.running import Gate
from dcmlint.gate.spool import Spool
from dcmlint.intake.status import Answer
from dcmlint.network.acceptor.incoming import Incoming

STEPS = {
    "written": (Spool, "keep", "before"),
    "renamed": (Spool, "keep", "after"),
    "row": (Journal, "take_soon", "after"),
    "answer fixed": (Core, "begin", "after"),
    "settled": (Journal, "settle", "after"),
    "claimed": (Journal, "exchange", "after"),
    "sending": (Courier, "send", "before"),
    "sent": (Courier, "send", "after"),
    "files removed": (Journal, "remove", "after"),
}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def crash_at(step: str, number: int) -> None:
    """Have the process killed at a step when it comes for the ``number``-th time."""
    owner, name, when = STEPS[step]
    real: Callable[..., Any] = getattr(owner, name)
    count = 0

    def instead(*args: Any, **keywords: Any) -> Any:
        nonlocal count
        if when == "before":
            count += 1
            if count == number:
                die()
        result = real(*args, **keywords)
        if name in ("take_soon", "begin"):
            result.exception()  # the step is over once that is known
        if when == "after" and (name != "exchange" or result):
            count += 1
            if count == number:
                die()
        return result

    setattr(owner, name, instead)


def done(value: Any) -> Future[Any]:
    made: Future[Any] = Future()
    made.set_result(value)
    return made


def answer_before_row() -> None:
    real = Core.begin

    def begin(self: Core, part: Path, arrival: Any, **keywords: Any) -> Future[Answer]:
        def later() -> None:
            time.sleep(0.05)
            real(self, part, arrival, **keywords)

        threading.Thread(target=later, daemon=True).start()
        return done(Answer())

    Core.begin = begin  # type: ignore[method-assign]


def row_missing() -> None:
    real = Journal.take_soon
    count = 0

    def take_soon(self: Journal, arrival: Any, verdict: Any, **keywords: Any) -> Future[Taken]:
        nonlocal count
        count += 1
        if count % 20 == 0:
            return done(Taken(id=0, state="held"))
        return real(self, arrival, verdict, **keywords)

    Journal.take_soon = take_soon  # type: ignore[method-assign]


def removed_early() -> None:
    real = Courier.send

    def send(self: Courier, path: Path, *args: Any) -> Any:
        copy = path.with_suffix(".copy")
        copy.write_bytes(path.read_bytes())
        path.unlink()
        time.sleep(2)  # longer than the moments between two kills, also on a busy machine
        sent = real(self, copy, *args)
        copy.unlink()
        return sent

    Courier.send = send  # type: ignore[method-assign]


def not_synchronised() -> None:
    real = Incoming.finish
    Incoming.finish = lambda self, *, durable: real(self, durable=False)  # type: ignore[method-assign]


BROKEN = {
    "not synchronised": not_synchronised,
    "answer before row": answer_before_row,
    "row missing": row_missing,
    "removed early": removed_early,
}


def main() -> None:
    config, *rest = sys.argv[1:]
    for word in rest:
        kind, _, what = word.partition(":")
        if kind == "broken":
            BROKEN[what]()
        else:
            crash_at(kind, int(what))
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    gate = Gate(read_config(Path(config)), Path(config).parent, log=json_log())
    gate.start()
    signal.sigwait(ends)
    gate.stop()


if __name__ == "__main__":
    main()
