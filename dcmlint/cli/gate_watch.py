"""`dcmlint gate watch`: a folder whose files are checked and sorted."""

from __future__ import annotations

import signal
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from dcmlint.cli.gate import gates, need_gate
from dcmlint.cli.options import Parameters
from dcmlint.errors import UsageError


@gates.command("watch")
def watch(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="The folder to watch, with its subfolders.")
    ],
    profile: Annotated[str, typer.Option("-p", "--profile", metavar="PROFILE", help="The profile.")] = "wsi",
    parameter: Parameters = None,
    settle: Annotated[
        float,
        typer.Option(metavar="SECONDS", help="Seconds for which a file must not have changed.", min=0.0),
    ] = 5.0,
    once: Annotated[bool, typer.Option("--once", help="Stop when no file is left.")] = False,
    children: Annotated[int, typer.Option(metavar="N", help="Checking processes.", min=1, max=64)] = 2,
) -> int:
    """Check the files that come into a folder and move each to accepted or held, with its verdict beside it.

    The files are only sorted; with [[watch]] in gate.toml, `dcmlint gate run` forwards what it accepts.
    """
    need_gate()

    from dcmlint.cli.running import pairs
    from dcmlint.engine.settings import Settings
    from dcmlint.gate.logs import json_log, libraries_to
    from dcmlint.gate.watch import Watcher
    from dcmlint.gate.watch_verdict import ByChecks
    from dcmlint.intake.checking import Checks
    from dcmlint.intake.policy import Policy
    from dcmlint.intake.task import Start

    if not folder.is_dir():
        raise UsageError(f"{folder}: not a folder")
    log = json_log()
    libraries_to(log)
    checks = Checks(
        Start(settings=Settings(profile=profile, parameters=dict(pairs("--set", parameter)))),
        children=children,
    )
    try:
        policy = Policy(profile=checks.start(), observe=False)
        watcher = Watcher(folder, ByChecks(checks, policy), settle=settle, log=log)

        def interrupt(number: int, frame: FrameType | None) -> None:
            watcher.end()
            checks.stop()

        for one in (signal.SIGTERM, signal.SIGINT):
            signal.signal(one, interrupt)
        if not once:
            watcher.run()
            return 0
        watcher.run_once()
    finally:
        checks.stop()
    return 4 if watcher.given_up else 1 if watcher.held else 0
