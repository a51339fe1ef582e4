"""Makes the bundles of rules and profiles that a wheel carries, so that an installed dcmlint reads no YAML."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent


class Bundles(BuildHookInterface):  # type: ignore[type-arg]
    """An editable install needs none: a checkout keeps its bundles up to date by itself."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add each bundle beside the code."""
        if version == "editable":
            return
        sys.path.insert(0, str(ROOT))
        import msgspec

        from dcmlint.profiles.load import BUNDLE as PROFILES
        from dcmlint.profiles.load import profile_bundle
        from dcmlint.rules.load import BUNDLE as RULES
        from dcmlint.rules.load import rule_bundle

        made = Path(self.directory) / "bundles"
        made.mkdir(parents=True, exist_ok=True)
        for path, bundle in ((RULES, rule_bundle()), (PROFILES, profile_bundle())):
            (made / path.name).write_bytes(msgspec.msgpack.encode(bundle))
            build_data["force_include"][str(made / path.name)] = f"dcmlint/_data/{path.name}"
