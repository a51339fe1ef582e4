"""The corpus of files written by others: the folder that DCMLINT_CORPUS names, else ``corpus`` in the checkout."""

from __future__ import annotations

import os
from pathlib import Path

CORPUS = Path(os.environ.get("DCMLINT_CORPUS") or Path(__file__).resolve().parents[2] / "corpus")
