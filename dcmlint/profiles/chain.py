"""The chain of a profile: all that it extends, in the order in which they count, and the values of their parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from dcmlint.errors import ProfileError
from dcmlint.profiles.load import find_profile
from dcmlint.profiles.model import Profile, ProfileSource
from dcmlint.profiles.parameters import ParameterValue, parameter_values

_DEEPEST = 32  # profiles that extend each other in one line


def joint(names: str) -> ProfileSource:
    """A profile that extends those named, and says nothing of its own."""
    parts = tuple(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    title = " and ".join(find_profile(part).profile.id for part in parts)
    return ProfileSource(Profile(id=title.replace(" and ", "+"), version="1", title=title, extends=parts), "")


def chain_of(source: ProfileSource) -> tuple[ProfileSource, ...]:
    """A profile and all that it extends, in the order in which they count, each with its bases.

    Raises ProfileError for a circle, for two different files with one id, and for a line of more than 32.
    """
    found: dict[str, ProfileSource] = {}

    def visit(one: ProfileSource, above: tuple[str, ...]) -> tuple[str, ...]:
        name = one.profile.id
        if name in above:
            circle = " extends ".join((*above[above.index(name) :], name))
            raise ProfileError(f"a circle: {circle}", one.file, *one.place("$.extends"))
        if len(above) >= _DEEPEST:
            raise ProfileError(
                f"more than {_DEEPEST} profiles extend each other", one.file, *one.place("$.extends")
            )
        if name in found:
            if Path(found[name].file).resolve() != Path(one.file).resolve():
                raise ProfileError(f"{found[name].file} has the id {name} too", one.file, *one.place("$.id"))
            return (*found[name].bases, name)
        bases: dict[str, None] = {}
        for number, word in enumerate(one.profile.extends):
            try:
                base = find_profile(word, one.file)
            except ProfileError as mistake:
                if mistake.file:
                    raise
                raise ProfileError(
                    mistake.message, one.file, *one.place(f"$.extends[{number}]"), mistake.hint
                ) from None
            bases.update(dict.fromkeys(visit(base, (*above, name))))
        found[name] = msgspec.structs.replace(one, bases=tuple(bases))
        return (*bases, name)

    visit(source, ())
    return tuple(found.values())


def chain_values(chain: Sequence[ProfileSource], given: Mapping[str, Any]) -> dict[str, ParameterValue]:
    """The values of the parameters of a chain: defaults, then what profiles set, then what is given."""
    for source in chain:
        for name, parameter in source.as_written.parameters.items():
            try:
                parameter_values({name: parameter}, {})
            except ProfileError as mistake:
                place = source.place(f"$.parameters.{name}.default")
                raise ProfileError(mistake.message, source.file, *place, mistake.hint) from None
    declared = {name: one for source in chain for name, one in source.profile.parameters.items()}
    inherited: dict[str, Any] = {}
    for source in chain:
        try:
            parameter_values(declared, source.profile.set)
        except ProfileError as mistake:
            raise ProfileError(mistake.message, source.file, *source.place("$.set"), mistake.hint) from None
        inherited.update({name.lower(): value for name, value in source.profile.set.items()})
    return parameter_values(declared, {**inherited, **{name.lower(): value for name, value in given.items()}})
