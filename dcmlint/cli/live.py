"""What `dcmlint probe` and `dcmlint listen` have in common: settings, outputs, the extra that they need."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, cast

import msgspec

from dcmlint.cli.check import _config, _levels, _one_of, _outputs, _parameters, _severities, _words, _write
from dcmlint.errors import UsageError

_LEVELS = ("error", "warning", "info")


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A command line as a run needs it: settings of the engine, the limit, the outputs, how text is drawn."""

    settings: Any
    fail_on: Any
    config: str | None
    outputs: tuple[tuple[str, str | None], ...]
    text: Any

    @property
    def talks(self) -> bool:
        """Whether standard output is text for people, printed as it comes."""
        return any(target is None and name in ("auto", "full") for name, target in self.outputs)


def need_network() -> None:
    """Raise ``UsageError`` where the extra is not installed."""
    from importlib.util import find_spec

    missing = [name for name in ("pynetdicom", "cryptography") if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"live associations need the extra 'network' ({', '.join(missing)} not installed): "
            "pip install 'dcmlint[network]'"
        )


def run_settings(
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
) -> Run:
    """One frozen value of the options that are those of `dcmlint check`.  Raises ``UsageError``."""
    from dcmlint.cli.config import Config
    from dcmlint.cli.options import terminal_width, utf8_output, wants_colour
    from dcmlint.engine.settings import Settings
    from dcmlint.profiles.parameters import environment_parameters
    from dcmlint.reports.text import TextOptions

    utf8_output()
    found, shown = _config(config, isolated)
    base = found or Config()
    limit = _one_of("--fail-on", fail_on or base.fail_on or "error", (*_LEVELS, "never"))
    _one_of("--show", show, _LEVELS)
    values = _one_of("--show-values", show_values or base.show_values or "safe", ("safe", "none", "all"))
    settings = Settings(
        profile=profile or base.profile or "wsi",
        select=_words(select) or base.select,
        ignore=_words(ignore) or base.ignore,
        extend_select=base.extend_select,
        extend_ignore=base.extend_ignore,
        severity={**_levels(base.severity), **_severities(severity)},
        show_values=cast(Any, values),
        parameters={**base.parameters, **environment_parameters(), **_parameters(parameter)},
    )
    text = TextOptions(
        width=terminal_width(sys.stdout),
        colour=wants_colour(color, sys.stdout),
        show=cast(Any, "info" if verbose else show),
        quiet=quiet,
        verbose=verbose,
    )
    return Run(
        settings=settings,
        fail_on=None if limit == "never" else limit,
        config=shown,
        outputs=tuple(_outputs(format_ or [])),
        text=text,
    )


def write_outputs(report: Any, run: Run, rules: dict[str, Any], printed: bool = False) -> None:
    """Write a report in every format that was asked for; ``printed``: its text stands on the terminal already."""
    from dcmlint.reports.association import write_endpoints
    from dcmlint.reports.text import write_closing

    for name, target in run.outputs:
        if name in ("auto", "full", "grouped"):
            if target is None:
                parts = write_closing(report, run.text) if printed else write_endpoints(report, run.text)
                sys.stdout.writelines(parts)
                continue
            plain = msgspec.structs.replace(run.text, width=80, colour=False)
            _save(target, write_endpoints(report, plain))
        else:
            _write(report, name, target, rules=rules, show=run.text.show, max_per_rule=run.text.max_per_rule,
                   quiet=run.text.quiet, verbose=run.text.verbose, color="never")  # fmt: skip


def _save(target: str, parts: Any) -> None:
    try:
        with open(target, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as stream:
            stream.writelines(parts)
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror}") from None


def exit_code(report: Any, exit_zero: bool) -> int:
    """The exit code of a run; ``exit_zero`` forgives findings, never what was not checked."""
    return 0 if exit_zero and report.exit_code in (0, 1) else int(report.exit_code)


def pairs(option: str, values: Sequence[str] | None) -> dict[str, str]:
    """NAME=VALUE pairs.  Raises ``UsageError``."""
    result: dict[str, str] = {}
    for text in values or ():
        name, found, one = text.partition("=")
        if not found or not name or not one:
            raise UsageError(f"{option} {text}: NAME=VALUE")
        result[name.strip()] = one.strip()
    return result
