"""Makes what is generated: tags and UIDs by keyword, the schemas, the pages of the documentation.

``python tools/generate.py`` writes them, ``--check`` says what differs and fails.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from tools import keywords  # noqa: E402

if "--check" not in sys.argv:
    keywords.write()  # before the modules that import them

from dcmlint.rules.load import data_folder, read_folder  # noqa: E402
from tools.profile_pages import generated as profile_files  # noqa: E402
from tools.reference import (  # noqa: E402
    cli_page,
    configuration_page,
    exit_codes_page,
    facts_page,
    functions_page,
    json_page,
)
from tools.report_schema import report_schema  # noqa: E402
from tools.rule_pages import rule_pages  # noqa: E402
from tools.rule_schema import rule_schema, schema_text  # noqa: E402
from tools.schemas import baseline_schema, config_schema, gate_schema  # noqa: E402

PAGES = ROOT / "docs" / "rules"
PROFILES = ROOT / "docs" / "profiles"


def generated() -> dict[Path, bytes]:
    """Every generated file with what it must hold."""
    made = {
        ROOT / "schemas" / "rule.schema.json": schema_text(rule_schema()).encode(),
        ROOT / "schemas" / "report.json": schema_text(report_schema()).encode(),
        ROOT / "schemas" / "config.schema.json": schema_text(config_schema()).encode(),
        ROOT / "schemas" / "gate.schema.json": schema_text(gate_schema()).encode(),
        ROOT / "schemas" / "baseline.schema.json": schema_text(baseline_schema()).encode(),
    }
    made |= keywords.generated()
    made[ROOT / "docs" / "differences.md"] = _differences()
    rules = [source.rule for source in read_folder(data_folder("rules"))]
    made[ROOT / "docs" / "facts.md"] = facts_page().encode()
    made[ROOT / "docs" / "functions.md"] = functions_page(rules).encode()
    reference = ROOT / "docs" / "reference"
    made[reference / "cli.md"] = cli_page().encode()
    made[reference / "configuration.md"] = configuration_page().encode()
    made[reference / "exit-codes.md"] = exit_codes_page().encode()
    made[reference / "json.md"] = json_page(report_schema()).encode()
    made |= profile_files(ROOT)
    return made | {PAGES / name: text.encode() for name, text in rule_pages(rules).items()}


def _differences() -> bytes:
    """One page of the parts in ``docs/differences.d``, which are written beside the rules that they are about."""
    parts = [
        path.read_text("utf-8").strip() for path in sorted((ROOT / "docs" / "differences.d").glob("*.md"))
    ]
    head = (
        "# Where validators differ\n\nWhere dcmlint differs from dciodvfy, or from what was once believed of a rule: "
        "who is right, and the clause."
    )
    return ("\n\n".join([head, *parts]) + "\n").encode()


def drift(made: dict[Path, bytes]) -> list[str]:
    """What differs from what must be there, a line for each file."""
    found = []
    for path, wanted in made.items():
        shown = path.relative_to(ROOT).as_posix()
        if not path.is_file():
            found.append(f"{shown} is missing")
        elif path.read_bytes().replace(b"\r\n", b"\n") != wanted.replace(b"\r\n", b"\n"):
            found.append(f"{shown} differs")
    return found + [
        f"{path.relative_to(ROOT).as_posix()} is of nothing that there is" for path in _stale(made)
    ]


def _stale(made: dict[Path, bytes]) -> list[Path]:
    """Pages of rules and profiles that are no more."""
    return [path for folder in (PAGES, PROFILES) for path in folder.glob("*.md") if path not in made]


def main() -> int:
    """Write the files, or compare them."""
    parser = argparse.ArgumentParser(description="Makes what is generated.")
    parser.add_argument("--check", action="store_true", help="only say what differs")
    made = generated()
    differences = drift(made)
    if parser.parse_args().check:
        for line in differences:
            print(line, file=sys.stderr)
        if differences:
            print("run: python tools/generate.py", file=sys.stderr)
        return 1 if differences else 0
    for path, data in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_bytes() != data:
            path.write_bytes(data)
    for path in _stale(made):
        path.unlink()
    print(f"{len(made)} files, {len(differences)} changed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
