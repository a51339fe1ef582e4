"""The checking children, as their parent sees them: who is free, who is slow, who died.

Each child has a thread here. One that has used more than ``SLOW`` seconds for an instance is no longer counted:
another one takes its place, so that an instance that is slow to check keeps nobody else waiting; it ends when it is
done. Processor time is what counts, so that a busy machine does not make every instance a slow one.
"""

from __future__ import annotations

import os
import queue
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic

import msgspec

from dcmlint.errors import UsageError
from dcmlint.intake.task import Start, Started, Task
from dcmlint.intake.verdict import ProfileFacts, Reply

SLOW = 1.0  # seconds of processor time
_STUCK = 8.0  # seconds, whatever it waits for
_TICK = 0.25
_START_SECONDS = 60.0
_STARTS = 3  # attempts to start a child before an instance is given up as not checkable

OnReply = Callable[[Reply], None]


class Pending:
    """A check that goes on: waited for, or told later to whoever asks, and to one of the two only."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._reply: Reply | None = None
        self._later: OnReply | None = None

    def give(self, reply: Reply) -> None:
        """The reply is there."""
        with self._changed:
            self._reply = reply
            later = self._later
            self._changed.notify_all()
        if later is not None:
            later(reply)

    def wait(self, seconds: float) -> Reply | None:
        """The reply, if it comes in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._reply is not None, seconds)
            return self._reply

    def then(self, later: OnReply) -> None:
        """Have ``later`` called with the reply: now, if it is there already, in this thread."""
        with self._changed:
            reply = self._reply
            if reply is None:
                self._later = later
        if reply is not None:
            later(reply)


