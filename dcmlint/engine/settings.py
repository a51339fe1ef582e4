"""What a run is asked to do: one frozen value, made before anything happens."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from dcmlint.errors import UsageError, did_you_mean
from dcmlint.findings.finding import Severity
from dcmlint.findings.redact import ShowValues

Frames = Literal["auto", "all", "sample", "none"]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a run; `UsageError` for a value that one of them cannot have.

    ``select`` and ``ignore`` name rules by id, area, name or tag; ``severity`` changes severities by rule.
    ``parameters`` are a profile's, as given.  ``group``: repeats over items become one finding.  ``frames``: of
    which frames the code streams are examined; ``decode``: whether a sample of them is decoded.
    ``show_values``, ``mask_uids``: what of the values a finding may show.  ``all_dicom``: any file that is no DICOM
    is a finding.  ``exhibits``: keep what a report draws of images; ``thumbnails``: with small pictures of them.  ``columns``: tags of attributes
    of which each result keeps the value as it may be shown.  ``expect``: the number of instances that there must be, None where nobody knows.
    ``edition``: the tables of the standard that are asked for, by name or file; empty: those of the profile, else the newest, of
    which rows that are newer than an instance are not asked.
    """

    profile: str = "wsi"
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    extend_ignore: tuple[str, ...] = ()
    severity: dict[str, Severity] = {}
    show_values: ShowValues = "safe"
    mask_uids: bool = False
    parameters: dict[str, Any] = {}
    group: bool = True
    frames: Frames = "auto"
    decode: bool = False
    all_dicom: bool = False
    expect: int | None = None
    exhibits: bool = False
    thumbnails: bool = False
    edition: str = ""
    columns: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name, type_ in _types().items():
            given = getattr(self, name)
            try:
                with _LOCK:
                    value = msgspec.convert(given, type_)
            except msgspec.ValidationError as error:
                raise UsageError(f"{name}: {_wrong(given, type_, str(error))}") from None
            if value is not given:
                msgspec.structs.force_setattr(self, name, value)


_LOCK = threading.Lock()  # msgspec crashes where two threads look at a type for the first time


def settings_of(values: Mapping[str, Any]) -> Settings:
    """Settings from keywords; `UsageError` names what is no setting, and the settings there are."""
    for name in values:
        if name not in _types():
            known = ", ".join(_types())
            raise UsageError(f"{name!r} is not a setting: {did_you_mean(name, _types(), f'known: {known}')}")
    return Settings(**values)


@cache
def _types() -> dict[str, Any]:
    return get_type_hints(Settings)


def _wrong(given: object, type_: Any, error: str) -> str:
    """What is wrong with a value of a setting, and what may stand there."""
    if get_origin(type_) is Literal:
        return f"{given!r} is none of {', '.join(get_args(type_))}"
    if get_origin(type_) is tuple:
        return f"{given!r} is not a list of words"
    if get_origin(type_) is dict and isinstance(given, Mapping):
        choices = get_args(type_)[1]
        if get_origin(choices) is Literal:
            key, value = next(
                (k, v) for k, v in given.items() if v not in get_args(choices) or not isinstance(k, str)
            )
            return f"{key!r} is given {value!r}, which is none of {', '.join(get_args(choices))}"
    return f"{given!r}: {error}"
