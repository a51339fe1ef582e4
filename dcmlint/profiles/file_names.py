"""Templates of file names: ``{PatientID}_{InstanceNumber}``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from dcmlint import standard
from dcmlint.dicom.path import parse_path
from dcmlint.errors import ProfileError, did_you_mean

TOKEN = re.compile(r"\{([^{}]+)\}")


def check_template(template: str, tokens: Mapping[str, str]) -> None:
    """Raise ProfileError for a brace without its other, or a token that is neither declared nor an attribute."""
    rest = TOKEN.sub("", template)
    if "{" in rest or "}" in rest:
        raise ProfileError(f"the template {template!r} has a brace without its other")
    for name in TOKEN.findall(template):
        path = tokens.get(name, name)
        try:
            if path:
                parse_path(path)
        except ValueError:
            known: Iterable[str] = (*tokens, *standard.load().dictionary.keywords())
            hint = did_you_mean(name, known, f"a keyword{''.join(f', {token}' for token in tokens)}")
            raise ProfileError(
                f"the template {template!r} has the unknown token {{{name}}}", hint=hint
            ) from None
