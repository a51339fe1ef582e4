"""Lists of keys: what stands in them is taken as far as it can be true, and mistakes are said in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.archives import rows_in, scanned, synthetic
from support.servers import SYNTHETIC_OPTIONS, synthetic_s3

from dcmlint.archive.listing import list_keys
from dcmlint.errors import InputError, UsageError
from dcmlint.sources.folder_source import FolderSource
from dcmlint.sources.key import Key
from dcmlint.sources.object_store import ObjectStore
from dcmlint.sources.open_source import SourceSettings


def listed(path: Path, **settings: Any) -> list[Key]:
    return list(list_keys(FolderSource([]), SourceSettings(keys=str(path), **settings)))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a list of keys"),
        ("k\na.dcm\n", "no column is named key"),
        ("key;size\na.dcm;3\n", "no column is named key"),
        ("key,size\na.dcm,abc\n", "not a list of keys"),
        ("key,modified\na.dcm,yesterday\n", "column modified cannot be read as times"),
    ],
)
def test_a_list_that_is_none(tmp_path, text, says):
    path = tmp_path / "keys.csv"
    path.write_text(text)
    with pytest.raises(UsageError, match=says):
        listed(path)


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"key": ["a.dcm", None]}, "a row has no key"),
        ({"key": ["a.dcm"], "size": ["large"]}, "column size cannot be read as numbers"),
        ({"key": [["a.dcm"]]}, "column key cannot be read as texts"),
    ],
)
def test_columns_of_other_types(tmp_path, columns, says):
    path = tmp_path / "keys.parquet"
    pq.write_table(pa.table(columns), path)
    with pytest.raises(UsageError, match=says):
        listed(path)


def test_columns_that_say_nothing_of_the_object_are_passed_over(tmp_path):
    path = tmp_path / "keys.csv"
    path.write_text("key,size,kind,note,colour\na.dcm,12,problem,x,red\nb.dcm,-5,,,\nc.dcm,0,,,\n")
    assert listed(path) == [Key("a.dcm", 12), Key("b.dcm"), Key("c.dcm")]


def test_a_size_that_is_wrong_in_the_list_changes_nothing(tmp_path):
    archive = synthetic(3)
    sizes = [10, 10**7, 0]
    (tmp_path / "keys.csv").write_text(
        "key,size\n" + "".join(f"{archive.key(number)},{size}\n" for number, size in enumerate(sizes))
    )
    with synthetic_s3(archive) as options:
        run = scanned(
            tmp_path / "out", "s3://b", profile="dicom", options=options, keys=str(tmp_path / "keys.csv")
        )
    assert {row["status"] for row in rows_in(tmp_path / "out", "instances", run["run"])} == {"checked"}


@pytest.mark.parametrize("key", ["../x.dcm", "a//b.dcm", "a\nb.dcm", "http://elsewhere/x.dcm"])
def test_a_key_that_the_client_does_not_read(key):
    source = ObjectStore("s3://b", {**SYNTHETIC_OPTIONS, "endpoint": "http://127.0.0.1:9"})
    (one,) = source.inputs(Key(key))
    with pytest.raises(InputError, match="which obstore does not read"):
        source.open(one)
