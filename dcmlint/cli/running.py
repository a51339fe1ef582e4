"""From a command line to a run, and from a run to its outputs: what `check`, `probe` and `listen` share."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec

from dcmlint.errors import UsageError

LEVELS = ("error", "warning", "info")
FORMATS = ("full", "grouped", "concise", "json", "jsonl", "junit", "junit:all", "sarif")
_TEXT = ("auto", "full", "grouped", "concise")


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
    show: str,
    show_values: str | None,
    quiet: bool,
    verbose: bool,
    color: str,
    extend_select: list[str] | None = None,
    extend_ignore: list[str] | None = None,
    max_per_rule: int = 10,
    **settings: Any,
) -> Run:
    """One frozen value of a command line; ``settings`` are further ones of the engine.  Raises ``UsageError``."""
    from dcmlint.cli.terminal import terminal_width, utf8_output, wants_colour
    from dcmlint.engine.settings import Settings
    from dcmlint.profiles.parameters import environment_parameters
    from dcmlint.reports.text import TextOptions

    utf8_output()
    base, shown = _config(config, isolated)
    limit = _one_of("--fail-on", fail_on or base.fail_on or "error", (*LEVELS, "never"))
    values = _one_of("--show-values", show_values or base.show_values or "safe", ("safe", "none", "all"))
    frames = settings.pop("frames", None) or base.frames or "auto"
    engine = Settings(
        profile=profile or base.profile or "wsi",
        select=_words(select) or base.select,
        ignore=_words(ignore) or base.ignore,
        extend_select=(*base.extend_select, *_words(extend_select)),
        extend_ignore=(*base.extend_ignore, *_words(extend_ignore)),
        severity={
            **_severities(f"{rule}={level}" for rule, level in base.severity.items()),
            **_severities(severity),
        },
        show_values=cast(Any, values),
        frames=cast(Any, _one_of("--frames", frames, ("auto", "all", "sample", "none"))),
        parameters={**base.parameters, **environment_parameters(), **pairs("--set", parameter)},
        **settings,
    )
    text = TextOptions(
        width=terminal_width(sys.stdout),
        colour=wants_colour(color, sys.stdout),
        show=cast(Any, "info" if verbose else _one_of("--show", show, LEVELS)),
        max_per_rule=max_per_rule,
        quiet=quiet,
        verbose=verbose,
    )
    outputs = tuple(_outputs(format_ or []))
    return Run(
        settings=engine, fail_on=None if limit == "never" else limit, config=shown, base=base, outputs=outputs, text=text
    )  # fmt: skip


def write_outputs(report: Any, run: Run, rules: dict[str, Any], printed: bool = False) -> None:
    """Write a report in every format that was asked for; ``printed``: its text stands on the terminal already."""
    for name, target in run.outputs:
        if target is None:
            sys.stdout.writelines(_parts(report, name, run.text, rules, printed))
            continue
        plain = msgspec.structs.replace(run.text, width=80, colour=False)
        try:
            with open(target, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as stream:
                stream.writelines(_parts(report, name, plain, rules, False))
        except OSError as error:
            raise UsageError(f"{target} cannot be written: {error.strerror}") from None


def _parts(report: Any, name: str, text: Any, rules: dict[str, Any], printed: bool) -> Iterable[str]:
    if name in _TEXT:
        if report.associations and name != "concise":
            from dcmlint.reports.association import write_endpoints
            from dcmlint.reports.text import write_closing

            return write_closing(report, text) if printed else write_endpoints(report, text)
        from dcmlint.reports.text import write_text

        return write_text(report, text, name)
    if name == "sarif":
        from dcmlint.reports.sarif import write_sarif

        return write_sarif(report, rules)
    if name.startswith("junit"):
        from dcmlint.reports.junit import write_junit

        return write_junit(report, every_rule=name == "junit:all")
    from dcmlint.reports.json_ import write_json, write_jsonl

    return write_json(report) if name == "json" else write_jsonl(report)


def exit_code(report: Any, exit_zero: bool) -> int:
    """The exit code of a run; ``exit_zero`` forgives findings, never what was not checked."""
    return 0 if exit_zero and report.exit_code in (0, 1) else int(report.exit_code)


def pairs(option: str, values: Sequence[str] | None) -> dict[str, str]:
    """NAME=VALUE pairs; a value may be empty.  Raises ``UsageError``."""
    result: dict[str, str] = {}
    for text in values or ():
        name, found, one = text.partition("=")
        if not found or not name.strip():
            raise UsageError(f"{option} {text}: NAME=VALUE")
        result[name.strip()] = one.strip()
    return result


def _config(given: str | None, isolated: bool) -> tuple[Any, str | None]:
    """The configuration, empty where there is none, and how reports name its file."""
    from dcmlint.cli.config import Config, find_config, read_config

    if given is not None:
        return read_config(Path(given)), given
    path = None if isolated else find_config()
    return (Config(), None) if path is None else (read_config(path), str(path))


def _one_of(option: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise UsageError(f"{option} {value}: one of {', '.join(allowed)}")
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


def _outputs(values: list[str]) -> list[tuple[str, str | None]]:
    result: list[tuple[str, str | None]] = []
    for value in values:
        name, _, target = value.partition("=")
        if name not in FORMATS:
            raise UsageError(f"--format {name}: one of {', '.join(FORMATS)}")
        result.append((name, target or None))
    if sum(target is None for _, target in result) > 1:
        raise UsageError("two formats want standard output: give one of them a file, FORMAT=FILE")
    return result or [("auto", None)]
