"""Servers of HTTP in this process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


class Served:
    """Where a server listens, and how many requests it got."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[str] = []


@contextmanager
def ranged_server(files: Mapping[str, bytes]) -> Iterator[Served]:
    """Serves bytes by path, in ranges where they are asked for."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def do_PROPFIND(self) -> None:
            self.send_error(405)

        def _answer(self, body: bool) -> None:
            served.requests.append(f"{self.command} {self.path}")
            data = files.get(self.path)
            if data is None:
                self.send_error(404)
                return
            asked = self.headers.get("Range", "")
            start, stop = 0, len(data)
            if asked.startswith("bytes="):
                first, _, last = asked.removeprefix("bytes=").partition("-")
                start, stop = int(first), min(stop, int(last) + 1 if last else stop)
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(data)}")
            else:
                self.send_response(200)
            self.send_header("Content-Length", str(stop - start))
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Last-Modified", "Sat, 28 Nov 2026 00:00:00 GMT")
            self.send_header("ETag", '"1"')
            self.end_headers()
            if body:
                self.wfile.write(data[start:stop])

        def log_message(self, *given: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Served(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Synthetic:
    """The objects of an archive that is made when it is asked for: ``count`` instances, 100 to a series.

    ``image``: the bytes of an instance; the last 12 digits of its SOP Instance UID and 6 of its Series Instance UID are
    those of the object.
    """

    prefix = "archive"

    def __init__(self, count: int, image: bytes, instance: str, series: str) -> None:
        self.count, self._image = count, image
        self._instance, self._series = instance.encode(), series.encode()

    def key(self, number: int) -> str:
        return f"{self.prefix}/{number // 100:07d}/{number % 100:02d}.dcm"

    def number(self, key: str) -> int:
        """Where a key stands among all; -1 before the first."""
        parts = key.removesuffix(".dcm").split("/")
        return int(parts[1]) * 100 + int(parts[2]) if len(parts) == 3 else -1

    def data(self, number: int) -> bytes:
        instance = self._instance[:-12] + b"%012d" % (10**11 + number)
        series = self._series[:-6] + b"%06d" % (100_000 + number // 100 % 900_000)
        return self._image.replace(self._instance, instance).replace(self._series, series)

    def listing(self, after: str, most: int) -> bytes:
        """A page of ListObjectsV2."""
        start = self.number(after) + 1 if after else 0
        stop = min(self.count, start + most)
        size = len(self._image)
        rows = "".join(
            f'<Contents><Key>{self.key(n)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>'
            f'<ETag>"{n:032x}"</ETag><Size>{size}</Size><StorageClass>STANDARD</StorageClass></Contents>'
            for n in range(start, stop)
        )  # fmt: skip
        more = stop < self.count
        token = f"<NextContinuationToken>{self.key(stop - 1)}</NextContinuationToken>" if more else ""
        return (
            '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name>'
            f"<KeyCount>{stop - start}</KeyCount><IsTruncated>{str(more).lower()}</IsTruncated>{token}{rows}</ListBucketResult>"
        ).encode()


class SyntheticServer:
    """A server of the S3 API, as much of it as listing and reading need: bucket ``b``, without signatures.

    Asynchronous and by hand, so that it takes little of the processors that a benchmark shares with it.  ``wait``:
    seconds that each answer takes, as those of a store that is far away.
    """

    def __init__(self, archive: Synthetic, port: int = 0, wait: float = 0.0) -> None:
        self._archive, self._wait = archive, wait
        self.connections: set[asyncio.Transport] = set()
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(
            self._loop.create_server(lambda: _Connection(self), "127.0.0.1", port, backlog=512)
        )
        self.server_port: int = self._server.sockets[0].getsockname()[1]

    def serve_forever(self) -> None:
        """Answer until `shutdown` is called, from another thread."""
        self._loop.run_forever()
        self._server.close()
        for one in list(self.connections):
            one.abort()
        self._loop.run_until_complete(asyncio.sleep(0))

    def shutdown(self) -> None:
        """End `serve_forever`."""
        self._loop.call_soon_threadsafe(self._loop.stop)

    def server_close(self) -> None:
        """Give back what is held."""
        self._loop.close()

    def answer(self, transport: asyncio.Transport, request: bytes) -> None:
        """Answer one request, now or when it is time."""
        if self._wait:
            self._loop.call_later(
                self._wait, lambda: transport.is_closing() or transport.writelines(self._answer(request))
            )
        else:
            transport.writelines(self._answer(request))

    def _answer(self, request: bytes) -> list[bytes]:
        head, _, fields = request.partition(b"\r\n")
        method, target, _ = head.decode("ascii").split(" ")
        if "list-type" in target:
            asked = parse_qs(urlsplit(target).query)
            after = asked.get("continuation-token", asked.get("start-after", [""]))[0]
            return _response(200, self._archive.listing(after, int(asked.get("max-keys", ["1000"])[0])))
        number = self._archive.number(unquote(target).removeprefix("/b/"))
        if not 0 <= number < self._archive.count:
            return _response(404, b"")
        data, etag = self._archive.data(number), f'"{number:032x}"'
        if method == "HEAD":
            return _response(200, data, etag=etag)[:1]
        _, ranged, rest = fields.lower().partition(b"range: bytes=")
        first, _, last = (rest[: rest.find(b"\r\n")] if ranged else b"0-").partition(b"-")
        start, stop = int(first), min(len(data), int(last) + 1 if last else len(data))
        return _response(206, memoryview(data)[start:stop], f"bytes {start}-{stop - 1}/{len(data)}", etag)


def _response(status: int, body: Any, part: str = "", etag: str = "") -> list[Any]:
    head = f"HTTP/1.1 {status} -\r\nContent-Length: {len(body)}\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
    if part:
        head += f"Content-Range: {part}\r\nETag: {etag}\r\n"
    elif etag:
        head += f"ETag: {etag}\r\n"
    return [f"{head}\r\n".encode(), body]


class _Connection(asyncio.Protocol):
    """Requests without a body, one after the other."""

    def __init__(self, server: SyntheticServer) -> None:
        self._server, self._held = server, b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._server.connections.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._held += data
        while (end := self._held.find(b"\r\n\r\n")) >= 0:
            request, self._held = self._held[: end + 2], self._held[end + 4 :]
            self._server.answer(self._transport, request)


SYNTHETIC_OPTIONS = {"skip_signature": "true", "region": "us-east-1", "allow_http": "true"}


@contextmanager
def synthetic_s3(archive: Synthetic) -> Iterator[dict[str, str]]:
    """The options with which ``s3://b`` is the synthetic archive."""
    server = SyntheticServer(archive)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield {**SYNTHETIC_OPTIONS, "endpoint": f"http://127.0.0.1:{server.server_port}"}
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
