"""Names of UIDs, short enough for a sentence."""

from __future__ import annotations

from dcmlint import standard


def uid_name(uid: str) -> str:
    """What a UID is called in PS3.6, without what follows a colon; the UID itself where it has no name."""
    entry = standard.load().uid(uid)
    if entry is None:
        return uid
    return entry.name.split(":")[0].split(" (Retired)")[0].removesuffix(" Storage")
