"""A TCP connection to an endpoint, and how it was had."""

from __future__ import annotations

import errno
import socket
from time import monotonic

from dcmlint.network.observed import AttemptFacts, ReachFacts
from dcmlint.network.wire.connection import prepare


def reach_words(reach: ReachFacts) -> str:
    """Why there is no connection, in words."""
    words = {
        "name": "unknown host",
        "refused": "connection refused",
        "timeout": "no connection within",
        "unreachable": "no connection:",
    }
    detail = "" if reach.outcome in ("name", "refused") else reach.detail
    return f"{words.get(reach.outcome, reach.outcome)} {detail}".strip()


def attempt_words(facts: AttemptFacts) -> str:
    """Why there is no association, in words."""
    return facts.detail if facts.outcome == "unreachable" else f"{facts.outcome} {facts.detail}".strip()


def connect(host: str, port: int, timeout: float) -> tuple[socket.socket | None, ReachFacts]:
    """A TCP connection and how it was had; the socket is None where it was not."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return None, ReachFacts(outcome="name", detail=getattr(error, "strerror", None) or str(error))
    addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
    failure = ReachFacts(outcome="unreachable", addresses=addresses)
    deadline = monotonic() + timeout
    for family, kind, protocol, _, address in found:
        sock = socket.socket(family, kind, protocol)
        sock.settimeout(max(deadline - monotonic(), 0.01))
        began = monotonic()
        try:
            sock.connect(address)
        except TimeoutError:
            failure = ReachFacts(outcome="timeout", detail=f"{timeout:g} s", addresses=addresses)
        except OSError as error:
            refused = error.errno == errno.ECONNREFUSED
            failure = ReachFacts(
                outcome="refused" if refused else "unreachable",
                detail=error.strerror or str(error),
                addresses=addresses,
            )
        else:
            prepare(sock)
            elapsed = (monotonic() - began) * 1000
            return sock, ReachFacts(outcome="open", addresses=addresses, connect_ms=elapsed)
        sock.close()
    return None, failure
