"""The documentation site: ``make docs`` writes it to ``build/docs``, for a browser that opens it from disk."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from dcmlint.version import __version__

project = "dcmlint"
author = "The dcmlint maintainers"
project_copyright = author
release = version = __version__

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["differences.d"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
# Pages of areas that others write need no entry in index.md to be built, searched and checked.
suppress_warnings = ["toc.not_included", "myst.xref_ambiguous", "misc.highlighting_failure"]
nitpicky = True
highlight_language = "none"

html_theme = "furo"
html_title = f"dcmlint {__version__}"
html_show_sourcelink = False
html_copy_source = False
html_show_copyright = False
# Nothing is fetched from a network, neither when the site is built nor when it is read.
html_css_files: list[str] = []
