"""The pages of facts and of functions, made from the docstrings of both."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping

import dcmlint.profiles.functions  # noqa: F401 - registers those of profiles too
from dcmlint.facts.describe import as_markdown, fact_pages
from dcmlint.rules.functions import function_named, function_names
from dcmlint.rules.model import Rule

_NOTE = "<!-- Made from docstrings by tools/generate.py. -->"


def facts_page() -> str:
    """``docs/facts.md``: every fact with its type."""
    head = (
        f"{_NOTE}\n\n# Facts\n\nValues that are derived from an instance, and that the expressions of rules use by name:"
        " `tiling.columns`. A group is computed when a rule asks for it; where it does not apply, its facts are absent."
        " `dcmlint facts` shows this list, `dcmlint facts NAME` a part of it.\n"
    )
    return head + as_markdown(fact_pages())


def functions_page(rules: Iterable[Rule]) -> str:
    """``docs/functions.md``: every function of rules, its parameters, and the rules that use it."""
    used: dict[str, list[str]] = {}
    for rule in rules:
        if rule.function:
            used.setdefault(rule.function, []).append(rule.id)
    lines = [
        _NOTE, "", "# Functions of rules", "",
        "A rule of `kind: function` names one of these and gives it the parameters that it takes under `with`.", "",
        "| function | what it does | parameters | rules |", "|---|---|---|---|",
    ]  # fmt: skip
    for name in function_names():
        function = function_named(name)
        assert function is not None
        doc = " ".join((inspect.getdoc(function) or "").split()).replace("|", "\\|")
        parameters = list(inspect.signature(function).parameters.values())[1:]
        lines.append(
            f"| `{name}` | {doc} | {', '.join(f'`{one.name}`' for one in parameters)} | {_links(used, name)} |"
        )
    return "\n".join(lines) + "\n"


def _links(used: Mapping[str, list[str]], name: str) -> str:
    return ", ".join(f"[{one}](rules/{one}.md)" for one in sorted(set(used.get(name, ()))))
