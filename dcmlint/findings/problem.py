"""What is wrong, before a rule gives it an id and a subject: the one shape for everything that checks.

The generic checks (tables, values, encoding), the functions of rules, expressions and the network all say it
with a `Problem`; `dcmlint.engine.maker` makes findings of it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.items import Group
from dcmlint.findings.finding import Confidence, Fix, Place

Attribute = tuple[Dataset, int]
"""A level and a tag of it, whether it is there or not."""


def attributes(level: Dataset, *tags: int) -> tuple[Attribute, ...]:
    """Attributes of one level."""
    return tuple((level, tag) for tag in tags)


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One place where a check fails.

    ``check``: the code of a generic check (empty: a rule's own).
    Where: ``level`` and ``tag`` (0: the level itself), or ``path`` (a DICOM path, ``[*]`` stands for each of
    ``items``, the numbers of the frames or items concerned).  ``groups``: the items for which ``level`` stands,
    outermost first (see `dcmlint.dicom.items.Place`).  ``number``: the value concerned, from 1 (0: all).
    ``offset``: the byte in the file, -1 where the element says it.  ``files``: those of a slide or series that
    it is about, the worst first; ``related``: other places that belong to it.
    ``found`` and ``wanted`` are shown after redaction as values of ``tag``; ``said`` and ``want`` are texts, shown
    as they are.  ``message``, ``said``, ``want`` and ``because`` must hold no values that could identify anybody.
    ``table`` or ``clause`` (part and section) name what asks for it, where the rule alone does not.
    ``causes``: further places at which findings of rules that this one explains follow from it;
    ``rests_on``: places whose values were taken for right;
    ``condition``: tags, of the level or one around it, of the condition that was met or not.
    ``parties`` and ``attributes``: of values that differ between instances, the files by what they say, and the paths
    (without indices) that are compared, each a group of which one counts: who is told of them alone is the odd one.
    ``follows``: whether findings about single files that the rule explains follow from this one.
    ``remedy``: where there is a better one than the rule's.  ``severity`` can only lower that of the rule.
    """

    check: str = ""
    message: str = ""
    level: Dataset | None = None
    tag: int = 0
    path: str = ""
    number: int = 0
    found: object = None
    said: str = ""
    want: str = ""
    wanted: object = None
    because: str = ""
    severity: str = ""
    offset: int = -1
    items: Any = ()
    groups: tuple[Group, ...] = ()
    count: int = 0
    files: tuple[str, ...] = ()
    related: tuple[Place, ...] = ()
    causes: tuple[Attribute, ...] = ()
    rests_on: tuple[Attribute, ...] = ()
    condition: frozenset[int] = frozenset()
    parties: tuple[tuple[str, ...], ...] = ()
    attributes: tuple[tuple[str, ...], ...] = ()
    follows: bool = True
    table: str = ""
    clause: str = ""
    remedy: str = ""
    confidence: Confidence | None = None
    fixes: tuple[Fix, ...] = ()

    def within(self, group: Group) -> Problem:
        """The same, found in the template of a group: it holds for all of its items."""
        many = len(group.numbers)
        if many == 1:
            return self
        return msgspec.structs.replace(self, groups=(group, *self.groups), count=max(1, self.count) * many)
