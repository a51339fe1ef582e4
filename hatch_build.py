"""Makes the bundles of rules and profiles that a wheel carries, so that an installed dcmlint reads no YAML; and the
addresses that the package's page shows."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

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

        made = self._made
        made.mkdir(parents=True, exist_ok=True)
        for path, bundle in ((RULES, rule_bundle()), (PROFILES, profile_bundle())):
            (made / path.name).write_bytes(msgspec.msgpack.encode(bundle))
            build_data["force_include"][str(made / path.name)] = f"dcmlint/_data/{path.name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Leave nothing but the wheel: what stands beside it would be published with it."""
        shutil.rmtree(self._made, ignore_errors=True)

    @property
    def _made(self) -> Path:
        return Path(self.directory) / "bundles"


class Addresses(MetadataHookInterface):
    """The project's URLs and a README whose links work on the package's page.

    DCMLINT_PROJECT_URL says where the repository is: the release workflow knows, a checkout does not, and has no URLs.
    """

    def update(self, metadata: dict[str, Any]) -> None:
        """Fill in ``urls`` and ``readme``."""
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        project = os.environ.get("DCMLINT_PROJECT_URL", "").rstrip("/")
        urls = {}
        if project:
            release = "v" + runpy.run_path(str(ROOT / "dcmlint" / "version.py"))["__version__"]
            files = f"{project}/blob/{release}"
            urls = {
                "Homepage": project,
                "Documentation": f"{files}/docs/start.md",
                "Source": project,
                "Issues": f"{project}/issues",
                "Changelog": f"{files}/CHANGELOG.md",
            }
            readme = absolute(readme, files, f"{project}/raw/{release}")
        metadata["urls"] = urls
        metadata["readme"] = {"content-type": "text/markdown", "text": readme}


def absolute(text: str, files: str, images: str) -> str:
    """Markdown whose relative links begin with ``files``, and those of its pictures with ``images``."""

    def link(found: re.Match[str]) -> str:
        start = images if found["picture"] else files
        return f"{found['picture']}[{found['label']}]({start}/{found['target']})"

    return re.sub(r"(?P<picture>!?)\[(?P<label>[^][]*)\]\((?P<target>(?![a-z]+:|#)[^)\s]+)\)", link, text)
