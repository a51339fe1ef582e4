"""An HTTP server in a thread of its own."""

from __future__ import annotations

import ssl
import threading
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette

from dcmlint.errors import UsageError
from dcmlint.gate.bounds import Bounds, Limits
from dcmlint.gate.config import relative
from dcmlint.gate.running import Gate
from dcmlint.gate.settings import GateSettings


class HttpServer:
    """Serves an application; ``name`` is how messages call it, ``port`` 0 takes a free one, ``options`` are uvicorn's."""

    def __init__(
        self, app: Starlette, name: str, host: str, port: int, *, bounds: Bounds | None = None, **options: Any
    ) -> None:
        config = uvicorn.Config(
            app, host=host, port=port, log_config=None, log_level="critical", access_log=False, server_header=False,
            http=bounds or Bounds(Limits()), ws="none", lifespan="off",  # type: ignore[arg-type]
            **{"limit_concurrency": 32, "timeout_keep_alive": 5, **options},
        )  # fmt: skip
        self._name = name
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, name=f"gate-{name}", daemon=True)

    def start(self) -> None:
        """Listen; raises ``UsageError`` where that is not possible."""
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                where = f"{self._server.config.host}:{self._server.config.port}"
                raise UsageError(f"{self._name} cannot listen on {where}")
            self._thread.join(0.02)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.servers[0].sockets[0].getsockname()[1])

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
    if stow.certificate:
        options |= {
            "ssl_certfile": relative(base, stow.certificate),
            "ssl_keyfile": relative(base, stow.key) or None,
        }
    if stow.client_ca:
        options |= {"ssl_ca_certs": relative(base, stow.client_ca), "ssl_cert_reqs": ssl.CERT_REQUIRED}
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
    return HttpServer(made.app, "stow", stow.host, stow.port, bounds=bounds, **options)
