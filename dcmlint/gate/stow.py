"""STOW-RS before the gate: Store Instances over HTTP (PS3.18 10.5), each part taken as it streams in."""

from __future__ import annotations

import asyncio
import hmac
import re
import uuid
from collections.abc import Callable
from pathlib import Path

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dcmlint.errors import UsageError
from dcmlint.gate.core import Core
from dcmlint.gate.front import NotTaken
from dcmlint.gate.records import Arrival
from dcmlint.gate.settings import Stow
from dcmlint.gate.store_response import Stored, store_response
from dcmlint.intake.dataset_head import parse_dataset_head
from dcmlint.intake.part import SUFFIX
from dcmlint.intake.status import CANNOT_UNDERSTAND, OUT_OF_RESOURCES, Answer
from dcmlint.intake.whole_file import WholeFile

_MAX_BOUNDARY = 256  # RFC 2046 5.1.1 allows 70; that of Orthanc has 73
_MAX_HEADERS = 1 << 13  # of one part
_MAX_PREAMBLE = 1 << 13  # before the first part
_MAX_PARTS = 10_000
_BUSY_SECONDS = "60"


class BadRequestError(Exception):
    """The body is not what its Content-Type says."""


class StowApp:
    """The application; ``closed``: whether there is no space for more; ``patience``: seconds within which more of a body
    must come; ``not_taken`` is told of what could not be."""

    def __init__(
        self, core: Core, settings: Stow, base: Path, *, largest: int, closed: Callable[[], bool], patience: float = 30.0,
        not_taken: NotTaken = lambda uid, sender, peer, answer: None,
    ) -> None:  # fmt: skip
        self._core, self._closed, self._largest, self._not_taken = core, closed, largest, not_taken
        self._patience = patience
        self._tokens = read_tokens(settings, base)
        self.app = Starlette(
            routes=[
                Route(f"{settings.path}/studies", self.store, methods=["POST"]),
                Route(f"{settings.path}/studies/{{study}}", self.store, methods=["POST"]),
            ]
        )

    async def store(self, request: Request) -> Response:
        """Store Instances: the answer comes when every instance is ours, held or refused."""
        user = self._user(request)
        if user is None:
            return PlainTextResponse(
                "a bearer token is required\n", 401, headers={"WWW-Authenticate": "Bearer"}
            )
        boundary = _boundary(request.headers.get("content-type", ""))
        if boundary is None:
            return PlainTextResponse('multipart/related; type="application/dicom" is taken\n', 415)
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            return PlainTextResponse("a body without Content-Encoding is taken\n", 415)
        if self._closed():
            return PlainTextResponse(
                "no space left: try again later\n", 503, headers={"Retry-After": _BUSY_SECONDS}
            )
        peer = request.client.host if request.client is not None else ""
        study = request.path_params.get("study", "")
        if study and not re.fullmatch(r"[0-9.]{1,64}", study):
            return PlainTextResponse("the study is no UID\n", 400)
        body = _Body(self._core, boundary, largest=self._largest, user=user, peer=peer, study=study)
        try:
            stream = request.stream()
            while (chunk := await asyncio.wait_for(anext(stream, None), self._patience)) is not None:
                # Disk, and at the end of a part the verdict: neither in the thread that serves everybody.
                await run_in_threadpool(body.feed, chunk)
            await run_in_threadpool(body.end)
        except ClientDisconnect:
            return Response(status_code=400)
        except TimeoutError:
            return PlainTextResponse(
                "nothing more of the body came in time\n", 408, headers={"Connection": "close"}
            )
        except BadRequestError as error:
            # What came before the mistake was taken, and is taken once only when it comes again.
            return PlainTextResponse(f"{error}\n", 400)
        finally:
            await run_in_threadpool(body.drop)
            for uid, answer in body.not_taken:
                self._not_taken(uid, user, peer, answer)
        return store_response(body.stored, request.headers.get("accept", ""))

    def _user(self, request: Request) -> str | None:
        """Who asks, where tokens are demanded; None: nobody that is known."""
        if not self._tokens:
            return "STOW"
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        found = None
        for name, token in self._tokens:  # all of them, so that the time tells nothing
            if kind.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode()):
                found = name
        return found


