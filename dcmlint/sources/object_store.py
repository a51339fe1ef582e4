"""Object stores: S3, GCS, Azure and plain HTTP, by `obstore`; only what is needed of an object is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, urlsplit

from dcmlint.errors import InputError, UsageError
from dcmlint.sources.input import Selection
from dcmlint.sources.key import Key
from dcmlint.sources.ranged import FIRST, First, RangedSource

_PIECE = 1 << 20  # of an object that is read whole
_CHUNK = 1000
_NOT_READ = "a key has an empty part, a part . or .., or a control character, which obstore does not read"
_RETRIES = {"max_retries": 4}
# Names of errors in the text of one, the particular before the general, and words for them.
_MARKS = (
    ("NotValidForName", "the certificate of the server is for another host"),
    ("NotValidYet", "the certificate of the server is not valid yet"),
    ("ExpiredContext", "the certificate of the server has expired"),
    ("UnknownIssuer", "the certificate of the server is of an authority that is not known here"),
    ("InvalidCertificate(", "the certificate of the server is not valid"),
    ("CertificateRequired", "the server requires a client certificate, which obstore does not have"),
    ("ConnectionRefused", "connection refused"),
    ('"dns error"', "unknown host"),
)
_CLIENT_OPTIONS = (
    "timeout",
    "connect_timeout",
    "allow_http",
    "allow_invalid_certificates",
    "proxy_url",
    "user_agent",
)


class ObjectStore(RangedSource):
    """The objects below a URL such as ``s3://bucket/prefix``; keys are URLs.

    ``options``: of obstore's client for the store (``region``, ``endpoint``, ``skip_signature``); credentials are read
    from the environment.  ``store``: one that is open already.
    """

    def __init__(
        self, url: str, options: dict[str, str] | None = None, selection: Selection | None = None, store: Any = None
    ) -> None:  # fmt: skip
        root, self._prefix = _parts(url)
        super().__init__(root, selection)
        self._store = store if store is not None else _opened(root, tuple(sorted((options or {}).items())))

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

    # -- requests ---------------------------------------------------------------------------------------

    def _first(self, name: str, size: int, etag: str) -> First:
        """What the answer says of the object counts: what was listed, or stands in a list of keys, may have changed."""
        import obstore

        options: Any = {"range": (0, FIRST)}
        with _told():
            try:
                answer = obstore.get(self._store, name, options=options)
            except obstore.exceptions.GenericError:  # an empty object has no range
                answer = obstore.get(self._store, name)
            meta = answer.meta
            return bytes(answer.bytes()), meta["size"], meta.get("e_tag") or ""

    def _pieces(self, name: str) -> Iterator[bytes]:
        import obstore

        with _told():
            for piece in obstore.get(self._store, name).stream(min_chunk_size=_PIECE):
                yield bytes(piece)

    def _range(self, name: str, etag: str, start: int, stop: int) -> bytes:
        import obstore

        options: Any = {"range": (start, stop), **({"if_match": etag} if etag else {})}
        with _told():
            return bytes(obstore.get(self._store, name, options=options).bytes())

    def _key(self, meta: Any, named: bool) -> Key:
        return Key(
            f"{self._root}/{meta['path']}",
            meta["size"],
            meta["last_modified"],
            meta.get("e_tag") or "",
            named=named,
        )


def _parts(url: str) -> tuple[str, str]:
    """The URL of the store (bucket, container or host), and the path in it."""
    split = urlsplit(url)
    return f"{split.scheme}://{split.netloc}", unquote(split.path).strip("/")


@lru_cache(maxsize=8)
def _opened(root: str, given: tuple[tuple[str, str], ...]) -> Any:
    """The client of a store, kept for the next batch of this process: its connections stay open."""
    options = dict(given)
    try:
        import obstore
        from obstore.store import HTTPStore, from_url
    except ImportError:
        raise UsageError(f"{root} needs obstore: pip install 'dcmlint[archive]'") from None
    client: Any = {name: _value(options.pop(name)) for name in _CLIENT_OPTIONS if name in options}
    if root.startswith("http://"):
        client.setdefault("allow_http", True)
    config: Any = {"config": options} if options else {}
    try:
        if (
            root.startswith("http") and not options
        ):  # also of hosts that belong to a store: what is named is public
            return HTTPStore.from_url(root, client_options=client or None, retry_config=_RETRIES)
        return from_url(root, client_options=client or None, retry_config=_RETRIES, **config)
    except (ValueError, TypeError, OSError, obstore.exceptions.BaseError) as error:
        raise UsageError(f"{root} cannot be opened: {_reason(error)}") from None


def _value(text: str) -> Any:
    return text.lower() == "true" if text.lower() in ("true", "false") else text


@contextmanager
def _told() -> Iterator[None]:
    """What the library raises for an object, as `InputError`; ValueError for a key that it does not read."""
    import obstore

    try:
        yield
    except (OSError, ValueError, obstore.exceptions.BaseError) as error:
        raise InputError(_reason(error)) from None


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
        (known.InvalidPathError, _NOT_READ),
        (ValueError, _NOT_READ),
    )
    said = next((text for kind, text in words if isinstance(error, kind)), "")
    if not said:  # what the connection met stands in a text alone
        text = str(error)
        said = next((words for mark, words in _MARKS if mark in text), "")
    return said or f"the store failed ({type(error).__name__})"
