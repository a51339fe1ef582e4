"""Servers of SFTP: a real one, in a thread of the test."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.archives import findings_in, mixed, scanned
from support.slides import ct, to_bytes

from dcmlint.errors import InputError, UsageError
from dcmlint.sources.file_server import FileServer
from dcmlint.sources.input import Selection
from dcmlint.sources.key import Key
from dcmlint.sources.ranged import FIRST

asyncssh: Any = pytest.importorskip("asyncssh")
pytest.importorskip("sshfs")


class Server:
    """A server of SFTP that shows one folder; ``url`` and ``options`` are how it is reached."""

    def __init__(self, folder: Path, keys: Path) -> None:
        keys.mkdir()
        host, client = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
        client.write_private_key(keys / "client")
        client.write_public_key(keys / "authorized")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._listener = self._do(
            asyncssh.listen(
                "127.0.0.1", 0, server_host_keys=[host], authorized_client_keys=str(keys / "authorized"),
                sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(folder)),
            )
        )  # fmt: skip
        port = self._listener.get_port()
        (keys / "known").write_text(f"[127.0.0.1]:{port} {host.export_public_key().decode()}")
        self.url = f"sftp://reader@127.0.0.1:{port}"
        self.options = {"client_keys": str(keys / "client"), "known_hosts": str(keys / "known")}

    def _do(self, work: Any) -> Any:
        async def done() -> Any:
            return await work

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result(20)

    def close(self) -> None:
        self._listener.close()
        self._do(self._listener.wait_closed())
        self._do(asyncio.sleep(0.1))  # what clients have closed is closed here
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self._loop.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Server]]:
    place = tmp_path_factory.mktemp("sftp")
    folder = mixed(place / "in")
    (folder / "empty.dcm").write_bytes(b"")
    (folder / "link.dcm").symlink_to("ct/a.dcm")
    (folder / "circle").symlink_to(".")
    server = Server(folder, place / "keys")
    yield folder, server
    server.close()


def test_files_are_listed_folder_by_folder_and_behind_one(served: tuple[Path, Server]) -> None:
    folder, server = served

    def keys_of(path: str = "", selection: Selection | None = None) -> list[Key]:
        with closing(FileServer(server.url + path, server.options, selection)) as one:
            return list(one.listed())

    source = FileServer(server.url, server.options)
    keys = list(source.listed())
    names = [key.key.removeprefix(f"{server.url}/") for key in keys]
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert set(names) == {name for name in there if not name.startswith("circle")}
    for number in (0, len(keys) // 2, len(keys) - 1):
        assert [key.key for key in source.listed(keys[number].key)] == [key.key for key in keys[number + 1 :]]
    assert all(key.etag and key.modified and not key.named for key in keys)
    source.close()
    only = keys_of("/ct", Selection(include=("*.dcm",)))
    assert [key.key.rsplit("/", 1)[1] for key in only] == ["a.dcm", "b.dcm", "c.dcm", "cut.dcm"]
    (one,) = keys_of("/ct/a.dcm")
    assert one.named
    with pytest.raises(InputError, match="it is not there"):
        keys_of("/none")


def test_only_ranges_are_read_and_a_changed_file_is_told(served: tuple[Path, Server]) -> None:
    folder, server = served
    image = ct()
    image.PixelData = bytes(1 << 20)
    (folder / "ranges").mkdir()
    (folder / "ranges" / "a.dcm").write_bytes(to_bytes(image))
    source = FileServer(f"{server.url}/ranges", server.options)
    (key,) = source.listed()
    source.fetch([key])
    (one,) = source.inputs(key)
    buffer = source.open(one)
    assert source.usage.bytes == FIRST
    data = to_bytes(image)
    assert buffer[900_000:900_010] == data[900_000:900_010]
    (folder / "ranges" / "a.dcm").write_bytes(data + b"\0\0")
    with pytest.raises(InputError, match="it changed while it was read"):
        buffer[200_000:200_010]
    source.close()
    (folder / "ranges" / "a.dcm").unlink()
    (folder / "ranges").rmdir()


@pytest.mark.parametrize("extra", [0, FIRST, 1 << 20])
@pytest.mark.parametrize("said", [10, FIRST, 1 << 40])
def test_a_size_in_a_list_of_keys_is_not_believed(served: tuple[Path, Server], extra: int, said: int) -> None:
    folder, server = served
    image = ct()
    image.PixelData = bytes(extra)
    (folder / "old").mkdir()
    (folder / "old" / "a.dcm").write_bytes(data := to_bytes(image))
    with closing(FileServer(server.url, server.options)) as source:
        for etag in ("", '"mark of another store"'):
            (one,) = source.inputs(Key(f"{server.url}/old/a.dcm", said, etag=etag))
            buffer = source.open(one)
            assert len(buffer) == len(data)
            assert buffer[len(data) - 9 :] == data[-9:]
    (folder / "old" / "a.dcm").unlink()
    (folder / "old").rmdir()


def test_a_server_has_the_findings_of_the_folder(tmp_path: Path, served: tuple[Path, Server]) -> None:
    import json

    folder, server = served
    far = scanned(tmp_path / "far", server.url, profile="dicom", options=server.options)
    (folder / "circle").unlink()
    near = scanned(tmp_path / "near", folder, profile="dicom")
    (folder / "circle").symlink_to(".")

    def named(out: str, run: str, root: str) -> list[str]:
        values = [json.loads(one.replace(root.encode(), b"X")) for one in findings_in(tmp_path / out, run)]
        return sorted(json.dumps({**one, "fingerprint": ""}, sort_keys=True) for one in values)

    assert far["instances"] == near["instances"] > 10
    assert named("far", far["run"], server.url) == named("near", near["run"], str(folder))
    again = scanned(tmp_path / "far", server.url, profile="dicom", options=server.options)
    assert again["reused"] == again["keys"]


def test_a_server_with_another_key_is_not_asked(tmp_path: Path, served: tuple[Path, Server]) -> None:
    _, server = served
    (tmp_path / "known").write_text("")
    with pytest.raises(UsageError, match="not in known_hosts"):
        FileServer(server.url, {**server.options, "known_hosts": str(tmp_path / "known")})


def test_what_does_not_work_is_told() -> None:
    with pytest.raises(UsageError, match="a host is needed"):
        FileServer("sftp:///data")
    with pytest.raises(UsageError, match="cannot be opened: connection refused"):
        FileServer("sftp://127.0.0.1:1/data")
    with pytest.raises(UsageError, match="cannot be opened: an option"):
        FileServer("sftp://127.0.0.1:1/data", {"colour": "red"})
