"""Makes ``tests/`` and ``tools/`` importable, so that any test can say ``from support import slides``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# A run says the same twice; ``DCMLINT_RANDOM_TESTS=1`` looks at other examples each time, and a failure prints how to
# repeat it.
settings.register_profile("repeatable", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("random", deadline=None, print_blob=True)
settings.load_profile("random" if os.environ.get("DCMLINT_RANDOM_TESTS") else "repeatable")

# Commands that tests start find the byte code of those before them, as those of an installed program do.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

_HERE = Path(__file__).resolve().parent
for _folder in (_HERE, _HERE.parent):
    if str(_folder) not in sys.path:
        sys.path.insert(0, str(_folder))


@pytest.fixture(scope="module")
def columns_from_few_items_on() -> Iterator[None]:
    """Short sequences go the way of long ones, which are read a column at a time."""
    from dcmlint.dicom import tokens

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokens, "MANY_ITEMS", 48)
        yield
