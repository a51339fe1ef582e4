"""Importing this module registers every command."""

from dcmlint.cli import (
    baseline,
    check,
    compare,
    config_command,
    explain,
    facts,
    gate,
    listen,
    probe,
    profile,
    rule,
    rules,
    standard_,
)

__all__ = [
    "baseline",
    "check",
    "compare",
    "config_command",
    "explain",
    "facts",
    "gate",
    "listen",
    "probe",
    "profile",
    "rule",
    "rules",
    "standard_",
]
