"""The dates of an instance, compared with one another.

A finding must not give a date away, so these facts are differences and truths, never dates.
"""

from __future__ import annotations

from datetime import date

import msgspec

from dcmlint.facts.registry import Facts, facts
from dcmlint.standard.tags import (
    AcquisitionDateTime,
    ContentDate,
    ContentTime,
    InstanceCreationDate,
    InstanceCreationTime,
)

_CONTENT = (ContentDate, ContentTime)
_CREATION = (InstanceCreationDate, InstanceCreationTime)

# Before this year nobody scanned whole slides; 1970 and 1900 are what clocks and converters put for "unknown".
_FIRST_SCANS = 1995


class Dates(msgspec.Struct, frozen=True, kw_only=True):
    """How the dates of an instance lie to each other.  Zones are not looked at: allow for a day.

    ``acquisition_too_early``: Acquisition DateTime is before whole slides were scanned.
    ``acquisition_readable``: Acquisition DateTime holds a date that exists.
    ``content_after_acquisition``: days from Acquisition DateTime to Content Date and Time.
    ``creation_after_acquisition``: days from Acquisition DateTime to Instance Creation Date and Time.
    """

    acquisition_readable: bool
    acquisition_too_early: bool | None = None
    content_after_acquisition: float | None = None
    creation_after_acquisition: float | None = None


@facts("dates", Dates)
def dates(facts: Facts) -> Dates:
    """The dates of an instance against each other (PS3.3 C.8.12.4, C.7.6.16, C.12.1)."""
    dataset = facts.instance.dataset
    text = dataset.text(AcquisitionDateTime)
    acquired = moment(text[:8], text[8:])
    if acquired is None:
        return Dates(acquisition_readable=False)
    content = moment(dataset.text(_CONTENT[0]), dataset.text(_CONTENT[1]))
    creation = moment(dataset.text(_CREATION[0]), dataset.text(_CREATION[1]))
    return Dates(
        acquisition_readable=True,
        acquisition_too_early=acquired < date(_FIRST_SCANS, 1, 1).toordinal(),
        content_after_acquisition=None if content is None else content - acquired,
        creation_after_acquisition=None if creation is None else creation - acquired,
    )


def moment(day: str, clock: str) -> float | None:
    """Days since the year 1, for differences, of a DA and a TM, or of the two parts of a DT (PS3.5 6.2).

    None where ``day`` is no whole date.  Of the time what can be read counts, but for fractions and zone.
    """
    if len(day) != 8 or not (day.isascii() and day.isdigit()):
        return None
    try:
        whole = date(int(day[:4]), int(day[4:6]), int(day[6:])).toordinal()
    except ValueError:
        return None
    seconds = 0
    for at, unit in ((0, 3600), (2, 60), (4, 1)):
        part = clock[at : at + 2]
        if len(part) != 2 or not (part.isascii() and part.isdigit()):
            break
        seconds += int(part) * unit
    return whole + seconds / 86400
