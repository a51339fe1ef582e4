"""The Python interface: the same engine as the command line, without printing and without exit."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.engine.report import Report
from dcmlint.engine.session import Checker, Task, Totals
from dcmlint.engine.settings import Settings
from dcmlint.errors import InputError
from dcmlint.findings.finding import Severity
from dcmlint.sources.inputs import list_inputs, open_input

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

Path = str | os.PathLike[str]


def check(
    paths: Path | Iterable[Path], *, profile: str = "wsi", fail_on: Severity | None = "error", **settings: Any
) -> Report:
    """Check files, folders and archives.

    ``paths``: one path or several; ``settings``: the fields of `dcmlint.engine.settings.Settings`, such as
    ``select``, ``ignore``, ``show_values``, ``frames``, ``parameters``.  What a file gets wrong is in the
    report; raises `UsageError` only for a wrong profile, rule or setting.
    """
    given = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    started = time.monotonic()
    checker = _checker(profile, settings)
    totals = Totals(checker)
    for one in list_inputs([os.fspath(path) for path in given]):
        totals.add(checker.check(Task(one.path, one.named), partial(open_input, one)))
    return totals.report(started=started, fail_on=fail_on, config=None)


def check_bytes(
    data: bytes, *, name: str = "<bytes>", transfer_syntax: str | None = None, profile: str = "wsi",
    fail_on: Severity | None = "error", **settings: Any,
) -> Report:  # fmt: skip
    """Check one instance in memory.

    ``name``: how the report calls it; ``transfer_syntax``: the UID, for a data set without file meta
    information (as an association delivers it).
    """
    started = time.monotonic()
    checker = _checker(profile, settings)
    totals = Totals(checker)
    totals.add(checker.check_buffer(Task(name, True), WholeBuffer(data), stated_syntax=transfer_syntax))
    return totals.report(started=started, fail_on=fail_on, config=None)


def check_dataset(
    dataset: Dataset, *, name: str = "<dataset>", profile: str = "wsi", fail_on: Severity | None = "error",
    **settings: Any,
) -> Report:  # fmt: skip
    """Check a pydicom data set as pydicom would write it.

    pydicom repairs some of the encoding when it writes; what it repairs is not seen here: check the file for
    that.  Raises `InputError` when pydicom cannot write the data set.
    """
    import io

    from pydicom import dcmwrite
    from pydicom.uid import ExplicitVRLittleEndian

    stream = io.BytesIO()
    meta: Any = getattr(dataset, "file_meta", None)
    stated = meta is not None and "TransferSyntaxUID" in meta
    try:
        if stated:
            dcmwrite(stream, dataset, enforce_file_format="MediaStorageSOPInstanceUID" in meta)
        else:
            dcmwrite(stream, dataset, implicit_vr=False, little_endian=True)
    except (ValueError, TypeError, AttributeError, OverflowError, KeyError, NotImplementedError) as error:
        raise InputError(f"pydicom cannot write the data set: {type(error).__name__}") from error
    return check_bytes(
        stream.getvalue(), name=name, transfer_syntax=None if stated else str(ExplicitVRLittleEndian), profile=profile,
        fail_on=fail_on, **settings,
    )  # fmt: skip


def _checker(profile: str, settings: dict[str, Any]) -> Checker:
    return Checker(Settings(profile=profile, **settings))