class Checks:
    """The children; ``start`` first, which reads the profile, and ``stop`` in the end.

    ``children``: how many check at a time, besides those that are slow (``slow`` at most). ``seconds``: how
    long a check may take. ``memory``: bytes of a child, besides twice the header. ``module``: what a child runs.
    ``observe``: called with each reply. ``give_way``: called before each check, may wait a moment for what is more urgent.
    """

    def __init__(
        self, start: Start, *, children: int = 2, slow: int = 4, seconds: float = 120.0, module: str = "dcmlint.intake.child"
    ) -> None:  # fmt: skip
        self._start = start
        self.module = module
        self._wanted = children
        self._most = children + slow
        self._seconds = seconds
        self._queue: queue.SimpleQueue[tuple[Task, Pending] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._workers: set[_Worker] = set()
        self._stopping = False
        self.profile: ProfileFacts | None = None
        self.observe: Callable[[Reply], None] = lambda reply: None
        self.give_way: Callable[[], None] = lambda: None

    def start(self) -> ProfileFacts:
        """Start the children; ``UsageError`` for a profile that does not work."""
        first = _Child(self._start, self.module)
        self.profile = first.profile
        with self._lock:
            self._add(first)
        self.begin()
        return first.profile

    def begin(self) -> None:
        """Start the children without waiting for them, where the profile is known to work."""
        with self._lock:
            while len(self._workers) < self._wanted:
                self._add(None)

    def submit(self, task: Task) -> Pending:
        """Have a task done."""
        pending = Pending()
        self._queue.put((task, pending))
        return pending

    @property
    def waiting(self) -> int:
        """About how many tasks wait for a child."""
        return self._queue.qsize()

    def stop(self) -> None:
        """End all children at once: what they had not checked is begun anew at the next start."""
        with self._lock:
            self._stopping = True
            workers = list(self._workers)
        for worker in workers:
            self._queue.put(None)
            worker.kill()
        for worker in workers:
            worker.thread.join(5)

    # --- for the workers -------------------------------------------------------------------------

    @property
    def stopping(self) -> bool:
        """Whether ``stop`` was called."""
        return self._stopping

    def slowed(self, worker: _Worker) -> None:
        """A worker is slow: another one takes its place, if there are not too many already."""
        with self._lock:
            worker.slow = True
            free = sum(not one.slow for one in self._workers)
            if not self._stopping and free < self._wanted and len(self._workers) < self._most:
                self._add(None)

    def needless(self, worker: _Worker) -> bool:
        """Whether a slow worker that is done should end: its place is taken."""
        with self._lock:
            free = sum(not one.slow for one in self._workers)
            if free >= self._wanted or self._stopping:
                self._workers.discard(worker)
                return True
            worker.slow = False
            return False

    def _add(self, child: _Child | None) -> None:
        worker = _Worker(self, child)
        self._workers.add(worker)
        worker.thread.start()


class _Worker:
    """A thread and its child."""

    def __init__(self, checks: Checks, child: _Child | None) -> None:
        self.slow = False
        self._checks = checks
        self._child = child
        self.thread = threading.Thread(target=self._run, name="dcmlint-check", daemon=True)

    def kill(self) -> None:
        """End the child, whatever it does; its thread closes what is open."""
        child = self._child
        if child is not None:
            child.process.kill()

    def _run(self) -> None:
        checks = self._checks
        if self._child is None and not checks.stopping:
            self._child = self._started()  # before there is work, so that it does not wait for this
        while not checks.stopping:
            item = checks._queue.get()
            if item is None or checks.stopping:
                break
            task, pending = item
            checks.give_way()
            reply = self._check(task)
            if checks.stopping and reply.internal:
                break  # our own doing: it stays as it was
            checks.observe(reply)
            pending.give(reply)
            if self.slow and checks.needless(self):
                break
        if self._child is not None:
            self._child.kill()

    def _started(self) -> _Child | None:
        for _ in range(_STARTS):
            try:
                return _Child(self._checks._start, self._checks.module)
            except (UsageError, OSError, EOFError):
                continue
        return None

    def _check(self, task: Task) -> Reply:
        if self._child is None:
            self._child = self._started()
        child = self._child
        if child is None:
            return Reply(internal="no checking process could be started")
        began = monotonic()
        limit = self._checks._seconds
        try:
            child.connection.send_bytes(msgspec.msgpack.encode(task))
            used = None
            while not child.answers(_TICK):
                passed = monotonic() - began
                used = child.used() if used is None else used  # most are done before anybody asks
                if not self.slow and (child.used() - used >= SLOW - _TICK or passed >= _STUCK):
                    self._checks.slowed(self)
                    child.give_way()
                if passed >= limit:
                    self._end()
                    return Reply(internal=f"the check took more than {limit:g} s", seconds=passed)
            reply = _REPLIES.decode(child.connection.recv_bytes())
        except (OSError, EOFError):
            child.await_end()
            how = self._end()
            return Reply(internal=f"the checking process ended: {how}", seconds=monotonic() - began)
        except msgspec.MsgspecError:
            self._end()
            return Reply(internal="the checking process gave no answer that can be read")
        if reply.internal or self.slow:
            self._end()  # its memory is used up, or its priority is low
        return reply

    def _end(self) -> str:
        child, self._child = self._child, None
        return child.kill() if child is not None else ""


_REPLIES = msgspec.msgpack.Decoder(Reply)
_STARTED = msgspec.msgpack.Decoder(Started)


class _Child:
    """One process; ``UsageError`` where its profile does not work."""

    def __init__(self, start: Start, module: str) -> None:
        ours, theirs = socket.socketpair()
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", module, str(theirs.fileno())],
                pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL,
                # Out of reach of a Ctrl-C; in the session of its parent, because Linux shares processors by session, and
                # a low priority counts within one only (sched(7), autogroup).
                process_group=0,
                # Threads of NumPy's own would take memory of a child and nothing uses them.
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            )  # fmt: skip
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self.connection = Connection(ours.detach())
        self._poll = select.poll()
        self._poll.register(self.connection, select.POLLIN)
        try:
            self.connection.send_bytes(msgspec.msgpack.encode(start))
            if not self.connection.poll(_START_SECONDS):
                raise OSError("a checking process does not start")
            started = _STARTED.decode(self.connection.recv_bytes())
        except (OSError, EOFError) as error:
            how = self.kill()
            raise OSError(f"a checking process does not start: {how}") from error
        if started.profile is None:
            self.kill()
            raise UsageError(started.error)
        self.profile = started.profile

    def answers(self, seconds: float) -> bool:
        """Whether there is something to be received within ``seconds``, or the end of the connection."""
        return bool(self._poll.poll(seconds * 1000))

    def used(self) -> float:
        """Seconds of processor time until now; of time, where that cannot be known."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except (OSError, ValueError, IndexError):
            return monotonic()

    def give_way(self) -> None:
        """Lower its priority: it is slow, and others wait."""
        try:
            os.setpriority(os.PRIO_PROCESS, self.process.pid, 10)
        except OSError:
            pass  # it has just ended

    def await_end(self) -> None:
        """Its connection is gone: give it a moment to end by itself, so that it can be said how."""
        try:
            self.process.wait(1.0)
        except subprocess.TimeoutExpired:
            pass  # it closed its connection and goes on: it is ended

    def kill(self) -> str:
        """End it; gives how it ended, in words."""
        code = self.process.poll()
        if code is None:
            self.process.kill()
            self.process.wait()
        self.connection.close()
        if code is None:
            return "stopped by its parent"
        return ending(code)


def ending(code: int) -> str:
    """How a process ended by itself, in words; ``code`` as `subprocess` gives it."""
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
