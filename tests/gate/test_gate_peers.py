"""Real programs send through the gate and archive behind it: bit for bit."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from gate_support import CT, Archive, GateProcess, data_set, part10_file, sha, stored, until, write_config
from network_certificates import Certificates
from network_peers import dcmqrscp, need, orthanc, run, storescp

from dcmlint.intake import part10

COUNT = 5


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    """Files to send, and their data sets by UID."""
    (tmp_path / "in").mkdir()
    contents = {}
    for number in range(COUNT):
        uid = f"2.25.4{number}"
        contents[uid] = data_set(uid, filling=bytes(range(256)) * 20 * (number + 1))
        (tmp_path / "in" / f"{number}.dcm").write_bytes(part10_file(uid, contents[uid]))
    return contents


def journal_of(config: Path) -> dict[str, tuple[str, str]]:
    """State and digest of each instance; read and nothing else, so that asking often holds up no commit."""
    path = config.parent / "spool" / "journal.sqlite"
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as db:
        rows = db.execute("SELECT uid, state, sha256 FROM instances").fetchall()
    return {uid: (state, digest) for uid, state, digest in rows}


def delivered(config: Path) -> Callable[[], bool]:
    return lambda: [state for state, _ in journal_of(config).values()] == ["delivered"] * COUNT


def by_storescu(port: int, folder: Path) -> None:
    done = run(["storescu", "-R", "127.0.0.1", str(port), *map(str, sorted(folder.iterdir()))])
    assert done.returncode == 0, done.stderr


def by_dcmsend(port: int, folder: Path) -> None:
    done = run(["dcmsend", "127.0.0.1", str(port), *map(str, sorted(folder.iterdir()))])
    assert done.returncode == 0, done.stderr


def by_pynetdicom(port: int, folder: Path) -> None:
    pynetdicom = pytest.importorskip("pynetdicom")
    entity = pynetdicom.AE("PYNETDICOM")
    entity.add_requested_context(CT, "1.2.840.10008.1.2.1")
    association = entity.associate("127.0.0.1", port)
    assert association.is_established
    for path in sorted(folder.iterdir()):
        assert association.send_c_store(str(path)).Status == 0
    association.release()


def by_orthanc(port: int, folder: Path) -> None:
    home = folder.parent / "sender"
    home.mkdir()
    with orthanc(home, DicomModalities={"gate": ["GATE", "127.0.0.1", port]}) as (_, http):
        base = f"http://127.0.0.1:{http}"
        instances = []
        for path in sorted(folder.iterdir()):
            with urllib.request.urlopen(f"{base}/instances", data=path.read_bytes(), timeout=20) as answer:
                instances.append(json.load(answer)["ID"])
        job = json.dumps({"Resources": instances, "Synchronous": True}).encode()
        with urllib.request.urlopen(f"{base}/modalities/gate/store", data=job, timeout=60) as answer:
            assert json.load(answer)["FailedInstancesCount"] == 0


@pytest.mark.peer
@pytest.mark.parametrize(
    "sender",
    [
        pytest.param(by_storescu, marks=need("storescu")),
        pytest.param(by_dcmsend, marks=need("dcmsend")),
        pytest.param(by_orthanc, marks=need("Orthanc")),
        by_pynetdicom,
    ],
)
def test_peers_send(tmp_path: Path, files: dict[str, bytes], sender: Callable[[int, Path], None]) -> None:
    with Archive(tmp_path / "archive") as archive:
        config = write_config(tmp_path / "gate", archive.port)
        with GateProcess(config) as gate:
            sender(gate.port, tmp_path / "in")
            until(delivered(config))
            gate.stop()
        # What the archive has is what came, whatever the sender made of its files before.
        assert {uid: sha(content) for uid, content in archive.stored.items()} == {
            uid: digest for uid, (_, digest) in journal_of(config).items()
        }
        if sender is not by_orthanc:  # which may encode anew what it has
            assert archive.stored == files


@contextmanager
def to_storescp(
    folder: Path, certificates: Certificates
) -> Iterator[tuple[int, Callable[[], dict[str, bytes]], str]]:
    with storescp(folder) as port:
        yield port, lambda: {path.name.split(".", 1)[1]: stored(path) for path in folder.iterdir()}, ""


@contextmanager
def to_dcmqrscp(
    folder: Path, certificates: Certificates
) -> Iterator[tuple[int, Callable[[], dict[str, bytes]], str]]:
    with dcmqrscp(folder) as port:
        yield port, lambda: dict(_by_uid(path) for path in (folder / "db").glob("*.dcm")), ""


@contextmanager
def to_orthanc(
    folder: Path, certificates: Certificates, **settings: object
) -> Iterator[tuple[int, Callable[[], dict[str, bytes]], str]]:
    with orthanc(folder, **settings) as (port, http):

        def there() -> dict[str, bytes]:
            found = {}
            with urllib.request.urlopen(f"http://127.0.0.1:{http}/instances", timeout=10) as answer:
                instances = json.load(answer)
            for one in instances:
                with urllib.request.urlopen(
                    f"http://127.0.0.1:{http}/instances/{one}/file", timeout=10
                ) as answer:
                    (folder / "one.dcm").write_bytes(answer.read())
                uid, content = _by_uid(folder / "one.dcm")
                found[uid] = content
            return found

        tls = f'[forward.tls]\nca = "{certificates.ca}"\n' if settings else ""
        yield port, there, tls


@contextmanager
def to_orthanc_tls(
    folder: Path, certificates: Certificates
) -> Iterator[tuple[int, Callable[[], dict[str, bytes]], str]]:
    certificate, key = certificates["good"]
    settings = {
        "DicomTlsEnabled": True, "DicomTlsCertificate": certificate, "DicomTlsPrivateKey": key,
        "DicomTlsTrustedCertificates": certificates.ca, "DicomTlsRemoteCertificateRequired": False,
    }  # fmt: skip
    with to_orthanc(folder, certificates, **settings) as found:
        yield found


def _by_uid(path: Path) -> tuple[str, bytes]:
    from dcmlint.gate.spool import read_identity

    content = path.read_bytes()
    return read_identity(path).sop_instance, content[part10.dataset_offset(content) :]


@pytest.mark.peer
@pytest.mark.parametrize(
    "archive",
    [
        pytest.param(to_storescp, marks=need("storescp")),
        pytest.param(to_dcmqrscp, marks=need("dcmqrscp")),
        pytest.param(to_orthanc, marks=need("Orthanc")),
        pytest.param(to_orthanc_tls, marks=need("Orthanc")),
    ],
)
def test_peers_archive(
    tmp_path: Path, files: dict[str, bytes], certificates: Certificates, archive: Callable[..., object]
) -> None:
    (tmp_path / "archive").mkdir()
    with archive(tmp_path / "archive", certificates) as (port, there, tls):  # type: ignore[attr-defined]
        config = write_config(tmp_path / "gate", port, extra=tls)
        with GateProcess(config) as gate:
            by_pynetdicom(gate.port, tmp_path / "in")
            until(delivered(config), 60)
            assert gate.stop() == 0
        assert there() == files


@pytest.mark.peer
@need("storescu")
def test_tls_with_client_certificates(
    tmp_path: Path, files: dict[str, bytes], certificates: Certificates
) -> None:
    certificate, key = certificates["good"]
    listen = f'certificate = "{certificate}"\nkey = "{key}"\nclient_ca = "{certificates.ca}"\n'
    with Archive(tmp_path / "archive") as archive:
        config = write_config(tmp_path / "gate", archive.port, listen=listen)
        ours = certificates["client"]
        sent = sorted(map(str, (tmp_path / "in").iterdir()))
        with GateProcess(config) as gate:
            tls = ["+tls", ours[1], ours[0], "+cf", certificates.ca, "-pw"]
            done = run(["storescu", "-R", *tls, "127.0.0.1", str(gate.port), *sent])
            assert done.returncode == 0, done.stderr
            until(delivered(config))
            assert run(["storescu", "-R", "127.0.0.1", str(gate.port), *sent]).returncode != 0
        assert archive.stored == files
