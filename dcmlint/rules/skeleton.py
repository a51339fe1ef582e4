"""The skeleton of a new rule: the next free id of its area, and what every rule file says."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dcmlint.errors import UsageError

_AREA = re.compile(r"[A-Z]{2,5}")
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9.]+)*")
LAST = 999


def next_id(area: str, used: Iterable[str]) -> str:
    """The id after the highest of an area; gaps stay, since an id that was given once is never given again.

    Raises UsageError for an area that is none, or is full.
    """
    if not _AREA.fullmatch(area):
        raise UsageError(f"{area!r} is not an area: two to five capital letters, such as TILE")
    numbers = [int(one[len(area) :]) for one in used if re.fullmatch(rf"{area}\d{{3}}", one)]
    number = max(numbers, default=0) + 1
    if number > LAST:
        raise UsageError(f"{area}: {area}{LAST} is given, and an id has three digits")
    return f"{area}{number:03d}"


def skeleton(identifier: str, name: str) -> str:
    """The text of a rule file that `rule check` accepts, to be filled in.  Raises UsageError for a wrong name."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is not a rule name: lower case letters, digits and hyphens")
    return f"""\
id: {identifier}
name: {name}
title: Modality must be SM   # replace: one sentence, the requirement
severity: warning            # error needs the basis requirement or inference
basis: local                 # requirement, inference, recommendation, interop, local
# applies: {{sop_class: [VLWholeSlideMicroscopyImageStorage]}}
# references: [{{part: PS3.3, section: C.8.12.4}}]
# when: has(Modality)        # otherwise the rule is not applicable
assert: Modality == "SM"
at: Modality
want: SM
message: "Modality is {{Modality}}"
why: Replace - what goes wrong for a reader.
remedy: Replace - what the writer has to do.
examples:
  - {{name: a CT image, fails: true, dataset: {{use: ct}}}}
  - {{name: a label, passes: true, dataset: {{use: wsi-label}}}}
"""
