"""Studies that have been quiet for a while: their slides and series are checked together."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

from dcmlint.gate.core import Core
from dcmlint.intake.task import Task
from dcmlint.intake.verdict import Reply, Verdict

_MOST_FINDINGS = 20  # of a study, kept with an instance


class Studies:
    """Which studies have had a new instance, and when. ``hold``: their instances wait for the verdict."""

    def __init__(self, core: Core, quiet: float, *, hold: bool) -> None:
        self._core = core
        self._quiet = quiet
        self._hold = hold
        self._last: dict[str, float] = {}
        self._lock = threading.Lock()
        self.tell: Callable[[str, Verdict], None] = lambda study, verdict: None
        self.held: Callable[[int, str, str], None] = lambda number, uid, why: None

    def begin(self) -> None:
        """Take up the studies that waited, or were not quiet yet, when an earlier process ended."""
        for study in self._core.journal.unfinished_studies(self._quiet):
            self.arrived(study)

    def arrived(self, study: str) -> None:
        """A study has a new instance."""
        with self._lock:
            self._last[study] = monotonic()

    def look(self) -> None:
        """Check the studies that have become quiet."""
        now = monotonic()
        with self._lock:
            quiet = [study for study, last in self._last.items() if now - last >= self._quiet]
            for study in quiet:
                del self._last[study]
        for study in quiet:
            self._check(study)

    def _check(self, study: str) -> None:
        # What comes while this is checked waits for the next look.
        waiting = {row.id: row.uid for row in self._core.journal.rows("study=? AND state='waiting'", study)}
        members = self._core.journal.members(study) if study else []
        if not members:
            self._done(study, waiting, Reply())
            return
        pending = self._core.checks.submit(Task(members=tuple(member for _, member in members)))
        pending.then(lambda reply: self._done(study, waiting, reply))

    def _done(self, study: str, waiting: dict[int, str], reply: Reply) -> None:
        verdict = self._core.policy.decide(reply)
        journal = self._core.journal
        why = f"its study: {verdict.why}"
        held = self._hold and verdict.action != "accept"
        moved: list[int] = []
        found = verdict.findings[:_MOST_FINDINGS]  # each of perhaps a thousand instances gets them
        try:
            if self._hold:
                moved = journal.move(
                    waiting,
                    "held" if held else "queued",
                    who="gate",
                    why=why,
                    only=("waiting",),
                    findings=found,
                )
                if moved and not held:
                    self._core.queued()
            elif reply.findings:
                rows = journal.rows("study=? AND state<>'refused'", study)
                if rows:
                    journal.note(rows[-1].id, who="gate", why=why, what="study findings", findings=found)
        except OSError:
            self.arrived(study)  # the journal cannot be written: once more when there is space
            return
        self.tell(study, verdict)
        for number in moved if held else ():
            self.held(number, waiting[number], why)
