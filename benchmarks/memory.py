"""Peak memory of many small files with findings, beside that of few, and the time of reports of many findings.

    python benchmarks/memory.py [--few 400] [--many 20000] [--findings 100000] [--only check,api,listen,reports]

Every file has the same findings; 100 files make the series of a patient.  A run of each kind is a process of its own; what is
measured is the largest resident memory of it and of the processes that it started.
"""

from __future__ import annotations

import argparse
import io
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
DCMLINT = [str(Path(sys.executable).parent / "dcmlint")]
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
PEAK = (
    "import resource,subprocess,sys;d=subprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL,stderr=subprocess.PIPE);"
    "print(d.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss);sys.stderr.buffer.write(d.stderr)"
)
API = """
import sys
from dcmlint import Checker
report = Checker("dicom").check(sys.argv[1])
print(report.summary.files, sum(1 for _ in report.findings))
"""
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
FORMATS = (
    "full", "grouped", "concise", "json", "jsonl", "csv", "sarif", "junit", "github", "gitlab", "markdown", "html",
)  # fmt: skip


def small_files(folder: Path, count: int) -> Path:
    """CT headers of some 2 kB that lack attributes, with UIDs of their own."""
    import pydicom
    from pydicom.data import get_testdata_file

    one = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    del one.PixelData
    for keyword in (
        "AccessionNumber",
        "StudyID",
        "PatientBirthDate",
        "SeriesNumber",
        "ReferringPhysicianName",
    ):
        if keyword in one:
            delattr(one, keyword)
    one.PatientSex = "X"
    one.StudyDate = "2004.01.19"
    one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{10**9}"
    one.SeriesInstanceUID = f"1.2.4.{10**9}"
    one.StudyInstanceUID = one.FrameOfReferenceUID = f"1.2.5.{10**9}"
    one.PatientID = f"P{10**9}"
    sink = io.BytesIO()
    one.save_as(sink)
    template = sink.getvalue()
    folder.mkdir(parents=True)
    for number in range(count):
        data = template.replace(b"1.2.3.1000000000", b"1.2.3.%d" % (10**9 + number))
        for prefix in (b"1.2.4.", b"1.2.5.", b"P"):
            data = data.replace(prefix + b"1000000000", prefix + b"%d" % (10**9 + number // 100))
        (folder / f"{number:06}.dcm").write_bytes(data)
    return folder


def peak(command: list[str]) -> float:
    """Peak resident memory of a command, in MB."""
    done = subprocess.run(
        [sys.executable, "-c", PEAK, *command], capture_output=True, env=ENVIRONMENT, check=True
    )
    code, size = done.stdout.split()
    if int(code) not in (0, 1, 4):
        raise SystemExit(f"{command} ended with {int(code)}: {done.stderr.decode()}")
    return int(size) * (1 if sys.platform == "darwin" else 1024) / 1e6


def peak_of_listen(folder: Path, count: int) -> float:
    """Peak of a receiver that is sent all files of a folder over one association for each 100, in MB."""
    receiver = subprocess.Popen(
        [*DCMLINT, "listen", "0", "--isolated", "-p", "dicom", "-f", "jsonl"], env=ENVIRONMENT,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert receiver.stderr is not None
    port = receiver.stderr.readline().split(":")[1].split()[0]
    _send(sorted(folder.iterdir())[:count], int(port))
    receiver.send_signal(signal.SIGINT)
    for _ in receiver.stderr:
        pass
    _, status, usage = os.wait4(receiver.pid, 0)
    receiver.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def _send(files: list[Path], port: int) -> None:
    """Not with pynetdicom: on a busy machine its requestor now and then loses an answer, and waits for it for ever."""
    from dcmlint.network.requestor.association import Target, associate, association_request
    from dcmlint.network.wire.associate import ProposedContext
    from dcmlint.standard.uids import ExplicitVRLittleEndian

    target = Target(host="127.0.0.1", port=port, called="DCMLINT", calling="BENCHMARK")
    request = association_request(target, (ProposedContext(1, CT_IMAGE, (ExplicitVRLittleEndian,)),))
    for start in range(0, len(files), 100):
        dialogue, facts, _ = associate(target, request, "benchmark")
        if dialogue is None:
            raise SystemExit(f"the receiver refuses the association: {facts.detail}")
        for path in files[start : start + 100]:
            if dialogue.store(path).status != 0:
                raise SystemExit(f"{path} was refused")
        dialogue.release()
        dialogue.close()


def reports(count: int) -> None:
    """Seconds and peak memory of a report of so many findings in each format."""
    print(f"| a report of {count:,} findings | seconds | peak MB |\n|---|--:|--:|")
    for name in FORMATS:
        code = (
            f"import sys;sys.path.insert(0,{str(HERE)!r});import memory;memory.write_report({name!r},{count})"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, env=ENVIRONMENT, check=True, text=True
        )
        seconds, size = done.stdout.split()[-2:]
        print(f"| {name} | {float(seconds):.1f} | {float(size):.0f} |", flush=True)


def write_report(name: str, count: int) -> None:
    """Check one small file, and write a report of its findings again and again, of files with other names."""
    from msgspec.structs import replace

    import dcmlint
    from dcmlint.engine.session import Checker
    from dcmlint.engine.settings import Settings
    from dcmlint.engine.stream import deliver
    from dcmlint.reports.registry import writer_class
    from dcmlint.reports.writer import TextOptions, head_of

    with tempfile.TemporaryDirectory() as made:
        one = dcmlint.check(str(small_files(Path(made) / "one", 1)), profile="dicom")
    found = one.findings
    number = -(-count // len(found))
    files = tuple(replace(one.files[0], path=f"archive/{place:06}.dcm") for place in range(number))
    findings = (
        replace(each, file=file.path, subject=replace(each.subject, id=file.path, files=(file.path,)))
        for file in files for each in found
    )  # fmt: skip
    report = replace(one, files=files, findings=tuple(findings))
    made_class, variant = writer_class(name)
    checker = Checker(Settings(profile="dicom"))
    with open(os.devnull, "wb" if made_class.binary else "w") as sink:
        started = time.process_time()
        deliver(report, [made_class(sink, head_of(report, checker.rules, TextOptions(show="info"), variant))])
        seconds = time.process_time() - started
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(seconds, size / 1e6)


def _row(label: str, few: float, many: float) -> None:
    print(f"| {label} | {few:.0f} | {many:.0f} | {many / few:.2f} |", flush=True)


def main() -> None:
    """Measure, and print Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--few", type=int, default=400)
    parser.add_argument("--many", type=int, default=20_000)
    parser.add_argument("--findings", type=int, default=100_000)
    parser.add_argument("--only", default="check,three,api,listen,reports")
    asked = parser.parse_args()
    wanted = set(asked.only.split(","))
    folder = Path(tempfile.mkdtemp(prefix="dcmlint-memory-"))
    try:
        if wanted - {"reports"}:
            few = small_files(folder / "few", asked.few)
            many = small_files(folder / "many", asked.many)
            print(f"| peak MB | {asked.few} files | {asked.many} files | ratio |\n|---|--:|--:|--:|")
        check = [*DCMLINT, "check", "--isolated", "-p", "dicom", "-j", "1"]
        for name in ("auto", "json", "jsonl") if "check" in wanted else ():
            sizes = [peak([*check, "-f", f"{name}={folder / 'report'}", str(path)]) for path in (few, many)]
            _row(f"check -f {name}", *sizes)
        if "three" in wanted:
            outputs = [f"{name}={folder / name}" for name in ("jsonl", "sarif", "html")]
            sizes = [
                peak([*check, *(word for one in outputs for word in ("-f", one)), str(path)])
                for path in (few, many)
            ]
            _row("check -f jsonl -f sarif -f html", *sizes)
        if "api" in wanted:
            _row("Checker", *(peak([sys.executable, "-c", API, str(path)]) for path in (few, many)))
        if "listen" in wanted:
            _row("listen", *(peak_of_listen(path, asked.many) for path in (few, many)))
        if "reports" in wanted:
            reports(asked.findings)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