class _Body:
    """The body of one request, part by part; its methods are called one after the other."""

    def __init__(
        self, core: Core, boundary: bytes, *, largest: int, user: str, peer: str, study: str
    ) -> None:
        self.stored: list[Stored] = []
        self.not_taken: list[tuple[str, Answer]] = []
        self._core, self._largest = core, largest
        self._user, self._peer, self._study = user, peer, study
        self._file: WholeFile | None = None
        self._path: Path | None = None
        self._name, self._value = b"", b""
        self._type = ""
        self._headers = 0
        self._ended = False
        self._first = b"--" + boundary
        self._before: bytes | None = b""  # what came before the first boundary; None: it has come
        self._parser = MultipartParser(boundary, {
            "on_part_begin": self._begin, "on_header_field": self._field, "on_header_value": self._header_value,
            "on_header_end": self._header, "on_headers_finished": self._open, "on_part_data": self._data,
            "on_part_end": self._end, "on_end": self._last,
        })  # fmt: skip

    def feed(self, chunk: bytes) -> None:
        """The next bytes; raises `BadRequestError`."""
        if self._before is not None:
            chunk = self._begun(self._before + chunk)
        if not chunk:
            return
        try:
            self._parser.write(chunk)
        except MultipartParseError as error:
            raise BadRequestError(f"the body is not multipart/related with this boundary: {error}") from error

    def _begun(self, start: bytes) -> bytes:
        """What comes from the first boundary on; before it can be text that nobody reads (RFC 2046 5.1.1)."""
        at = 0 if start.startswith(self._first) else start.find(b"\n" + self._first) + 1
        if start.startswith(self._first, at):
            self._before = None
            return start[at:]
        self._before = start
        if len(start) > _MAX_PREAMBLE:
            self.end()
        return b""

    def end(self) -> None:
        """No more bytes."""
        if self._before is not None:
            raise BadRequestError("the body does not contain the boundary that Content-Type states")
        if not self._ended:
            raise BadRequestError("the last boundary is missing")

    def drop(self) -> None:
        """Forget what did not come whole."""
        if self._file is not None:
            self._file.drop()
            self._file = None

    # --- what the parser tells --------------------------------------------------------------------

    def _begin(self) -> None:
        self._headers, self._type, self._name, self._value = 0, "", b"", b""
        if len(self.stored) >= _MAX_PARTS:
            raise BadRequestError(f"more than {_MAX_PARTS} parts")

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._name += self._header_bytes(data[start:end])

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += self._header_bytes(data[start:end])

    def _header_bytes(self, data: bytes) -> bytes:
        self._headers += len(data)
        if self._headers > _MAX_HEADERS:
            raise BadRequestError(f"a part has more than {_MAX_HEADERS} bytes of headers")
        return data

    def _header(self) -> None:
        if self._name.lower() == b"content-type":
            self._type = parse_options_header(self._value)[0].decode("latin-1").lower()
        self._name, self._value = b"", b""

    def _open(self) -> None:
        self._path = self._core.incoming / f"stow-{uuid.uuid4().hex}{SUFFIX}"
        self._file = WholeFile(str(self._path), limit=self._largest, sender=self._user[:16])
        if self._type not in ("application/dicom", ""):
            self._file.part.refusal = Answer(CANNOT_UNDERSTAND, "a part that is not application/dicom")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(memoryview(data)[start:end])
            if self._file.part.endless:
                raise BadRequestError("a part without an end")

    def _end(self) -> None:
        file, path = self._file, self._path
        self._file = None
        if file is None or path is None:
            return
        refusal = file.finish(durable=True)
        meta = file.meta
        if meta is None:
            refusal = refusal or Answer(CANNOT_UNDERSTAND)
            self.not_taken.append(("", refusal))
            self.stored.append(Stored(answer=refusal))
            return
        answer = refusal
        if answer is None:
            answer = self._take(path, Arrival(
                file="", sop_instance=meta.sop_instance, sop_class=meta.sop_class, transfer_syntax=meta.transfer_syntax,
                sha256=file.part.sha256, size=file.part.size, sender=self._user, peer=self._peer, via="stow",
                study=parse_dataset_head(file.part.start).study,
            ))  # fmt: skip
        else:
            self.not_taken.append((meta.sop_instance, answer))
        self.stored.append(Stored(sop_class=meta.sop_class, sop_instance=meta.sop_instance, answer=answer))

    def _take(self, path: Path, arrival: Arrival) -> Answer:
        try:
            return self._core.take(path, arrival, study=self._study)
        except OSError as error:
            answer = Answer(OUT_OF_RESOURCES, f"cannot store: {error.strerror or error}")
            self.not_taken.append((arrival.sop_instance, answer))
            return answer

    def _last(self) -> None:
        self._ended = True


def _boundary(content_type: str) -> bytes | None:
    """The boundary of a request that may be taken (PS3.18 8.7.3: multipart/related of application/dicom)."""
    kind, options = parse_options_header(content_type)
    wanted = options.get(b"type", b"application/dicom").lower()
    boundary = options.get(b"boundary", b"")
    if (
        kind != b"multipart/related"
        or wanted != b"application/dicom"
        or not 0 < len(boundary) <= _MAX_BOUNDARY
    ):
        return None
    return boundary


def read_tokens(settings: Stow, base: Path) -> list[tuple[str, str]]:
    """Names and tokens of a file with one of each a line; none where no file is named."""
    if not settings.tokens:
        return []
    path = base / settings.tokens
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"stow.tokens: {path.name} cannot be read: {error}") from None
    found = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    if not found or any(len(one) != 2 or len(one[1]) < 16 for one in found):
        raise UsageError(
            f"stow.tokens: {path.name} must have lines of a name and a token of at least 16 characters"
        )
    return [(name, token) for name, token in found]
