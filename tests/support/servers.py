"""Servers of HTTP in this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


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
