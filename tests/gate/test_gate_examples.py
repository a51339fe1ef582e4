"""The examples are what the gate reads and says."""

from __future__ import annotations

import configparser
import json
import re
from pathlib import Path

import yaml

from dcmlint.gate.config import read_config
from dcmlint.gate.metrics import Metrics

EXAMPLES = Path(__file__).parents[2] / "examples" / "gate"
GAUGES = {
    "dcmlint_gate_queue_length", "dcmlint_gate_queue_age_seconds", "dcmlint_gate_destination_down", "dcmlint_gate_held_now",
    "dcmlint_gate_oldest_held_seconds", "dcmlint_gate_checking_now", "dcmlint_gate_oldest_unchecked_seconds", "dcmlint_gate_free_bytes",
    "dcmlint_gate_closed", "dcmlint_gate_turned_away",
}  # fmt: skip


def test_the_configuration_is_read_and_only_observes() -> None:
    settings = read_config(EXAMPLES / "gate.toml")
    assert settings.mode == "observe"
    assert settings.listen.host == "127.0.0.1"


def test_alerts_and_dashboard_name_numbers_that_exist() -> None:
    text = Metrics().text().decode()
    known = set(re.findall(r"^# TYPE (\w+)", text, re.M)) | GAUGES
    rules = yaml.safe_load((EXAMPLES / "alerts.yml").read_text())["groups"][0]["rules"]
    panels = json.loads((EXAMPLES / "dashboard.json").read_text())["panels"]
    expressions = [rule["expr"] for rule in rules]
    expressions += [target["expr"] for panel in panels for target in panel["targets"]]
    used = {name for one in expressions for name in re.findall(r"dcmlint_gate_\w+", one)}
    assert used
    for name in used:
        assert {name, name.removesuffix("_bucket"), name.removesuffix("_total")} & known, name


def test_an_increase_is_asked_only_of_a_number_that_is_there_before() -> None:
    # Prometheus has no increase for a number whose first value is that of the first instance.
    text = Metrics().text().decode()
    there = set(re.findall(r"^(dcmlint_gate_\w+_total) 0.0$", text, re.M))
    rules = yaml.safe_load((EXAMPLES / "alerts.yml").read_text())["groups"][0]["rules"]
    asked = {name for rule in rules for name in re.findall(r"increase\((\w+)", rule["expr"])}
    assert asked == {"dcmlint_gate_refused_total", "dcmlint_gate_failed_total"}
    assert asked <= there


def test_the_unit_runs_the_gate() -> None:
    unit = configparser.ConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(EXAMPLES / "dcmlint-gate.service")
    assert "gate run -c" in unit["Service"]["ExecStart"]
    assert int(unit["Service"]["TimeoutStopSec"]) > 10


def test_the_page_of_the_documentation_names_each_number() -> None:
    page = (EXAMPLES.parents[1] / "docs" / "gate.md").read_text()
    told = set(re.findall(r"`([a-z_]+)`", page.partition("`/metrics` has")[2].partition("##")[0]))
    counted = set(re.findall(r"^# TYPE dcmlint_gate_(\w+) (?!gauge)", Metrics().text().decode(), re.M))
    assert told - {"dcmlint_gate_"} == counted | {name.removeprefix("dcmlint_gate_") for name in GAUGES}
