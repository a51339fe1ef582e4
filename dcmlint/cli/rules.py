"""`dcmlint rules`: the rules there are."""

from __future__ import annotations

from typing import Annotated

import typer

from dcmlint.cli.app import app
from dcmlint.cli.options import TextOrJson


@app.command()
def rules(
    format_: TextOrJson = "text",
    area: Annotated[str, typer.Option(metavar="AREA", help="List only the rules of this area or tag.")] = "",
) -> int:
    """List the rules."""
    import msgspec

    from dcmlint.cli.terminal import utf8_output
    from dcmlint.engine.plan import names_of
    from dcmlint.rules.load import builtin_rules

    utf8_output()
    found = [source.rule for source in builtin_rules() if not area or area in names_of(source.rule)]
    if format_ == "json":
        print(msgspec.json.format(msgspec.json.encode([
            {"id": rule.id, "name": rule.name, "title": rule.title, "severity": rule.severity, "basis": rule.basis,
             "scope": rule.scope, "kind": rule.kind, "tags": rule.tags, "default": rule.default,
             "references": [str(reference) for reference in rule.references]} for rule in found
        ]), indent=2).decode())  # fmt: skip
        return 0
    for rule in found:
        print(f"{rule.id:8} {rule.severity:8} {rule.title}")
    return 0
