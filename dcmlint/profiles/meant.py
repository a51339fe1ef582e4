"""The words of a profile that name rules: in ``rules``, ``lock`` and ``overrides``."""

from __future__ import annotations

from collections.abc import Iterator

from dcmlint.errors import ProfileError, did_you_mean
from dcmlint.profiles.attributes import placed_rows
from dcmlint.profiles.made_rules import LIST_RULES, ORDER_RULE
from dcmlint.profiles.model import Profile, ProfileSource
from dcmlint.profiles.resolved import Resolved


def unknown_words(resolved: Resolved) -> Iterator[tuple[ProfileSource, str, str, str]]:
    """Words that lock or set what there is not: the profile, the mark, the word, and a word that is close to it, if any.

    What their author wants would not happen.
    """
    words = {word for source in resolved.rules for word in source.rule.words}
    for source in resolved.chain:
        words |= _own_words(source.as_written)
        for mark, word in _naming(source.as_written):
            if word not in words:
                yield source, mark, word, did_you_mean(word, words)


def own_areas(resolved: Resolved) -> None:
    """Raise ProfileError for a profile whose area is that of rules which come with dcmlint: its words would mean both."""
    for source in resolved.chain:
        profile = source.as_written
        if profile.area and any(
            rule.rule.area == profile.area for rule in resolved.rules if rule.rule.id not in resolved.own
        ):
            place = source.place("$.area")
            raise ProfileError(
                f"the area {profile.area} has rules that come with dcmlint",
                source.file,
                *place,
                "take another one",
            )


def _own_words(profile: Profile) -> set[str]:
    """What is not checked, because a parameter has no value, is known all the same."""
    numbers = (*LIST_RULES.values(), ORDER_RULE)
    return {
        profile.area,
        *(row.id for row in placed_rows(profile)),
        *(rule.id for rule in profile.own_rules),
        *(f"{profile.area}{number}" for number in numbers),
    }


def _naming(profile: Profile) -> Iterator[tuple[str, str]]:
    for number, word in enumerate(profile.lock):
        yield f"$.lock[{number}]", word
    for word in profile.rules:
        yield f"$.rules.{word}", word
    for number, override in enumerate(profile.overrides):
        for word in override.rules:
            yield f"$.overrides[{number}].rules.{word}", word
