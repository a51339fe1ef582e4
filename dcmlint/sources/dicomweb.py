"""DICOMweb servers: QIDO-RS lists (PS3.18 10.6), WADO-RS gives instances as they are stored (PS3.18 10.4).

The parts of an answer are taken as bytes: a library that reads them would repair them.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any

from dcmlint.dicom.buffers import Buffer
from dcmlint.errors import InputError, UsageError
from dcmlint.sources.input import Input
from dcmlint.sources.key import Key, Usage
from dcmlint.sources.multipart import first_part
from dcmlint.sources.open_source import SourceSettings
from dcmlint.sources.spool import spooled
from dcmlint.sources.tls import TlsFiles, context_of, tls_files
from dcmlint.sources.tls import reason_of as tls_reason

_PAGE = 200
_TIMEOUT = (10, 120)  # seconds to connect, and between two pieces of an answer
# Transfer syntax "*": as stored (PS3.18 8.7.3.5.2).
_ACCEPT = 'multipart/related; type="application/dicom"; transfer-syntax=*'
# Where the value of the header Authorization is taken from.
AUTHORIZATION = "DCMLINT_DICOMWEB_AUTHORIZATION"
# In place of the UID of a series or an instance, where a server lists none below what it lists.
NOTHING, EMPTY = "-", "the server lists no instance of it"
_STUDY, _SERIES, _INSTANCE = "0020000D", "0020000E", "00080018"


class DicomWeb:
    """The instances of a server, such as ``dicomweb+https://host/dicom-web``; keys are the URLs of instances.

    Options: see `dcmlint.sources.tls`.
    """

    def __init__(self, settings: SourceSettings) -> None:
        self._settings = settings
        self._url = settings.names[0].removeprefix("dicomweb+").rstrip("/")
        self.usage = Usage()
        files = tls_files(self._url, settings.options)
        try:
            import requests
            from dicomweb_client import DICOMwebClient
        except ImportError:
            raise UsageError(
                f"{settings.names[0]} needs dicomweb-client: pip install 'dcmlint[archive]'"
            ) from None
        self._failures = (requests.RequestException, OSError, ValueError)
        self._session = requests.Session()
        if settings.options:
            context_of(files)  # whether the library can use them, and asks nobody for a password
            self._session.mount("https://", _with_files(files))
        if os.environ.get(AUTHORIZATION):
            self._session.headers["Authorization"] = os.environ[AUTHORIZATION]
        try:
            self._client = DICOMwebClient(self._url, session=self._session, timeout=_TIMEOUT)
        except ValueError:
            raise UsageError(f"{settings.names[0]} is not a URL of a DICOMweb server") from None
        # A server that has never answered is not asked again for half a minute: its name may be wrong.
        self._client.set_http_retry_params(retry=False)

    def listed(self, after: str = "") -> Iterator[Key]:
        """See `Source.listed`: study by study, series by series, in the server's order."""
        before = _uids_of(after)
        passed = not after
        try:
            for study in self._studies():
                if not passed and study != before[0]:
                    continue
                for series in self._series(study):
                    if not passed and series != before[1]:
                        continue
                    for instance in self._instances(study, series) if series != NOTHING else (NOTHING,):
                        if passed:
                            yield _key(f"{self._url}/studies/{study}/series/{series}/instances/{instance}")
                        passed = passed or instance == before[2]
        except self._failures as error:
            raise InputError(f"{self._url} cannot be listed: {_reason(error)}") from None
        if not passed:
            raise InputError(f"{after} was listed before and no longer exists: start a new run")

    def inputs(self, key: Key) -> Iterator[Input]:
        """See `Source.inputs`."""
        path = key.key if "://" in key.key else f"{self._url}/{key.key.lstrip('/')}"
        if key.kind == "problem":
            yield Input(path=path, kind="problem", named=True, problem=key.note)
            return
        yield Input(path=path, kind="object", container=self._settings.names[0], named=True, size=-1)

    def open(self, one: Input) -> Buffer:
        """See `Source.open`: servers give an instance whole."""
        from dcmlint.sources.inputs import open_input

        try:
            with self._session.get(
                one.path, headers={"Accept": _ACCEPT}, stream=True, timeout=_TIMEOUT
            ) as answer:
                self.usage.requests += 1
                if answer.status_code != 200:
                    raise InputError(f"the server returned {answer.status_code}")
                kind = answer.headers.get("Content-Type", "")
                made = spooled(one.path, self._counted(first_part(_reader(answer), kind)))
        except self._failures as error:
            raise InputError(_reason(error)) from None
        try:
            return open_input(made)
        finally:
            made.discard()

    def fetch(self, keys: Sequence[Key]) -> None:
        """Nothing: an instance may be large."""

    def close(self) -> None:
        """See `Source.close`."""
        self._session.close()

    # -- listing ----------------------------------------------------------------------------------------

    def _studies(self) -> Iterator[str]:
        wanted = self._settings
        filters: dict[str, str] = {}
        days = days_of(wanted.since, wanted.until)
        if days:
            filters["StudyDate"] = days
        if wanted.modality:
            filters["ModalitiesInStudy"] = wanted.modality
        yield from self._pages(self._client.search_for_studies, _STUDY, filters)

    def _series(self, study: str) -> Iterator[str]:
        filters = {"Modality": self._settings.modality} if self._settings.modality else {}
        search = self._client.search_for_series

        def pages() -> Iterator[str]:
            return self._pages(search, _SERIES, filters, study_instance_uid=study)

        return pages() if filters else some_of(pages)

    def _instances(self, study: str, series: str) -> Iterator[str]:
        search = self._client.search_for_instances
        return some_of(
            lambda: self._pages(search, _INSTANCE, {}, study_instance_uid=study, series_instance_uid=series)
        )

    def _pages(
        self, search: Callable[..., Any], tag: str, filters: dict[str, str], **within: str
    ) -> Iterator[str]:
        """The UIDs of all matches; a server that knows no pages gives all of them at once."""
        offset, first = 0, ""
        while True:
            found = search(**within, search_filters=filters or None, limit=_PAGE, offset=offset)
            if not self.usage.requests:
                self._client.set_http_retry_params()
            self.usage.requests += 1
            uids = [str(row[tag]["Value"][0]) for row in found if row.get(tag, {}).get("Value")]
            if not uids or uids[0] == first:
                return
            yield from uids
            if len(found) != _PAGE:
                return
            first = uids[0]
            offset += len(found)

    def _counted(self, read: Callable[[int], bytes]) -> Callable[[int], bytes]:
        def counting(size: int) -> bytes:
            data = read(size)
            self.usage.bytes += len(data)
            return data

        return counting


