"""TLS contexts of the files that a configuration names, relative to its folder."""

from __future__ import annotations

import ssl
from pathlib import Path

from dcmlint.gate.config import relative
from dcmlint.gate.settings import Audit, Listen, Stow, Tls
from dcmlint.network.tls.context import Credentials, client_context, server_context


def client_tls(part: Tls | Audit, base: Path, *, alpn: tuple[str, ...] = ("dicom",)) -> ssl.SSLContext:
    """For a connection of ours; raises ``UsageError`` where a file cannot be used."""
    files = Credentials(
        ca=relative(base, part.ca), certificate=relative(base, part.certificate), key=relative(base, part.key)
    )  # fmt: skip
    return client_context(files, alpn=alpn)


def server_tls(
    part: Listen | Stow, base: Path, *, alpn: tuple[str, ...] = ("dicom",)
) -> ssl.SSLContext | None:
    """For a port of ours; None where it has no certificate. Raises ``UsageError`` where a file cannot be used."""
    if not part.certificate:
        return None
    return server_context(
        relative(base, part.certificate), relative(base, part.key), client_ca=relative(base, part.client_ca),
        require_client=bool(part.client_ca), alpn=alpn,
    )  # fmt: skip
