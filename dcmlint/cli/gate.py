"""`dcmlint gate`: the gate before an archive, and what its operators ask it."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from dcmlint.cli.app import app
from dcmlint.errors import UsageError

gates = typer.Typer(help="A gate before an archive.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(gates, name="gate")

ConfigFile = Annotated[Path, typer.Option("-c", "--config", help="The configuration, gate.toml.")]


@gates.callback()
def _gates() -> None:
    """Receive from scanners, check, and deliver to an archive: what was acknowledged is kept until the archive has it."""


@gates.command("run")
def run(config: ConfigFile = Path("gate.toml")) -> int:
    """Run the gate until it is terminated; what is not delivered by then is taken up at the next start."""
    need_gate()
    from dcmlint.gate.config import read_config
    from dcmlint.gate.logs import json_log
    from dcmlint.gate.running import Gate

    settings = read_config(config)
    gate = Gate(settings, config.parent, log=json_log())
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    try:
        gate.start()
        ended.wait()
    finally:
        gate.stop()
    return 0


def need_gate() -> None:
    """Raise ``UsageError`` where the gate cannot run."""
    import os
    from importlib.util import find_spec

    if os.name != "posix":
        raise UsageError("the gate needs locks and syncs of a POSIX system")
    missing = [
        name for name in ("structlog", "prometheus_client", "starlette", "uvicorn") if find_spec(name) is None
    ]
    if missing:
        raise UsageError(
            f"the gate needs the extra 'gate' ({', '.join(missing)} not installed): pip install 'dcmlint[gate]'"
        )
