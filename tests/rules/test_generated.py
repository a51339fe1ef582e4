"""What is generated from the rules: it is there, it is current, and the schemas describe what there is."""

from __future__ import annotations

import importlib.util
import json
import time
from io import StringIO
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.engine.session import Checker, Task
from dcmlint.engine.settings import Settings
from dcmlint.engine.stream import deliver
from dcmlint.engine.totals import Totals
from dcmlint.reports.json_report import JsonLinesWriter, report_value
from dcmlint.reports.writer import TextOptions, head_of
from dcmlint.rules.examples import example_files
from dcmlint.rules.load import data_folder, read_folder, rule_files
from tools.report_schema import report_schema
from tools.rule_pages import rule_pages
from tools.rule_schema import rule_schema

ROOT = Path(__file__).resolve().parents[2]


def _tool() -> Any:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "tools" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_nothing_has_drifted() -> None:
    tool = _tool()
    assert tool.drift(tool.generated()) == [], "run: python tools/generate.py"


class _AsEditorsRead(yaml.SafeLoader):
    """YAML as an editor reads it: tags of ours give their text, dates are no type of JSON."""


_AsEditorsRead.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith("timestamp")]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_AsEditorsRead.add_multi_constructor(
    "!",
    lambda loader, suffix, node: (
        loader.construct_sequence(node, deep=True)
        if isinstance(node, yaml.SequenceNode)
        else f"{suffix} {node.value}"
    ),
)


def _edited(**changes: Any) -> dict[str, Any]:
    return {
        "id": "MINE001", "name": "mine", "title": "Mine", "severity": "warning", "basis": "recommendation",
        "assert": "has(Modality)", **changes,
    }  # fmt: skip


def test_rule_schema_is_a_schema_and_takes_every_rule() -> None:
    schema = rule_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for path in rule_files(data_folder("rules")):
        rule = yaml.load(path.read_text("utf-8"), Loader=_AsEditorsRead)
        problems = [
            f"{path.name}: {error.json_path}: {error.message}" for error in validator.iter_errors(rule)
        ]
        assert not problems, "\n".join(problems)
    assert validator.is_valid(_edited())


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "mine"},
        {"name": "Mine Own"},
        {"severity": "fatal"},
        {"severity": "error"},
        {"kind": "table"},
        {"kind": "table", "check": ["table.no-such-check"]},
        {"wehn": "true"},
        {"references": [{"section": "C.7.6"}]},
        {"examples": [{"name": "no outcome", "dataset": {"use": "ct"}}]},
        {"examples": [{"name": "two outcomes", "fails": True, "passes": True, "dataset": {"use": "ct"}}]},
        {"examples": [{"name": "no base", "fails": True, "dataset": {"Rows": 3}}]},
        {"examples": [{"name": "no data", "fails": True}]},
        {"examples": [{"name": "bytes", "fails": True, "dataset": {"use": "ct", "bytes": {"at": 3}}}]},
    ],
)
def test_rule_schema_refuses(changes: dict[str, Any]) -> None:
    assert not jsonschema.Draft202012Validator(rule_schema()).is_valid(_edited(**changes))


def _reports() -> list[Any]:
    """Reports of a clean file, of many defects, of what is no DICOM, and of nothing."""
    sources = {source.rule.id: source for source in read_folder(data_folder("rules"))}
    groups = [
        [("MOD001", 1)],
        [("MOD001", 0), ("ENC003", 0), ("FILE903", 0), ("FG007", 0)],
        [("FILE901", 0)],
        [],
    ]
    reports = []
    for group in groups:
        checker = Checker(Settings())
        totals = Totals(checker)
        for rule_id, number in group:
            (file,) = example_files(sources[rule_id], number)
            totals.add(checker.check_buffer(Task(file.name, True), WholeBuffer(file.data)))
        reports.append(totals.report(started=time.monotonic(), fail_on="error", config=None))
    return reports


def test_report_schema_describes_real_reports() -> None:
    schema = report_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    reports = _reports()
    assert sum(len(report.findings) for report in reports) >= 5
    for report in reports:
        value = report_value(report)
        assert [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)] == []
        one = jsonschema.Draft202012Validator({**schema["$defs"]["finding"], "$defs": schema["$defs"]})
        end = jsonschema.Draft202012Validator({**schema["$defs"]["end"], "$defs": schema["$defs"]})
        sink = StringIO()
        deliver(report, [JsonLinesWriter(sink, head_of(report, {}, TextOptions()))])
        *lines, last = sink.getvalue().splitlines()
        assert len(lines) == len(report.findings)
        assert all(one.is_valid(json.loads(line)) for line in lines)
        assert end.is_valid(json.loads(last))


def test_report_schema_knows_every_field() -> None:
    schema = report_schema()
    report = report_value(_reports()[1])
    definitions = schema["$defs"]
    assert set(report) == set(schema["properties"])
    assert set(report["files"][0]) == set(definitions["file"]["properties"])
    assert set(report["findings"][0]) == set(definitions["finding"]["properties"])
    assert set(report["findings"][0]["subject"]) == set(definitions["subject"]["properties"])
    assert set(report["summary"]) == set(definitions["summary"]["properties"])


def test_every_rule_has_a_page_and_a_line_in_the_index() -> None:
    rules = [source.rule for source in read_folder(data_folder("rules"))]
    pages = rule_pages(rules)
    assert set(pages) == {f"{rule.id}.md" for rule in rules} | {"README.md"}
    for rule in rules:
        assert f"[{rule.id}]({rule.id}.md)" in pages["README.md"]
        assert rule.name in pages[f"{rule.id}.md"]
        rows = [line for line in pages[f"{rule.id}.md"].splitlines() if line.startswith("|")]
        assert all(line.endswith("|") for line in rows), rule.id
