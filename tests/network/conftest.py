"""Fixtures of the network tests: certificates, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("cryptography")

from network_certificates import Authority, Certificates


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder: Path = tmp_path_factory.mktemp("certificates")
    return Certificates(Authority(folder))
