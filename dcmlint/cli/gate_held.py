"""`dcmlint gate held`: the instances that wait for a person's decision."""

from __future__ import annotations

from pathlib import Path
from time import time
from typing import Annotated, Any

import typer

from dcmlint.cli.gate import ConfigFile, gates, journal_of
from dcmlint.cli.help import Commands
from dcmlint.errors import UsageError
from dcmlint.plural import number_of

helds = typer.Typer(cls=Commands, help="Held instances.", no_args_is_help=True, rich_markup_mode=None)
gates.add_typer(helds, name="held")

Words = Annotated[
    list[str],
    typer.Argument(
        metavar="NUMBER|UID...", help="Numbers of instances, SOP Instance UIDs or Study Instance UIDs."
    ),
]
Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why; it is kept in the journal with your name.")
]


@helds.callback()
def _held() -> None:
    """Instances that wait for a decision before they are forwarded."""


@helds.command("ls")
def ls(config: ConfigFile = Path("gate.toml")) -> int:
    """List held instances, the oldest first."""
    from dcmlint.gate.explain import held_lines
    from dcmlint.reports.border import printable

    with journal_of(config) as (journal, _):
        rows = journal.rows("state='held'")
    for line in held_lines(rows, time()):
        print(printable(line))
    return 0


@helds.command("show")
def show(
    words: Words,
    config: ConfigFile = Path("gate.toml"),
    names: Annotated[
        bool, typer.Option("--names", help="Show who the patient is; that is recorded.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why the names are needed.")] = "",
) -> int:
    """Show held instances with their findings and their history."""
    from dcmlint.gate import operate
    from dcmlint.gate.explain import explain_row
    from dcmlint.reports.border import printable

    if names:
        _need(reason)
    with journal_of(config) as (journal, spool):
        for row in operate.held(journal, words):
            if names:
                for name, value in operate.names(
                    journal, spool, row, who=operate.user(), reason=reason
                ).items():
                    print(printable(f"  {name}: {value}"))
            print("\n".join(printable(line) for line in explain_row(journal, row)))
    return 0


@helds.command("release")
def release(words: Words, reason: Reason, config: ConfigFile = Path("gate.toml")) -> int:
    """Forward held instances as they are; repaired ones as they were repaired."""
    from dcmlint.gate import operate

    _need(reason)
    with journal_of(config) as (journal, _):
        rows = operate.held(journal, words)
        return _done("released", operate.release(journal, rows, who=operate.user(), reason=reason))


@helds.command("discard")
def discard(words: Words, reason: Reason, config: ConfigFile = Path("gate.toml")) -> int:
    """Discard held instances: they are deleted and not forwarded."""
    from dcmlint.gate import operate

    _need(reason)
    with journal_of(config) as (journal, spool):
        rows = operate.held(journal, words)
        return _done("discarded", operate.discard(journal, spool, rows, who=operate.user(), reason=reason))


@helds.command("export")
def export(
    words: Words,
    reason: Reason,
    to: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="The folder.")],
    config: ConfigFile = Path("gate.toml"),
) -> int:
    """Copy held instances to a folder; they stay held."""
    from dcmlint.gate import operate

    _need(reason)
    with journal_of(config) as (journal, spool):
        rows = operate.held(journal, words)
        return _done("exported", operate.export(journal, spool, rows, to, who=operate.user(), reason=reason))


def _need(reason: str) -> None:
    if not reason.strip():
        raise UsageError("--reason must say why: it is kept in the journal")


def _done(word: str, what: list[Any]) -> int:
    print(f"{number_of(len(what), 'instance')} {word}")
    return 0
