"""Object stores: S3, GCS, Azure and plain HTTP, by `obstore`; only what is needed of an object is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from urllib.parse import unquote, urlsplit

from dcmlint.dicom.buffers import Buffer, RangeBuffer, WholeBuffer
from dcmlint.errors import InputError, UsageError
from dcmlint.sources.input import Input, Selection
from dcmlint.sources.key import Key, Usage
from dcmlint.sources.remote_archives import is_archive_name, remote_members

# The first range of an object (bytes): the whole header of most.
FIRST = 1 << 16
_PIECE = 1 << 20  # of an object that is read whole
_CHUNK = 1000
_THREADS = 32  # requests under way: they hide the time that each takes on its way
_RETRIES = {"max_retries": 4}
_CLIENT_OPTIONS = (
    "timeout",
    "connect_timeout",
    "allow_http",
    "allow_invalid_certificates",
    "proxy_url",
    "user_agent",
)


class ObjectStore:
    """The objects below a URL such as ``s3://bucket/prefix``; keys are URLs.

    ``options``: of obstore's client for the store (``region``, ``endpoint``, ``skip_signature``); credentials are read
    from the environment.  ``store``: one that is open already.
    """

    def __init__(
        self, url: str, options: dict[str, str] | None = None, selection: Selection | None = None, store: Any = None
    ) -> None:  # fmt: skip
        self._root, self._prefix = _parts(url)
        self._store = store if store is not None else _opened(self._root, dict(options or {}))
        self._selection = selection or Selection()
        self.usage = Usage()
        self._pool: ThreadPoolExecutor | None = None
        self._coming: dict[str, Future[tuple[bytes, int, str]]] = {}

    def listed(self, after: str = "") -> Iterator[Key]:
        """See `Source.listed`; in the order of their names."""
        import obstore

        offset = self._name(after) if after else None
        found = False
        try:
            if self._root.startswith("http") and self._prefix and not after:
                # Most servers of HTTP list nothing: what is named is an object.
                yield self._key(obstore.head(self._store, self._prefix), named=True)
                return
            for chunk in obstore.list(self._store, self._prefix or None, offset=offset, chunk_size=_CHUNK):
                self.usage.requests += 1
                for meta in chunk:
                    found = True
                    if self._selection.takes(meta["path"]) and not meta["path"].endswith("/"):
                        yield self._key(meta, named=False)
            if not found and self._prefix and not after:
                yield self._key(obstore.head(self._store, self._prefix), named=True)
        except (OSError, obstore.exceptions.BaseError) as error:
            raise InputError(f"{self._root}/{self._prefix} cannot be listed: {_reason(error)}") from None

    def inputs(self, key: Key) -> Iterator[Input]:
        """See `Source.inputs`; archives are copied to a temporary file, where members are asked for."""
        if self._selection.unpack and is_archive_name(key.key):
            found = False
            try:
                for one in remote_members(self._path(key), self._pieces(key), self._selection):
                    found = True
                    yield one
            except InputError as error:
                found = True
                yield Input(path=self._path(key), kind="problem", named=key.named, problem=str(error))
            if found:
                return
        size = -1 if key.size is None else key.size
        yield Input(
            path=self._path(key),
            kind="object",
            container=self._root,
            named=key.named,
            size=size,
            etag=key.etag,
        )

    def open(self, one: Input) -> Buffer:
        """See `Source.open`."""
        import obstore

        if one.kind != "object":  # a member of an archive
            from dcmlint.sources.inputs import open_input

            return open_input(one)
        name = self._name(one.path)
        if not one.size:
            return WholeBuffer(b"")
        try:
            coming = self._coming.pop(one.path, None)
            first = coming.result() if coming is not None else self._first(name, one.size, one.etag)
        except (OSError, obstore.exceptions.BaseError) as error:
            raise InputError(_reason(error)) from None
        head, size, etag = first
        self._count(head)
        if len(head) >= size:
            return WholeBuffer(head[:size])
        return RangeBuffer(lambda start, stop: self._further(name, etag, start, stop), size, head)

    def fetch(self, keys: Sequence[Key]) -> None:
        """See `Source.fetch`."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(_THREADS, "dcmlint-fetch")
        for key in keys:
            if key.size != 0 and not (self._selection.unpack and is_archive_name(key.key)):
                size = -1 if key.size is None else key.size
                first = self._pool.submit(self._first, self._name(key.key), size, key.etag)
                self._coming[self._path(key)] = first

    def close(self) -> None:
        """See `Source.close`."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
        self._coming.clear()

    # -- requests ---------------------------------------------------------------------------------------

    def _first(self, name: str, size: int, etag: str) -> tuple[bytes, int, str]:
        """The first range of an object, its size and ETag; ``size`` -1: the answer says both."""
        import obstore

        if size >= 0:
            head = bytes(obstore.get_range(self._store, name, start=0, end=min(size, FIRST)))
            return head, size, etag
        try:
            options: Any = {"range": (0, FIRST)}
            answer = obstore.get(self._store, name, options=options)
        except obstore.exceptions.GenericError:  # an empty object has no range
            answer = obstore.get(self._store, name)
        meta = answer.meta
        return bytes(answer.bytes()), meta["size"], meta.get("e_tag") or ""

    def _pieces(self, key: Key) -> Iterator[bytes]:
        """The bytes of an object from its first to its last.  Raises `InputError`."""
        import obstore

        try:
            self.usage.requests += 1
            for piece in obstore.get(self._store, self._name(key.key)).stream(min_chunk_size=_PIECE):
                data = bytes(piece)
                self.usage.bytes += len(data)
                yield data
        except (OSError, obstore.exceptions.BaseError) as error:
            raise InputError(_reason(error)) from None

    def _further(self, name: str, etag: str, start: int, stop: int) -> bytes:
        """A range of the same object as the first one: not of another that took its place."""
        import obstore

        options: Any = {"range": (start, stop), **({"if_match": etag} if etag else {})}
        try:
            data = bytes(obstore.get(self._store, name, options=options).bytes())
        except (OSError, obstore.exceptions.BaseError) as error:
            raise InputError(_reason(error)) from None
        self._count(data)
        return data

    def _count(self, data: bytes) -> None:
        self.usage.bytes += len(data)
        self.usage.requests += 1

    def _key(self, meta: Any, named: bool) -> Key:
        return Key(
            f"{self._root}/{meta['path']}",
            meta["size"],
            meta["last_modified"],
            meta.get("e_tag") or "",
            named=named,
        )

    def _path(self, key: Key) -> str:
        return key.key if "://" in key.key else f"{self._root}/{key.key}"

    def _name(self, key: str) -> str:
        """The name in the store of a key, which may be given without the URL of the store."""
        return key.removeprefix(f"{self._root}/")


def _parts(url: str) -> tuple[str, str]:
    """The URL of the store (bucket, container or host), and the path in it."""
    split = urlsplit(url)
    root, path = f"{split.scheme}://{split.netloc}", unquote(split.path).strip("/")
    if split.scheme in ("az", "azure"):  # az://account/container/path
        container, _, path = path.partition("/")
        root = f"{root}/{container}"
    return root, path


def _opened(root: str, options: dict[str, str]) -> Any:
    try:
        import obstore
        from obstore.store import from_url
    except ImportError:
        raise UsageError(f"{root} needs obstore: pip install 'dcmlint[archive]'") from None
    client: Any = {name: _value(options.pop(name)) for name in _CLIENT_OPTIONS if name in options}
    if root.startswith("http://"):
        client.setdefault("allow_http", True)
    config: Any = {"config": options} if options else {}
    try:
        return from_url(root, client_options=client or None, retry_config=_RETRIES, **config)
    except (ValueError, TypeError, OSError, obstore.exceptions.BaseError) as error:
        raise UsageError(f"{root} cannot be opened: {_reason(error)}") from None


def _value(text: str) -> Any:
    return text.lower() == "true" if text.lower() in ("true", "false") else text


def _reason(error: BaseException) -> str:
    """Words for what the library raised: never its text, which may hold addresses and headers."""
    import obstore

    known = obstore.exceptions
    words: tuple[tuple[type[BaseException], str], ...] = (
        (FileNotFoundError, "it is not there"),
        (known.PermissionDeniedError, "permission denied"),
        (known.UnauthenticatedError, "no valid credentials"),
        (known.PreconditionError, "it changed while it was read"),
        (known.NotSupportedError, "the server does not support it"),
        (known.UnknownConfigurationKeyError, "an option that the store does not have"),
    )
    return next(
        (text for kind, text in words if isinstance(error, kind)),
        f"the store failed ({type(error).__name__})",
    )
