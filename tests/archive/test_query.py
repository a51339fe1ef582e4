from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.archives import findings_in, mixed, scanned
from support.slides import ct, to_bytes

from dcmlint.archive.layout import Folder
from dcmlint.archive.page import page_of
from dcmlint.archive.query import Results
from dcmlint.archive.questions import QUESTIONS
from dcmlint.archive.tidy import merge, prune
from dcmlint.cli.app import run as dcmlint
from dcmlint.errors import UsageError


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    """Results of two runs: between them a file has gone and one has come."""
    base = tmp_path_factory.mktemp("archive")
    source, out = mixed(base / "in"), base / "out"
    scanned(out, source, profile="dicom", sender=r"in/(\w+)/")
    (source / "ct" / "cut.dcm").rename(source / "cut2.dcm")
    image = ct()
    image.Modality = "XX"
    image.PatientName = "Doe^Jane"
    image.StudyDate = "notadate"
    (source / "ct" / "zz.dcm").write_bytes(to_bytes(image))
    scanned(out, source, profile="dicom", sender=r"in/(\w+)/")
    return out


@pytest.mark.parametrize("question", sorted(QUESTIONS))
def test_each_question_has_an_answer(archive, question):
    results = Results(Folder(str(archive)))
    found = results.ask(question)
    results.close()
    assert found.num_rows > 0


def asked(archive: Path, question: str, run: str = "") -> list[dict]:
    results = Results(Folder(str(archive)), run)
    try:
        return results.ask(question).to_pylist()
    finally:
        results.close()


def test_what_is_new_and_what_is_gone(archive):
    assert {Path(row["path"]).name for row in asked(archive, "new") if row["path"]} == {"zz.dcm", "cut2.dcm"}
    assert {Path(row["path"]).name for row in asked(archive, "gone") if row["path"]} == {"cut.dcm"}


def test_senders_and_series(archive):
    senders = {row["sender"]: row for row in asked(archive, "by-sender")}
    assert senders["ct"]["instances"] == 4
    assert senders["good"]["errors"] == 0
    worst = asked(archive, "worst-series")
    assert worst[0]["errors"] == max(row["errors"] for row in worst) > 0
    assert any(row["path"].endswith("zz.dcm") for row in asked(archive, "refused"))


def test_findings_are_those_of_the_run(archive):
    run = Folder(str(archive)).runs()[-1]["run"]
    (row,) = asked(archive, f"SELECT count(*) AS n FROM findings WHERE run = '{run}'")
    assert row["n"] == len(findings_in(archive, run))
    (row,) = asked(archive, "SELECT sum(fail) AS n FROM outcomes WHERE run = $run")
    assert row["n"] > 0


@pytest.mark.parametrize(
    "sql",
    [
        "COPY runs TO 'x.csv'", "SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM '/etc/passwd'", "DROP VIEW findings",
        "SELECT 1; SELECT 2", "ATTACH 'x.db'", "SELECT nothing FROM runs", "INSTALL httpfs", "PRAGMA version",
    ],
)  # fmt: skip
def test_only_the_results_are_read_and_nothing_is_written(archive, sql, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError):
        asked(archive, sql)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("view", ["runs", "instances", "findings", "outcomes", "keys"])
def test_each_column_can_be_named_without_quotes(archive, view):
    from dcmlint.archive.layout import KINDS
    from dcmlint.archive.schema import RUNS

    names = RUNS.names if view == "runs" else [*KINDS[view].names, "run"]
    assert asked(archive, f"SELECT {', '.join(names)} FROM {view} LIMIT 1")


def test_a_question_that_is_none(archive):
    with pytest.raises(UsageError, match="worst-series"):
        asked(archive, "worst-serie")
    with pytest.raises(UsageError, match="no such run"):
        asked(archive, "runs", "1999")


