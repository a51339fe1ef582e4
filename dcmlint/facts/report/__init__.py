"""Facts of structured reports: their content tree, the templates that it follows, and coded concepts."""

from dcmlint.facts.report import codes, content, template  # noqa: F401 - importing registers them
