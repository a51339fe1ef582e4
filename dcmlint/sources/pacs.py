"""A PACS: C-FIND lists (PS3.4 C.4.1), C-GET brings instances (PS3.4 C.4.3), by pynetdicom.

An instance is kept as the bytes that came: pynetdicom decodes none of it.  The file meta information is made here, so that
rules about it do not apply.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from dcmlint.dicom.buffers import Buffer, WholeBuffer
from dcmlint.errors import InputError, UsageError
from dcmlint.sources.dicomweb import EMPTY, NOTHING, days_of, some_of
from dcmlint.sources.input import Input
from dcmlint.sources.key import Key, Usage
from dcmlint.sources.open_source import SourceSettings
from dcmlint.sources.tls import context_of, reason_of, tls_files
from dcmlint.standard.uids import (
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
)

_CALLING = "DCMLINT"
_TIMEOUT = 60.0
_TLS_PORT = 2762  # dicom-tls (PS3.8 9.1.1)
_FORM = "dicom://AET@host:port or dicom+tls://AET@host:port"
# PS3.4 C.4.3.1.4: pending
_PENDING = (0xFF00, 0xFF01)


class Pacs:
    """The instances of ``dicom://AET@host:port``, over TLS ``dicom+tls://``; ``?calling=AET`` names this side.

    Options: see `dcmlint.sources.tls`.  A key is the URL with the UIDs of study, series and instance; its note is the SOP Class.
    """

    def __init__(self, settings: SourceSettings) -> None:
        self._settings = settings
        url = settings.names[0]
        try:
            import pynetdicom  # noqa: F401 - whether it is there
        except ImportError:
            raise UsageError(f"{url} needs pynetdicom: pip install 'dcmlint[archive]'") from None
        try:
            split = urlsplit(url)
            self._host, self._port, self._called = (
                split.hostname or "",
                split.port or (104 if split.scheme == "dicom" else _TLS_PORT),
                split.username or "",
            )
            self._calling = parse_qs(split.query).get("calling", [_CALLING])[0]
        except ValueError:
            raise UsageError(f"{url}: {_FORM}") from None
        if not self._host or not self._called:
            raise UsageError(f"{url}: {_FORM}")
        if split.scheme == "dicom" and settings.options:
            raise UsageError(f"--source-option: {url} has no options; dicom+tls:// has those of TLS")
        self._tls = context_of(tls_files(url, settings.options)) if split.scheme == "dicom+tls" else None
        self._root = f"{split.scheme}://{self._called}@{self._host}:{self._port}"
        self.usage = Usage()
        self._association: Any = None
        self._classes: frozenset[str] = frozenset()
        self._came: list[bytes] = []

    def listed(self, after: str = "") -> Iterator[Key]:
        """See `Source.listed`: study by study, series by series, in the server's order."""
        before = tuple(after.split("/")[-3:]) if after else ("", "", "")
        passed = not after
        wanted = self._settings
        days = days_of(wanted.since, wanted.until)
        finding = self._associated({StudyRootQueryRetrieveInformationModelFind})
        try:
            study_keys = {"StudyInstanceUID": "", "StudyDate": days, "ModalitiesInStudy": wanted.modality}
            for study in self._found(finding, "STUDY", study_keys):
                study_uid = self._uid(study, "StudyInstanceUID")
                if not passed and study_uid != before[0]:
                    continue
                for series_uid in self._series(finding, study_uid):
                    if not passed and series_uid != before[1]:
                        continue
                    for key in self._images(finding, study_uid, series_uid):
                        if passed:
                            yield key
                        passed = passed or key.key.endswith(f"/{before[2]}")
        finally:
            finding.release()
        if not passed:
            raise InputError(f"{after} was listed before and no longer exists: start a new run")

    def _series(self, finding: Any, study: str) -> Iterator[str]:
        modality = self._settings.modality
        keys = {"StudyInstanceUID": study, "SeriesInstanceUID": "", "Modality": modality}

        def ask() -> Iterator[str]:
            return (self._uid(one, "SeriesInstanceUID") for one in self._found(finding, "SERIES", keys))

        return ask() if modality else some_of(ask)

    def _images(self, finding: Any, study: str, series: str) -> Iterator[Key]:
        keys = {
            "StudyInstanceUID": study,
            "SeriesInstanceUID": series,
            "SOPInstanceUID": "",
            "SOPClassUID": "",
        }
        classes: dict[str, str] = {}

        def ask() -> Iterator[str]:
            for image in self._found(finding, "IMAGE", keys) if series != NOTHING else ():
                uid = self._uid(image, "SOPInstanceUID")
                classes[uid] = str(image.get("SOPClassUID", "") or "")
                yield uid

        for uid in some_of(ask):
            key = f"{self._root}/{study}/{series}/{uid}"
            if uid == NOTHING:
                yield Key(key, kind="problem", note=EMPTY)
            else:
                yield Key(key, note=classes.pop(uid))

    def inputs(self, key: Key) -> Iterator[Input]:
        """See `Source.inputs`."""
        if key.kind == "problem":
            yield Input(path=key.key, kind="problem", named=True, problem=key.note)
            return
        yield Input(
            path=key.key, kind="object", container=self._settings.names[0], named=True, received=True, size=-1,
            problem=key.note,
        )  # fmt: skip

    def open(self, one: Input) -> Buffer:
        """See `Source.open`: an instance comes whole."""
        study, series, instance = one.path.split("/")[-3:]
        association = self._getting(one.problem)
        query = _query(
            "IMAGE", {"StudyInstanceUID": study, "SeriesInstanceUID": series, "SOPInstanceUID": instance}
        )
        self._came.clear()
        answers = [
            status for status, _ in association.send_c_get(query, StudyRootQueryRetrieveInformationModelGet)
        ]
        self.usage.requests += 1
        if self._came:
            self.usage.bytes += len(self._came[0])
            return WholeBuffer(self._came[0])
        code = getattr(answers[-1], "Status", None) if answers else None
        if code is None:
            self._association = None
            raise InputError("the association was ended")
        raise InputError(f"C-GET ends with the status {code:04X}H and no instance")

    def fetch(self, keys: Sequence[Key]) -> None:
        """Nothing: one association brings one instance at a time."""

    def close(self) -> None:
        """See `Source.close`."""
        if self._association is not None and self._association.is_established:
            self._association.release()
        self._association = None

    # -- associations -----------------------------------------------------------------------------------

    def _getting(self, sop_class: str) -> Any:
        """The association for C-GET, whose contexts have the class."""
        from pynetdicom import AllStoragePresentationContexts

        there = self._association is not None and self._association.is_established
        if there and (not sop_class or sop_class in self._classes):
            return self._association
        self.close()
        # 128 contexts at most (PS3.8 9.3.2.2): one for C-GET, the class at hand, and as many others as fit.
        known = [str(context.abstract_syntax) for context in AllStoragePresentationContexts]
        classes = dict.fromkeys([*([sop_class] if sop_class else []), *sorted(self._classes), *known])
        self._classes = frozenset(list(classes)[:127])
        self._association = self._associated({StudyRootQueryRetrieveInformationModelGet}, self._classes)
        return self._association

    def _associated(self, services: set[str], classes: frozenset[str] = frozenset()) -> Any:
        from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, build_role, evt

        self._look()
        entity = AE(self._calling)
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = (
            _TIMEOUT
        )
        for service in services:
            entity.add_requested_context(service)
        for one in sorted(classes):
            entity.add_requested_context(one, ALL_TRANSFER_SYNTAXES)
        made = entity.associate(
            self._host, self._port, ae_title=self._called, evt_handlers=[(evt.EVT_C_STORE, self._stored)],
            ext_neg=[build_role(one, scp_role=True) for one in sorted(classes)] or None,
            tls_args=(self._tls, self._host) if self._tls is not None else None,
        )  # fmt: skip
        if not made.is_established:
            why = (
                "rejected"
                if made.is_rejected
                else "aborted"
                if made.is_aborted
                else "not accepted: no connection"
            )
            raise InputError(f"{self._root}: the association was {why}")
        return made

    def _look(self) -> None:
        """Whether somebody answers, and who: the library says neither.  Raises `InputError`."""
        try:
            with socket.create_connection((self._host, self._port), _TIMEOUT) as connection:
                if self._tls is not None:
                    self._tls.wrap_socket(connection, server_hostname=self._host).close()
        except OSError as error:
            raise InputError(f"{self._root}: {reason_of(error) or 'no connection'}") from None

    def _stored(self, event: Any) -> int:
        """C-STORE within a C-GET: the bytes as they came, behind file meta information."""
        self._came.append(event.encoded_dataset())
        return 0

    def _uid(self, match: Any, keyword: str) -> str:
        uid = str(match.get(keyword) or "")
        if not uid:
            raise InputError(f"{self._root} cannot be listed: a match of C-FIND has no {keyword}")
        return uid

    def _found(self, association: Any, level: str, keys: dict[str, str]) -> Iterator[Any]:
        """The matches of a C-FIND, read to the end: the association serves one question at a time."""
        matches = []
        status = None
        for status, match in association.send_c_find(
            _query(level, keys), StudyRootQueryRetrieveInformationModelFind
        ):
            if getattr(status, "Status", None) in _PENDING:
                if match is None:
                    raise InputError(f"{self._root} cannot be listed: a match of C-FIND cannot be read")
                matches.append(match)
        self.usage.requests += 1
        code = getattr(status, "Status", None)
        if code != 0:
            said = "no answer" if code is None else f"the status {code:04X}H"
            raise InputError(f"{self._root} cannot be listed: C-FIND returned {said}")
        yield from matches


def _query(level: str, keys: dict[str, str]) -> Any:
    from pydicom.dataset import Dataset

    made = Dataset()
    made.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(made, keyword, value)
    return made
