"""Facts of structured reports: their content tree and the templates that it follows."""

from dcmlint.facts.report import content, template  # noqa: F401 - importing registers them
