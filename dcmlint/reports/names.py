"""The formats of this package by name: what help and messages list, without importing any of them."""

from __future__ import annotations

# By name: the module and class.  Modules are imported when somebody wants the format.
BUILTIN = {
    "full": "text:TextWriter",
    "grouped": "text:TextWriter",
    "concise": "text:TextWriter",
    "json": "json_report:JsonWriter",
    "jsonl": "json_report:JsonLinesWriter",
    "junit": "junit:JunitWriter",
    "sarif": "sarif:SarifWriter",
    "github": "github:GithubWriter",
    "gitlab": "gitlab:GitlabWriter",
    "markdown": "markdown:MarkdownWriter",
    "csv": "csv_report:CsvWriter",
    "html": "html:HtmlWriter",
}
VARIANTS = {"junit": ("all",)}


def format_names() -> tuple[str, ...]:
    """The formats of this package, as ``--format`` takes them."""
    variants = {name: [f"{name}:{one}" for one in VARIANTS.get(name, ())] for name in BUILTIN}
    return tuple(word for name in BUILTIN for word in (name, *variants[name]))
