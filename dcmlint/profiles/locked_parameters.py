"""What a locked rule compares with cannot be changed below the lock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from dcmlint.errors import ProfileError
from dcmlint.profiles.attributes import placed_rows
from dcmlint.profiles.chain import chain_values
from dcmlint.profiles.levels import Lock
from dcmlint.profiles.made_rules import LIST_RULES
from dcmlint.profiles.model import Profile, ProfileSource
from dcmlint.profiles.parameters import Values, parameters_in


def hold_locked_parameters(
    chain: Sequence[ProfileSource], locks: Mapping[str, Lock], origin: Mapping[str, str], values: Values
) -> None:
    """Raise ProfileError for a parameter of a locked rule that was changed; one without a value can be set."""
    by_name = {source.profile.id: number for number, source in enumerate(chain)}
    for rule, lock in locks.items():
        if rule not in origin:
            continue
        names = _parameters_of(chain[by_name[origin[rule]]].as_written, rule)
        if not names:
            continue
        fixed = chain_values(chain[: by_name[lock.by] + 1], {})
        for name in names:
            before = fixed.get(name)
            if before is None or before.value is None or before.value == values[name].value:
                continue
            setter = next((one for one in reversed(chain) if name in one.profile.set), None)
            place = (setter.file, *setter.place(f"$.set.{name}")) if setter is not None else ("", 0, 0)
            raise ProfileError(
                f"the parameter {name} cannot be changed: {lock.by} locks {rule}, which uses it", *place
            )


def _parameters_of(profile: Profile, rule: str) -> list[str]:
    parts: Iterable[object] = (
        *(msgspec.structs.replace(one.row, items=()) for one in placed_rows(profile) if one.id == rule),
        *(one for one in profile.own_rules if one.id == rule),
        *(getattr(profile, key) for key, number in LIST_RULES.items() if rule == f"{profile.area}{number}"),
    )  # fmt: skip
    return list(dict.fromkeys(name for part in parts for name in parameters_in(part)))
