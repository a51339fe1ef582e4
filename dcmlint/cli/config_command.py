"""`dcmlint config show`: what holds, and where each value comes from."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from dcmlint.cli.app import app
from dcmlint.cli.help import Commands

configs = typer.Typer(
    cls=Commands, help="Show the configuration that applies.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(configs, name="config")
_SET = "DCMLINT_SET_"


@configs.callback()
def _configs() -> None:
    """The configuration: a file dcmlint.toml, or [tool.dcmlint] in pyproject.toml."""


@configs.command("show")
def show(
    config: Annotated[str | None, typer.Option(metavar="FILE", help="Show this configuration file.")] = None,
    isolated: Annotated[bool, typer.Option("--isolated", help="Read no configuration file.")] = False,
) -> int:
    """Show each value and its origin: the file, the environment, or the default."""
    import msgspec

    from dcmlint.cli.config import Config
    from dcmlint.cli.running import configuration
    from dcmlint.cli.terminal import utf8_output
    from dcmlint.reports.border import printable

    utf8_output()
    found, file = configuration(config, isolated)
    origin = printable(file or "")
    usual = {"profile": "wsi", "fail_on": "error", "show_values": "safe", "frames": "auto", "show": "warning"}
    default = Config()
    print(f"configuration: {origin or 'none'}")
    for field in msgspec.structs.fields(Config):
        value: Any = getattr(found, field.name)
        given = value != getattr(default, field.name)
        shown = value if given else usual.get(field.name, value)
        text = printable(msgspec.json.encode(shown).decode())
        print(f"  {field.encode_name:14} {text:30} {origin if given else 'default'}")
    for name in sorted(os.environ):
        if name.startswith(_SET):
            print(f"  {'parameters':14} {name.removeprefix(_SET).lower() + ' (set)':30} environment {name}")
    return 0
