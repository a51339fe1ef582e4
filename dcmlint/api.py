"""The Python interface: the same engine as the command line, without printing and without exit."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeAlias, get_args

from dcmlint.dicom.buffers import Buffer, WholeBuffer
from dcmlint.engine import session
from dcmlint.engine.processes import check_inputs
from dcmlint.engine.report import Report
from dcmlint.engine.settings import Settings, settings_of
from dcmlint.engine.totals import Totals
from dcmlint.errors import InputError, UsageError
from dcmlint.findings.finding import Severity

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

Path: TypeAlias = str | os.PathLike[str]
Bytes: TypeAlias = bytes | bytearray | memoryview


class Checker:
    """The rules of a profile, made once and kept: check as many inputs as you like, in several threads.

    ``profile``: a name or the path of a file; ``fail_on``: the least severity that fails a report, None: none does;
    ``settings``: the fields of `Settings`, such as ``select``, ``ignore``, ``show_values``, ``frames``,
    ``parameters``.  Raises `UsageError` for a profile, rule or setting that is wrong, and nothing later: what an
    input gets wrong is in its report.
    """

    def __init__(self, profile: str = "wsi", *, fail_on: Severity | None = "error", **settings: Any) -> None:
        if fail_on is not None and fail_on not in get_args(Severity):
            raise UsageError(f"fail_on: {fail_on!r} is none of {', '.join(get_args(Severity))}, or None")
        self.fail_on = fail_on
        self._checker = session.Checker(settings_of({"profile": profile, **settings}))

    @property
    def settings(self) -> Settings:
        """The settings that it was made with."""
        return self._checker.settings

    def check(
        self, source: Path | Bytes | Buffer | Dataset | Iterable[Path], *, name: str = "",
        transfer_syntax: str | None = None, jobs: int = 1,
    ) -> Report:  # fmt: skip
        """Check an input, or several paths together.

        ``source``: a path (a file, a folder, an archive) or several; or one instance: its bytes, a
        `dcmlint.dicom.buffers.Buffer`, or a pydicom data set, checked as pydicom would write it (it repairs some of
        the encoding when it writes, which is not seen here; `InputError` where it cannot).
        ``name``: how the report calls an instance; ``transfer_syntax``: the UID, for an instance without file meta
        information.  ``jobs``: processes for paths; 0: one for each core.
        """
        started = time.monotonic()
        totals = Totals(self._checker)
        for result in self._results(source, name, transfer_syntax, jobs):
            totals.add(result)
        return totals.report(started=started, fail_on=self.fail_on, config=None)

    def _results(
        self, source: Any, name: str, transfer_syntax: str | None, jobs: int
    ) -> Iterable[session.Result]:
        if isinstance(source, (str, os.PathLike)):
            return self._of_paths([source], jobs)
        if isinstance(source, (bytes, bytearray, memoryview)):
            return [self._of_buffer(WholeBuffer(bytes(source)), name or "<bytes>", transfer_syntax)]
        if hasattr(source, "window"):
            return [self._of_buffer(source, name or "<buffer>", transfer_syntax)]
        if hasattr(source, "to_json_dict"):
            data, stated = _written(source)
            return [self._of_buffer(WholeBuffer(data), name or "<dataset>", transfer_syntax or stated)]
        if not isinstance(source, Iterable):
            raise UsageError(f"a {type(source).__name__} is not a path, bytes, buffer or data set")
        return self._of_paths(list(source), jobs)

    def _of_buffer(self, buffer: Buffer, name: str, syntax: str | None) -> session.Result:
        return self._checker.check_opened(session.Task(name, True), buffer, stated_syntax=syntax)

    def _of_paths(self, paths: list[Path], jobs: int) -> Iterable[session.Result]:
        from dcmlint.sources.inputs import list_inputs, open_input

        inputs = list_inputs([os.fspath(path) for path in paths])
        for _, result in check_inputs(self._checker, inputs, open_input, jobs):
            yield result


def check(
    paths: Path | Iterable[Path], *, profile: str = "wsi", fail_on: Severity | None = "error", jobs: int = 1,
    **settings: Any,
) -> Report:  # fmt: skip
    """Check files, folders and archives, once: see `Checker`, which is kept and reused."""
    return Checker(profile, fail_on=fail_on, **settings).check(paths, jobs=jobs)


def check_bytes(
    data: Bytes, *, name: str = "<bytes>", transfer_syntax: str | None = None, profile: str = "wsi",
    fail_on: Severity | None = "error", **settings: Any,
) -> Report:  # fmt: skip
    """Check one instance in memory, once: see `Checker.check`."""
    return Checker(profile, fail_on=fail_on, **settings).check(
        data, name=name, transfer_syntax=transfer_syntax
    )


def check_dataset(
    dataset: Dataset, *, name: str = "<dataset>", profile: str = "wsi", fail_on: Severity | None = "error",
    **settings: Any,
) -> Report:  # fmt: skip
    """Check a pydicom data set as pydicom would write it, once: see `Checker.check`."""
    return Checker(profile, fail_on=fail_on, **settings).check(dataset, name=name)


def _written(dataset: Dataset) -> tuple[bytes, str | None]:
    """A data set as pydicom writes it, and its transfer syntax where no file meta information says it."""
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
    return stream.getvalue(), None if stated else str(ExplicitVRLittleEndian)
