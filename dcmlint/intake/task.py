"""What a checking child is told and what it answers first; its parent needs this and nothing of the engine."""

from __future__ import annotations

import msgspec

from dcmlint.engine.settings import Settings
from dcmlint.intake.verdict import Action, ProfileFacts


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """What a child is told first: the settings of its checks, the bytes of memory besides the header, and
    whether the whole result is wanted rather than its findings alone. ``rules`` and ``observe``: as in `Policy`, for
    a child that repairs. ``patient``: whether it tells who the patient is."""

    settings: Settings
    memory: int = 1 << 30
    whole: bool = False
    rules: dict[str, Action] = {}
    observe: bool = False
    patient: bool = False


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """What a child answers first: the profile's facts, or what is wrong with it."""

    profile: ProfileFacts | None = None
    error: str = ""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """An instance to check (``path`` and what its command said), or the members of a study (``members``).

    ``repaired``: where a repaired file may be written."""

    path: str = ""
    name: str = ""
    repaired: str = ""
    sop_class: str = ""
    sop_instance: str = ""
    transfer_syntax: str = ""
    sha256: str = ""
    over_network: bool = True
    half_originator: bool = False
    earlier: str = ""
    members: tuple[bytes, ...] | None = None
