"""Importing this module registers every command."""

from dcmlint.cli import check, explain, rules, standard_

__all__ = ["check", "explain", "rules", "standard_"]
