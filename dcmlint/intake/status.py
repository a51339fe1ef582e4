"""Statuses of C-STORE and C-ECHO: class, meaning and clause of each (PS3.7 Annex C, PS3.4 B.2.3)."""

from __future__ import annotations

from typing import Literal

import msgspec

StatusClass = Literal["success", "warning", "failure", "cancel", "pending", "unknown"]

SUCCESS = 0x0000
PROCESSING_FAILURE = 0x0110  # PS3.7 C.5: trying again does not help
OUT_OF_RESOURCES = 0xA700  # PS3.4 Table B.2-1: A7xx
DATA_SET_MISMATCH = 0xA900  # PS3.4 Table B.2-1: A9xx
CANNOT_UNDERSTAND = 0xC000  # PS3.4 Table B.2-1: Cxxx
SOP_CLASS_NOT_SUPPORTED = 0x0122  # PS3.7 C.5
NOT_AUTHORIZED = 0x0124  # PS3.7 C.5
DUPLICATE_INSTANCE = 0x0111  # PS3.7 C.5
UNRECOGNIZED_OPERATION = 0x0211  # PS3.7 C.5
MISTYPED_ARGUMENT = 0x0212  # PS3.7 C.5


class Answer(msgspec.Struct, frozen=True):
    """What a sender is answered: status, Error Comment and Offending Element of a C-STORE (PS3.7 9.1.1.1.9); of the
    status STOW-RS makes its Failure Reason (PS3.18 10.5.3)."""

    status: int = 0x0000
    comment: str = ""
    offending: tuple[int, ...] = ()


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """A status code, what it means, where it is defined, and whether trying again can help."""

    code: int
    status_class: StatusClass
    meaning: str
    clause: str
    retry: bool = False

    @property
    def text(self) -> str:
        """As A700H Refused: out of resources."""
        return f"{self.code:04X}H {self.meaning}"


# (first, last, class, meaning, clause, worth trying again)
_Row = tuple[int, int, StatusClass, str, str, bool]

_STORE: tuple[_Row, ...] = (  # PS3.4 Table B.2-1
    (0xA700, 0xA7FF, "failure", "Refused: out of resources", "PS3.4 B.2.3", True),
    (0xA900, 0xA9FF, "failure", "Error: data set does not match SOP Class", "PS3.4 B.2.3", False),
    (0xB000, 0xB000, "warning", "Coercion of data elements", "PS3.4 B.2.3", False),
    (0xB006, 0xB006, "warning", "Elements discarded", "PS3.4 B.2.3", False),
    (0xB007, 0xB007, "warning", "Data set does not match SOP Class", "PS3.4 B.2.3", False),
    (0xC000, 0xCFFF, "failure", "Error: cannot understand", "PS3.4 B.2.3", False),
)

_GENERAL: tuple[_Row, ...] = (  # PS3.7 Annex C
    (0x0000, 0x0000, "success", "Success", "PS3.7 C.1", False),
    (0x0105, 0x0105, "failure", "No such attribute", "PS3.7 C.5", False),
    (0x0106, 0x0106, "failure", "Invalid attribute value", "PS3.7 C.5", False),
    (0x0107, 0x0107, "warning", "Attribute list error", "PS3.7 C.4", False),
    (0x0110, 0x0110, "failure", "Processing failure", "PS3.7 C.5", False),
    (0x0111, 0x0111, "failure", "Duplicate SOP Instance", "PS3.7 C.5", False),
    (0x0112, 0x0112, "failure", "No such SOP Instance", "PS3.7 C.5", False),
    (0x0113, 0x0113, "failure", "No such event type", "PS3.7 C.5", False),
    (0x0114, 0x0114, "failure", "No such argument", "PS3.7 C.5", False),
    (0x0115, 0x0115, "failure", "Invalid argument value", "PS3.7 C.5", False),
    (0x0116, 0x0116, "warning", "Attribute value out of range", "PS3.7 C.4", False),
    (0x0117, 0x0117, "failure", "Invalid SOP Instance", "PS3.7 C.5", False),
    (0x0118, 0x0118, "failure", "No such SOP Class", "PS3.7 C.5", False),
    (0x0119, 0x0119, "failure", "Class-instance conflict", "PS3.7 C.5", False),
    (0x0120, 0x0120, "failure", "Missing attribute", "PS3.7 C.5", False),
    (0x0121, 0x0121, "failure", "Missing attribute value", "PS3.7 C.5", False),
    (0x0122, 0x0122, "failure", "Refused: SOP Class not supported", "PS3.7 C.5", False),
    (0x0123, 0x0123, "failure", "No such action type", "PS3.7 C.5", False),
    (0x0124, 0x0124, "failure", "Refused: not authorized", "PS3.7 C.5", False),
    (0x0210, 0x0210, "failure", "Duplicate invocation", "PS3.7 C.5", False),
    (0x0211, 0x0211, "failure", "Unrecognized operation", "PS3.7 C.5", False),
    (0x0212, 0x0212, "failure", "Mistyped argument", "PS3.7 C.5", False),
    (0x0213, 0x0213, "failure", "Resource limitation", "PS3.7 C.5", True),
    (0xFE00, 0xFE00, "cancel", "Canceled", "PS3.7 C.3", False),
    (0xFF00, 0xFF01, "pending", "Pending", "PS3.7 C.2", False),
)

# What PS3.7 Annex C says of numbers that no table names (C.1 … C.5: classes by their pattern).
_PATTERNS: tuple[_Row, ...] = (
    (0xB000, 0xBFFF, "warning", "Warning not defined for this service", "PS3.7 C.4", False),
    (0xA000, 0xAFFF, "failure", "Failure not defined for this service", "PS3.7 C.5", False),
    (0xC000, 0xCFFF, "failure", "Failure not defined for this service", "PS3.7 C.5", False),
    (0x0100, 0x02FF, "failure", "Failure not defined in PS3.7", "PS3.7 C.5", False),
)


def store_status(code: int) -> Status:
    """What a status of C-STORE means: PS3.4 Table B.2-1 first, then PS3.7 Annex C."""
    return _look_up(code, _STORE + _GENERAL + _PATTERNS)


def general_status(code: int) -> Status:
    """What a status of C-ECHO and of the other services means: PS3.7 Annex C."""
    return _look_up(code, _GENERAL + _PATTERNS)


def _look_up(code: int, rows: tuple[_Row, ...]) -> Status:
    for first, last, status_class, meaning, clause, retry in rows:
        if first <= code <= last:
            return Status(code=code, status_class=status_class, meaning=meaning, clause=clause, retry=retry)
    return Status(code=code, status_class="unknown", meaning="Unknown status", clause="PS3.7 Annex C")
