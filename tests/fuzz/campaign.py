"""Cases one after the other: a seed, a kind of damage, an oracle.  A case is repeated by its number and seed alone."""

from __future__ import annotations

import random
import traceback
from collections.abc import Callable, Iterator
from functools import cache

import msgspec

from fuzz import mutations, oracles, seeds

CONFIGURATION = b"""\
profile = "wsi"
fail_on = "warning"
formats = ["text", "json=report.json"]
[parameters]
tile_rows = 256
[[ignore]]
rule = "IOD019"
reason = "known"
expires = 2099-01-01
"""


class Case(msgspec.Struct, frozen=True):
    """One input: its number, where it came from, and what is to be asked of it."""

    number: int
    kind: str
    origin: str
    data: bytes
    judge: Callable[[bytes], Iterator[str]]

    def failures(self) -> list[str]:
        """What is wrong, each in a line; an exception is wrong too."""
        try:
            return list(self.judge(self.data))
        except Exception:  # noqa: BLE001 - whatever it is, it is the finding
            return [traceback.format_exc(limit=-6)]


@cache
def _every_instance() -> tuple[tuple[str, bytes], ...]:
    return tuple({**seeds.instances(), **seeds.of_pydicom()}.items())


@cache
def _planted() -> tuple[tuple[str, bytes], ...]:
    return tuple(seeds.planted().items())


@cache
def _sound() -> tuple[tuple[str, bytes], ...]:
    """Instances that pass, with as many bytes as must not be cut."""
    return tuple(
        (name, data) for name, data in seeds.instances().items() if oracles.report_of(data).exit_code == 0
    )


def case(seed: int, number: int) -> Case:
    """The case of this number."""
    chance = random.Random(f"{seed} {number}")
    kind = chance.choices(
        ("instance", "report", "cut", "archive", "profile", "configuration"), (50, 18, 6, 12, 10, 4)
    )[0]
    if kind in ("instance", "report"):
        name, data = chance.choice(_every_instance() if kind == "instance" else _planted())
        applied = chance.choices(tuple(mutations.OF_INSTANCES), k=chance.choice((1, 1, 2, 3)))
        for one in applied:
            data = mutations.OF_INSTANCES[one](data, chance) or b"\0"
        judge = oracles.instance if kind == "instance" else oracles.well_formed
        return Case(number, kind, f"{name}: {', '.join(applied)}", data, judge)
    if kind == "cut":
        name, data = chance.choice(_sound())
        return Case(number, kind, name, data[: chance.randrange(len(data) - 200)], oracles.never_whole)
    if kind == "archive":
        form = chance.choice(("zip", "tar", "tar.gz"))
        members = [(f"{at}.dcm", data) for at, (_, data) in enumerate(chance.choices(_sound(), k=3))]
        applied = chance.choice(tuple(mutations.OF_ARCHIVES))
        data = mutations.OF_ARCHIVES[applied](mutations.archive(form, members), chance)
        return Case(
            number, kind, f"{form}: {applied}", data, lambda found: oracles.packed(form, found, len(members))
        )
    texts = seeds.profiles() if kind == "profile" else {"dcmlint.toml": CONFIGURATION}
    name = chance.choice(tuple(texts))
    applied = chance.choice(tuple(mutations.OF_TEXTS))
    data = mutations.OF_TEXTS[applied](texts[name], chance)
    return Case(
        number,
        kind,
        f"{name}: {applied}",
        data,
        oracles.profile if kind == "profile" else oracles.configuration,
    )
