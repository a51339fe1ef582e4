"""`dcmlint explain`: a rule in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dcmlint.cli.app import app
from dcmlint.cli.option_types import Isolated
from dcmlint.errors import UsageError

if TYPE_CHECKING:
    from dcmlint.rules.model import Rule


@app.command()
def explain(
    rule: Annotated[str, typer.Argument(help="The id or the name of a rule.")],
    profile: Annotated[
        str,
        typer.Option(
            "-p",
            "--profile",
            help="Also search the rules of this profile, a name or a file.  [default: of the configuration]",
        ),
    ] = "",
    isolated: Isolated = False,
) -> int:
    """Explain a rule: what it requires, why, and what to do."""
    from dcmlint.cli.terminal import utf8_output
    from dcmlint.reports.rule_page import rule_text
    from dcmlint.rules.load import builtin_rules

    utf8_output()
    if not profile and not isolated:
        from dcmlint.cli.config import find_config, read_config

        path = find_config()
        profile = read_config(path).profile if path is not None else ""
    sources = builtin_rules()
    if profile:
        from dcmlint.profiles.resolve import resolve_profile

        sources = (*resolve_profile(profile, keep=True).rules, *sources)
    if not any(_named(rule, source.rule) for source in sources):
        from dcmlint.profiles.resolve import profile_rules

        # Rows and rules of profiles are made when somebody asks for them.
        sources = (*sources, *profile_rules())
    for source in sources:
        if _named(rule, source.rule):
            print(rule_text(source.rule))
            return 0
    import difflib

    close = difflib.get_close_matches(
        rule, [word for source in sources for word in (source.rule.id, source.rule.name)], 3, 0.5
    )
    raise UsageError(f"{rule!r} is not a rule" + (f": did you mean {' or '.join(close)}?" if close else ""))


def _named(word: str, rule: Rule) -> bool:
    return word.upper().replace("-", "") == rule.id or word == rule.name
