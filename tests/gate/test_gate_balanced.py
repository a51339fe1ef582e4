"""Two gates behind HAProxy: one dies, and its spool is taken up elsewhere."""

from __future__ import annotations

import contextlib
import random
import threading
from pathlib import Path

import pytest
from gate_support import (
    Archive,
    GateProcess,
    association,
    data_set,
    free_port,
    part10_file,
    sha,
    until,
    write_config,
)
from kill_support import drained, lost
from network_peers import need, program

from dcmlint.errors import InputError
from dcmlint.gate.journal import Journal
from dcmlint.network.wire.pdu import WireError

CONFIG = """\
defaults
  mode tcp
  timeout connect 1s
  timeout client 60s
  timeout server 60s
  retries 3
  option redispatch
listen gate
  bind 127.0.0.1:{port}
  balance source
  server one 127.0.0.1:{one} check inter 200ms fall 1 rise 1 send-proxy-v2
  server two 127.0.0.1:{two} check inter 200ms fall 1 rise 1 send-proxy-v2
"""


@pytest.mark.peer
@pytest.mark.timeout(300)
@need("haproxy")
def test_one_of_two_gates_dies(tmp_path: Path) -> None:
    seed = 8
    print(f"seed {seed}")
    chance = random.Random(seed)
    acknowledged: dict[str, str] = {}
    stopping = threading.Event()

    def send(number: int, port: int) -> None:
        count = 0
        while not stopping.is_set():
            with (
                contextlib.suppress(WireError, ConnectionError, InputError, OSError),
                association(port, calling=f"S{number}", source=f"127.0.1.{number}", timeout=10) as dialogue,
            ):
                while not stopping.is_set():
                    count += 1
                    uid = f"2.25.8{number}{count:06d}"
                    content = data_set(uid, study=f"2.25.7{number}")
                    path = tmp_path / f"{number}.send"
                    path.write_bytes(part10_file(uid, content))
                    if dialogue.store(path).status == 0:
                        acknowledged[uid] = sha(content)
            stopping.wait(0.05)

    with Archive(tmp_path / "archive") as archive:
        listen = 'proxies = ["127.0.0.1"]\n'
        configs = [write_config(tmp_path / name, archive.port, listen=listen) for name in ("one", "two")]
        port = free_port()
        gates = [GateProcess(config) for config in configs]
        (tmp_path / "haproxy.cfg").write_text(CONFIG.format(port=port, one=gates[0].port, two=gates[1].port))
        threads = [threading.Thread(target=send, args=(number, port), daemon=True) for number in range(1, 7)]
        with program(["haproxy", "-db", "-f", "haproxy.cfg"], port, cwd=tmp_path), gates[1]:
            try:
                for thread in threads:
                    thread.start()
                until(lambda: len(acknowledged) > 60, 60)
                stopping.wait(chance.uniform(0.1, 0.5))
                gates[0].kill()
                there = {uid: sha(content) for uid, content in dict(archive.stored).items()}
                before = len(acknowledged)
                until(lambda: len(acknowledged) > before + 60, 60)  # the other one serves everybody
            finally:
                stopping.set()
                for thread in threads:
                    thread.join(20)
            # Elsewhere: the spool of the dead one, with another port.
            moved = write_config(tmp_path / "one", archive.port, listen=listen)
            with GateProcess(moved) as again:
                until(lambda: drained(moved) and drained(configs[1]), 60)
                again.stop()
            gates[1].stop()
        assert there.items() <= {uid: sha(content) for uid, content in archive.stored.items()}.items()
        assert {uid: sha(content) for uid, content in archive.stored.items()}.items() >= acknowledged.items()
        held_by = [set(), set()]  # type: ignore[var-annotated]
        for which, name in enumerate(("one", "two")):
            journal = Journal(tmp_path / name / "spool" / "journal.sqlite")
            held_by[which] = {row.uid for row in journal.rows("1")}
            peers = {row.peer for row in journal.rows("via='dimse'")}
            journal.close()
            # The scanners' addresses, not the balancer's.
            assert peers <= {f"127.0.1.{number}" for number in range(1, 7)}
            own = {uid: digest for uid, digest in acknowledged.items() if uid in held_by[which]}
            archived = {uid: sha(content) for uid, content in archive.stored.items()}
            assert lost(tmp_path / name / "spool", own, archived) == []
        assert acknowledged.keys() <= held_by[0] | held_by[1]
        assert held_by[0]
        assert held_by[1]
