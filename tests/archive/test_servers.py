"""DICOMweb and a PACS, against Orthanc."""

from __future__ import annotations

import datetime
import http.client
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.archives import findings_in, rows_in, scanned
from support.ports import free_port
from support.slides import ct, pyramid, to_bytes

from dcmlint.errors import InputError, UsageError
from dcmlint.sources.dicomweb import days_of
from dcmlint.sources.multipart import first_part
from dcmlint.sources.open_source import SourceSettings, open_source

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
ORTHANC = shutil.which("Orthanc") or ("/usr/sbin/Orthanc" if Path("/usr/sbin/Orthanc").exists() else "")
peer = pytest.mark.peer


def images() -> list[bytes]:
    other = ct()
    other.SOPInstanceUID = other.file_meta.MediaStorageSOPInstanceUID = f"{ct().SOPInstanceUID}.7"
    other.Rows = 3
    return [to_bytes(one) for one in (ct(), other, *pyramid())]


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory) -> Iterator[tuple[int, int]]:
    """The ports of DICOM and HTTP of a server that holds a CT series and a slide."""
    if not ORTHANC or not PLUGIN.exists():
        pytest.skip("no Orthanc with DICOMweb")
    folder = tmp_path_factory.mktemp("orthanc")
    dicom, web = free_port(), free_port()
    settings = {
        "StorageDirectory": str(folder / "storage"), "IndexDirectory": str(folder / "storage"), "Plugins": [str(PLUGIN)],
        "DicomPort": dicom, "HttpPort": web, "DicomAet": "ORTHANC", "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False, "DicomAlwaysAllowFind": True, "DicomAlwaysAllowGet": True,
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }  # fmt: skip
    (folder / "orthanc.json").write_text(json.dumps(settings))
    log = (folder / "log").open("wb")
    process = subprocess.Popen([ORTHANC, "orthanc.json"], cwd=folder, stdout=log, stderr=log)
    try:
        for data in images():
            send(web, data)
        yield dicom, web
    finally:
        process.terminate()
        process.wait()
        log.close()


def send(port: int, data: bytes) -> None:
    for _ in range(300):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request("POST", "/instances", body=data)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200
            return
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    raise AssertionError("Orthanc does not start")


def rules_of(findings: list[bytes]) -> list[tuple[str, str]]:
    return sorted((one["rule"], one["message"]) for one in map(json.loads, findings))


def near(profile: str, folder: Path) -> list[tuple[str, str]]:
    folder.mkdir()
    for number, data in enumerate(images()):
        (folder / f"{number}.dcm").write_bytes(data)
    run = scanned(folder.parent / "near-out", folder, profile=profile)
    return rules_of(findings_in(folder.parent / "near-out", run["run"]))


