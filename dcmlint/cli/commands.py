"""Importing this module registers every command."""

from dcmlint.cli import check, compare, explain, rule, rules, standard_

__all__ = ["check", "compare", "explain", "rule", "rules", "standard_"]
