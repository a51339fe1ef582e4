"""What reaches the disk: whole files, whatever happens on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.repairs import checker, made

from dcmlint.dicom.buffers import WholeBuffer, open_file
from dcmlint.dicom.pieces import PieceBuffer, Pieces
from dcmlint.dicom.spans import Span
from dcmlint.engine.session import Task
from dcmlint.errors import InputError
from dcmlint.fixes import write
from dcmlint.fixes.choice import Choice
from dcmlint.fixes.plan import plan
from dcmlint.fixes.write import Source, write_in_place, write_new

OLD = made('{use: ct, PatientID: !raw "EX-17"}')
NEW = made("{use: ct, PatientID: EX-17}")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "a.dcm"
    path.write_bytes(OLD)
    return path


def planned(path: Path) -> tuple[PieceBuffer, Source]:
    source = Source(str(path))
    data = plan(checker(), Task(str(path), True), open_file(path), Choice()).data
    assert data is not None
    return data, source


def test_in_place_keeps_the_original(old: Path) -> None:
    os.chmod(old, 0o640)
    original = write_in_place(*planned(old))
    assert old.read_bytes() == NEW
    assert original == old.with_name("a.dcm.orig")
    assert original.read_bytes() == OLD
    assert old.stat().st_mode & 0o777 == 0o640
    assert {path.name for path in old.parent.iterdir()} == {"a.dcm", "a.dcm.orig"}


def test_an_original_that_is_there_is_never_replaced(old: Path) -> None:
    old.with_name("a.dcm.orig").write_bytes(b"older")
    assert write_in_place(*planned(old)) == old.with_name("a.dcm.orig2")
    assert old.with_name("a.dcm.orig").read_bytes() == b"older"
    assert old.with_name("a.dcm.orig2").read_bytes() == OLD


def test_in_place_without_the_original(old: Path) -> None:
    assert write_in_place(*planned(old), keep=False) is None
    assert [path.name for path in old.parent.iterdir()] == ["a.dcm"]


def test_a_link_stays_a_link(old: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.dcm"
    link.symlink_to(old)
    write_in_place(*planned(link))
    assert link.is_symlink()
    assert old.read_bytes() == NEW


def test_a_file_that_changes_meanwhile_is_left_alone(old: Path) -> None:
    data, source = planned(old)
    changed = OLD[:-1] + b"?" * 9
    old.write_bytes(changed)
    with pytest.raises(InputError, match="changed while it was read"):
        write_in_place(data, source)
    assert old.read_bytes() == changed
    assert [path.name for path in old.parent.iterdir()] == ["a.dcm"]


def test_what_is_there_is_not_overwritten_unless_asked(old: Path, tmp_path: Path) -> None:
    data, source = planned(old)
    target = tmp_path / "out" / "a.dcm"
    write_new(data, source, target)
    assert target.read_bytes() == NEW
    with pytest.raises(InputError, match="exists already"):
        write_new(data, source, target)
    write_new(data, source, target, overwrite=True)


def test_an_error_while_writing_leaves_nothing_behind(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(InputError, match="No space left"):
            write_in_place(*planned(old))
    assert old.read_bytes() == OLD
    assert [path.name for path in old.parent.iterdir()] == ["a.dcm"]


def test_what_is_written_goes_to_the_disk_while_more_is_written(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write, "_FLUSH", 16)
    monkeypatch.setattr(write, "_BLOCK", 64)
    flushed: list[int] = []
    monkeypatch.setattr(os, "fdatasync", flushed.append, raising=False)
    write_in_place(*planned(old))
    assert old.read_bytes() == NEW
    assert flushed


def test_an_error_of_the_disk_on_the_way_is_told(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(write, "_FLUSH", 16)
    monkeypatch.setattr(write, "_BLOCK", 64)
    monkeypatch.setattr(os, "fdatasync", broken, raising=False)
    with pytest.raises(InputError, match="Input/output error"):
        write_in_place(*planned(old))
    assert old.read_bytes() == OLD


def test_without_hard_links_the_original_is_copied(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(source: object, target: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    original = write_in_place(*planned(old))
    assert original is not None
    assert original.read_bytes() == OLD
    assert old.read_bytes() == NEW


def test_parts_of_a_file_are_copied_at_their_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "_BLOCK", 7)
    container = tmp_path / "archive"
    container.write_bytes(b"xxx" + bytes(range(200)))
    data = PieceBuffer(WholeBuffer(bytes(range(200))), Pieces([Span(0, 50), b"new", Span(60, 200)]))
    target = tmp_path / "b"
    write_new(data, Source(str(container), 3), target)
    assert target.read_bytes() == bytes(range(50)) + b"new" + bytes(range(60, 200))


CHILD = """
import sys
from dcmlint.dicom.buffers import open_file
from dcmlint.dicom.spans import Span
from dcmlint.dicom.pieces import PieceBuffer, Pieces
from dcmlint.fixes import write
from dcmlint.fixes.write import Source, write_in_place
write._BLOCK = 1 << 14
path = sys.argv[1]
print("ready", flush=True)
source = Source(path)
buffer = open_file(path)
pieces = Pieces([b"new", Span(3, len(buffer))])
write_in_place(PieceBuffer(buffer, pieces), source)
"""


def _written(folder: Path) -> int:
    """Bytes of the part that is being written; it may be renamed at any time."""
    try:
        return sum(part.stat().st_size for part in folder.glob(".*.part"))
    except FileNotFoundError:
        return 0


def test_a_kill_at_any_moment_leaves_the_old_or_the_new_file(tmp_path: Path) -> None:
    old, new = b"old" + bytes(8 << 20), b"new" + bytes(8 << 20)
    path = tmp_path / "a.dcm"
    seen = set()
    for step in range(12):
        for leftover in tmp_path.iterdir():
            leftover.unlink()
        path.write_bytes(old)
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        # Kill once the child has got so far, whenever that is: the size of its part says how far.
        goal = step * len(old) // 10
        while child.poll() is None and _written(tmp_path) < goal:
            time.sleep(0)
        child.send_signal(signal.SIGKILL)
        child.wait(60)
        child.stdout.close()
        data = path.read_bytes()
        assert data in (old, new), step
        seen.add(data == new)
        originals = list(tmp_path.glob("*.orig"))
        assert all(one.read_bytes() == old for one in originals)
    assert False in seen


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_a_file_that_is_replaced_keeps_its_mode_and_owner(old: Path, tmp_path: Path) -> None:
    os.chown(old, 12345, 23456)
    old.chmod(0o640)
    data, source = planned(old)
    write_new(data, source, tmp_path / "out" / "a.dcm")
    assert (tmp_path / "out" / "a.dcm").stat().st_uid == 0, "a new file is of whoever writes it"
    write_in_place(data, source)
    there = old.stat()
    assert (there.st_uid, there.st_gid, there.st_mode & 0o777) == (12345, 23456, 0o640)