def by_file(rules: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Without rules about names, folders and the file meta group, which servers make anew."""
    return [one for one in rules if not one[0].startswith(("FILE", "META"))]


@peer
def test_dicomweb_has_the_findings_of_the_files(tmp_path, orthanc):
    url = f"dicomweb+http://127.0.0.1:{orthanc[1]}/dicom-web"
    run = scanned(tmp_path / "out", url, profile="dicom", shard_size=3)
    assert (run["instances"], run["checked"]) == (len(images()), len(images()))
    assert run["bytes_read"] > sum(map(len, images())) // 2
    assert by_file(rules_of(findings_in(tmp_path / "out", run["run"]))) == by_file(
        near("dicom", tmp_path / "in")
    )


@peer
def test_dicomweb_selects_by_modality_and_date_and_takes_one_of_each_series(tmp_path, orthanc):
    url = f"dicomweb+http://127.0.0.1:{orthanc[1]}/dicom-web"
    run = scanned(tmp_path / "ct", url, profile="dicom", modality="CT")
    assert {row["modality"] for row in rows_in(tmp_path / "ct", "instances", run["run"])} == {"CT"}
    later = datetime.datetime(2100, 1, 1, tzinfo=datetime.UTC)
    assert scanned(tmp_path / "later", url, since=later)["exit_code"] == 3
    from dcmlint.archive.plan import Choice

    run = scanned(tmp_path / "one", url, profile="dicom", choice=Choice(one_per_series=True))
    rows = rows_in(tmp_path / "one", "instances", run["run"])
    assert len(rows) == len({row["series_instance_uid"] for row in rows}) == 2


@peer
def test_a_listing_goes_on_behind_a_key(orthanc):
    for name in (
        f"dicomweb+http://127.0.0.1:{orthanc[1]}/dicom-web",
        f"dicom://ORTHANC@127.0.0.1:{orthanc[0]}",
    ):
        source = open_source(SourceSettings(names=(name,)))
        keys = [key.key for key in source.listed()]
        assert len(keys) == len(set(keys)) == len(images())
        assert [key.key for key in source.listed(keys[2])] == keys[3:]
        with pytest.raises(InputError, match="no longer exists"):
            list(source.listed("a/b/c/d/e/f"))
        source.close()


@peer
def test_a_pacs_has_the_findings_of_the_files(tmp_path, orthanc):
    url = f"dicom://ORTHANC@127.0.0.1:{orthanc[0]}"
    run = scanned(tmp_path / "out", url, profile="dicom", shard_size=3)
    assert (run["instances"], run["checked"]) == (len(images()), len(images()))
    assert by_file(rules_of(findings_in(tmp_path / "out", run["run"]))) == by_file(
        near("dicom", tmp_path / "in")
    )


def test_servers_that_are_not_there(tmp_path):
    port = free_port()
    with pytest.raises(InputError, match="cannot be listed: no connection"):
        scanned(tmp_path / "web", f"dicomweb+http://127.0.0.1:{port}")
    with pytest.raises(InputError, match="no connection"):
        scanned(tmp_path / "pacs", f"dicom://PACS@127.0.0.1:{port}")
    with pytest.raises(UsageError, match="dicom://AET@host:port"):
        open_source(SourceSettings(names=("dicom://127.0.0.1",)))


@pytest.mark.parametrize("times", [1, 100])
@pytest.mark.parametrize("level", ["SERIES", "IMAGE"])
def test_a_study_or_series_without_instances_is_asked_again_and_then_a_problem(monkeypatch, level, times):
    """Orthanc, under load, answered 3 of 900 questions of C-FIND with no match."""
    from pydicom.dataset import Dataset

    from dcmlint.sources.pacs import Pacs

    left = {level: times}

    def found(self, association, asked, keys):
        if left.get(asked):
            left[asked] -= 1
            return
        made = Dataset()
        made.StudyInstanceUID, made.SeriesInstanceUID, made.SOPInstanceUID = "1.1", "1.2", "1.3"
        yield made

    class Association:
        def release(self):
            return

    monkeypatch.setattr(Pacs, "_found", found)
    monkeypatch.setattr(Pacs, "_associated", lambda self, services: Association())
    source = open_source(SourceSettings(names=("dicom://PACS@localhost:1",)))
    (key,) = source.listed()
    if times == 1:
        assert (key.key, key.kind) == ("dicom://PACS@localhost:1/1.1/1.2/1.3", "object")
        return
    assert key.key == f"dicom://PACS@localhost:1/1.1/{'-' if level == 'SERIES' else '1.2'}/-"
    (one,) = source.inputs(key)
    assert (one.kind, one.problem) == ("problem", "the server lists no instance of it")
    assert list(source.listed(key.key)) == []


def test_dicomweb_asks_again_for_what_lists_nothing(monkeypatch):
    source = open_source(SourceSettings(names=("dicomweb+http://localhost/x",)))
    monkeypatch.setattr(source, "_studies", lambda: iter(["1.1", "2.1"]))
    monkeypatch.setattr(
        source, "_pages",
        lambda search, tag, filters, **within: iter(["1.2"] if within["study_instance_uid"] == "1.1" else []),
    )  # fmt: skip
    first, second = source.listed()
    assert (first.key, first.kind) == ("http://localhost/x/studies/1.1/series/1.2/instances/1.2", "object")
    assert (second.key, second.kind) == ("http://localhost/x/studies/2.1/series/-/instances/-", "problem")
    (one,) = source.inputs(second)
    assert one.kind == "problem"
    assert list(source.listed(first.key)) == [second]
    source.close()


def test_a_range_of_days():
    day = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
    assert days_of(None, None) == ""
    assert days_of(day, None) == "20260301-"
    assert days_of(None, day) == "-20260228"
    assert days_of(day, day + datetime.timedelta(days=31)) == "20260301-20260331"


# -- the parts of an answer ----------------------------------------------------------------------------------

KIND = 'multipart/related; type="application/dicom"; boundary="b1"'


def read_all(body: bytes, kind: str, step: int) -> bytes:
    place = 0

    def read(size: int) -> bytes:
        nonlocal place
        piece = body[place : place + min(size, step)]
        place += len(piece)
        return piece

    part = first_part(read, kind)
    found = b""
    while piece := part(7):
        assert len(piece) <= 7
        found += piece
    return found


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_the_first_part_is_taken(step):
    value = b"\x00\r\n--b\r\n--\r\n" * 9
    head = b"preamble\r\n--b1\r\nContent-Type: application/dicom\r\n\r\n"
    assert read_all(head + value + b"\r\n--b1\r\nX: y\r\n\r\nsecond\r\n--b1--", KIND, step) == value
    assert read_all(head[10:] + value + b"\r\n--b1--\r\n", KIND, step) == value
    assert read_all(value, "application/dicom", step) == value


@pytest.mark.parametrize("body", [b"", b"--b1\r\n", b"--b1\r\nX: y\r\n\r\nends early", b"x" * 200_000])
def test_an_answer_that_is_none(body):
    with pytest.raises(InputError):
        read_all(body, KIND, 500)


def test_an_answer_without_a_boundary():
    with pytest.raises(InputError, match="without a boundary"):
        read_all(b"", "multipart/related", 1)
