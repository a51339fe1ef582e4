"""Audit messages (PS3.15 A.5) as XML, and syslog messages that carry them (PS3.15 A.6, RFC 5424)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal
from xml.etree.ElementTree import Element, SubElement, tostring

import msgspec

from dcmlint.intake.verdict import Patient

# PS3.16 Annex D
_APPLICATION_ACTIVITY = ("110100", "Application Activity")
_ACCESSED = ("110103", "DICOM Instances Accessed")
_TRANSFERRED = ("110104", "DICOM Instances Transferred")
_TYPES = {"start": ("110120", "Application Start"), "stop": ("110121", "Application Stop")}
_APPLICATION = ("110150", "Application")
_SOURCE = ("110153", "Source Role ID")
_DESTINATION = ("110152", "Destination Role ID")
_STUDY = ("110180", "Study Instance UID")

SUCCESS, MINOR_FAILURE = "0", "4"  # PS3.15 Table A.5.2-1, EventOutcomeIndicator
_ADDRESS = "2"  # NetworkAccessPointTypeCode: IP address
_SYSTEM_OBJECT, _REPORT_ROLE = "2", "3"  # of a study, PS3.15 Table A.5.3.7-1: system object, report
_UNKNOWN = "not disclosed"
_PERSON, _PATIENT_ROLE = "1", "1"
# PRI of RFC 5424 6.2.1: facility 10 (security), severity 5 (notice); PS3.15 A.6 leaves them to the sender.
_PRIORITY = 10 * 8 + 5
_MESSAGE_ID = "DICOM+RFC3881"  # PS3.15 A.6


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """Instances of one study that came, or were delivered: ``peer`` is the other side, by title and address.

    ``patient``: None where messages do not name it, or nothing could be read of it.
    """

    direction: Literal["in", "out"]
    title: str
    address: str
    study: str
    outcome: str = SUCCESS
    why: str = ""
    patient: Patient | None = None


class Repairs(msgspec.Struct, frozen=True, kw_only=True):
    """Instances of one study that the gate has repaired."""

    study: str
    patient: Patient | None = None


def transferred(transfer: Transfer, classes: Mapping[str, int], *, source: str, now: datetime) -> bytes:
    """DICOM Instances Transferred (PS3.15 A.5.3.7); ``classes``: how many instances of each SOP Class."""
    action = "C" if transfer.direction == "in" else "R"  # create in here, read from here
    root = _begin(_TRANSFERRED, action, transfer.outcome, now, why=transfer.why)
    incoming = transfer.direction == "in"
    _participant(
        root, transfer.title, _SOURCE if incoming else _DESTINATION, transfer.address, requestor=incoming
    )
    _participant(root, source, _DESTINATION if incoming else _SOURCE, "", requestor=not incoming)
    _source(root, source)
    _study(root, transfer.study, classes)
    _patient(root, transfer.patient)
    return _bytes(root)


def repaired(repairs: Repairs, classes: Mapping[str, int], *, source: str, now: datetime) -> bytes:
    """DICOM Instances Accessed (PS3.15 A.5.3.6), action update: what the gate has repaired."""
    root = _begin(_ACCESSED, "U", SUCCESS, now)
    _participant(root, source, _APPLICATION, "", requestor=True)
    _source(root, source)
    _study(root, repairs.study, classes)
    _patient(root, repairs.patient)
    return _bytes(root)


def activity(kind: Literal["start", "stop"], *, source: str, now: datetime) -> bytes:
    """Application Activity (PS3.15 A.5.3.1)."""
    root = _begin(_APPLICATION_ACTIVITY, "E", SUCCESS, now, kind=_TYPES[kind])
    _participant(root, source, _APPLICATION, "", requestor=False)
    _source(root, source)
    return _bytes(root)


def syslog(message: bytes, *, host: str, process: int, now: datetime) -> bytes:
    """One syslog message (RFC 5424 6): its text is UTF-8, which the byte order mark says."""
    stamp = now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    name = "".join(one for one in host if "!" <= one <= "~")[:255] or "-"
    head = f"<{_PRIORITY}>1 {stamp} {name} dcmlint {process} {_MESSAGE_ID} - "
    return head.encode("ascii") + b"\xef\xbb\xbf" + message


def framed(message: bytes) -> bytes:
    """A syslog message as it goes over TLS (RFC 5425 4.3): its length before it."""
    return f"{len(message)} ".encode("ascii") + message


def _begin(
    event: tuple[str, str], action: str, outcome: str, now: datetime, *, kind: tuple[str, str] | None = None, why: str = "",
) -> Element:  # fmt: skip
    root = Element("AuditMessage")
    stamp = now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    made = SubElement(
        root,
        "EventIdentification",
        EventActionCode=action,
        EventDateTime=stamp,
        EventOutcomeIndicator=outcome,
    )
    _code(made, "EventID", event)
    if kind is not None:
        _code(made, "EventTypeCode", kind)
    if why:
        SubElement(made, "EventOutcomeDescription").text = why[:200]
    return root


def _participant(root: Element, user: str, role: tuple[str, str], address: str, *, requestor: bool) -> None:
    fields = {"UserID": _text(user) or "unknown", "UserIsRequestor": "true" if requestor else "false"}
    if address:
        fields |= {"NetworkAccessPointID": address, "NetworkAccessPointTypeCode": _ADDRESS}
    _code(SubElement(root, "ActiveParticipant", fields), "RoleIDCode", role)


def _study(root: Element, uid: str, classes: Mapping[str, int]) -> None:
    """The study as an object of an event (PS3.15 Table A.5.3.7-1)."""
    study = SubElement(
        root, "ParticipantObjectIdentification", ParticipantObjectID=_text(uid) or "unknown",
        ParticipantObjectTypeCode=_SYSTEM_OBJECT, ParticipantObjectTypeCodeRole=_REPORT_ROLE,
    )  # fmt: skip
    _code(study, "ParticipantObjectIDTypeCode", _STUDY)
    SubElement(study, "ParticipantObjectName").text = "study"
    description = SubElement(study, "ParticipantObjectDescription")
    for sop_class, count in sorted(classes.items()):
        SubElement(description, "SOPClass", UID=_text(sop_class), NumberOfInstances=str(count))


def _patient(root: Element, patient: Patient | None) -> None:
    """The patient, whom PS3.15 makes an object of each event about instances."""
    known = patient or Patient()
    made = SubElement(
        root, "ParticipantObjectIdentification", ParticipantObjectID=_text(known.id) or _UNKNOWN,
        ParticipantObjectTypeCode=_PERSON, ParticipantObjectTypeCodeRole=_PATIENT_ROLE,
    )  # fmt: skip
    SubElement(
        made, "ParticipantObjectIDTypeCode",
        {"csd-code": "2", "codeSystemName": "RFC-3881", "originalText": "Patient Number"},
    )  # fmt: skip
    SubElement(made, "ParticipantObjectName").text = _text(known.name) or _UNKNOWN


def _text(value: str) -> str:
    """Characters that XML can hold."""
    return "".join(
        one for one in value if one >= " " and not "\ud800" <= one <= "\udfff" and one not in "\ufffe\uffff"
    )


def _source(root: Element, source: str) -> None:
    SubElement(root, "AuditSourceIdentification", AuditSourceID=source)


def _code(parent: Element, name: str, code: tuple[str, str]) -> None:
    fields = {"csd-code": code[0], "codeSystemName": "DCM", "originalText": code[1]}
    SubElement(parent, name, fields)


def _bytes(root: Element) -> bytes:
    made: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return made
