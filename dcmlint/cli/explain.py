"""`dcmlint explain`: a rule in words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from dcmlint.cli import completion
from dcmlint.cli.app import app
from dcmlint.cli.help import explained
from dcmlint.cli.options import Config, Isolated, Parameters, ShowValues
from dcmlint.errors import UsageError

if TYPE_CHECKING:
    from dcmlint.rules.model import Rule, RuleSource


@app.command(**explained("dcmlint explain TILE003", "dcmlint explain TILE003 --file slide/level-0.dcm"))
def explain(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="The id or the name of a rule.", autocompletion=completion.rules)],
    file: Annotated[
        str, typer.Option(metavar="FILE", help="Evaluate the rule on this file, and show each step with its values.")
    ] = "",
    profile: Annotated[
        str,
        typer.Option(
            "-p", "--profile", metavar="PROFILE",
            help="Also search the rules of this profile, a name or a file.  [default: of the configuration]",
            autocompletion=completion.profiles,
        ),
    ] = "",
    rules: Annotated[
        list[str] | None, typer.Option("--rules", metavar="PATH", help="Also search these rule files or folders.")
    ] = None,
    parameter: Parameters = None,
    show_values: ShowValues = None,
    config: Config = None,
    isolated: Isolated = False,
) -> int:  # fmt: skip
    """Explain a rule: what it requires, why, and what to do."""
    from dcmlint.cli.running import configuration
    from dcmlint.cli.terminal import utf8_output
    from dcmlint.reports.rule_page import rule_text

    utf8_output()
    base, _ = configuration(config, isolated)
    source = _source(rule, profile or base.profile, rules or [])
    print(rule_text(source.rule))
    if file:
        print(
            _followed(
                source, file, profile or base.profile, rules, parameter, show_values or base.show_values
            )
        )
    return 0


def _source(word: str, profile: str, rules: list[str]) -> RuleSource:
    """The rule of this id or name: of the profile, of rule files, built in, or of any other profile."""
    from dcmlint.rules.load import builtin_rules

    sources: tuple[RuleSource, ...] = builtin_rules()
    if profile or rules:
        from dcmlint.profiles.resolve import RULES, resolve_profile

        given = {RULES: rules} if rules else {}
        sources = (*resolve_profile(profile or "wsi", given, keep=True).rules, *sources)
    found = _first(word, sources)
    if found is None:
        from dcmlint.profiles.resolve import profile_rules

        # Rows and rules of profiles are made when somebody asks for them.
        sources = (*sources, *profile_rules())
        found = _first(word, sources)
    if found is not None:
        return found
    import difflib
    import re

    words = [name for source in sources for name in (source.rule.id, source.rule.name)]
    padded = re.sub(r"\d+\Z", lambda found: found[0].zfill(3), word.upper())  # TILE3
    close = [padded] if padded in words else difflib.get_close_matches(word, words, 3, 0.5)
    raise UsageError(f"{word!r} is not a rule" + (f": did you mean {' or '.join(close)}?" if close else ""))


def _first(word: str, sources: Iterable[RuleSource]) -> RuleSource | None:
    return next((source for source in sources if _named(word, source.rule)), None)


def _followed(
    source: RuleSource,
    file: str,
    profile: str,
    rules: list[str] | None,
    parameter: list[str] | None,
    show_values: str,
) -> str:
    """The steps of the rule on a file, as text."""
    from dcmlint.cli.running import pairs
    from dcmlint.engine.explain import follow
    from dcmlint.engine.session import Checker
    from dcmlint.engine.settings import Settings
    from dcmlint.errors import InputError
    from dcmlint.profiles.parameters import environment_parameters
    from dcmlint.profiles.resolve import RULES
    from dcmlint.reports.steps import steps_text
    from dcmlint.sources.inputs import list_inputs, open_input

    rule = source.rule
    parameters: dict[str, Any] = {**environment_parameters(), **pairs("--set", parameter)}
    if rules:
        parameters[RULES] = rules
    checker = Checker(
        Settings(
            profile=profile or "wsi", parameters=parameters, extend_select=(rule.id,), severity={rule.id: rule.severity},
            show_values=cast(Any, show_values or "safe"),
        )
    )  # fmt: skip
    if rule.id not in checker.active:
        raise UsageError(
            f"{rule.id} is not a rule of the profile {profile or 'wsi'}: name one with --profile"
        )
    inputs = list(list_inputs([file]))
    if len(inputs) != 1:
        raise UsageError(f"--file {file}: one file, not {len(inputs)}")
    try:
        return steps_text(follow(checker, rule.id, inputs[0].path, lambda: open_input(inputs[0])), file)
    except InputError as error:
        raise UsageError(f"--file {file}: {error}") from None


def _named(word: str, rule: Rule) -> bool:
    return word.upper().replace("-", "") == rule.id or word == rule.name
