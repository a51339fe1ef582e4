"""Ten thousand objects of a server: listed, sampled and scanned, without holding them."""

from __future__ import annotations

import tracemalloc
from bisect import bisect_left

import pytest
from support.archives import rows_in, scanned, synthetic
from support.servers import Synthetic, synthetic_s3

from dcmlint.archive.layout import Folder
from dcmlint.archive.plan import Choice, shards

COUNT = 10_000


def test_a_sample_of_ten_thousand_is_the_same_each_time(tmp_path):
    with synthetic_s3(synthetic(COUNT)) as options:
        run = scanned(
            tmp_path / "out", "s3://b/archive", profile="dicom", options=options, choice=Choice(share=0.01)
        )
        again = scanned(
            tmp_path / "again",
            "s3://b/archive",
            profile="dicom",
            options=options,
            choice=Choice(share=0.01),
            jobs=1,
        )
    rows = rows_in(tmp_path / "out", "instances", run["run"])
    assert 60 < len(rows) < 150
    assert [row["path"] for row in rows] == [
        row["path"] for row in rows_in(tmp_path / "again", "instances", again["run"])
    ]
    assert {row["status"] for row in rows} == {"checked"}


def test_one_of_each_series(tmp_path):
    with synthetic_s3(synthetic(3_000)) as options:
        run = scanned(
            tmp_path / "out",
            "s3://b/archive",
            profile="dicom",
            options=options,
            choice=Choice(one_per_series=True),
        )
    rows = rows_in(tmp_path / "out", "instances", run["run"])
    assert len(rows) == 30
    assert len({row["series_instance_uid"] for row in rows}) == 30


def test_a_listing_is_not_held(tmp_path):
    from dcmlint.sources.object_store import ObjectStore

    def peak(count: int) -> int:
        folder = Folder(str(tmp_path / str(count)), create=True)
        with synthetic_s3(synthetic(count)) as options:
            source = ObjectStore("s3://b/archive", options)
            tracemalloc.start()
            planned = sum(one.keys.num_rows for one in shards(folder, "r", source.listed, Choice(), 500))
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            source.close()
        assert planned == count
        return most

    peak(500)
    assert peak(COUNT) < 1.5 * peak(2_000)


def test_a_listing_goes_on_where_it_was(tmp_path):
    from itertools import islice

    from dcmlint.sources.object_store import ObjectStore

    folder = Folder(str(tmp_path / "out"), create=True)
    with synthetic_s3(synthetic(3_000)) as options:
        source = ObjectStore("s3://b/archive", options)
        first = list(islice(shards(folder, "r", source.listed, Choice(), 500), 4))
        every = list(shards(folder, "r", source.listed, Choice(), 500))
        again = list(shards(folder, "r", source.listed, Choice(), 500))
        source.close()
    keys = [key for one in every for key in one.keys.column("key").to_pylist()]
    assert len(keys) == len(set(keys)) == 3_000
    assert keys == sorted(keys)
    assert [one.digest for one in every[:4]] == [one.digest for one in first]
    assert [one.keys.num_rows for one in again] == [one.keys.num_rows for one in every]


def test_keys_come_from_a_file(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    archive = synthetic(3_000)
    names = [archive.key(number) for number in range(0, 3_000, 500)]
    kinds = ["CT", "MR"] * 3
    pq.write_table(pa.table({"key": names, "modality": kinds}), tmp_path / "keys.parquet")
    (tmp_path / "keys.csv").write_text(
        "key,size\n" + "".join(f"{name},{len(archive.data(0))}\n" for name in names)
    )
    with synthetic_s3(archive) as options:
        for name, more, count in (
            ("keys.parquet", {}, 6),
            ("keys.csv", {}, 6),
            ("keys.parquet", {"modality": "CT"}, 3),
        ):
            run = scanned(
                tmp_path / f"{name}{count}",
                "s3://b",
                profile="dicom",
                options=options,
                keys=str(tmp_path / name),
                **more,
            )
            assert run["checked"] == count


class Named(Synthetic):
    """One object in each of the series that are named, in the order of the names."""

    prefix = ""

    def __init__(self, series: list[str]) -> None:
        made = synthetic(len(series))
        super().__init__(made.count, made._image, made._instance.decode(), made._series.decode())
        self._names = sorted(f"{one}/1.dcm" for one in series)

    def key(self, number: int) -> str:
        return self._names[number]

    def number(self, key: str) -> int:
        place = bisect_left(self._names, key)
        return place if place < len(self._names) and self._names[place] == key else -1


@pytest.fixture(scope="module")
def real_series() -> list[dict[str, object]]:
    """The first ten thousand series of a public archive, as its index names them."""
    index = pytest.importorskip("idc_index_data")
    import pyarrow.parquet as pq

    file = pq.ParquetFile(index.IDC_INDEX_PARQUET_FILEPATH)
    columns = ["crdc_series_uuid", "Modality"]
    rows = next(file.iter_batches(COUNT, columns=columns)).to_pylist()
    assert len(rows) == COUNT
    return rows


def test_the_series_of_a_public_archive_are_listed(tmp_path, real_series):
    from dcmlint.sources.object_store import ObjectStore

    archive = Named([str(row["crdc_series_uuid"]) for row in real_series])
    folder = Folder(str(tmp_path / "out"), create=True)
    with synthetic_s3(archive) as options:
        source = ObjectStore("s3://b", options)
        every = [
            key
            for one in shards(folder, "r", source.listed, Choice(), 2_000)
            for key in one.keys.column("key").to_pylist()
        ]
        source.close()
    assert every == [f"s3://b/{archive.key(number)}" for number in range(COUNT)]


def test_an_index_of_a_public_archive_is_a_list_of_keys(tmp_path, real_series):
    import pyarrow as pa
    import pyarrow.parquet as pq

    wanted = [row for row in real_series if row["Modality"] == "MR"][:5]
    archive = Named([str(row["crdc_series_uuid"]) for row in real_series])
    few = [row for row in real_series if row["Modality"] != "MR"][:50] + wanted
    keys = [f"{row['crdc_series_uuid']}/1.dcm" for row in few]
    table = pa.table({"key": keys, "modality": [row["Modality"] for row in few]})
    pq.write_table(table, tmp_path / "keys.parquet")
    with synthetic_s3(archive) as options:
        run = scanned(
            tmp_path / "out", "s3://b", profile="dicom", options=options, keys=str(tmp_path / "keys.parquet"), modality="MR"
        )  # fmt: skip
    paths = {row["path"] for row in rows_in(tmp_path / "out", "instances", run["run"])}
    assert wanted
    assert paths == {f"s3://b/{row['crdc_series_uuid']}/1.dcm" for row in wanted}
    assert run["checked"] == len(wanted)
