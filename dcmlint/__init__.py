"""dcmlint: a DICOM conformance validator and linter.

The public interface, loaded when first used:

- `Checker`: the rules of a profile, made once and kept; gives a `Report` for each input
- `check`, `check_bytes`, `check_dataset`: the same in one call
- `fix`: repair files, as `dcmlint fix` does; gives an `Outcome` for each
- `assert_conforms`: the assertion for tests, with or without pytest
- `Report`, `Finding`, `Settings`: the values they give and take
- `DcmlintError` and the tree below it
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dcmlint.version import __version__

if TYPE_CHECKING:
    from dcmlint.api import Checker, check, check_bytes, check_dataset
    from dcmlint.assertion import assert_conforms
    from dcmlint.dicom.instance import Instance
    from dcmlint.engine.report import Report
    from dcmlint.engine.settings import Settings
    from dcmlint.errors import (
        ConfigError,
        DcmlintError,
        InputError,
        LocatedError,
        ProfileError,
        RuleError,
        UsageError,
    )
    from dcmlint.findings.finding import Finding
    from dcmlint.fixes.interface import fix
    from dcmlint.fixes.run import Outcome
    from dcmlint.profiles.model import Profile

_WHERE = {
    "Checker": "dcmlint.api",
    "check": "dcmlint.api",
    "check_bytes": "dcmlint.api",
    "check_dataset": "dcmlint.api",
    "assert_conforms": "dcmlint.assertion",
    "Instance": "dcmlint.dicom.instance",
    "Report": "dcmlint.engine.report",
    "Settings": "dcmlint.engine.settings",
    "DcmlintError": "dcmlint.errors",
    "InputError": "dcmlint.errors",
    "UsageError": "dcmlint.errors",
    "LocatedError": "dcmlint.errors",
    "ConfigError": "dcmlint.errors",
    "RuleError": "dcmlint.errors",
    "ProfileError": "dcmlint.errors",
    "Finding": "dcmlint.findings.finding",
    "Outcome": "dcmlint.fixes.run",
    "fix": "dcmlint.fixes.interface",
    "Profile": "dcmlint.profiles.model",
}

__all__ = [
    "Checker",
    "ConfigError",
    "DcmlintError",
    "Finding",
    "InputError",
    "Instance",
    "LocatedError",
    "Outcome",
    "Profile",
    "ProfileError",
    "Report",
    "RuleError",
    "Settings",
    "UsageError",
    "__version__",
    "assert_conforms",
    "check",
    "check_bytes",
    "check_dataset",
    "fix",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        from importlib import import_module

        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'dcmlint' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
