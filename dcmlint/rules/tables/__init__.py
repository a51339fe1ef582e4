"""The generic checks: what the standard's tables, the value representations and the encoding ask for.

Each check has a code; a rule of kind *table* gives it an id, a severity and words.
"""

from dcmlint.rules.tables.checks import CHECKS

__all__ = ["CHECKS"]
