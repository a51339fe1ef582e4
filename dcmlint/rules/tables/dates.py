"""When an instance was made, as far as it says so."""

from __future__ import annotations

from dcmlint.dicom.dataset import Dataset
from dcmlint.standard.tags import (
    AcquisitionDate,
    AcquisitionDateTime,
    ContentDate,
    InstanceCreationDate,
    PresentationCreationDate,
    RTPlanDate,
    SeriesDate,
    StructureSetDate,
    StudyDate,
    TreatmentDate,
)

_DATES = (
    ContentDate, InstanceCreationDate, AcquisitionDate, AcquisitionDateTime, SeriesDate, StudyDate,
    PresentationCreationDate, RTPlanDate, StructureSetDate, TreatmentDate,
)  # fmt: skip
_DAY = 8  # characters of a date, with which a date and time begins


def content_date(dataset: Dataset) -> str:
    """The latest day (YYYYMMDD) that an instance names of its content, series or study; "" where it names none.

    The latest, since what was converted later was made by the standard of its own time.
    """
    days = (dataset.text(tag)[:_DAY] for tag in _DATES if tag in dataset)
    return max((day for day in days if len(day) == _DAY and day.isascii() and day.isdecimal()), default="")
