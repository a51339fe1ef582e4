"""From a command line to a run, and from a run to its outputs: what `check`, `probe` and `listen` share."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec

from dcmlint.errors import UsageError, did_you_mean

LEVELS = ("error", "warning", "info")


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A command line as a run needs it.

    ``settings`` of the engine; ``fail_on`` is None for "never"; ``config`` is the file that was read, ``base``
    what it says; ``outputs`` are formats and the files they go to, None for standard output; ``text`` says how
    text is drawn.
    """

    settings: Any
    fail_on: Any
    config: str | None
    base: Any
    outputs: tuple[tuple[str, str | None], ...]
    text: Any

    @property
    def talks(self) -> bool:
        """Whether standard output is text for people, printed as it comes."""
        return any(target is None and name in ("auto", "full") for name, target in self.outputs)


def run_of(
    *,
    profile: str | None,
    parameter: list[str] | None,
    config: str | None,
    isolated: bool,
    select: list[str] | None,
    ignore: list[str] | None,
    severity: list[str] | None,
    fail_on: str | None,
    format_: list[str] | None,
    show: str | None,
    show_values: str | None,
    quiet: bool,
    verbose: bool,
    color: str,
    extend_select: list[str] | None = None,
    extend_ignore: list[str] | None = None,
    max_per_rule: int = 10,
    further: dict[str, Any] | None = None,
    **settings: Any,
) -> Run:
    """One frozen value of a command line; ``settings`` are further ones of the engine.  Raises ``UsageError``."""
    from dcmlint.cli.terminal import follows_links, has_unicode, terminal_width, utf8_output, wants_colour
    from dcmlint.engine.settings import Settings
    from dcmlint.profiles.parameters import environment_parameters
    from dcmlint.reports.writer import TextOptions

    shows_unicode = has_unicode(sys.stdout)
    utf8_output()
    base, shown = configuration(config, isolated)
    limit = _one_of("--fail-on", fail_on or base.fail_on or "error", (*LEVELS, "never"))
    values = _one_of("--show-values", show_values or base.show_values or "safe", ("safe", "none", "all"))
    frames = settings.pop("frames", None) or base.frames or "auto"
    edition = settings.pop("edition", None) or base.edition
    engine = Settings(
        profile=profile or base.profile or "wsi",
        select=_words(select) or base.select,
        ignore=_words(ignore) or base.ignored,
        extend_select=(*base.extend_select, *_words(extend_select)),
        extend_ignore=(*base.extend_ignore, *_words(extend_ignore)),
        severity={
            **_severities(f"{rule}={level}" for rule, level in base.severity.items()),
            **_severities(severity),
        },
        show_values=cast(Any, values),
        frames=cast(Any, _one_of("--frames", frames, ("auto", "all", "sample", "none"))),
        parameters={
            **base.parameters,
            **environment_parameters(),
            **pairs("--set", parameter),
            **(further or {}),
        },
        edition=edition,
        **settings,
    )
    text = TextOptions(
        width=terminal_width(sys.stdout),
        colour=wants_colour(color, sys.stdout),
        show=cast(Any, "info" if verbose else _one_of("--show", show or base.show or "warning", LEVELS)),
        max_per_rule=max_per_rule,
        quiet=quiet,
        verbose=verbose,
        links=follows_links(sys.stdout),
        unicode=shows_unicode,
        table=sys.stdout.isatty(),
    )
    outputs = tuple(_outputs(format_ or base.format))
    return Run(
        settings=engine, fail_on=None if limit == "never" else limit, config=shown, base=base, outputs=outputs, text=text
    )  # fmt: skip


def exit_code(closing: Any, exit_zero: bool) -> int:
    """The exit code of a run; ``exit_zero`` forgives findings, never what was not checked."""
    return 0 if exit_zero and closing.exit_code in (0, 1) else int(closing.exit_code)


def pairs(option: str, values: Sequence[str] | None) -> dict[str, str]:
    """NAME=VALUE pairs; a value may be empty.  Raises ``UsageError``."""
    result: dict[str, str] = {}
    for text in values or ():
        name, found, one = text.partition("=")
        if not found or not name.strip():
            raise UsageError(f"{option} {text}: NAME=VALUE")
        result[name.strip()] = one.strip()
    return result


def configuration(given: str | None, isolated: bool) -> tuple[Any, str | None]:
    """The configuration, empty where there is none, and how reports name its file."""
    from dcmlint.cli.config import Config, find_config, read_config

    if given is not None:
        return read_config(Path(given)), given
    path = None if isolated else find_config()
    return (Config(), None) if path is None else (read_config(path), str(path))


def _one_of(option: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        known = f"one of {', '.join(allowed)}"
        raise UsageError(f"{option} {value}: {did_you_mean(value, allowed, known)}")
    return value


def _words(values: list[str] | None) -> tuple[str, ...]:
    return tuple(word.strip() for value in values or () for word in value.split(",") if word.strip())


def _severities(values: Iterable[str] | None) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for value in values or ():
        rule, found, level = value.partition("=")
        if not found or level not in LEVELS:
            raise UsageError(f"--severity {value}: RULE={'|'.join(LEVELS)}")
        result[rule] = level
    return result


def _outputs(values: Iterable[str]) -> list[tuple[str, str | None]]:
    from dcmlint.reports.registry import writer_class

    result: list[tuple[str, str | None]] = []
    for value in values:
        name, _, target = value.partition("=")
        if not name:
            raise UsageError(f"--format {value}: FORMAT or FORMAT=FILE")
        writer_class(name)
        result.append((name, target or None))
    if sum(target is None for _, target in result) > 1:
        raise UsageError(
            "two formats would be written to standard output: give one of them a file, FORMAT=FILE"
        )
    return result or [("auto", None)]
