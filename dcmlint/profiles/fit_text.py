"""What `profile fit` prints: by direction, what is alike in one entry, within 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

import msgspec

from dcmlint.profiles.fit import Misfit, compared
from dcmlint.profiles.resolved import Resolved

_WIDTH = 80
_SYNTAX = "transfer syntax "


def fit_lines(sender: Resolved, receiver: Resolved, found: Sequence[Misfit]) -> Iterator[str]:
    """The differences of a sender and a receiver, then what was compared at all."""
    headings = {
        "sent, not taken": f"May be sent by {sender.name}, and is not accepted by {receiver.name}",
        "needed, not promised": f"Required by {receiver.name}, and not promised by {sender.name}",
        "not compared": "Only files can answer",
    }
    for direction, heading in headings.items():
        group = [one for one in found if one.direction == direction]
        if not group:
            continue
        yield from (*_wrapped("", heading), "")
        for one in _merged(group):
            rule = f" [{one.rule}]" if one.rule else ""
            yield from _wrapped(f"  {one.severity:8}", f"{one.what}{rule}")
            if direction != "not compared":
                yield from _wrapped("            sender    ", one.sender)
                yield from _wrapped("            receiver  ", one.receiver)
            elif one.rule == "":
                yield from _wrapped("            ", one.receiver)
        yield ""
    yield from _wrapped("Compared: ", compared(sender, receiver))
    for profile, side, other in ((sender, "sender", "receiver"), (receiver, "receiver", "sender")):
        if profile.profile.side == other:
            said = f"{profile.name} is the profile of a {other}, and is compared here as if it were a {side}"
            yield from _wrapped("Note: ", said)


def _merged(group: Sequence[Misfit]) -> Iterator[Misfit]:
    """Transfer syntaxes that are refused alike are one entry."""
    alike: dict[tuple[str, str, str], list[str]] = {}
    for one in group:
        if one.what.startswith(_SYNTAX):
            alike.setdefault((one.rule, one.sender, one.receiver), []).append(one.what.removeprefix(_SYNTAX))
    for one in group:
        names = alike.get((one.rule, one.sender, one.receiver), []) if one.what.startswith(_SYNTAX) else []
        if len(names) < 2:
            yield one
        elif one.what.removeprefix(_SYNTAX) == names[0]:
            yield msgspec.structs.replace(
                one, what=f"{len(names)} transfer syntaxes", sender=f"may send {', '.join(names)}"
            )


def _wrapped(label: str, text: str) -> Iterator[str]:
    lines = textwrap.wrap(text, _WIDTH - len(label), break_on_hyphens=False) or [""]
    yield (label + lines[0]).rstrip()
    yield from (" " * len(label) + line for line in lines[1:])
