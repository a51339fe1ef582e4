from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import obstore
import pytest
from obstore.store import MemoryStore
from support.archives import EXAMPLES, findings_in, mixed, of_pydicom, scanned
from support.slides import ct, to_bytes

from dcmlint import Checker
from dcmlint.errors import InputError, UsageError
from dcmlint.sources.input import Selection
from dcmlint.sources.object_store import ObjectStore
from dcmlint.sources.ranged import FIRST

BUCKET = "archive"


def filled(folder: Path) -> MemoryStore:
    store = MemoryStore()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            obstore.put(store, str(path.relative_to(folder)), path.read_bytes())
    return store


def test_keys_are_listed_in_order_and_behind_one(tmp_path):
    store = filled(mixed(tmp_path / "in"))
    source = ObjectStore("s3://bucket", store=store)
    keys = list(source.listed())
    names = [key.key for key in keys]
    assert names == sorted(names)
    assert names[0].startswith("s3://bucket/broken/")
    assert all(key.size and key.etag and key.modified and not key.named for key in keys)
    assert [key.key for key in source.listed(names[4])] == names[5:]
    only = ObjectStore("s3://bucket/ct", selection=Selection(include=("*.dcm",)), store=store)
    assert [key.key.rsplit("/", 1)[1] for key in only.listed()] == ["a.dcm", "b.dcm", "c.dcm", "cut.dcm"]


def test_one_object_is_named(tmp_path):
    source = ObjectStore("s3://bucket/ct/a.dcm", store=filled(mixed(tmp_path / "in")))
    (key,) = source.listed()
    assert key.named
    (one,) = source.inputs(key)
    assert one.path == "s3://bucket/ct/a.dcm"


def test_archives_in_a_store_are_looked_into(tmp_path):
    folder = mixed(tmp_path / "in")
    (folder / "none.zip").write_bytes(b"no archive")
    (folder / "cut.tar.gz").write_bytes(bytes.fromhex("1f8b0800") + b"cut")
    source = ObjectStore("s3://bucket", store=filled(folder))
    temporary = set(Path(tempfile.gettempdir()).glob("dcmlint-*"))
    found = {}
    for key in source.listed():
        if key.key.endswith((".zip", ".gz")):
            for one in source.inputs(key):
                found[one.path] = one.kind if one.kind == "problem" else bytes(open_any(source, one))
    assert found["s3://bucket/more.zip!/in/a.dcm"] == (folder / "ct" / "a.dcm").read_bytes()
    assert found["s3://bucket/none.zip"] == b"no archive"
    assert found["s3://bucket/cut.tar.gz"] == "problem"
    assert source.usage.bytes >= (folder / "more.zip").stat().st_size
    assert set(Path(tempfile.gettempdir()).glob("dcmlint-*")) <= temporary
    closed = ObjectStore("s3://bucket", selection=Selection(unpack=False), store=filled(folder))
    assert {one.kind for key in closed.listed() for one in closed.inputs(key)} == {"object"}


def open_any(source, one):
    buffer = source.open(one)
    return buffer[0 : len(buffer)]


def test_what_is_not_there(tmp_path):
    source = ObjectStore("s3://bucket/nothing", store=MemoryStore())
    with pytest.raises(InputError, match="it is not there"):
        list(source.listed())


def test_bytes_and_requests_are_counted():
    image = ct()
    image.PixelData = bytes(1 << 20)
    store = MemoryStore()
    obstore.put(store, "a.dcm", to_bytes(image))
    source = ObjectStore("s3://bucket", store=store)
    (key,) = source.listed()
    before = source.usage.requests
    source.fetch([key])
    (one,) = source.inputs(key)
    buffer = source.open(one)
    assert (source.usage.bytes, source.usage.requests - before) == (FIRST, 1)
    Checker("dicom").check(buffer)
    assert source.usage.requests - before <= 2
    source.close()


def test_an_object_that_changes_while_it_is_read():
    image = ct()
    image.PixelData = bytes(1 << 20)
    store = MemoryStore()
    obstore.put(store, "a.dcm", to_bytes(image))
    source = ObjectStore("s3://bucket", store=store)
    (key,) = source.listed()
    (one,) = source.inputs(key)
    buffer = source.open(one)
    obstore.put(store, "a.dcm", to_bytes(image))
    with pytest.raises(InputError, match="it changed while it was read"):
        buffer[900_000:900_010]


