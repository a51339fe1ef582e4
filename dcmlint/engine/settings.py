"""What a run is asked to do: one frozen value, made before anything happens."""

from __future__ import annotations

from typing import Any

import msgspec

from dcmlint.findings.finding import Severity
from dcmlint.findings.redact import ShowValues


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a run.

    ``select`` and ``ignore`` name rules by id, area, name or tag; ``severity`` changes severities by rule.
    ``parameters`` are a profile's, as given.  ``group``: repeats over items become one finding.
    """

    profile: str = "wsi"
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    extend_ignore: tuple[str, ...] = ()
    severity: dict[str, Severity] = {}
    show_values: ShowValues = "safe"
    parameters: dict[str, Any] = {}
    group: bool = True
    frames: str = "auto"
    decode: bool = False
    edition: str = ""
    jobs: int = 1
    mask_uids: bool = False
    mask_paths: bool = False
