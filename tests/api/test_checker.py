"""The public Checker: what it takes, what it refuses, and that threads and calls can share it."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support import slides

import dcmlint
from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.engine.settings import Settings

GOOD = Path(__file__).resolve().parents[2] / "examples" / "slide-good"


def test_a_checker_takes_paths_bytes_buffers_and_data_sets() -> None:
    checker = dcmlint.Checker()
    made = slides.full_native()
    data = slides.to_bytes(made)
    for source in (data, bytearray(data), memoryview(data), WholeBuffer(data), made):
        report = checker.check(source, name="x")
        assert (report.files[0].path, report.exit_code) == ("x", 0)
    assert checker.check(GOOD / "label.dcm").summary.files == 1
    assert checker.check([GOOD / "label.dcm", str(GOOD / "level-0.dcm")]).summary.files == 2
    assert checker.check(GOOD).summary.files == 5, "nothing is left of the calls before"
    with pytest.raises(dcmlint.UsageError, match="a int is not a path, bytes, buffer or data set"):
        checker.check(5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"frames": "bogus"}, "frames: 'bogus' is none of auto, all, sample, none"),
        ({"show_values": "some"}, "show_values: 'some' is none of safe, none, all"),
        ({"select": "TILE"}, "select: 'TILE' is not a list of words"),
        ({"severity": {"TILE003": "bad"}}, "'TILE003' is given 'bad', which is none of error, warning, info"),
        ({"group": "yes"}, "group: 'yes'"),
        ({"fail_on": "bogus"}, "fail_on: 'bogus' is none of error, warning, info, or None"),
        ({"frame": "all"}, "'frame' is not a setting: did you mean frames?"),
        ({"jbos": 2}, "'jbos' is not a setting"),
        ({"profile": "wis"}, "did you mean wsi?"),
        ({"select": ["NOPE"]}, "'NOPE' is not a rule"),
    ],
)
def test_wrong_settings_are_usage_errors_that_list_the_choices(
    settings: dict[str, object], words: str
) -> None:
    with pytest.raises(dcmlint.UsageError) as error:
        dcmlint.check_bytes(b"", **settings)  # type: ignore[arg-type]
    assert words in str(error.value)


def test_settings_are_validated_wherever_they_are_made() -> None:
    assert Settings(select=["TILE"]).select == ("TILE",)  # type: ignore[arg-type]
    with pytest.raises(dcmlint.UsageError):
        Settings(profile=3)  # type: ignore[arg-type]


OWN = """id: lab
version: "1"
title: Lab
extends: [dicom]
area: LAB
rules: {LAB101: error}
own_rules:
  - {id: LAB101, name: few-rows, title: Few rows, severity: error, basis: local, scope: instance,
     references: [{part: PS3.3, section: C.7}], assert: "%s", message: m, why: w, remedy: r, examples: []}
"""


def test_a_mistake_in_a_profile_is_told_before_anything_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "lab.yaml"
    for expression in ("Rows.__class__ == 1", "Rowz == 1", "matches(PatientID, '[')"):
        path.write_text(OWN % expression)
        with pytest.raises(dcmlint.LocatedError) as error:
            dcmlint.Checker(str(path))
        assert error.value.line == 9, expression
    done = subprocess.run(
        [sys.executable, "-m", "dcmlint.cli", "check", "--isolated", "-p", str(path), str(GOOD)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{path}:9:" in done.stderr


def test_compiled_rules_go_with_their_profile(tmp_path: Path) -> None:
    path = tmp_path / "lab.yaml"
    path.write_text(OWN % "Rows == 1")
    checker = dcmlint.Checker(str(path))
    (own,) = [active for active in checker._checker.planner.rules if active.id == "LAB101"]
    kept = weakref.ref(own.compiled.assertion.run)  # type: ignore[union-attr]
    assert kept() is not None
    del own, checker
    gc.collect()
    assert kept() is None


def test_many_threads_share_a_checker() -> None:
    checker = dcmlint.Checker()
    whole = slides.full_native()
    short = slides.full_native()
    short.NumberOfFrames = 1
    data = [slides.to_bytes(whole), slides.to_bytes(short)]
    alone = [[(f.rule, f.path, f.message) for f in checker.check(one).findings] for one in data]
    with ThreadPoolExecutor(8) as pool:
        reports = list(pool.map(checker.check, data * 20))
    assert alone[0] != alone[1]
    for number, report in enumerate(reports):
        assert [(f.rule, f.path, f.message) for f in report.findings] == alone[number % 2]


_FIRST_USE = """
import sys, threading
from pathlib import Path
sys.setswitchinterval(1e-5)
import dcmlint
data = Path(sys.argv[1]).read_bytes()
ready = threading.Barrier(16)
seen = []
def work():
    ready.wait()
    seen.append(len(dcmlint.check_bytes(data).findings))
threads = [threading.Thread(target=work) for _ in range(16)]
[one.start() for one in threads]
[one.join() for one in threads]
assert len(seen) == 16 and len(set(seen)) == 1, seen
"""


def test_the_first_use_may_be_in_many_threads() -> None:
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", _FIRST_USE, str(GOOD / "level-0.dcm")],
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]


def test_a_rule_that_crashes_is_named_with_its_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from dcmlint.rules import functions

    functions.function_names()

    def broken(context: object, **parameters: object) -> list[object]:
        raise ValueError("Doe^Jane")

    monkeypatch.setitem(functions._FUNCTIONS, "lab.broken", broken)
    path = tmp_path / "lab.yaml"
    path.write_text(OWN.replace('assert: "%s", message: m', "kind: function, function: lab.broken"))
    report = dcmlint.check_bytes(slides.to_bytes(slides.full_native()), name="a.dcm", profile=str(path))
    undecided, crashed = report.unsettled()
    assert [(one.rule, one.first) for one in crashed] == [("LAB101", "a.dcm")]
    assert crashed[0].reason.startswith("ValueError in test_checker.py:")
    assert "LAB101" not in {one.rule for one in undecided}
    assert report.exit_code == 4

    from dcmlint.reports.json_report import report_value
    from dcmlint.reports.text import text_of_report
    from dcmlint.reports.writer import TextOptions

    assert report_value(report)["crashed"][0]["rule"] == "LAB101"
    text = text_of_report(report, TextOptions())
    assert "LAB101: ValueError in test_checker.py:" in " ".join(text.split())
    assert "Doe" not in text
