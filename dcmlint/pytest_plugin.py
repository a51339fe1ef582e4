"""The pytest plugin: `assert_conforms`, and the fixture `dcmlint_checker`.  Loaded by pytest, never by dcmlint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dcmlint.assertion import assert_conforms

if TYPE_CHECKING:
    from dcmlint.api import Checker

__all__ = ["assert_conforms", "dcmlint_checker", "pytest_addoption"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The profile of the fixture, in the configuration of pytest."""
    parser.addini(
        "dcmlint_profile", "profile of the fixture dcmlint_checker (a name or a file)", default="wsi"
    )


@pytest.fixture(scope="session")
def dcmlint_checker(pytestconfig: pytest.Config) -> Checker:
    """A `dcmlint.Checker` for the whole session, with the profile of the setting ``dcmlint_profile``."""
    from dcmlint.api import Checker

    return Checker(str(pytestconfig.getini("dcmlint_profile")))
