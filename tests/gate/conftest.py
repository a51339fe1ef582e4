"""Peers and certificates of the network's tests serve the gate's as well."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "network"))

pytest.importorskip("cryptography")
for name in ("structlog", "prometheus_client", "starlette", "uvicorn"):
    pytest.importorskip(name)

from network_certificates import Authority, Certificates  # noqa: E402


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(Authority(tmp_path_factory.mktemp("certificates")))
