"""Peers for tests: real programs on loopback, a raw socket that misbehaves, and instances to send."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest
from support.ports import free_port

from dcmlint.intake import part10
from dcmlint.intake.status import Answer
from dcmlint.network.acceptor.negotiate import Acceptance
from dcmlint.network.acceptor.receiver import Handlers, ReceivedInstance, Receiver, Settings, Timeouts
from dcmlint.network.observed import AssociationFacts
from dcmlint.network.wire.associate import (
    AssociateRequest,
    ProposedContext,
    UserInformation,
    encode_request,
)

CT = "1.2.840.10008.5.1.4.1.1.2"
WSI = "1.2.840.10008.5.1.4.1.1.77.1.6"
VERIFICATION = "1.2.840.10008.1.1"
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
JPEG = "1.2.840.10008.1.2.4.50"


def found(name: str) -> str | None:
    """A program outside of the Python environment, which has scripts of pynetdicom with the names of DCMTK's."""
    own = {os.path.realpath(os.path.dirname(sys.executable)), os.path.realpath(sysconfig.get_path("scripts"))}
    path = [one for one in os.get_exec_path() if os.path.realpath(one) not in own]
    return shutil.which(name, path=os.pathsep.join(path))


def need(*programs: str) -> pytest.MarkDecorator:
    missing = [program for program in programs if found(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} not installed")


def wait_open(port: int, timeout: float = 60.0) -> None:
    deadline = monotonic() + timeout
    while monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
            return
        sleep(0.01)
    raise TimeoutError(f"nothing listens on {port}")


@contextlib.contextmanager
def program(
    arguments: list[str], port: int, *, cwd: Path, environment: dict[str, str] | None = None
) -> Iterator[int]:
    """A peer program that listens on ``port``; ended by its own process id."""
    process = subprocess.Popen(
        [found(arguments[0]) or arguments[0], *arguments[1:]],
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_open(port)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def run(
    arguments: list[str], *, timeout: float = 30.0, nodelay: bool = True
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **({"TCP_NODELAY": "1"} if nodelay else {})}
    return subprocess.run(
        [found(arguments[0]) or arguments[0], *arguments[1:]],
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


@contextlib.contextmanager
def storescp(folder: Path, *options: str, nodelay: bool = True) -> Iterator[int]:
    port = free_port()
    arguments = ["storescp", "--fork", "+B", "-od", str(folder), *options, str(port)]
    with program(arguments, port, cwd=folder, environment={"TCP_NODELAY": "1"} if nodelay else {}):
        yield port


@contextlib.contextmanager
def dcmqrscp(folder: Path) -> Iterator[int]:
    port = free_port()
    (folder / "db").mkdir()
    (folder / "qr.cfg").write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n"
        "HostTable BEGIN\nHostTable END\nVendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\nARCHIVE {folder / 'db'} RW (200, 1024mb) ANY\nAETable END\n"
    )
    with program(["dcmqrscp", "-c", "qr.cfg"], port, cwd=folder):
        yield port


@contextlib.contextmanager
def orthanc(folder: Path, port: int = 0, **settings: object) -> Iterator[tuple[int, int]]:
    """DICOM and HTTP port."""
    port = port or free_port()
    http = free_port()
    configuration = {
        "Name": "test",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "Plugins": [],
        "DicomPort": port,
        "HttpPort": http,
        "DicomAet": "ORTHANC",
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAlwaysAllowEcho": True,
        "DicomAlwaysAllowStore": True,
        **settings,
    }
    (folder / "orthanc.json").write_text(json.dumps(configuration))
    with program(["Orthanc", "orthanc.json"], port, cwd=folder):
        wait_open(http)
        yield port, http


# --- instances -------------------------------------------------------------------------------------


def element(group: int, number: int, vr: bytes, value: bytes) -> bytes:
    if len(value) % 2:
        value += b"\0" if vr == b"UI" else b" "
    if vr in (b"OB", b"OW"):
        return struct.pack("<HH2sHI", group, number, vr, 0, len(value)) + value
    return struct.pack("<HH2sH", group, number, vr, len(value)) + value


def data_set(sop_class: str, instance: str, pixels: int = 512) -> bytes:
    return b"".join(
        (
            element(0x0008, 0x0016, b"UI", sop_class.encode()),
            element(0x0008, 0x0018, b"UI", instance.encode()),
            element(0x0008, 0x0060, b"CS", b"CT"),
            element(0x0010, 0x0010, b"PN", b"Test^Only"),
            element(0x0010, 0x0020, b"LO", b"T1"),
            element(0x0020, 0x000D, b"UI", b"2.25.1"),
            element(0x0020, 0x000E, b"UI", b"2.25.2"),
            element(0x0028, 0x0002, b"US", b"\1\0"),
            element(0x0028, 0x0004, b"CS", b"MONOCHROME2"),
            element(0x0028, 0x0010, b"US", b"\x10\0"),
            element(0x0028, 0x0011, b"US", b"\x10\0"),
            element(0x0028, 0x0100, b"US", b"\x10\0"),
            element(0x0028, 0x0101, b"US", b"\x10\0"),
            element(0x0028, 0x0102, b"US", b"\x0f\0"),
            element(0x0028, 0x0103, b"US", b"\0\0"),
            element(0x7FE0, 0x0010, b"OW", bytes(pixels)),
        )
    )


def write_instance(path: Path, instance: str, *, sop_class: str = CT, pixels: int = 512) -> bytes:
    """Write a small Explicit VR Little Endian file; gives the bytes of its data set."""
    content = data_set(sop_class, instance, pixels)
    path.write_bytes(part10.file_meta(sop_class, instance, EXPLICIT, "TEST", "TEST") + content)
    return content


def stored_data_set(path: Path) -> bytes:
    content = path.read_bytes()
    return content[part10.dataset_offset(content) :]


# --- an acceptor that keeps what it was told ---------------------------------------------------------


class Acceptor:
    """A ``Receiver`` and what it handed over; instances are kept as ``<SOP Instance UID>.dcm``."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder = folder
        self.ended: list[AssociationFacts] = []
        self.answers: dict[str, Answer] = {}
        self.received: list[ReceivedInstance] = []
        self._changed = threading.Condition()
        handlers = {
            name: settings.pop(name) for name in ("on_instance", "on_request", "on_store") if name in settings
        }
        self.receiver = Receiver(
            Settings(directory=folder, **settings),  # type: ignore[arg-type]
            Handlers(**{"on_instance": self.keep, "on_association_end": self.end, **handlers}),  # type: ignore[arg-type]
        )

    @property
    def port(self) -> int:
        return self.receiver.address[1]

    def keep(self, instance: ReceivedInstance) -> Answer:
        self.received.append(instance)
        instance.path.rename(self.folder / f"{instance.command.sop_instance}.dcm")
        return self.answers.get(instance.command.sop_instance, Answer())

    def end(self, facts: AssociationFacts) -> None:
        with self._changed:
            self.ended.append(facts)
            self._changed.notify_all()

    def wait(self, count: int = 1, timeout: float = 30.0) -> list[AssociationFacts]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.ended) >= count, timeout), self.ended
        return self.ended

    def parts(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir() if path.suffix == ".part")

    def __enter__(self) -> Acceptor:
        self.receiver.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.receiver.stop()


QUICK = Timeouts(handshake=0.4, request=0.4, pdu=0.4, idle=0.6)
ANY = Acceptance()


# --- a peer that misbehaves --------------------------------------------------------------------------


def request_bytes(*contexts: ProposedContext, max_pdu: int = 16384) -> bytes:
    if not contexts:
        contexts = (
            ProposedContext(1, VERIFICATION, (IMPLICIT,)),
            ProposedContext(3, CT, (EXPLICIT,)),
        )
    return encode_request(
        AssociateRequest(
            called="ANY",
            calling="FAULT",
            contexts=contexts,
            user=UserInformation(max_pdu=max_pdu, implementation_class="2.25.5"),
        )
    )


def pdata(context: int, control: int, data: bytes) -> bytes:
    return struct.pack(">BxIIBB", 4, len(data) + 6, len(data) + 2, context, control) + data


class FaultPeer:
    """A client on a raw socket, or, with ``serve``, a server that plays a script once per connection."""

    def __init__(self, port: int, source: str = "127.0.0.1") -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), 5, (source, 0))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def associate(self, *contexts: ProposedContext) -> FaultPeer:
        self.sock.sendall(request_bytes(*contexts))
        assert self.pdu()[0] == 2
        return self

    def send(self, data: bytes) -> FaultPeer:
        self.sock.sendall(data)
        return self

    def exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = self.sock.recv(count - len(data))
            if not piece:
                raise EOFError(data)
            data += piece
        return data

    def pdu(self) -> tuple[int, bytes]:
        kind, length = struct.unpack(">BxI", self.exactly(6))
        return kind, self.exactly(length)

    def until_closed(self, timeout: float = 30.0) -> tuple[float, bytes]:
        """Seconds until the other side closed, and what it said before."""
        began = monotonic()
        said = b""
        self.sock.settimeout(timeout)
        with contextlib.suppress(ConnectionResetError):
            while piece := self.sock.recv(4096):
                said += piece
        return monotonic() - began, said

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def __enter__(self) -> FaultPeer:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()


@contextlib.contextmanager
def serve(script: Callable[[socket.socket], None], connections: int = 32) -> Iterator[int]:
    """A server that plays ``script`` for each connection, each in its own thread."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def play(sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError, EOFError):
            sock.settimeout(5)
            script(sock)

    def accept() -> None:
        while not stop.is_set():
            try:
                sock, _ = listener.accept()
            except TimeoutError:
                continue
            threads.append(threading.Thread(target=play, args=(sock,), daemon=True))
            threads[-1].start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        stop.set()
        thread.join(5)
        listener.close()
        for each in threads[:connections]:
            each.join(6)
