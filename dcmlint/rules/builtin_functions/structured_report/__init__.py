"""Structured reports and key object selections (PS3.3 A.35, C.17, C.18); importing this package registers the rules."""

from dcmlint.rules.builtin_functions.structured_report import (  # noqa: F401 - importing registers them
    coordinates,
    evidence,
    identity,
    procedure_log,
    regions,
    relationships,
    templates,
    values,
)
