"""How a command explains itself: its options in groups, then examples and exit codes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from typer.core import TyperCommand, TyperGroup

# The groups of options as the help names them; what has none is under "Options".
INPUT = "What is checked"
RULES = "Profile and rules"
KNOWN = "Known findings"
REPORT = "Reports"
CONNECTION = "Connection"
EXPECTED = "What is expected"
STORED = "What is stored"
RUN = "Run"
_GROUPS = (INPUT, RULES, KNOWN, CONNECTION, EXPECTED, STORED, REPORT, RUN)


class Command(TyperCommand):
    """A command whose help has groups of options, examples and exit codes; `explained` says which."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Arguments, then the groups of options in a fixed order."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                panel = getattr(parameter, "rich_help_panel", None) or "Options"
                name = "Arguments" if parameter.param_type_name == "argument" else panel
                groups.setdefault(name, []).append(record)
        # "Options" is last where it is only --help.
        last = len(groups["Options"]) == 1
        order = ["Arguments", *(() if last else ("Options",)), *_GROUPS, "Options"]
        for name in sorted(groups, key=order.index):
            with formatter.section(name):
                formatter.write_dl(groups[name], col_max=26)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Examples as they are typed, exit codes one a line."""
        examples, _, codes = (self.epilog or "").partition("\n\n")
        if examples:
            with formatter.section("Examples"):
                for line in examples.split("\n"):
                    formatter.write(f"{'':>{formatter.current_indent}}{line}\n")
        if codes:
            with formatter.section("Exit codes"):
                formatter.write_dl(
                    [(code, text) for code, text in re.findall(r"(\d+) (.+?)(?:; (?=\d)|$)", codes)]
                )


# The commands of dcmlint itself, by what somebody wants.
_PURPOSES = (
    ("Check and repair", ("check", "fix", "baseline", "compare")),
    (
        "Rules and profiles",
        ("explain", "rules", "rule", "profiles", "profile", "facts", "standard", "config"),
    ),
    ("Network", ("probe", "listen", "gate", "orthanc-plugin")),
    ("Archives", ("scan", "query", "report", "merge", "prune")),
)


class Commands(TyperGroup):
    """A group whose help says of each command the whole first sentence; dcmlint itself lists them by purpose."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The sections of the help."""
        rows: dict[str, str] = {}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                rows[name] = command.get_short_help_str(limit=1000)
        sections = _PURPOSES if ctx.parent is None else ()
        listed = {name for _, names in sections for name in names}
        rest = tuple(name for name in rows if name not in listed)
        for title, names in (*sections, ("More" if sections else "Commands", rest)):
            if found := [(name, rows[name]) for name in names if name in rows]:
                with formatter.section(title):
                    formatter.write_dl(found)


def explained(*examples: str, codes: str = "") -> dict[str, Any]:
    """What a command is registered with: ``@app.command(**explained("dcmlint check slide/", codes=EXIT_CODES))``.

    ``codes``: ``0 nothing; 1 findings; …``.
    """
    return {"cls": Command, "epilog": "\n".join(examples) + "\n\n" + codes}


def one_of(*words: str) -> dict[str, Any]:
    """An option that takes one of some words: they are listed in the help and completed by the shell."""
    return {"metavar": "|".join(words), "autocompletion": _completed(words)}


def _completed(words: tuple[str, ...]) -> Callable[[str], list[str]]:
    def complete(incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return complete
