"""Makes the peers of ``tests/network`` importable: archives are oracles of the profiles that describe them."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "network"))
