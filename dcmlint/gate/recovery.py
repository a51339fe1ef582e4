"""What a gate does first: it finds out what an earlier process left behind, however that ended."""

from __future__ import annotations

import msgspec

from dcmlint.errors import InputError
from dcmlint.gate.core import Core
from dcmlint.gate.records import OWNED, Arrival, Taken
from dcmlint.gate.spool import PART, REPAIRED, WHOLE, digest, read_identity
from dcmlint.intake.dataset_head import read_dataset_head


class Recovered(msgspec.Struct, frozen=True, kw_only=True):
    """What was found: files removed that were never whole, files adopted, checks begun anew, files removed that
    are delivered or given up, instances whose file is missing, what is held of what was adopted (number, UID, why)."""

    partial: int = 0
    adopted: int = 0
    rechecked: int = 0
    removed: int = 0
    missing: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    held: tuple[tuple[int, str, str], ...] = ()


def recover(core: Core) -> Recovered:
    """Bring spool and journal to agree; before anything is received.

    Nothing that was answered is decided anew: a file without a row was never answered, since the row comes first.
    """
    spool, journal = core.spool, core.journal
    journal.restart()
    names = spool.names()
    rows = journal.files()
    # A repair that no row names is made anew with its check.
    partial = [
        name for name in names if name.endswith(PART) or (name.endswith(REPAIRED) and name not in rows)
    ]
    for name in partial:
        spool.remove(name)
    # By the names of files: the history has far more rows than the spool has files.
    gone = {name for name in names if name not in rows and journal.rows("file=? AND kept=0", name)}
    for name in gone:
        spool.remove(name)
    adopted, unreadable, held = 0, [], []
    present = set(names) - gone
    for name in sorted(name for name in present - rows.keys() if name.endswith(WHOLE)):
        made = _adopt(core, name)
        if made is None:
            unreadable.append(name)
            continue
        uid, taken = made
        adopted += 1
        if taken.state == "held" and not taken.duplicate:
            held.append((taken.id, uid, taken.why))
    missing = []
    for file, (number, uid, state) in rows.items():
        if file in present:
            continue
        if state in OWNED:
            missing.append(uid)
        else:
            journal.remove([number], "its file was already removed")
    ((again,),) = journal.read("SELECT count(*) FROM instances WHERE state='checking'")
    core.resume()
    return Recovered(
        partial=len(partial), adopted=adopted, rechecked=again, removed=len(gone), missing=tuple(missing),
        unreadable=tuple(unreadable), held=tuple(held),
    )  # fmt: skip


def _adopt(core: Core, name: str) -> tuple[str, Taken] | None:
    """Make the row of a file that has none; its UID and what became of it, or None where it cannot be read."""
    path = core.spool.path(name)
    try:
        identity = read_identity(path)
        sha256, size = digest(path, identity.offset)
        study = read_dataset_head(path).study
    except (InputError, OSError):
        return None
    arrival = Arrival(
        file=name, sop_instance=identity.sop_instance, sop_class=identity.sop_class,
        transfer_syntax=identity.transfer_syntax, sha256=sha256, size=size, sender=identity.sender,
        called=identity.called, via="recovery", study=study,
    )  # fmt: skip
    taken = core.journal.take(arrival, None)
    if taken.duplicate:
        core.spool.remove(name)
    return arrival.sop_instance, taken
