"""Folders, archives and other inputs: every member that was there is checked or named, and nothing is waited for."""

from __future__ import annotations

import gzip
import io
import os
import random
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from support import slides

import dcmlint
from dcmlint.engine.report import Report

CT = slides.to_bytes(slides.ct())


def check(*paths: Path | str, **settings: object) -> Report:
    return dcmlint.check([str(path) for path in paths], **settings)  # type: ignore[arg-type]


def names(report: Report) -> list[str]:
    return [os.path.basename(record.path) for record in report.files]


def tar_bytes(count: int = 5, mode: str = "w", data: bytes = CT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tape:
        for number in range(count):
            info = tarfile.TarInfo(f"{number}.dcm")
            info.size = len(data)
            tape.addfile(info, io.BytesIO(data))
    return out.getvalue()


def put(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_all_members_of_a_tar_are_checked(tmp_path: Path, mode: str) -> None:
    path = put(tmp_path / f"a.tar{mode[1:].replace(':', '.')}", tar_bytes(mode=mode))
    report = check(path)
    assert names(report) == ["0.dcm", "1.dcm", "2.dcm", "3.dcm", "4.dcm"]
    assert {record.status for record in report.files} == {"checked"}
    assert report.exit_code == check(put(tmp_path / "one.dcm", CT)).exit_code


def test_a_large_member_is_read_in_place_and_from_a_spool(tmp_path: Path) -> None:
    large = (
        slides.to_bytes(slides.ct())
        + b"\xfc\xff\xfc\xffOB\0\0"
        + (2 << 20).to_bytes(4, "little")
        + bytes(2 << 20)
    )
    plain = check(put(tmp_path / "a.tar", tar_bytes(2, data=large)))
    packed = check(put(tmp_path / "b.tar.gz", tar_bytes(2, "w:gz", large)))
    single = check(put(tmp_path / "c.dcm", large))
    assert [record.status for record in (*plain.files, *packed.files)] == ["checked"] * 4
    for report in (plain, packed):
        first = report.files[0]
        assert (first.sop_instance_uid, first.title) == (
            single.files[0].sop_instance_uid,
            single.files[0].title,
        )
        told = {finding.rule for finding in report.findings if finding.file == first.path}
        assert {finding.rule for finding in single.findings} <= told


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_tar_that_is_cut_is_incomplete(tmp_path: Path, mode: str) -> None:
    whole = tar_bytes(mode=mode)
    path = put(tmp_path / ("a.tar" if mode == "w" else "a.tar.gz"), whole[: len(whole) // 2])
    report = check(path)
    assert report.exit_code == 4
    assert "FILE902" in {finding.rule for finding in report.findings}
    assert "0.dcm" in names(report)


def test_a_tar_cut_between_members_is_incomplete(tmp_path: Path) -> None:
    block = 512 + -(-len(CT) // 512) * 512
    report = check(put(tmp_path / "a.tar", tar_bytes()[: 2 * block]))
    assert report.exit_code == 4
    assert names(report)[:2] == ["0.dcm", "1.dcm"]


def test_members_behind_a_damaged_header_are_checked(tmp_path: Path) -> None:
    block = 512 + -(-len(CT) // 512) * 512
    data = bytearray(tar_bytes())
    data[2 * block + 148] ^= 0x55  # the checksum of the third header
    report = check(put(tmp_path / "a.tar", bytes(data)))
    assert report.exit_code == 4
    assert {"0.dcm", "1.dcm", "3.dcm", "4.dcm"} <= set(names(report))
    (finding,) = [finding for finding in report.findings if finding.rule == "FILE902"]
    assert "no member header can be read" in finding.message


def test_a_wrong_checksum_of_what_is_compressed_is_told(tmp_path: Path) -> None:
    data = bytearray(tar_bytes(2, "w:gz"))
    data[-6] ^= 1  # the CRC of the gzip member
    assert check(put(tmp_path / "a.tar.gz", bytes(data))).exit_code == 4


@pytest.mark.parametrize("at", range(20, 2000, 331))
@pytest.mark.parametrize("mode", ["w:gz", "w:xz", "w:bz2"])
def test_damage_of_what_is_compressed_never_ends_the_run(tmp_path: Path, at: int, mode: str) -> None:
    data = bytearray(tar_bytes(3, mode))
    data[at % len(data)] ^= 0x41
    good = put(tmp_path / "z.dcm", CT)
    report = check(put(tmp_path / f"a.tar.{mode[2:]}", bytes(data)), good)
    assert names(report)[-1] == "z.dcm"


def test_members_of_one_name_are_all_checked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("x.dcm", CT)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("x.dcm", CT[:200])
    report = check(tmp_path / "a.zip")
    assert names(report) == ["x.dcm", "x.dcm (2)"]
    assert report.files[1].status == "partial"


def test_a_zip_with_damage_and_encryption_names_each_member(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("0.dcm", "1.dcm", "2.dcm"):
            archive.writestr(name, CT)
        archive.writestr("inner.zip", b"PK\5\6" + bytes(18))
    data = bytearray(path.read_bytes())
    data[data.index(b"1.dcm") + 5 + 900] ^= 0xFF  # in the bytes of the second: its CRC is wrong
    first = data.rindex(b"PK\1\2", 0, data.rindex(b"2.dcm"))
    data[first + 8] |= 1  # the third says it is encrypted
    report = check(put(path, bytes(data)))
    told = {os.path.basename(f.file or ""): f.message for f in report.findings if f.rule == "FILE902"}
    assert set(told) == {"1.dcm", "2.dcm", "inner.zip"}
    assert "CRC" in told["1.dcm"]
    assert "encrypted" in told["2.dcm"]
    assert report.exit_code == 4


class _Pipe(io.BytesIO):
    """What cannot be sought: lengths and checksums then stand behind the data."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise io.UnsupportedOperation

    def tell(self) -> int:
        raise io.UnsupportedOperation


def zip_bytes(method: int, out: io.BytesIO, extra: bytes = b"") -> bytes:
    with zipfile.ZipFile(out, "w", method) as archive:
        for name in ("0.dcm", "1.dcm", "2.dcm"):
            archive.writestr(name, CT)
        archive.writestr("notes.txt", extra)
    return out.getvalue()


@pytest.mark.parametrize(
    ("method", "out", "checked"),
    [
        (zipfile.ZIP_STORED, io.BytesIO, 3),
        (zipfile.ZIP_DEFLATED, io.BytesIO, 3),
        (zipfile.ZIP_DEFLATED, _Pipe, 3),
        (zipfile.ZIP_STORED, _Pipe, 0),  # nothing says where a stored member ends
        (zipfile.ZIP_BZIP2, io.BytesIO, 0),
    ],
)
def test_members_of_a_zip_without_its_directory_are_checked_or_named(
    tmp_path: Path, method: int, out: type[io.BytesIO], checked: int
) -> None:
    data = zip_bytes(method, out(), extra=bytes(3000))
    cut = data[: data.index(b"PK\1\2")]
    report = check(put(tmp_path / "a.zip", cut))
    told = {os.path.basename(f.file or "") for f in report.findings if f.rule == "FILE902"}
    assert [os.path.basename(record.path) for record in report.files if record.status == "checked"] == [
        f"{number}.dcm" for number in range(checked)
    ]
    assert told >= {"a.zip", *(f"{number}.dcm" for number in range(checked, 3))}
    assert report.exit_code == 4


def test_a_member_that_a_cut_zip_ends_in_is_named(tmp_path: Path) -> None:
    data = bytearray(zip_bytes(zipfile.ZIP_DEFLATED, io.BytesIO()))
    data[data.index(b"0.dcm") + 5 + 700] ^= 0xFF
    report = check(put(tmp_path / "a.zip", bytes(data[: data.index(b"2.dcm") + 400])))
    told = {os.path.basename(f.file or "") for f in report.findings if f.rule == "FILE902"}
    assert told == {"a.zip", "0.dcm", "2.dcm"}
    assert "1.dcm" in names(report)


@pytest.mark.parametrize("seed", range(6))
def test_no_damage_of_a_zip_ends_the_run(tmp_path: Path, seed: int) -> None:
    chance = random.Random(f"zip {seed}")
    whole = zip_bytes(chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)), io.BytesIO())
    for _ in range(20):
        data = bytearray(whole[: chance.randrange(30, len(whole))])
        for _ in range(chance.randrange(6)):
            data[chance.randrange(4, len(data))] = chance.randrange(256)
        report = check(put(tmp_path / "a.zip", bytes(data)), put(tmp_path / "z.dcm", CT))
        assert names(report)[-1] == "z.dcm"
        assert report.exit_code == 4


def test_links_and_sparse_members_are_named(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tape:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tape.addfile(link)
        device = tarfile.TarInfo("device")
        device.type = tarfile.CHRTYPE
        tape.addfile(device)
        info = tarfile.TarInfo("0.dcm")
        info.size = len(CT)
        tape.addfile(info, io.BytesIO(CT))
    report = check(put(tmp_path / "a.tar", out.getvalue()))
    assert names(report) == ["0.dcm"]
    assert [os.path.basename(record.path) for record in report.skipped] == ["link", "device"]


def test_what_is_skipped_is_said_with_what_it_is(tmp_path: Path) -> None:
    put(tmp_path / "a.dcm", CT)
    put(tmp_path / "b.gz", gzip.compress(b"x"))
    put(tmp_path / "c.txt", b"hello\n")
    put(tmp_path / "d.tif", b"II*\0" + bytes(40))
    report = check(tmp_path)
    assert [record.title for record in report.skipped] == ["gzip", "text", "TIFF"]
    assert report.exit_code == check(tmp_path / "a.dcm").exit_code
    strict = check(tmp_path, all_dicom=True)
    assert strict.exit_code == 4
    assert len([finding for finding in strict.findings if finding.rule == "FILE901"]) == 3


@pytest.mark.parametrize("name", ["x.dcm", "x.DICOM", "x.dic", "x.ima", "1.2.840.113619.2.5", "DICOMDIR"])
@pytest.mark.parametrize("data", [b"", bytes(300), b"no", CT[:131]], ids=["empty", "zeros", "text", "cut"])
def test_a_name_that_promises_dicom_is_held_to_it(tmp_path: Path, name: str, data: bytes) -> None:
    put(tmp_path / "a.dcm", CT)
    put(tmp_path / name, data)
    report = check(tmp_path)
    assert report.exit_code == 4
    assert [finding.rule for finding in report.findings if finding.file and finding.file.endswith(name)] == [
        "FILE901"
    ]


@pytest.mark.parametrize(
    ("name", "data", "is_left"),
    [
        ("IM000001", b"", True),
        ("IM_0001", bytes(300), True),
        ("CT12", b"", True),
        ("scan", CT[:131], True),
        ("scan", CT[:128], False),
        ("IM000001", b"no", False),
        ("DONE", b"", False),
        ("IM1.txt", b"", False),
    ],
)
def test_what_is_left_of_a_file_without_an_extension(
    tmp_path: Path, name: str, data: bytes, is_left: bool
) -> None:
    put(tmp_path / "a.dcm", CT)
    put(tmp_path / name, data)
    report = check(tmp_path, select=("FILE",))
    assert (len(report.skipped), report.exit_code) == ((0, 4) if is_left else (1, 0))


def test_no_instance_passes_the_number_of_instances(tmp_path: Path) -> None:
    put(tmp_path / "a.dcm", CT)
    assert not any(check(tmp_path, select=("FILE907",)).outcomes.get("FILE907", {}).values())


@pytest.mark.parametrize(("wanted", "code"), [(1, 1), (2, 0), (3, 1), (0, 1)])
def test_the_number_of_instances_can_be_demanded(tmp_path: Path, wanted: int, code: int) -> None:
    put(tmp_path / "a.dcm", CT)
    put(tmp_path / "b.dcm", CT)
    report = check(tmp_path, expect=wanted, select=("FILE",))
    assert report.exit_code == code
    assert [finding.rule for finding in report.findings if finding.severity == "error"] == ["FILE907"] * code


def test_originals_and_unfinished_files_are_named_and_not_checked(tmp_path: Path) -> None:
    for name in ("a.dcm", "a.dcm.orig", "a.dcm.orig2", "alone.dcm.orig", ".a.dcm.77.part"):
        (tmp_path / name).write_bytes(CT)
    report = check(tmp_path)
    assert names(report) == ["a.dcm", "alone.dcm.orig"], "what replaced the third one is not there"
    assert {os.path.basename(one.path): one.title for one in report.skipped} == {
        ".a.dcm.77.part": "a file that dcmlint did not finish writing",
        "a.dcm.orig": "an original that dcmlint fix kept",
        "a.dcm.orig2": "an original that dcmlint fix kept",
    }
    assert names(check(tmp_path / "a.dcm.orig")) == ["a.dcm.orig"], "unless it is named"


def test_pipes_and_links_are_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    os.symlink("nothing", tmp_path / "dangling")
    put(tmp_path / "a.dcm", CT)
    report = check(tmp_path)
    assert names(report) == ["a.dcm"]
    assert [record.title for record in report.skipped] == ["a link to nothing", "not a regular file"]
    assert check(tmp_path / "pipe").exit_code == 4
    os.rename(tmp_path / "pipe", tmp_path / "pipe.dcm")
    assert check(tmp_path).exit_code == 4


def test_links_out_of_the_tree_are_followed_only_when_told_to(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    put(tmp_path / "other" / "b.dcm", CT)
    (tmp_path / "tree" / "deep").mkdir(parents=True)
    put(tmp_path / "tree" / "a.dcm", CT)
    os.symlink("..", tmp_path / "tree" / "deep" / "up")
    os.symlink(tmp_path / "other", tmp_path / "tree" / "out")
    report = check(tmp_path / "tree")
    assert names(report) == ["a.dcm"]
    assert [os.path.basename(record.path) for record in report.skipped] == ["out"]
    done = subprocess.run(
        [sys.executable, "-m", "dcmlint.cli", "check", "--isolated", "--follow", "-f", "json", str(tmp_path / "tree")],
        capture_output=True, check=False,
    )  # fmt: skip
    assert b"b.dcm" in done.stdout


def test_folders_may_be_deeper_than_a_stack(tmp_path: Path) -> None:
    home = os.getcwd()
    os.chdir(tmp_path)
    try:
        for _ in range(1100):
            os.mkdir("d")
            os.chdir("d")
        Path("a.dcm").write_bytes(CT)
        os.chdir(home)
        assert names(check(tmp_path)) == ["a.dcm"]
    finally:
        os.chdir(home)
        subprocess.run(
            ["rm", "-r", str(tmp_path / "d")], check=True
        )  # shutil ends at the depth of Python's stack


def test_bzip2_in_a_zip_is_unpacked_in_pieces(tmp_path: Path) -> None:
    from dcmlint.sources.zip_streams import opened

    path = put(tmp_path / "a.zip", zip_bytes(zipfile.ZIP_BZIP2, io.BytesIO()))
    report = check(path)
    assert len(report.files) == 3
    assert all(record.status == "checked" for record in report.files)
    with zipfile.ZipFile(tmp_path / "zeros.zip", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("zeros", bytes(8 << 20))
    with zipfile.ZipFile(tmp_path / "zeros.zip") as archive, opened(archive, archive.infolist()[0]) as read:
        pieces = [len(piece) for piece in iter(lambda: read(1000), b"")]
        assert sum(pieces) == 8 << 20
        assert max(pieces) <= 1000


@pytest.mark.parametrize("change", ["crc", "data", "cut"])
def test_a_damaged_bzip2_member_is_named(change: str, tmp_path: Path) -> None:
    data = bytearray(zip_bytes(zipfile.ZIP_BZIP2, io.BytesIO()))
    directory = data.index(b"PK\1\2")
    if change == "crc":
        data[directory + 16] ^= 1
    elif change == "data":
        data[100] ^= 0xFF
    else:
        size = int.from_bytes(data[directory + 20 : directory + 24], "little")
        data[directory + 20 : directory + 24] = (size // 2).to_bytes(4, "little")
    report = check(put(tmp_path / "a.zip", bytes(data)))
    assert report.exit_code == 4
    assert [record.status for record in report.files].count("checked") == 2


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.bz2", "tar.xz"])
def test_what_unpacks_to_much_is_named_and_not_read(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dcmlint.sources import spool

    monkeypatch.setattr(spool, "_SMALL_UNPACKED", 1 << 20)
    monkeypatch.setattr(spool, "_MAX_RATIO", 20)
    large = CT + bytes(3 << 20)
    path = tmp_path / f"a.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in (("0.dcm", CT), ("1.dcm", large), ("2.dcm", CT)):
                archive.writestr(name, data)
    else:
        with tarfile.open(path, f"w:{kind[4:]}") as tape:
            for name, data in (("0.dcm", CT), ("1.dcm", large), ("2.dcm", CT)):
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tape.addfile(info, io.BytesIO(data))
    report = check(path)
    assert report.exit_code == 4
    by_name = {os.path.basename(record.path): record.status for record in report.files}
    assert by_name["0.dcm"] == "checked"
    assert by_name["1.dcm"] == "unreadable"
    if kind == "zip":
        assert by_name["2.dcm"] == "checked"
    else:
        told = [finding.message for finding in report.findings if finding.file == str(path)]
        assert any("what follows in the archive was not checked" in message for message in told)


def test_zeros_in_a_tar_end_somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dcmlint.sources import tar_headers

    monkeypatch.setattr(tar_headers, "_MAX_ZEROS", 1 << 16)
    report = check(put(tmp_path / "a.tar", tar_bytes(2) + bytes(1 << 17)))
    assert report.exit_code == 4
    assert [record.status for record in report.files].count("checked") == 2
    assert any("of zeros" in finding.message for finding in report.findings)


def test_what_a_macintosh_keeps_beside_a_file_promises_no_dicom(tmp_path: Path) -> None:
    (tmp_path / "0.dcm").write_bytes(slides.to_bytes(slides.ct()))
    (tmp_path / "._0.dcm").write_bytes(bytes.fromhex("00051607 00020000") + b"Mac OS X        " + bytes(60))
    found = dcmlint.check(tmp_path, profile="dicom")
    assert found.exit_code == 0
    assert [one.title for one in found.skipped] == ["AppleDouble"]


@pytest.mark.parametrize("name", ["gone.dcm", "gone"])
def test_a_link_to_nothing_that_is_called_dicom_was_not_checked(name: str, tmp_path: Path) -> None:
    (tmp_path / "0.dcm").write_bytes(slides.to_bytes(slides.ct()))
    (tmp_path / name).symlink_to("nothing")
    found = dcmlint.check(tmp_path, profile="dicom")
    assert [one.rule for one in found.findings] == (["FILE902"] if name == "gone.dcm" else [])
    assert found.exit_code == (4 if name == "gone.dcm" else 0)