def test_options_that_a_store_does_not_have():
    with pytest.raises(UsageError, match="cannot be opened"):
        ObjectStore("s3://bucket", {"colour": "red"})


# -- a server ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, str]]:
    """An S3 API: the options with which it is reached."""
    moto = pytest.importorskip("moto.server")
    server = moto.ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ALLOW_HTTP": "true"}  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        for name, value in keys.items():
            patch.setenv(name, value)
        import boto3

        boto3.client("s3").create_bucket(Bucket=BUCKET)
        yield keys
    server.stop()


def put_all(folder: Path, prefix: str) -> str:
    from obstore.store import from_url

    store = from_url(f"s3://{BUCKET}/{prefix}", client_options={"allow_http": True})
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            obstore.put(store, str(path.relative_to(folder)), path.read_bytes())
    return f"s3://{BUCKET}/{prefix}"


def by_name(findings: list[bytes], root: str) -> list[bytes]:
    """Findings without what depends on the name of the folder."""
    import json

    made = []
    for one in findings:
        value = json.loads(one.replace(root.encode(), b"X"))
        value.pop("fingerprint")
        made.append(json.dumps(value, sort_keys=True).encode())
    return sorted(made)


def test_a_bucket_has_the_findings_of_the_folder(tmp_path, s3):
    folder = of_pydicom(tmp_path / "in")
    url = put_all(folder, "pydicom")
    far = scanned(tmp_path / "far", url, profile="dicom", frames="all", shard_size=20)
    near = scanned(tmp_path / "near", folder, profile="dicom", frames="all")
    assert far["instances"] == near["instances"] > 40
    assert far["bytes_read"] < far["bytes_listed"]
    found = by_name(findings_in(tmp_path / "far", far["run"]), url)
    assert found == by_name(findings_in(tmp_path / "near", near["run"]), str(folder))
    again = scanned(tmp_path / "far", url, profile="dicom", frames="all", shard_size=20)
    assert (again["reused"], again["requests"]) == (far["keys"], 0)


def test_check_reads_a_bucket_and_the_archives_in_it(tmp_path, s3):
    import json
    import shutil
    import tarfile
    import zipfile

    folder = tmp_path / "in"
    shutil.copytree(EXAMPLES / "slide-broken", folder)
    large = ct()
    large.PixelData = bytes(3 << 20)  # a member that does not wait in memory
    for name, image in (("a.dcm", ct()), ("b.dcm", large)):
        (tmp_path / name).write_bytes(to_bytes(image))
    with tarfile.open(folder / "more.tar", "w") as tar, zipfile.ZipFile(folder / "more.zip", "w") as archive:
        for name in ("a.dcm", "b.dcm"):
            tar.add(tmp_path / name, name)
            archive.write(tmp_path / name, name)
    url = put_all(folder, "broken")
    done = subprocess.run(
        [sys.executable, "-m", "dcmlint", "check", "--isolated", "-f", "json", "-j", "2", url],
        env={**os.environ, **s3, "TMPDIR": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    report = json.loads(done.stdout)
    near = Checker("wsi").check(folder)
    assert [one["rule"] for one in report["findings"]] == [one.rule for one in near.findings]
    assert {one["path"] for one in report["files"]} == {
        one.path.replace(str(folder), url) for one in near.files
    }
    assert done.returncode == near.exit_code
    assert not list(tmp_path.glob("dcmlint-*"))


def test_a_bucket_that_is_not_there(tmp_path, s3):
    with pytest.raises(InputError, match="cannot be listed"):
        scanned(tmp_path / "out", "s3://no-such-bucket")


def test_an_object_of_plain_http_is_read_in_ranges(tmp_path):
    from support.servers import ranged_server

    image = ct()
    image.PixelData = bytes(1 << 20)
    with ranged_server({"/a/b.dcm": to_bytes(image)}) as server:
        source = ObjectStore(f"{server.url}/a/b.dcm")
        (key,) = source.listed()
        assert key.named
        (one,) = source.inputs(key)
        report = Checker("dicom").check(source.open(one), name="b")
    assert report.summary.checked + report.summary.partial == 1
    assert source.usage.bytes <= 2 * FIRST
