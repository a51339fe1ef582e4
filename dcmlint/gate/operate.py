"""What an operator does with held instances. Each decision has a reason, and is in the journal with the user's name.

These work on the journal, whether the gate runs or not; a running one takes them up within a second.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from dcmlint.errors import UsageError
from dcmlint.findings.redact import given_uid, is_legal
from dcmlint.gate.journal import Journal
from dcmlint.gate.records import Row
from dcmlint.gate.spool import PART, REPAIRED, digest, journal_in, read_identity
from dcmlint.intake.verdict import Repair


def open_journal(spool: Path, destinations: Sequence[str] = ()) -> Journal:
    """The journal of a spool, beside the gate that may be running; ``UsageError`` where there is none."""
    path = journal_in(spool)
    if not path.exists():
        raise UsageError(f"{path}: no journal; has the gate run with this configuration?")
    return Journal(path, destinations)


def user() -> str:
    """Who acts: the login behind ``sudo``, else that of the process."""
    import getpass

    try:
        return as_text(os.environ.get("SUDO_USER") or getpass.getuser())
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def as_text(given: str) -> str:
    """What somebody typed, as the journal can hold it: bytes of another encoding are written as numbers."""
    return given.encode("utf-8", "backslashreplace").decode()


def held(journal: Journal, words: Sequence[str]) -> list[Row]:
    """The held instances that words name: a number, a SOP Instance UID, or a Study Instance UID."""
    found: dict[int, Row] = {}
    for word in map(as_text, words):
        if word.isascii() and word.isdigit() and len(word) < 12:
            rows = journal.rows("id=?", int(word))
        else:
            rows = journal.rows("uid=? OR study=?", word, word)
        mine = [row for row in rows if row.state == "held"]
        if not mine:
            state = f"; it is {rows[-1].state}" if rows else ""
            raise UsageError(f"{word}: no held instance{state}")
        found.update({row.id: row for row in mine})
    return [found[number] for number in sorted(found)]


def release(journal: Journal, rows: Sequence[Row], *, who: str, reason: str) -> list[int]:
    """Forward instances as they are, repaired ones as they were repaired."""
    return journal.move(
        [row.id for row in rows], "queued", who=who, why=f"released: {as_text(reason)}", only=("held",)
    )


def discard(journal: Journal, spool: Path, rows: Sequence[Row], *, who: str, reason: str) -> list[int]:
    """Give instances up; their bytes are removed."""
    moved = journal.move(
        [row.id for row in rows], "discarded", who=who, why=f"discarded: {as_text(reason)}", only=("held",)
    )
    for row in rows:
        if row.id in moved:
            for file in row.files:
                (spool / "data" / file).unlink(missing_ok=True)
    return moved


def export(
    journal: Journal, spool: Path, rows: Sequence[Row], to: Path, *, who: str, reason: str
) -> list[Path]:
    """Copy instances to a folder, as they came and as they were repaired; they stay held. An existing file is never
    written over."""
    import shutil

    to.mkdir(parents=True, exist_ok=True)
    made = []
    for row in rows:
        # What a sender calls a UID may be a path.
        name = row.uid if row.uid and is_legal(row.uid, "UI") else "instance"
        targets = [to / f"{name}-{row.id}{end}.dcm" for end in ("", "-repaired")][: len(row.files)]
        for target in targets:
            if target.exists():
                raise UsageError(f"{target} exists")
        journal.note(row.id, who=who, why=as_text(f"to {to}: {reason}"), what="exported")
        for file, target in zip(row.files, targets, strict=True):
            shutil.copyfile(spool / "data" / file, target)
        made += targets
    return made


def names(journal: Journal, spool: Path, row: Row, *, who: str, reason: str) -> dict[str, str]:
    """Who the patient is, for somebody who has to know; that it was asked is in the journal first."""
    from dcmlint.dicom.buffers import open_file
    from dcmlint.dicom.instance import read_instance
    from dcmlint.standard.tags import AccessionNumber, PatientID, PatientName

    journal.note(row.id, who=who, why=as_text(reason), what="names shown")
    buffer = open_file(spool / "data" / row.file)
    try:
        instance = read_instance(buffer)
        if instance is None:
            return {}
        wanted = {"patient": PatientName, "patient id": PatientID, "accession": AccessionNumber}
        return {name: instance.dataset.text(tag) or "" for name, tag in wanted.items()}
    finally:
        buffer.close()


# Of what waits for a destination, what came first.
_FIRST_WAITING = (
    "SELECT i.received, d.detail FROM deliveries d JOIN instances i ON i.id=d.instance "
    "WHERE d.destination=?1 AND d.instance=(SELECT min(instance) FROM ("
    "SELECT min(instance) AS instance FROM deliveries WHERE destination=?1 AND state='queued' UNION ALL "
    "SELECT min(instance) FROM deliveries WHERE destination=?1 AND state='sending'))"
)


class Disagreement(str):
    """One thing that rows, files and digests do not agree on, in words."""


def audit(journal: Journal, spool: Path) -> list[Disagreement]:
    """Whether rows, files and digests agree; each that does not. Reads every byte of the spool."""
    data = spool / "data"
    found: list[Disagreement] = []
    rows = {file: row for row in journal.rows("kept=1") for file in row.files}
    with os.scandir(data) as entries:
        names_ = {entry.name for entry in entries}
    for file, row in rows.items():
        what = f"instance {row.id} ({given_uid(row.uid)}), {row.state}"
        if file not in names_:
            # Looked at again: it may have been removed as it should in the meantime.
            if any(now.kept for now in journal.rows("id=?", row.id)):
                found.append(Disagreement(f"{what}: its file {file} is missing"))
            continue
        wrong = _altered(data / file, row, *_expected(row, file))
        if wrong and any(now.kept for now in journal.rows("id=?", row.id)):
            found.append(Disagreement(f"{what}: {file} {wrong}"))
    for name in sorted(names_ - rows.keys()):
        # What is just coming in, or being repaired, has no row yet; what was renamed a moment ago has one now.
        if name.endswith((PART, REPAIRED)) or not os.path.lexists(data / name):
            continue
        known = journal.rows("file=?", name)
        if not known:
            found.append(Disagreement(f"{name}: a file that the journal does not know"))
        elif not known[0].kept:
            found.append(
                Disagreement(
                    f"instance {known[0].id} ({given_uid(known[0].uid)}): {name} should have been removed"
                )
            )
    return found


def _expected(row: Row, file: str) -> tuple[str, int]:
    """Digest and size of the data set of one of the files of a row."""
    if file == row.file:
        return row.sha256, row.size
    repair = msgspec.json.decode(row.repair, type=Repair)
    return repair.sha256, repair.size


def _altered(path: Path, row: Row, expected: str, length: int) -> str:
    """How a file differs from its row; empty if it does not."""
    from dcmlint.errors import InputError

    try:
        identity = read_identity(path)
        sha256, size = digest(path, identity.offset)
    except InputError:
        return "has no File Meta Information that can be read"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if size != length:
        return f"has {size} bytes of data set; {length} were written"
    if sha256 != expected:
        return "was altered: its digest is not that of what was written"
    if (identity.sop_instance, identity.transfer_syntax) != (row.uid, row.syntax):
        return "was altered: its File Meta Information is not what was written"
    return ""


def summary(journal: Journal) -> dict[str, object]:
    """Numbers for `status`, the page and the metrics: instances by state, queues, the oldest held and unchecked.

    Nothing here takes longer for a longer history or a longer queue.
    """
    counted: dict[str, dict[str, int]] = {"state": {}, "queue": {}, "repaired": {}}
    for kind, name, number in journal.read("SELECT kind, name, number FROM counters WHERE number>0"):
        counted[str(kind)][str(name)] = number
    queues: dict[str, object] = {}
    for name, length in counted["queue"].items():
        first = journal.read(_FIRST_WAITING, name)
        if first:  # else it was delivered between the two
            ((oldest, detail),) = first
            queues[name] = {"length": length, "oldest": oldest, "detail": detail}
    ((oldest_held,),) = journal.read("SELECT min(changed) FROM instances WHERE state='held' AND kept=1")
    ((unchecked,),) = journal.read("SELECT min(received) FROM instances WHERE state='checking'")
    return {
        "states": counted["state"], "queues": queues, "oldest_held": oldest_held, "oldest_unchecked": unchecked,
        "repaired": counted["repaired"].get("", 0),
    }  # fmt: skip
