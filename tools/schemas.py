"""The JSON Schemas of the configuration files and of baselines, made from the types that they are read into."""

from __future__ import annotations

from typing import Any

import msgspec

from dcmlint.cli.config import KEYS, Config
from dcmlint.engine.baseline import Baseline
from dcmlint.gate import amounts
from dcmlint.gate.settings import GateSettings
from tools.rule_schema import DIALECT

_CHOICES = {
    "severity": {"additionalProperties": {"enum": ["error", "warning", "info"]}},
    "fail-on": {"enum": ["error", "warning", "info", "never"]},
    "show-values": {"enum": ["safe", "none", "all"]},
    "frames": {"enum": ["auto", "all", "sample", "none"]},
    "show": {"enum": ["error", "warning", "info"]},
}


def config_schema() -> dict[str, Any]:
    """The schema of ``dcmlint.toml`` and of ``[tool.dcmlint]``."""
    made = _schema(Config, "dcmlint configuration")
    for key, text in KEYS.items():
        made["properties"][key.replace("_", "-")]["description"] = text
    for key, choices in _CHOICES.items():
        made["properties"][key] |= choices
    made["description"] = "The configuration file; the command line wins."
    return made


def gate_schema() -> dict[str, Any]:
    """The schema of ``gate.toml``."""
    return _schema(GateSettings, "dcmlint gate")


def baseline_schema() -> dict[str, Any]:
    """The schema of a baseline."""
    return _schema(Baseline, "dcmlint baseline")


def _schema(kind: type[msgspec.Struct], title: str) -> dict[str, Any]:
    schema: dict[str, Any] = msgspec.json.schema(kind, schema_hook=amounts.schema)
    definitions = schema["$defs"]
    top = definitions.pop(kind.__name__)
    return {"$schema": DIALECT, **_plain(top), "title": title, "$defs": _plain(definitions)}


def _plain(value: Any) -> Any:
    """Without defaults that say nothing, and in an order that no release of msgspec changes."""
    if isinstance(value, dict):
        return {
            key: sorted(one) if key == "required" else _plain(one)
            for key, one in value.items()
            if not (key == "default" and one in ("", None, [], {})) and not (key == "required" and not one)
        }
    return [_plain(one) for one in value] if isinstance(value, list) else value
