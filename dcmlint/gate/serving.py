"""An HTTP server in a thread of its own."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette

from dcmlint.errors import UsageError
from dcmlint.gate.bounds import Bounds, Limits
from dcmlint.gate.running import Gate
from dcmlint.gate.settings import GateSettings
from dcmlint.gate.tls_files import server_tls


class HttpServer:
    """Serves an application; ``name`` is how messages call it, ``port`` 0 takes a free one, ``options`` are uvicorn's.

    Raises ``UsageError`` where it cannot have its port.
    """

    def __init__(
        self, app: Starlette, name: str, host: str, port: int, *, bounds: Bounds | None = None,
        tls: ssl.SSLContext | None = None, **options: Any,
    ) -> None:  # fmt: skip
        config = uvicorn.Config(
            app, host=host, port=port, log_config=None, log_level="critical", access_log=False, server_header=False,
            http=bounds or Bounds(Limits()), ws="none", lifespan="off",  # type: ignore[arg-type]
            **{"limit_concurrency": 32, "timeout_keep_alive": 5, **options},
        )  # fmt: skip
        config.load()
        # A context of its own would take the cipher suites that the library takes, and ask for a passphrase.
        config.ssl = tls
        self._name = name
        # Not by the server: that would end its thread, and say neither which port it is nor why.
        self._socket = _listening(name, host, port)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name=f"gate-{name}", daemon=True
        )

    def start(self) -> None:
        """Serve; raises ``UsageError`` where that is not possible."""
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise UsageError(f"{self._name} cannot be served")
            self._thread.join(0.02)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._socket.getsockname()[1])

    def stop(self, seconds: float = 1.0) -> None:
        """End, without waiting for who is connected."""
        self._server.should_exit = True
        self._server.force_exit = True
        if self._thread.is_alive():
            self._thread.join(seconds)


def stow_server(gate: Gate, settings: GateSettings, base: Path) -> HttpServer:
    """STOW-RS of a gate; ``base``: the folder of its configuration. Raises ``UsageError``."""
    from dcmlint.gate.stow import StowApp

    stow = settings.stow
    options: dict[str, Any] = {"limit_concurrency": stow.requests, "timeout_graceful_shutdown": 2}
    made = StowApp(
        gate.core,
        stow,
        base,
        largest=int(settings.listen.largest),
        patience=float(settings.listen.pdu),
        closed=lambda: gate.space.closed,
        not_taken=gate.not_taken,
    )

    def turned_away(address: str, count: int) -> None:
        gate.log("turned away", level="warning", over="stow", connections=count, address=address)

    bounds = Bounds(
        Limits(connections=4 * stow.requests, per_address=min(stow.per_address, stow.requests)), turned_away
    )
    tls = server_tls(stow, base, alpn=("http/1.1",))
    return HttpServer(made.app, "STOW-RS", stow.host, stow.port, bounds=bounds, tls=tls, **options)


def _listening(name: str, host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise UsageError(f"{name} cannot listen on {host}:{port}: {why}") from None
