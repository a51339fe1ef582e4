"""Importing this module registers every command."""

from dcmlint.cli import check, explain, rule, rules, standard_

__all__ = ["check", "explain", "rule", "rules", "standard_"]
