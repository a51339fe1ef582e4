"""`dcmlint orthanc-plugin`: a script for Orthanc."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dcmlint.cli.app import app
from dcmlint.cli.options import Parameters


@app.command("orthanc-plugin")
def orthanc_plugin(
    profile: Annotated[str, typer.Option("-p", "--profile", metavar="PROFILE", help="The profile.")] = "wsi",
    parameter: Parameters = None,
    seconds: Annotated[
        float, typer.Option(metavar="SECONDS", help="Seconds that a sender waits for a verdict.", min=0.1)
    ] = 8.0,
) -> int:
    """Print a script for Orthanc's Python plug-in that checks what Orthanc receives.

    The plug-in is under the AGPL-3.0; the script is not, and runs dcmlint in a process of its own.
    """
    from dcmlint.cli.running import pairs
    from dcmlint.engine.session import Checker
    from dcmlint.engine.settings import Settings
    from dcmlint.gate.orthanc import plugin_script

    parameters = dict(pairs("--set", parameter))
    Checker(
        Settings(profile=profile, parameters=parameters)
    )  # what does not work is said here, not in Orthanc
    if Path(profile).is_file():
        profile = str(Path(profile).resolve())  # Orthanc runs elsewhere
    print(plugin_script(profile, parameters, seconds=seconds), end="")
    return 0
