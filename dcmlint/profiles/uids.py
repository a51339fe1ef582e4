"""UIDs of the words that profiles use."""

from __future__ import annotations

import re

from dcmlint import standard
from dcmlint.errors import ProfileError, did_you_mean


def uid_of(word: str, type_: str) -> str:
    """The UID of a keyword or UID of PS3.6 Annex A.  Raises ProfileError with what was probably meant."""
    if re.fullmatch(r"[0-9.]+", word):
        return word
    keywords = _uid_keywords(type_)
    if word not in keywords:
        raise ProfileError(f"{word!r} is not a keyword of a {type_}", hint=did_you_mean(word, keywords))
    return keywords[word]


@standard.per_edition()
def _uid_keywords(type_: str) -> dict[str, str]:
    return {entry.keyword: entry.uid for entry in standard.load().uids(type_) if entry.keyword}
