"""A scripted session: an operator asks where instances are, decides, and finds what was tampered with."""

from __future__ import annotations

import contextlib
import errno
import io
import re
import subprocess
from pathlib import Path
from time import monotonic

import pytest
from gate_support import (
    HOLD,
    Archive,
    Bench,
    GateProcess,
    association,
    data_set,
    free_port,
    part10_file,
    send,
    stored,
    until,
    write_config,
)

from dcmlint.cli.app import run as command
from dcmlint.gate.preflight import preflight
from dcmlint.network.wire import dimse
from dcmlint.network.wire.pdu import fragments


def gate(config: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command of `dcmlint gate`, as its entry point runs it; in this process, which saves its start."""
    out, err = io.StringIO(), io.StringIO()
    arguments = ["gate", *words, "-c", str(config)]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = command(arguments)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def cut_off(port: int, uid: str) -> None:
    """Half of a data set, and no more."""
    with association(port) as dialogue:
        context = next(iter(dialogue.contexts.values()))
        for headers, piece in fragments(
            context, dimse.store_request(1, "1.2.840.10008.5.1.4.1.1.2", uid), command=True, max_pdu=0
        ):
            dialogue.line.send(headers + piece, monotonic() + 5)
        content = data_set(uid)
        head, piece = next(iter(fragments(context, memoryview(content), command=False, max_pdu=100)))
        dialogue.line.send(head + bytes(piece), monotonic() + 5)


@pytest.mark.timeout(240)
def test_a_session(tmp_path: Path) -> None:
    bad = "2.25.600"

    def answer(uid: str, count: int) -> int:
        return 0xA900 if uid == bad else 0

    with Archive(tmp_path / "archive", answer) as archive:
        config = write_config(tmp_path / "gate", archive.port, port=free_port())
        with GateProcess(config) as process:
            port = process.port

            def send_one(uid: str, status: int = 0, **fields: object) -> None:
                assert send(port, tmp_path, uid, data_set(uid, **fields)) == status  # type: ignore[arg-type]

            send_one("2.25.100")  # delivered
            send_one("2.25.101")
            send_one("2.25.101")  # the same bytes
            send_one("2.25.102", held=True)  # held for a warning
            send_one("2.25.103", 0xA905, refused=True)  # refused
            send_one("2.25.104", 0xA905, refused=True)
            send_one("2.25.104")  # the corrected one gets in after a refusal
            send_one("2.25.105", held=True)
            send_one("2.25.105", filling=b"mended" * 20)  # and after a hold
            send_one("2.25.106", held=True)  # released
            send_one("2.25.107", held=True)  # discarded
            send_one(bad)  # the archive does not take it
            cut_off(port, "2.25.108")
            until(lambda: len(archive.stored) == 4)
            until(lambda: "archive refused it" in gate(config, "explain", bad).stdout)
            send_one("2.25.100", filling=b"other!" * 20)  # other bytes than what the archive has
            archive.stop()
            send_one("2.25.109")  # waits
            until(lambda: "connection refused" in gate(config, "explain", "2.25.109").stdout)
            said = gate(config, "status").stdout
            assert re.search(
                r"^to archive: 1 wait, the oldest for \d+ s: no association: .*connection refused",
                said,
                re.MULTILINE,
            )

            def explained(uid: str, *words: str) -> None:
                said = gate(config, "explain", uid)
                assert said.returncode == 0
                for word in words:
                    assert word in said.stdout, said.stdout

            explained("2.25.100", "delivered: every destination", "held: accepted", "NET502")
            explained("2.25.101", "delivered", "sent again", "stored once")
            explained("2.25.102", "held", "GTT002")
            explained("2.25.103", "refused: its sender", "A905H", "GTT001")
            explained("2.25.104", "superseded", "delivered")
            explained("2.25.105", "superseded", "delivered")
            explained(bad, "archive refused it", "A900H", "as the test says")
            explained("2.25.108", "cut off", "never became an instance")
            explained("2.25.109", "waits to be delivered")
            assert gate(config, "explain", "2.25.999").returncode == 2
            assert "why: every destination" not in gate(config, "explain", "2.25.101").stdout  # said already

            listed = gate(config, "held", "ls").stdout
            assert "\\x" not in listed
            assert "study 2.25.1\n" in listed
            assert re.search(
                r"^ +\d+  held for \d+ s  from TESTER  2\.25\.102\n +GTT002 ", listed, re.MULTILINE
            )
            assert "Each waits for a person" in listed
            assert listed.count("2.25.10") == 4
            assert bad in listed
            assert "Marker" not in listed
            assert gate(config, "held", "release", "2.25.106").returncode == 2  # without a reason
            assert (
                "1 instance released"
                in gate(config, "held", "release", "2.25.106", "--reason", "seen by Dr. A").stdout
            )
            exported = gate(
                config,
                "held",
                "export",
                "2.25.107",
                "--to",
                str(tmp_path / "out"),
                "--reason",
                "to the vendor",
            )
            assert "1 instance exported" in exported.stdout
            (copy,) = (tmp_path / "out").iterdir()
            assert stored(copy) == data_set("2.25.107", held=True)
            assert (
                "1 instance discarded"
                in gate(config, "held", "discard", "2.25.107", "--reason", "a test").stdout
            )
            explained("2.25.107", "discarded", "exported", "to the vendor", "no longer kept")
            assert (
                gate(config, "held", "discard", "2.25.103", "--reason", "x").returncode == 2
            )  # it is not held
            shown = gate(config, "held", "show", "2.25.102")
            assert "GTT002" in shown.stdout
            assert "Marker" not in shown.stdout
            named = gate(config, "held", "show", "2.25.102", "--names", "--reason", "a call from the ward")
            assert "Marker^Patient" in named.stdout
            explained("2.25.102", "names shown", "a call from the ward")

            archive.restart()
            until(lambda: {"2.25.106", "2.25.109"} <= archive.stored.keys())
            explained("2.25.106", "released: seen by Dr. A", "delivered")
            assert "held" in gate(config, "status").stdout
            assert process.stop() == 0
        assert archive.stored.keys() & {"2.25.102", "2.25.103", "2.25.107"} == set()
        assert archive.stored["2.25.104"] == data_set("2.25.104")
        assert archive.stored["2.25.105"] == data_set("2.25.105", filling=b"mended" * 20)
        log = (tmp_path / "gate" / "gate.log").read_text()
        assert "Marker" not in log
        assert "MARKER-ID" not in log


def test_the_audit_finds_a_file_removed_added_or_altered(tmp_path: Path) -> None:
    with Archive(tmp_path / "archive") as archive:
        config = write_config(tmp_path, archive.port)
    with Bench(tmp_path) as bench:
        for number in range(3):
            bench.take(data_set(f"2.25.{number}"), f"2.25.{number}")
        rows = bench.journal.rows("1")
        clean = gate(config, "audit")
        assert (clean.returncode, clean.stdout) == (0, "3 instances: 0 disagreements\n")
        bench.spool.remove(rows[0].file)
        path = bench.spool.path(rows[1].file)
        content = bytearray(path.read_bytes())
        content[-3] ^= 1
        path.write_bytes(content)
        (bench.spool.data / "stranger.dcm").write_bytes(part10_file("2.25.9", data_set("2.25.9")))
        (bench.spool.data / "notes.txt").write_text("by hand")
        (bench.spool.data / "coming.part").write_bytes(b"")
        found = gate(config, "audit")
        assert found.returncode == 1
        assert f"its file {rows[0].file} is missing" in found.stdout
        assert "was altered: its digest" in found.stdout
        assert "stranger.dcm: a file that the journal does not know" in found.stdout
        assert "notes.txt: a file that the journal does not know" in found.stdout
        assert "4 disagreements" in found.stdout


def test_check_looks_at_everything_before_the_start(tmp_path: Path) -> None:
    with Archive(tmp_path / "archive") as archive:
        config = write_config(tmp_path / "gate", archive.port)
        good = gate(config, "check")
        assert good.returncode == 0, good.stdout
        assert "C-ECHO 0000H" in good.stdout
    down = gate(config, "check")
    assert down.returncode == 4
    assert "FAIL  archive: ARCHIVE" in down.stdout
    assert gate(config, "check", "--offline").returncode == 0


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ('[stow]\nport = 1\ncertificate = "none.pem"', "STOW-RS: none.pem"),
        ('[stow]\nport = 1\ntokens = "none"', "STOW-RS: stow.tokens"),
        ('[[watch]]\nfolder = "none"', "watch: watch.folder: none is not a folder"),
        ('[[commitment]]\ntitle = "A"\nhost = "a"\nport = 1\n[commitment.tls]\nca = "none.pem"', "commitment: none.pem"),
        ('[audit]\nhost = "a"\nca = "none.pem"', "audit: none.pem"),
        ('[forward.tls]\nca = "none.pem"', "archive: ARCHIVE"),
    ],
)  # fmt: skip
def test_check_fails_where_the_start_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extra: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    config = write_config(Path(), 1, extra=extra)
    failed = [step.what for step in preflight(config, offline=True) if not step.good]
    assert len(failed) == 1
    assert said in failed[0]


def test_check_warns_of_a_repair_that_there_is_not(tmp_path: Path) -> None:
    config = write_config(tmp_path, 1, extra='[rules]\nMOD001 = "fix"\nVR101 = "fix"')
    text = config.read_text()
    config.write_text(
        "\n".join('profile = "dicom"' if one.startswith("profile") else one for one in text.split("\n"))
    )
    warnings = [step.what for step in preflight(config, offline=True) if step.warns and "rules" in step.what]
    assert len(warnings) == 1
    assert warnings[0].startswith("rules: MOD001 has the action fix, but no safe repair")


def test_check_looks_at_the_journal_and_at_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = write_config(tmp_path, 1)
    with Bench(tmp_path) as bench:
        bench.take(data_set("2.25.1"), "2.25.1")
    assert "journal: 1 queued" in [step.what for step in preflight(config, offline=True)]
    config.write_text(config.read_text().replace('name = "archive"', 'name = "new"'))
    wrong = [step.what for step in preflight(config, offline=True) if not step.good]
    assert len(wrong) == 1
    assert "1 instances wait for the destination 'archive'" in wrong[0]
    monkeypatch.setattr("dcmlint.gate.spool._mounts", lambda: iter([("/", "9p")]))
    remote = [step.what for step in preflight(config, offline=True) if not step.good]
    assert any(what.startswith("spool: ") and "is on 9p" in what for what in remote)


def test_a_spool_that_check_makes_is_for_its_user_only(tmp_path: Path) -> None:
    config = write_config(tmp_path, 1)
    assert all(step.good for step in preflight(config, offline=True))
    assert (tmp_path / "spool").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("held", "show", "\u00b2"), "no held instance"),
        (("held", "show", "99999999999999999999"), "no held instance"),
        (("explain", "\udcff"), "no instance with this UID was received"),
        (("held", "export", "1", "--to", "gate.toml", "--reason", "x"), "gate.toml: File exists"),
        (("held", "release", "1", "--reason", " "), "--reason must say why"),
    ],
)
def test_what_an_operator_mistypes_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    config = write_config(Path(), 1)
    with Bench(tmp_path) as bench:
        bench.checks.reply = lambda task: HOLD
        bench.take(data_set("2.25.77"))
        done = gate(config, *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "internal error" not in done.stderr


def test_a_reason_in_another_encoding_is_kept(tmp_path: Path) -> None:
    config = write_config(tmp_path, 1)
    with Bench(tmp_path) as bench:
        bench.checks.reply = lambda task: HOLD
        bench.take(data_set("2.25.77"))
        assert gate(config, "held", "release", "1", "--reason", "caf\udce9").returncode == 0
        assert bench.journal.events(1)[-1].why == "released: caf\\udce9"


def test_a_journal_that_cannot_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = write_config(tmp_path, 1)
    with Bench(tmp_path):
        pass

    def denied(path: Path, **_: object) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "exists", denied)
    done = gate(config, "status")
    assert done.returncode == 2
    assert "journal.sqlite: Permission denied" in done.stderr


def test_a_gate_on_a_full_disk_may_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Archive(tmp_path / "archive") as archive:
        config = write_config(tmp_path, archive.port)
        config.write_text(config.read_text().replace('high = "2MB"', 'high = "900000TB"'))
        low = gate(config, "check")
        assert (low.returncode, "warn  free space" in low.stdout) == (0, True)

        def full(descriptor: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("os.fsync", full)
        none = gate(config, "check")
    assert none.returncode == 0
    assert f"warn  spool: {tmp_path / 'spool'}: No space left on device" in none.stdout
