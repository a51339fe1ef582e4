"""Fixtures of the network tests: certificates, made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("cryptography")

from network_certificates import Authority, Certificates


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Certificates]:
    folder: Path = tmp_path_factory.mktemp("certificates")
    yield Certificates(Authority(folder))
