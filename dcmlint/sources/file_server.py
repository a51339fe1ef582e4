"""Servers of files that `obstore` does not have: SFTP and HDFS, by `fsspec`.

SFTP is read by `sshfs`, which hides the time of requests and, as it is called here, checks the key of the server.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

from dcmlint.errors import InputError, UsageError
from dcmlint.sources.input import Selection
from dcmlint.sources.key import Key
from dcmlint.sources.ranged import FIRST, First, RangedSource

_PIECE = 1 << 20  # of an object that is read whole
# The password of SFTP, where keys (an agent's, those in ~/.ssh) are not what the server asks for.
_PASSWORD = "DCMLINT_SFTP_PASSWORD"


class FileServer(RangedSource):
    """The files below a URL such as ``sftp://user@host:22/path``; keys are URLs.

    ``options``: of the connection, as `asyncssh.connect` names them (``client_keys``, ``known_hosts``: files), or
    `pyarrow.fs.HadoopFileSystem`.  ``system``: a file system of fsspec that is open already.
    """

    threads = 8  # what a server of SSH gives to one connection

    def __init__(
        self, url: str, options: dict[str, str] | None = None, selection: Selection | None = None, system: Any = None
    ) -> None:  # fmt: skip
        split = urlsplit(url)
        super().__init__(f"{split.scheme}://{split.netloc}", selection)
        self._top = "/" + unquote(split.path).strip("/")
        self._system = system if system is not None else _opened(url, dict(options or {}))

    def listed(self, after: str = "") -> Iterator[Key]:
        """See `Source.listed`; folder by folder, by name."""
        last = tuple(self._name(after).strip("/").split("/")) if after else ()
        try:
            info = self._system.info(self._top)
            if info["type"] != "directory":
                if not after:
                    yield self._key(info, named=True)
                return
            yield from self._below(self._top, last)
        except Exception as error:  # noqa: BLE001 - each library of fsspec has exceptions of its own
            raise InputError(f"{self._root}{self._top} cannot be listed: {_reason(error)}") from None

    def _below(self, folder: str, last: tuple[str, ...]) -> Iterator[Key]:
        """The files of a folder whose names come behind ``last``, that of a file in its parts."""
        self.usage.requests += 1
        found = {
            str(one["name"]).rstrip("/").rsplit("/", 1)[-1]: one
            for one in self._system.ls(folder, detail=True)
        }
        for name in sorted(found):
            path = f"{folder.rstrip('/')}/{name}"
            parts = tuple(path.strip("/").split("/"))
            if parts < last[: len(parts)]:
                continue
            info = found[name]
            if info["type"] == "directory":
                yield from self._below(path, last)
            elif parts > last and self._selection.takes(path):
                # A link is what it names, if that is a file; one to a folder may lead in a circle.
                if info["type"] == "link" and (info := self._system.info(path))["type"] != "file":
                    continue
                yield self._key({**info, "name": path}, named=False)

    def _first(self, name: str, size: int, etag: str) -> First:
        """What the server says of the object counts, unless it was just listed: a list of keys may be old."""
        try:
            with self._system.open(f"/{name}", "rb") as file:
                data = bytes(file.read(FIRST))
                while len(data) < FIRST and (piece := bytes(file.read(FIRST - len(data)))):
                    data += piece
            if len(data) < FIRST:
                return data, len(data), etag
            if not etag.startswith(f"{size}-"):
                info = self._system.info(f"/{name}")
                size, etag = int(info["size"]), _mark(info)
            return data, size, etag
        except Exception as error:  # noqa: BLE001 - see above
            raise InputError(_reason(error)) from None

    def _range(self, name: str, etag: str, start: int, stop: int) -> bytes:
        try:
            if etag and _mark(self._system.info(f"/{name}")) != etag:
                raise InputError("it changed while it was read")
            with self._system.open(f"/{name}", "rb") as file:
                file.seek(start)
                return bytes(file.read(stop - start))
        except InputError:
            raise
        except Exception as error:  # noqa: BLE001 - see above
            raise InputError(_reason(error)) from None

    def _pieces(self, name: str) -> Iterator[bytes]:
        try:
            with self._system.open(f"/{name}", "rb") as file:
                while piece := bytes(file.read(_PIECE)):
                    yield piece
        except Exception as error:  # noqa: BLE001 - see above
            raise InputError(_reason(error)) from None

    def close(self) -> None:
        """See `Source.close`."""
        super().close()
        client = getattr(self._system, "client", None)
        if client is not None:  # a connection of SSH, which belongs to the loop of fsspec
            self._system.loop.call_soon_threadsafe(client.close)

    def _key(self, info: Any, named: bool) -> Key:
        path = "/" + str(info["name"]).strip("/")
        return Key(f"{self._root}{path}", int(info["size"]), _modified(info), _mark(info), named=named)


def _modified(info: Any) -> datetime.datetime | None:
    found = info.get("mtime", info.get("created"))
    if isinstance(found, (int, float)):
        return datetime.datetime.fromtimestamp(found, datetime.UTC)
    return found if isinstance(found, datetime.datetime) else None


def _mark(info: Any) -> str:
    """What tells a file from another that takes its place: its size and its time."""
    modified = _modified(info)
    return "" if modified is None else f"{info['size']}-{modified.timestamp():.6f}"


def _opened(url: str, options: dict[str, str]) -> Any:
    split = urlsplit(url)
    scheme = split.scheme
    needs = (
        "sshfs: pip install 'dcmlint[sftp]'" if scheme == "sftp" else "fsspec, pyarrow and Hadoop's libhdfs"
    )
    if not split.hostname:
        raise UsageError(f"{url}: a host is needed, such as {scheme}://host/path")
    if split.port is not None:
        options.setdefault("port", str(split.port))
    given: dict[str, Any] = {name: int(text) if text.isdigit() else text for name, text in options.items()}
    try:
        if scheme == "sftp":
            from sshfs import SSHFileSystem

            if split.username:
                given.setdefault("username", unquote(split.username))
            if os.environ.get(_PASSWORD):
                given["password"] = os.environ[_PASSWORD]
            given.setdefault(
                "known_hosts", ()
            )  # ~/.ssh/known_hosts; the library's own default checks nothing
            return SSHFileSystem(split.hostname, skip_instance_cache=True, **given)
        from fsspec.implementations.arrow import HadoopFileSystem

        return HadoopFileSystem(host=split.hostname, user=split.username, skip_instance_cache=True, **given)
    except ImportError:
        raise UsageError(f"{scheme}:// needs {needs}") from None
    except Exception as error:  # noqa: BLE001 - see above
        raise UsageError(f"{scheme}://{split.hostname} cannot be opened: {_reason(error)}") from None


def _reason(error: BaseException) -> str:
    """Words for what a library raised: never its text, which may hold names and addresses."""
    words: tuple[tuple[type[BaseException], str], ...] = (
        (FileNotFoundError, "it is not there"),
        (PermissionError, "permission denied"),
        (ConnectionRefusedError, "connection refused"),
        (TypeError, "an option that the client does not have, or a wrong value of one"),
    )
    known = {
        "HostKeyNotVerifiable": "the key of the host is not in known_hosts",
        "PermissionDenied": "permission denied",
        "SFTPNoSuchFile": "it is not there",
        "gaierror": "unknown host",
    }
    text = next((text for kind, text in words if isinstance(error, kind)), "")
    return text or known.get(
        type(error).__name__, f"the server or its client failed ({type(error).__name__})"
    )
