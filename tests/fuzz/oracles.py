"""What must hold of any input: each oracle returns what is wrong, or nothing."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import tempfile
from collections.abc import Iterator
from functools import cache
from xml.etree import ElementTree

import pytest
from support.markers import MARKER, written

from dcmlint.cli.app import run
from dcmlint.dicom import tokens
from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.engine.report import Report
from dcmlint.engine.session import Checker, Task
from dcmlint.engine.settings import Settings
from dcmlint.engine.totals import Totals
from dcmlint.errors import DcmlintError
from dcmlint.profiles.resolve import resolve_profile

_NEVER = 1 << 40
_CODES = (0, 1, 4)


@cache
def _checker() -> Checker:
    return Checker(Settings(frames="all", profile="wsi-strict"))


def report_of(data: bytes, threshold: int | None = None) -> Report:
    """The report on one instance; sequences of ``threshold`` items and more are read a column at a time."""
    with pytest.MonkeyPatch.context() as patch:
        if threshold is not None:
            patch.setattr(tokens, "MANY_ITEMS", threshold)
        totals = Totals(_checker())
        totals.add(_checker().check_opened(Task("a.dcm", True), WholeBuffer(data)))
        return totals.report(started=0.0, fail_on="error", config=None)


def instance(data: bytes) -> Iterator[str]:
    """No rule crashes, the exit code is one of those documented, and both readers say the same."""
    report = report_of(data)
    if report.summary.crashed:
        yield f"a rule crashed: {report.unsettled()[1]}"
    if report.exit_code not in _CODES:
        yield f"exit code {report.exit_code}"
    ours, plain = report_of(data, 1), report_of(data, _NEVER)
    if (ours.findings, ours.outcomes, ours.undecided) != (plain.findings, plain.outcomes, plain.undecided):
        only = sorted({repr(one) for one in ours.findings} ^ {repr(one) for one in plain.findings})
        yield f"the two readers differ: {only[:2] or 'in outcomes'}"


def well_formed(data: bytes) -> Iterator[str]:
    """Every format can be read by its readers, and shows no marker of a patient."""
    report = report_of(data)
    for name, text in written(report):
        if MARKER in text:
            at = text.index(MARKER)
            yield f"a patient's data in {name}: …{text[max(0, at - 100) : at + 20]!r}"
        try:
            if name == "junit":
                ElementTree.fromstring(text)
            elif name in ("json", "sarif", "gitlab"):
                json.loads(text)
            elif name == "jsonl":
                [json.loads(line) for line in text.splitlines()]
            elif name == "csv" and len({len(row) for row in csv.reader(io.StringIO(text))}) > 1:
                yield "rows of the CSV differ in length"
        except (ValueError, ElementTree.ParseError) as error:
            yield f"{name} is not well-formed: {error}"


def never_whole(data: bytes) -> Iterator[str]:
    """What was cut within Pixel Data or before does not pass."""
    if report_of(data).exit_code == 0:
        yield "a cut instance passes"


def packed(kind: str, data: bytes, members: int) -> Iterator[str]:
    """An archive passes only if each of its members was checked; whatever comes, the run ends with a documented code."""
    with tempfile.TemporaryDirectory() as folder:
        path, out = os.path.join(folder, f"a.{kind}"), os.path.join(folder, "out.json")
        with open(path, "wb") as stream:
            stream.write(data)
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = run(["check", "--isolated", "-p", "dicom", "-f", f"json={out}", path])
        if "Traceback" in said.getvalue():
            yield said.getvalue()[-500:]
        if code not in (*_CODES, 2):
            yield f"exit code {code}"
        if code == 0:
            with open(out, encoding="utf-8") as stream:
                checked = json.load(stream)["summary"]["checked"]
            if checked < members:
                yield f"passes with {checked} of {members} members checked"


def profile(data: bytes) -> Iterator[str]:
    """A profile is read, or refused with a message; an exception of another kind is for the caller to see."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "fuzz.yaml")
        with open(path, "wb") as stream:
            stream.write(data)
        try:
            resolve_profile(path)
        except DcmlintError as refused:
            if not str(refused).strip():
                yield "refused without a word"


def configuration(data: bytes) -> Iterator[str]:
    """A configuration is read, or refused with a line and exit code 2."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "dcmlint.toml")
        with open(path, "wb") as stream:
            stream.write(data)
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = run(["config", "show", "--config", path])
        if code not in (0, 2) or "Traceback" in said.getvalue():
            yield f"exit code {code}: {said.getvalue()[-300:]}"
