"""Traceability: every row of the vendors' tables is a statement, and every statement has its check or its reason."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import jsonschema
import pytest
import yaml

from dcmlint.profiles import statements as kinds
from dcmlint.profiles.attributes import placed_rows
from dcmlint.profiles.chain import chain_of
from dcmlint.profiles.lint import lint_profile
from dcmlint.profiles.load import BUNDLE, ProfileBundle, builtin_profiles, find_profile
from dcmlint.profiles.model import ProfileSource
from dcmlint.profiles.resolve import resolve_chain
from dcmlint.profiles.statements import statements_of
from dcmlint.rules.load import data_folder
from tools.profile_pages import generated, pages
from tools.profile_schema import profile_schema

ROOT = data_folder("profiles").parent
VENDORS = ("aperio-gt450-dx", "aperio-iqc", "dicomvert-2.0")


def counted(name: str) -> Counter[str]:
    return Counter(
        statement.table for statement in statements_of(find_profile(name).profile) if statement.table
    )


def test_dicomvert_rows_of_the_source_tables() -> None:
    tables = counted("dicomvert-2.0")
    assert tables[kinds.ATTRIBUTES] == 99, "rows of section 5"
    # The sentence above each table is a statement, too.
    assert tables[kinds.SYNTAXES] == 25 + 1, "rows of section 4.3"
    assert tables[kinds.CLASSES] == 1 + 1, "rows of section 4.2"


def test_iqc_rows_of_the_port_table() -> None:
    assert counted("aperio-iqc")[kinds.PORTS] == 8


def test_gt450_settings_of_the_picture() -> None:
    assert counted("aperio-gt450-dx")[kinds.PARAMETERS] == 13


@pytest.mark.parametrize("name", VENDORS)
def test_every_statement_has_its_check_or_its_reason(name: str) -> None:
    statements = statements_of(find_profile(name).profile)
    assert len(statements) > 30
    for statement in statements:
        assert statement.section, statement
        assert statement.by or statement.not_seen, statement


def test_all_sections_of_the_documents_are_there() -> None:
    sections = {name: {one.section for one in statements_of(find_profile(name).profile)} for name in VENDORS}
    assert {"1", "2", "3", "4", *(f"4 step 4{letter}" for letter in "abcde")} <= sections["aperio-gt450-dx"]
    assert {"1", "2.1", "2.2", "3", "4", "4.1", "4.2", "4.3", "5"} <= sections["dicomvert-2.0"]
    assert {
        "Introduction", "Network configuration", "Port descriptions", "Cybersecurity", "User authentication and security",
        "Cybersecurity features", "Data protection", "Password, login, and user configuration safeguards",
        "Hosting server administrative safeguards", "Use of off-the-shelf software", "Support and cybersecurity patches",
        "Data collection notice",
    } <= sections["aperio-iqc"]  # fmt: skip


@pytest.mark.parametrize("name", VENDORS)
def test_pages_say_that_they_are_an_independent_reading(name: str) -> None:
    page = pages()[f"{name}.md"]
    source = find_profile(name).profile.source
    assert source is not None
    assert "independent reading" in page
    assert "not affiliated" in page
    assert source.revision in page
    assert "not affiliated" in pages()["dicomvert.md"]


def test_generated_files_are_up_to_date() -> None:
    made = generated(ROOT)
    differs = [path.name for path, data in made.items() if not path.is_file() or path.read_bytes() != data]
    assert not differs, f"{differs}: python tools/generate.py"
    assert set((ROOT / "docs" / "profiles").glob("*.md")) <= set(made)


def test_the_bundle_holds_what_the_files_say() -> None:
    import msgspec

    bundle = msgspec.msgpack.decode(BUNDLE.read_bytes(), type=ProfileBundle)
    assert {source.profile.id for source in bundle.profiles} == {
        source.profile.id for source in builtin_profiles()
    }


@pytest.mark.parametrize("source", builtin_profiles(), ids=lambda source: source.profile.id)
def test_built_in_profiles_keep_to_the_schema(source: ProfileSource) -> None:
    path = data_folder("profiles") / Path(source.file).name
    document = yaml.load(path.read_text("utf-8"), yaml.SafeLoader)
    # YAML 1.1 takes the word off for false; editors follow 1.2.
    document = json.loads(json.dumps(document, default=str))
    for word, level in document.get("rules", {}).items():
        document["rules"][word] = {True: "on", False: "off"}.get(level, level)
    jsonschema.Draft202012Validator(profile_schema()).validate(document)


def test_the_schema_refuses_what_the_loader_refuses() -> None:
    validator = jsonschema.Draft202012Validator(profile_schema())
    assert validator.is_valid({"id": "lab", "version": 1, "title": "Lab"})
    for wrong in (
        {"titel": "x"},
        {"attributes": [{"attribute": "Rows", "presense": "always"}]},
        {"rules": {"ALL": "sometimes"}},
    ):
        assert not validator.is_valid({"id": "lab", "version": 1, "title": "Lab", **wrong})


def test_every_statement_is_checked_or_named_as_not_visible() -> None:
    """Walks the committed table: each row has a section, and what checks it exists, or it says why nothing can."""
    table = Path(__file__).resolve().parents[2] / "docs" / "profiles" / "statements.csv"
    with open(table, encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    known: dict[str, set[str]] = {}
    codes: dict[str, set[str]] = {}
    for source in builtin_profiles():
        resolved = resolve_chain(chain_of(source), keep=True)
        words = {one.rule.id for one in resolved.rules} | {one.id for one in placed_rows(source.profile)}
        words |= {f"endpoint:{one.name}" for one in source.profile.endpoints} | {
            f"parameter:{name}" for name in resolved.parameters
        }
        known[source.profile.area] = words
        if source.profile.id == "dicomvert-2.0":
            codes["DVT"] = {f"remark:{one.code}" for one in lint_profile(source)}
    assert len({row["number"] for row in rows}) == len(rows) >= 213
    vendors = {"GTX": 26, "IQC": 33, "DVT": 154}
    for area, least in vendors.items():
        assert sum(row["number"].startswith(f"{area}-") for row in rows) >= least
    for row in rows:
        area = row["number"].partition("-")[0]
        by = row["checked by"].split()
        assert by or row["not visible"], row
        assert set(by) <= known[area] | codes.get(area, set()), row
        assert row["section"] or (by and by[0].startswith("remark:")), row
