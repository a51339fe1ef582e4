"""Hashes of identifying values in facts: with a key that stands in no result."""

from __future__ import annotations

import stat
from hashlib import blake2b
from pathlib import Path

import pytest
from support.archives import findings_in, mixed, rows_in, scanned

from dcmlint.archive.layout import Folder
from dcmlint.archive.tidy import merge
from dcmlint.engine.members import kept_of
from dcmlint.errors import UsageError
from dcmlint.facts.run.entities import attributes_of, hashed, said_by
from dcmlint.facts.run.kept import image_of
from dcmlint.standard.tags import PatientID


def hashes(out: Path, run: str) -> set[bytes]:
    """Every hash of a value that the facts of a run have."""
    found: set[bytes] = set()
    for row in rows_in(out, "facts", run):
        kept = kept_of(row["kept"])
        assert kept is not None
        for packed in (kept.patient, kept.study_values, kept.series_values, kept.equipment):
            found |= {one.said.key for one in attributes_of(packed)}
        image = image_of(kept)
        if image is not None:
            found |= {one.key for one in (image.container, image.barcode) if one is not None}
            found |= {said.key for _, said in image.specimens if said is not None}
    return found - {b""}


def test_a_list_of_known_ids_finds_none_of_them(tmp_path: Path) -> None:
    source = mixed(tmp_path / "in")
    one = scanned(tmp_path / "a", source, profile="dicom")
    other = scanned(tmp_path / "b", source, profile="dicom")
    known = {
        hashed(text.encode()) for text in ("EX-17", "EXAMPLE", "CT", "O", "M", "20240101", "Example Devices")
    }
    assert hashes(tmp_path / "a", one["run"])
    assert not hashes(tmp_path / "a", one["run"]) & (known | hashes(tmp_path / "b", other["run"]))
    assert findings_in(tmp_path / "a", one["run"]) == findings_in(tmp_path / "b", other["run"])
    key = (tmp_path / "a" / "key").read_bytes()
    assert stat.S_IMODE((tmp_path / "a" / "key").stat().st_mode) == 0o600
    for path in (tmp_path / "a").rglob("*.parquet"):
        assert key not in path.read_bytes(), path


def test_the_same_key_makes_hashes_that_can_be_compared(tmp_path: Path) -> None:
    source, key = mixed(tmp_path / "in"), tmp_path / "secret"
    key.write_bytes(bytes(range(32)))
    one = scanned(tmp_path / "a", source, profile="dicom", key_file=str(key))
    other = scanned(tmp_path / "b", source, profile="dicom", key_file=str(key))
    assert hashes(tmp_path / "a", one["run"]) == hashes(tmp_path / "b", other["run"])
    assert not (tmp_path / "a" / "key").exists()
    again = scanned(tmp_path / "a", source, profile="dicom", key_file=str(key))
    assert again["reused"] == again["keys"]
    # With another key nothing can be taken over.
    key.write_bytes(bytes(range(1, 33)))
    assert scanned(tmp_path / "a", source, profile="dicom", key_file=str(key))["reused"] == 0


def test_a_value_has_the_hash_that_the_key_makes_of_it(tmp_path: Path) -> None:
    source, key = mixed(tmp_path / "in"), tmp_path / "secret"
    key.write_bytes(bytes(range(32)))
    run = scanned(tmp_path / "a", source / "ct", profile="dicom", key_file=str(key))["run"]
    kept = kept_of(rows_in(tmp_path / "a", "facts", run)[0]["kept"])
    assert kept is not None
    plain = kept_of(rows_in(tmp_path / "a", "facts", run)[1]["kept"])
    assert plain is not None
    assert plain.patient == kept.patient
    import pydicom

    value = str(pydicom.dcmread(source / "ct" / "a.dcm").PatientID)
    wanted = blake2b(hashed(value.encode()), key=bytes(range(32)), digest_size=8).digest()
    assert said_by(kept.patient)[PatientID].key == wanted


@pytest.mark.parametrize("size", [0, 15, 65])
def test_a_key_that_is_none_is_told(tmp_path: Path, size: int) -> None:
    key = tmp_path / "secret"
    key.write_bytes(bytes(size))
    with pytest.raises(UsageError, match="16 to 64 bytes"):
        scanned(tmp_path / "a", mixed(tmp_path / "in"), key_file=str(key))
    with pytest.raises(UsageError, match="No such file"):
        scanned(tmp_path / "b", tmp_path / "in", key_file=str(tmp_path / "none"))


def test_merged_folders_keep_a_key_that_they_share(tmp_path: Path) -> None:
    source = mixed(tmp_path / "in") / "ct"
    scanned(tmp_path / "a", source, profile="dicom")
    merge([str(tmp_path / "a")], str(tmp_path / "c"))
    assert (tmp_path / "c" / "key").read_bytes() == (tmp_path / "a" / "key").read_bytes()
    assert scanned(tmp_path / "c", source, profile="dicom")["reused"] == 4 + 1
    scanned(tmp_path / "b", source, profile="dicom")
    merge([str(tmp_path / "a"), str(tmp_path / "b")], str(tmp_path / "d"))
    assert not (tmp_path / "d" / "key").exists()
    assert len(Folder(str(tmp_path / "d")).runs()) == 2
