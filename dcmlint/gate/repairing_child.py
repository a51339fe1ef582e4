"""A checking child that repairs, where the profile says `action: fix`: the original is never touched.

Started as ``python -m dcmlint.gate.repairing_child FD``; see `dcmlint.intake.child`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from dcmlint.dicom.buffers import open_file
from dcmlint.engine.session import Checker
from dcmlint.errors import InputError
from dcmlint.gate.spool import digest, read_identity
from dcmlint.intake.child import check, main, silence
from dcmlint.intake.part import discard
from dcmlint.intake.policy import Policy
from dcmlint.intake.task import Task
from dcmlint.intake.verdict import Repair, Reply

if TYPE_CHECKING:  # most profiles repair nothing, and then nothing of it is loaded
    from dcmlint.fixes.interface import Repaired

_MOST_CHANGES = 200  # kept of one instance


def repaired(checker: Checker, policy: Policy, task: Task, reply: Reply) -> Reply:
    """The reply about an instance after its repair, if there is anything to repair in it.

    Only what the policy wants repaired is, and only if class, UID and transfer syntax stay. A gate that observes
    writes nothing, and says what would be done.
    """
    rules = policy.to_repair(reply.findings)
    if not rules or reply.status != "checked":
        return reply
    if policy.observe or not task.repaired:
        return _planned(checker, task, reply, rules)
    from dcmlint.fixes.interface import repair_file

    target = Path(task.repaired)
    discard(str(target))  # of an earlier attempt, which no row names
    try:
        done = repair_file(checker, Path(task.path), target, rules=rules)
        if done.data is None:
            return msgspec.structs.replace(reply, not_repaired=_why(done))
        identity = read_identity(target)
        sha256, size = digest(target, identity.offset)
    except (InputError, OSError) as error:
        discard(str(target))
        # No space, most likely: held, since nothing that is wrong with the instance stands against it.
        return msgspec.structs.replace(reply, internal=f"could not be repaired: {_words(error)}")
    named = (identity.sop_class, identity.sop_instance, identity.transfer_syntax)
    if named != (task.sop_class, task.sop_instance, task.transfer_syntax):
        discard(str(target))
        return msgspec.structs.replace(reply, not_repaired="it would be another instance then")
    after = check(checker, msgspec.structs.replace(task, path=str(target)))
    if after.internal or after.status != "checked":
        discard(str(target))
        return msgspec.structs.replace(reply, not_repaired="it could not be read afterwards")
    made = msgspec.structs.replace(_repair(done), file=target.name, sha256=sha256, size=size)
    return msgspec.structs.replace(after, repair=made, patient=reply.patient)


def _planned(checker: Checker, task: Task, reply: Reply, rules: frozenset[str]) -> Reply:
    from dcmlint.fixes.interface import repair_instance

    buffer = open_file(Path(task.path))
    try:
        done = repair_instance(checker, buffer, name=task.name, rules=rules)
    finally:
        buffer.close()
    if done.data is None:
        return msgspec.structs.replace(reply, not_repaired=_why(done))
    return msgspec.structs.replace(reply, repair=_repair(done))


def _repair(done: Repaired) -> Repair:
    from dcmlint.fixes.interface import described

    rules = tuple(sorted({change.rule for change in done.changes}))
    changes = tuple(described(done.changes[:_MOST_CHANGES]))
    return Repair(rules=rules, count=len(done.changes), changes=changes)


def _why(done: Repaired) -> str:
    """Why nothing was repaired."""
    return done.refused or next((one.reason for one in done.refusals), "there is no safe repair")


def _words(error: InputError | OSError) -> str:
    strerror = error.strerror if isinstance(error, OSError) else str(error).rpartition(": ")[2]
    return strerror or type(error).__name__


if __name__ == "__main__":
    silence()
    os.umask(0o077)
    main(int(sys.argv[1]), repaired)
