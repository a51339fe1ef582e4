"""Where the standard can be read: the address of a clause in the edition that was checked against."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dcmlint.findings.finding import Reference

_PART = re.compile(r"PS3\.(\d{1,2})\Z")
_MOST = 8  # references of one block
_PLACE = re.compile(r"[A-Za-z0-9.\-]+\Z")


def reference_link(reference: Reference, edition: str) -> str:
    """The address of a clause or table of the standard; empty for other documents."""
    part = _PART.match(reference.part)
    place = reference.table or reference.section
    if part is None or not _PLACE.match(edition) or (place and not _PLACE.match(place)):
        return ""
    page = f"https://dicom.nema.org/medical/dicom/{edition}/output/html/part{int(part[1]):02}.html"
    kind = "table" if reference.table else "sect"
    return f"{page}#{kind}_{place}" if place else page


def listed(references: Iterable[Reference]) -> tuple[list[Reference], str]:
    """Each reference once, the first few of them, and in words how many more there are."""
    each = list(dict.fromkeys(references))
    return each[:_MOST], f" and {len(each) - _MOST} more" if len(each) > _MOST else ""


def first_link(references: Iterable[Reference], edition: str) -> str:
    """The address of the first that has one."""
    return next((link for one in references if (link := reference_link(one, edition))), "")
