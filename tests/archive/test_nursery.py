from __future__ import annotations

import os
import signal
import threading

import pytest

from dcmlint.archive.engines.nursery import Nursery
from dcmlint.forking import can_fork

pytestmark = pytest.mark.skipif(
    not hasattr(os, "pidfd_open"), reason="the system cannot fork as it is asked to"
)


@pytest.fixture
def nursery():
    prepared = []

    def serve(there):
        while (said := there.recv()) != "end":
            there.send((said, prepared, os.getpid()))
            if said == "die":
                os.kill(os.getpid(), signal.SIGKILL)

    made = Nursery(lambda: prepared.append(os.getpid()), serve)
    yield made
    made.close()


def asked(here, what):
    here.send(what)
    return here.recv()


def test_processes_are_forked_from_one_that_is_prepared_once(nursery):
    first, second = nursery.process(), nursery.process()
    said = [asked(here, "x") for _, here in (first, second)]
    (maker,) = said[0][1]
    assert said[0][1] == said[1][1]
    assert len({os.getpid(), maker, said[0][2], said[1][2]}) == 4
    for process, here in (first, second):
        assert process.is_alive()
        here.send("end")
        process.join(10)
        assert not process.is_alive()
        process.close()
        here.close()


def test_the_death_of_a_process_is_seen_and_another_takes_its_place(nursery):
    process, here = nursery.process()
    asked(here, "die")
    with pytest.raises(EOFError):
        here.recv()
    process.join(10)
    assert not process.is_alive()
    process.kill()  # which it has no more need of
    other, there = nursery.process()
    assert asked(there, "x")[0] == "x"
    other.terminate()
    other.join(10)
    assert not other.is_alive()


def test_what_is_open_here_is_not_open_there(tmp_path):
    with (tmp_path / "lock").open("w") as lock:

        def serve(there):
            there.recv()
            there.send(os.path.samestat(os.fstat(lock.fileno()), os.stat(os.devnull)))

        made = Nursery(lambda: None, serve)
        process, here = made.process()
        assert asked(here, "x")
        process.join(10)
        made.close()


def test_a_process_with_several_threads_is_not_forked():
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert not can_fork()
    finally:
        stop.set()
        thread.join()
