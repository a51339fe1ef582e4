"""The page for people, and what machines ask: /live, /ready, /metrics. On loopback only: it has no login."""

from __future__ import annotations

import secrets
from pathlib import Path
from time import time
from typing import Any
from urllib.parse import parse_qs

import jinja2
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from dcmlint.errors import UsageError
from dcmlint.findings.redact import given_uid
from dcmlint.gate import operate
from dcmlint.gate.explain import when
from dcmlint.gate.instance_view import event_view, instance_view
from dcmlint.gate.metrics import Metrics
from dcmlint.gate.records import Row
from dcmlint.gate.running import Gate
from dcmlint.gate.serving import HttpServer
from dcmlint.gate.words import STATES, age
from dcmlint.reports.border import printable

_SHOWN = 200
_NUMBERS = 1 << 63  # which SQLite can count
_MOST_BODY = 1 << 14
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_ACTIONS = (  # of a held instance: what is done, the words and the look of its button
    ("release", "Forward it", "main"),
    ("names", "Show who the patient is", ""),
    ("discard", "Give it up: its bytes are deleted", "bad"),
)


class Page:
    """The requests of the page; each is short, and runs in a thread of its own."""

    def __init__(self, gate: Gate, metrics: Metrics, host: str = "localhost") -> None:
        self._gate, self._metrics = gate, metrics
        self._token = secrets.token_urlsafe()  # a form of another site does not know it
        loader = jinja2.FileSystemLoader(Path(__file__).parent / "templates")
        self._templates = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
        # A name that leads here from elsewhere is not ours: it would let a foreign page read this one.
        hosts = Middleware(
            TrustedHostMiddleware, allowed_hosts=["localhost", "127.0.0.1", "[::1]", "::1", host]
        )
        self.app = Starlette(
            routes=[
                Route("/", self.home),
                Route("/explain", self.explained),
                Route("/instances/{number:int}", self.instance),
                Route("/instances/{number:int}/{action:str}", self.act, methods=["POST"]),
                Route("/live", self.live),
                Route("/ready", self.ready),
                Route("/metrics", self.metrics),
            ],
            middleware=[hosts],
        )

    def live(self, request: Request) -> Response:
        """The process answers, and its journal is read."""
        self._gate.journal.read("SELECT 1")
        return PlainTextResponse("live\n")

    def ready(self, request: Request) -> Response:
        """Whether instances are taken."""
        if self._gate.space.closed:
            return PlainTextResponse("free space is low\n", 503)
        return PlainTextResponse("ready\n")

    def metrics(self, request: Request) -> Response:
        """For Prometheus."""
        return Response(self._metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    def home(self, request: Request) -> Response:
        """Queues, numbers, held instances."""
        gate, now = self._gate, time()
        found: Any = operate.summary(gate.journal)
        queues = []
        for forwarder in gate.forwarders:
            queue = found["queues"].get(forwarder.destination.name)
            queues.append({
                "name": forwarder.destination.name, "length": queue["length"] if queue else 0,
                "oldest": age(now - queue["oldest"]) if queue else "",
                "trouble": printable(forwarder.trouble) if forwarder.down_since is not None else "",
            })  # fmt: skip
        rows = gate.journal.rows("state='held'", limit=_SHOWN)
        held = [
            {"id": row.id, "since": when(row.changed), "sender": printable(row.sender), "uid": given_uid(row.uid), "why": printable(row.why)}
            for row in rows
        ]  # fmt: skip
        states = [(state, found["states"].get(state, 0)) for state in STATES]
        oldest = age(now - found["oldest_held"]) if found["oldest_held"] is not None else ""
        return self._html(
            "home.html", mode=gate.settings.mode, profile=printable(gate.core.policy.profile.name),
            closed=gate.space.closed, free=f"{gate.space.free / 1e9:.1f} GB", queues=queues, states=states, held=held,
            count=found["states"].get("held", 0), oldest=oldest, repaired=found["repaired"],
        )  # fmt: skip

    def explained(self, request: Request) -> Response:
        """Everything that came under a UID."""
        uid = request.query_params.get("uid", "").strip()[:64]
        journal = self._gate.journal
        traces = [event_view(event) for event in journal.traces(uid)]
        return self._instances(f"SOP Instance UID {given_uid(uid)}", journal.find(uid), {}, traces)

    def instance(self, request: Request) -> Response:
        """One instance, and what can be decided."""
        return self._one(request.path_params["number"], {})

    async def act(self, request: Request) -> Response:
        """A decision, with a name and a reason."""
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > _MOST_BODY:
                return PlainTextResponse("too long\n", 413)
        fields = {
            name: values[0].strip() for name, values in parse_qs(body.decode("utf-8", "replace")).items()
        }
        return await run_in_threadpool(
            self._act, request.path_params["number"], request.path_params["action"], fields
        )

    def _act(self, number: int, action: str, fields: dict[str, str]) -> Response:
        if not secrets.compare_digest(fields.get("token", "").encode(), self._token.encode()):
            return PlainTextResponse("this form is of another start of the gate: load the page again\n", 403)
        who, reason = fields.get("who", "")[:64], fields.get("reason", "")[:200]
        if not who or not reason:
            return PlainTextResponse("a name and a reason are needed\n", 400)
        who = f"{who} (page)"
        journal, spool = self._gate.journal, self._gate.spool.folder
        try:
            rows = operate.held(journal, [str(number)])
            if action == "names":
                return self._one(number, operate.names(journal, spool, rows[0], who=who, reason=reason))
            if action == "release":
                operate.release(journal, rows, who=who, reason=reason)
                self._gate.core.queued()
            elif action == "discard":
                operate.discard(journal, spool, rows, who=who, reason=reason)
            else:
                return PlainTextResponse("no such decision\n", 404)
        except UsageError as error:
            return PlainTextResponse(f"{printable(str(error))}\n", 409)
        except OSError as error:
            return PlainTextResponse(f"the journal or the spool cannot be used: {error}\n", 503)
        return RedirectResponse(f"/instances/{number}", 303, headers=_HEADERS)

    def _one(self, number: int, names: dict[str, str]) -> Response:
        rows = self._gate.journal.rows("id=?", number) if number < _NUMBERS else []
        if not rows:
            return PlainTextResponse("no such instance\n", 404)
        return self._instances(f"Instance {number}", rows, names, [])

    def _instances(
        self, title: str, rows: list[Row], names: dict[str, str], traces: list[dict[str, str]]
    ) -> Response:
        shown = [instance_view(self._gate.journal, row, names) for row in rows]
        return self._html(
            "instance.html", title=title, rows=shown, traces=traces, actions=_ACTIONS, token=self._token
        )

    def _html(self, template: str, **values: Any) -> Response:
        return HTMLResponse(self._templates.get_template(template).render(**values), headers=_HEADERS)


class WebServer(HttpServer):
    """The page in a thread of its own; ``port`` 0 takes a free one."""

    def __init__(self, gate: Gate, metrics: Metrics, host: str, port: int) -> None:
        super().__init__(Page(gate, metrics, host).app, "page", host, port)