def test_the_command_answers_as_text_json_csv_and_parquet(archive, tmp_path, capsys):
    assert dcmlint(["query", str(archive)]) == 0
    assert "worst-series" in capsys.readouterr().out
    assert dcmlint(["query", str(archive), "by-rule"]) == 0
    assert capsys.readouterr().out.splitlines()[0].split()[:3] == ["rule", "name", "severity"]
    assert dcmlint(["query", str(archive), "by-rule", "-f", "json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert dcmlint(["query", str(archive), "by-rule", "-f", f"parquet={tmp_path}/a.parquet"]) == 0
    assert pq.read_table(tmp_path / "a.parquet").num_rows == len(rows)
    capsys.readouterr()
    assert dcmlint(["query", str(archive), "refused", "-f", "csv"]) == 0
    assert capsys.readouterr().out.startswith('"path"')
    assert dcmlint(["query", str(archive), "by-rule", "-f", "xml"]) == 2
    assert dcmlint(["query", str(tmp_path / "none"), "runs"]) == 2


@pytest.mark.parametrize("question", ["by-sender", "cost", "SELECT sum(errors) AS errors FROM instances"])
def test_numbers_are_numbers_in_json(archive, capsys, question):
    assert dcmlint(["query", str(archive), question, "-f", "json"]) == 0
    row = json.loads(capsys.readouterr().out.splitlines()[0])
    for name in {"errors", "bytes_read", "requests"} & row.keys():
        assert type(row[name]) is int


def test_an_answer_without_rows_says_so(archive, capsys):
    assert dcmlint(["query", str(archive), "SELECT rule FROM findings WHERE rule = ''"]) == 0
    assert "no rows" in capsys.readouterr().err


def test_a_formula_in_csv_is_none():
    import pyarrow as pa

    from dcmlint.archive.flat import csv_bytes

    assert (
        csv_bytes(pa.table({"a": ["=1+1", "x"], "b": [[1], [2]]})) == b'"a","b"\n"\'=1+1","[1]"\n"x","[2]"\n'
    )


# -- the page ------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text += data


def test_the_page_shows_runs_rules_senders_and_examples(archive):
    results = Results(Folder(str(archive)))
    page = Page()
    page.feed(page_of(results))
    results.close()
    assert page.tags.count("rect") == 2
    assert "script" not in page.tags
    runs = Folder(str(archive)).runs()
    for words in (runs[0]["run"], runs[1]["run"], "zz.dcm", "by errors per instance", "Incomplete"):
        assert words in page.text or (
            words == "Incomplete" and not runs[1]["unreadable"] + runs[1]["partial"]
        )
    assert "Jane" not in page.text
    assert "notadate" not in page.text


def test_names_in_the_page_are_text(tmp_path):
    source = tmp_path / "<b>in"
    source.mkdir()
    (source / "<script>x.dcm").write_bytes(b"no")
    scanned(tmp_path / "out", source)
    results = Results(Folder(str(tmp_path / "out")))
    text = page_of(results)
    results.close()
    assert "<script>" not in text
    assert "&lt;script&gt;x.dcm" in text


def test_the_command_writes_the_page(archive, tmp_path, capsys):
    assert dcmlint(["report", str(archive), "-f", f"html={tmp_path}/a.html"]) == 0
    assert (tmp_path / "a.html").read_text().startswith("<!doctype html>")
    assert dcmlint(["report", str(archive), "-f", "pdf"]) == 2
    capsys.readouterr()


# -- merge and prune -----------------------------------------------------------------------------------------


def test_folders_are_merged_once(archive, tmp_path):
    other = tmp_path / "other"
    run = scanned(other, mixed(tmp_path / "in"))["run"]
    assert merge([str(archive), str(other)], str(tmp_path / "all")) == 3
    assert merge([str(archive), str(other)], str(tmp_path / "all")) == 0
    assert findings_in(tmp_path / "all", run) == findings_in(other, run)
    assert len(asked(tmp_path / "all", "SELECT DISTINCT run FROM instances")) == 3


def test_old_runs_are_pruned(archive, tmp_path):
    out = tmp_path / "all"
    merge([str(archive)], str(out))
    old, new = (row["run"] for row in Folder(str(out)).runs())
    with pytest.raises(UsageError):
        prune(str(out))
    assert prune(str(out), keep=1) == [old]
    assert [row["run"] for row in Folder(str(out)).runs()] == [new]
    assert not list(out.glob(f"*/run={old}"))
    assert prune(str(out), facts=True) == [new]
    assert not Folder(str(out)).shards("facts", new)
    assert asked(out, "by-rule")
    assert dcmlint(["prune", str(out), "--keep", "0"]) == 0
    assert Folder(str(out)).runs() == []
    # What was linked stays where it came from.
    assert asked(archive, "by-rule")


@pytest.mark.parametrize("command", [["query"], ["query", "by-rule"], ["report", "-f", "html"]])
def test_a_folder_without_results_is_an_error(tmp_path, capsys, command):
    name, *rest = command
    for folder in (tmp_path / "absent", tmp_path):
        assert dcmlint([name, str(folder), *rest]) == 2
        out, err = capsys.readouterr()
        assert not out
        assert f"{folder} contains no results of a scan" in err


def test_tables_fit_the_terminal(monkeypatch, capsys):
    import pyarrow as pa

    from dcmlint.cli.query import _print

    table = pa.table({"rule": ["MOD001"], "message": ["m" * 90], "path": ["a/" * 40 + "b.dcm"], "n": [7]})
    monkeypatch.delenv("COLUMNS", raising=False)
    _print(table, 40)
    assert "m" * 90 in capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", "60")
    _print(table, 40)
    said = capsys.readouterr()
    assert max(len(line) for line in said.out.splitlines()) == 60
    (row,) = said.out.splitlines()[1:]
    assert row.startswith("MOD001  mm")
    assert row.endswith("b.dcm  7")
    assert "-f csv" in said.err
    run = "20261128T184449Z-f83a"
    _print(pa.table({"run": [run], "source": ["s3://bucket/" * 9]}), 40)
    assert capsys.readouterr().out.splitlines()[1].startswith(run)
