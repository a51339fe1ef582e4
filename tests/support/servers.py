"""Servers of HTTP in this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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


def serve_synthetic(archive: Synthetic, port: int = 0, wait: float = 0.0) -> ThreadingHTTPServer:
    """A server of the S3 API, as much of it as listing and reading need: bucket ``b``, without signatures.

    ``wait``: seconds that each answer takes, as those of a store that is far away.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked = parse_qs(parts.query)
            time.sleep(wait)
            if "list-type" in asked:
                after = asked.get("continuation-token", asked.get("start-after", [""]))[0]
                self._send(200, archive.listing(after, int(asked.get("max-keys", ["1000"])[0])))
                return
            number = archive.number(unquote(parts.path).removeprefix("/b/"))
            if not 0 <= number < archive.count:
                self._send(404, b"")
                return
            data = archive.data(number)
            first, _, last = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
            start, stop = int(first), min(len(data), int(last) + 1 if last else len(data))
            self._send(206, data[start:stop], f"bytes {start}-{stop - 1}/{len(data)}", f'"{number:032x}"')

        def do_HEAD(self) -> None:
            number = archive.number(unquote(urlsplit(self.path).path).removeprefix("/b/"))
            there = 0 <= number < archive.count
            self._send(200 if there else 404, archive.data(number) if there else b"", etag=f'"{number:032x}"')

        def _send(self, status: int, body: bytes, part: str = "", etag: str = "") -> None:
            head = [
                f"HTTP/1.1 {status} -",
                f"Content-Length: {len(body)}",
                "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT",
            ]
            head += [f"Content-Range: {part}"] if part else []
            head += [f"ETag: {etag}"] if etag else []
            self.wfile.write("\r\n".join([*head, "", ""]).encode() + (body if self.command == "GET" else b""))

        def log_message(self, *given: object) -> None:
            return

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


SYNTHETIC_OPTIONS = {"skip_signature": "true", "region": "us-east-1", "allow_http": "true"}


@contextmanager
def synthetic_s3(archive: Synthetic) -> Iterator[dict[str, str]]:
    """The options with which ``s3://b`` is the synthetic archive."""
    server = serve_synthetic(archive)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield {**SYNTHETIC_OPTIONS, "endpoint": f"http://127.0.0.1:{server.server_port}"}
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
