"""Importing this module registers every command."""

from dcmlint.cli import check, compare, explain, facts, listen, probe, profile, rule, rules, standard_

__all__ = ["check", "compare", "explain", "facts", "listen", "probe", "profile", "rule", "rules", "standard_"]