def _with_files(files: TlsFiles) -> Any:
    """What sends requests with these files: the session's own settings give way to the environment's."""
    from requests.adapters import HTTPAdapter

    class Adapter(HTTPAdapter):  # type: ignore[misc]
        def send(self, request: Any, **more: Any) -> Any:
            cert = (files.cert, files.key or files.cert) if files.cert else None
            return super().send(
                request, **{**more, "verify": files.ca or more.get("verify", True), "cert": cert}
            )

    return Adapter()


def some_of(ask: Callable[[], Iterator[str]]) -> Iterator[str]:
    """What a server lists below a study or a series, which is never nothing: asked twice, and `NOTHING` if there is none."""
    for _ in range(2):
        found = False
        for uid in ask():
            found = True
            yield uid
        if found:
            return
    yield NOTHING


def _key(url: str) -> Key:
    return Key(url, kind="problem", note=EMPTY) if url.endswith(f"/{NOTHING}") else Key(url)


def days_of(since: datetime.datetime | None, until: datetime.datetime | None) -> str:
    """A range of dates as DICOM writes it (PS3.4 C.2.2.2.5); ``until`` is the first day behind it."""
    if since is None and until is None:
        return ""
    last = "" if until is None else f"{until - datetime.timedelta(days=1):%Y%m%d}"
    return f"{'' if since is None else f'{since:%Y%m%d}'}-{last}"


def _uids_of(key: str) -> tuple[str, str, str]:
    parts = key.split("/")
    return (parts[-5], parts[-3], parts[-1]) if len(parts) > 5 else ("", "", "")


def _reader(answer: Any) -> Callable[[int], bytes]:
    stream: IO[bytes] = answer.raw
    answer.raw.decode_content = True
    return lambda size: stream.read(size)


def _reason(error: BaseException) -> str:
    """Words for what a library raised: never its text, which may hold addresses and answers."""
    import requests

    response = getattr(error, "response", None)
    if response is not None:
        return f"the server returned {response.status_code}"
    if isinstance(error, requests.exceptions.ProxyError):
        return "no connection through the proxy"
    if said := tls_reason(error):
        return said
    if isinstance(error, requests.Timeout):
        return "the server did not respond in time"
    if isinstance(error, requests.ConnectionError):
        return "no connection to the server"
    return f"the response cannot be read ({type(error).__name__})"
