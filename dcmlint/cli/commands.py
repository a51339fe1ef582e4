"""Importing this module registers every command."""

from dcmlint.cli import (
    baseline,
    check,
    compare,
    config_command,
    explain,
    facts,
    fix,
    gate,
    gate_held,
    listen,
    probe,
    profile,
    rule,
    rules,
    scan,
    standard_,
)

__all__ = [
    "baseline",
    "check",
    "compare",
    "config_command",
    "explain",
    "facts",
    "fix",
    "gate",
    "gate_held",
    "listen",
    "probe",
    "profile",
    "rule",
    "rules",
    "scan",
    "standard_",
]
