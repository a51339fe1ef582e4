"""The pages of the reference, made from what they describe: facts, functions, commands, configuration, reports."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any, get_args

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


def cli_page() -> str:
    """``docs/reference/cli.md``: the help of every command, 80 columns wide."""
    import typer.main

    from dcmlint.cli import commands  # noqa: F401 - registers the commands
    from dcmlint.cli.app import app

    lines = ["<!-- Made from the commands by tools/generate.py. -->", "", "# Command line", ""]
    lines += [
        "`dcmlint COMMAND --help` prints each of these; `dcmlint --install-completion` sets up the shell.",
        "",
    ]
    waiting = [(("dcmlint",), typer.main.get_command(app))]
    while waiting:
        words, command = waiting.pop(0)
        context = command.make_context(
            words[-1], [], resilient_parsing=True, terminal_width=80, max_content_width=80
        )
        context.info_name = " ".join(words)
        lines += [f"## {' '.join(words)}", "", "```text", command.get_help(context).rstrip(), "```", ""]
        children = getattr(command, "commands", {})
        waiting[:0] = [((*words, name), children[name]) for name in sorted(children)]
    return "\n".join(lines).rstrip() + "\n"


def configuration_page() -> str:
    """``docs/reference/configuration.md``: every key, its type and its default."""
    import msgspec

    from dcmlint.cli.config import KEYS, Config

    lines = [
        "<!-- Made from the configuration's type by tools/generate.py. -->", "", "# Configuration", "",
        "`dcmlint.toml`, or `[tool.dcmlint]` in `pyproject.toml`, is looked up from the current folder to the root of the"
        " repository, and never below a folder that is checked. Options of the command line take precedence, and"
        " `dcmlint config show` prints each value with its origin. An unknown key is an error."
        " The schema is `schemas/config.schema.json`.", "",
        "| key | type | default | meaning |", "|---|---|---|---|",
    ]  # fmt: skip
    for field in msgspec.structs.fields(Config):
        choices = [one for one in get_args(field.type) if isinstance(one, str) and one]
        kind = ", ".join(choices) or (
            str(getattr(field.type, "__name__", field.type))
            if isinstance(field.type, type)
            else str(field.type)
        )
        kind = _KINDS.get(
            field.name,
            "list of text"
            if "tuple" in kind
            else kind
            if choices
            else kind.replace("str", "text").replace("int", "number"),
        )
        default = "" if field.default in ("", (), msgspec.NODEFAULT) else f"`{field.default}`"
        lines.append(f"| `{field.encode_name}` | {kind} | {default} | {KEYS[field.name]} |")
    return "\n".join([*lines, "", *_CONFIGURED]) + "\n"


_KINDS = {
    "severity": "table: rule = severity",
    "parameters": "table: name = value",
    "ignore": "list of text or tables",
}
_CONFIGURED = """```toml
profile = "wsi"
fail-on = "warning"
ignore = [
  "OPT020",
  {rule = "MOD001", path = "archive/2019/*", reason = "written before the converter was corrected", until = "2027-06-30"},
]

[severity]
WSI013 = "error"
```

An entry of `ignore` with `rule`, `path` (a pattern) or `uid` accepts findings; `reason` is required, `until` is optional.

Parameters of a profile can also be set in the environment: `DCMLINT_SET_NAME=VALUE`.""".splitlines()


def exit_codes_page() -> str:
    """``docs/reference/exit-codes.md``."""
    import re

    from dcmlint.cli.app import EXIT_CODES

    rows = re.findall(r"(\d+) (.+?)(?:; (?=\d)|$)", EXIT_CODES)
    lines = [
        "<!-- Made from the commands by tools/generate.py. -->",
        "",
        "# Exit codes",
        "",
        "| code | meaning |",
        "|---|---|",
    ]
    lines += [f"| {code} | {text} |" for code, text in rows]
    lines += ["", "`--exit-zero` turns 1 into 0; it never hides that something was not checked (3, 4)."]
    return "\n".join(lines) + "\n"


def json_page(schema: Mapping[str, Any]) -> str:
    """``docs/reference/json.md``: the fields of the JSON report, from its schema."""
    lines = [
        "<!-- Made from schemas/report.json by tools/generate.py. -->", "", "# JSON", "",
        "`-f json` writes one document; `-f jsonl` one finding per line and a summary as the last line. The schema"
        " `schemas/report.json` is a contract: fields may be added, never changed, and every field is always present.", "",
        *_fields("report", schema),
    ]  # fmt: skip
    for name, part in schema["$defs"].items():
        lines += _fields(name, part)
    return "\n".join(lines).rstrip() + "\n"


def _fields(name: str, part: Mapping[str, Any]) -> list[str]:
    if "properties" not in part:
        return []
    rows = [
        f"| `{key}` | {_type(one)} | {one.get('description', '')} |".replace("||", "| |")
        for key, one in part["properties"].items()
    ]
    return [
        f"## {name}",
        "",
        part.get("description", ""),
        "",
        "| field | type | meaning |",
        "|---|---|---|",
        *rows,
        "",
    ]


def _type(one: Mapping[str, Any]) -> str:
    if "$ref" in one:
        name = one["$ref"].rpartition("/")[2]
        return f"[{name}](#{name})"
    if "const" in one:
        return f"`{one['const']}`"
    if "enum" in one:
        return ", ".join("null" if value is None else f"`{value}`" for value in one["enum"])
    if one.get("type") == "array":
        return f"list of {_type(one['items'])}" if "items" in one else "list"
    kind = one.get("type", "any")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)
