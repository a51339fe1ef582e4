"""Where reports go: opened before anything is checked, never one of the inputs, complete or not there at all."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

import msgspec

from dcmlint.engine.stream import Stream
from dcmlint.errors import UsageError

if TYPE_CHECKING:
    from dcmlint.engine.exhibit import AssociationRecord
    from dcmlint.engine.image_exhibit import ImageExhibit
    from dcmlint.engine.report import Closing
    from dcmlint.findings.finding import FileRecord, Finding
    from dcmlint.reports.writer import Head, Writer


class Outputs(Stream):
    """The formats that were asked for and their sinks.

    A file is written beside its target and takes its name when it is complete.  Raises `UsageError` for a target that
    cannot be written, is written twice, or is an input.
    """

    def __init__(self, wanted: Sequence[tuple[str, str | None]], inputs: Iterable[str] = ()) -> None:
        self._open: list[tuple[str, str | None, IO[Any], str]] = []
        self._writers: list[tuple[str, Writer]] = []
        self._targets = [target for _, target in wanted]
        try:
            targets: set[str] = set()
            named = list(inputs)
            for name, target in wanted:
                if target is not None:
                    place = os.path.realpath(target)
                    if place in targets:
                        raise UsageError(f"{target}: two formats cannot be written into one file")
                    targets.add(place)
                    _not_an_input(target, named)
                self._open.append((name, target, *_sink(name, target)))
        except BaseException:
            self._drop()
            raise

    def __enter__(self) -> Outputs:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._drop()

    def start(self, head: Head) -> Outputs:
        """Make the writers; from then on it is a `dcmlint.engine.stream.Stream`, whose end completes the files.

        ``head.printed``: what goes to standard output stands on the terminal already.
        """
        from dcmlint.reports.registry import writer_class

        plain = msgspec.structs.replace(
            head.text, width=80, colour=False, links=False, unicode=True, table=False
        )
        for name, target, sink, _ in self._open:
            made, variant = writer_class(name)
            if target is None:
                own = msgspec.structs.replace(head, variant=variant)
            else:
                own = msgspec.structs.replace(head, variant=variant, text=plain, printed=False)
            self._writers.append((target or "standard output", made(sink, own)))
        return self

    @property
    def files_only(self) -> list[str]:
        """The files that are written, where nothing goes to standard output."""
        return [] if None in self._targets else [target for target in self._targets if target is not None]

    @property
    def prints(self) -> bool:
        """Whether something goes to a terminal while the run goes on."""
        return sys.stdout.isatty() and any(
            one[1] is None and writer.live for one, (_, writer) in zip(self._open, self._writers, strict=True)
        )

    def flush(self) -> None:
        """Let whoever reads standard output have what was written."""
        for name, target, sink, _ in self._open:
            if target is None:
                with _told(name):
                    sink.flush()

    def begin(self) -> None:
        """To all writers, as all that follows."""
        self._each(lambda writer: writer.begin())

    def skipped(self, record: FileRecord) -> None:
        """An input that is no DICOM."""
        self._each(lambda writer: writer.skipped(record))

    def file(self, record: FileRecord) -> None:
        """An input."""
        self._each(lambda writer: writer.file(record))

    def exhibit(self, path: str, exhibit: ImageExhibit) -> None:
        """What there is to draw of it."""
        self._each(lambda writer: writer.exhibit(path, exhibit))

    def association(self, record: AssociationRecord) -> None:
        """An endpoint or association."""
        self._each(lambda writer: writer.association(record))

    def finding(self, finding: Finding) -> None:
        """A finding."""
        self._each(lambda writer: writer.finding(finding))

    def end(self, closing: Closing) -> None:
        """The end: files get their names."""
        self._each(lambda writer: writer.end(closing))
        for _, target, sink, made_name in self._open:
            with _told(target or "standard output"):
                sink.flush()
                if target is not None:
                    sink.close()
                    if made_name != target:
                        os.replace(made_name, os.path.realpath(target))
        self._open = [one for one in self._open if one[1] is None]
        self._writers = []

    def _each(self, call: Callable[[Writer], None]) -> None:
        # For each finding: a context manager of its own for each of them would cost as much as the writers.
        for name, writer in self._writers:
            try:
                call(writer)
            except BrokenPipeError:
                raise
            except OSError as error:
                raise _unwritable(name, error) from None

    def _drop(self) -> None:
        """Leave no incomplete file behind."""
        for _, target, sink, made_name in self._open:
            if target is None:
                continue
            sink.close()
            if made_name != target:
                Path(made_name).unlink(missing_ok=True)
        self._open = []


@contextmanager
def _told(name: str) -> Iterator[None]:
    """A disk that is full is told as one line; a reader that went away ends the run in silence."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _unwritable(name, error) from None


def _unwritable(name: str, error: OSError) -> UsageError:
    return UsageError(f"{name} cannot be written: {error.strerror}")


def replace_file(target: str, data: bytes) -> None:
    """Write a file whole, or leave what is there.  Raises `UsageError`."""
    _not_an_input(target, ())
    sink, made_name = _opened(target, binary=True)
    try:
        with sink:
            sink.write(data)
        if made_name != target:
            os.replace(made_name, os.path.realpath(target))
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror}") from None


def _sink(name: str, target: str | None) -> tuple[IO[Any], str]:
    """A sink and the name of its file."""
    from dcmlint.reports.registry import writer_class

    binary = writer_class(name)[0].binary
    if target is None:
        return (sys.stdout.buffer if binary else sys.stdout), ""
    return _opened(target, binary)


def _opened(target: str, binary: bool) -> tuple[IO[Any], str]:
    """A file beside the target, or the target itself where it is a device."""
    how: dict[str, Any] = {} if binary else {"encoding": "utf-8", "errors": "backslashreplace", "newline": ""}
    try:
        place = os.path.realpath(target)
        if os.path.exists(place) and not os.path.isfile(place):
            return open(target, "wb" if binary else "w", **how), target
        if os.path.exists(place) and not os.access(place, os.W_OK):
            raise PermissionError(13, "Permission denied")
        handle, made_name = tempfile.mkstemp(
            prefix=f".{os.path.basename(place)[:100]}.", dir=os.path.dirname(place)
        )
        os.chmod(made_name, 0o666 & ~_umask())
        return os.fdopen(handle, "wb" if binary else "w", **how), made_name
    except (OSError, ValueError) as error:
        raise UsageError(f"{target} cannot be written: {getattr(error, 'strerror', None) or error}") from None


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _not_an_input(target: str, inputs: Iterable[str]) -> None:
    """An image is never overwritten: neither an input that was named nor a DICOM file that stands there."""
    try:
        if not os.path.isfile(target):
            return
        if any(os.path.exists(one) and os.path.samefile(one, target) for one in inputs):
            raise UsageError(f"{target} is an input: a report would overwrite it")
        with open(target, "rb") as stream:
            if stream.read(132)[128:] == b"DICM":
                raise UsageError(f"{target} is a DICOM file: a report would overwrite it")
    except OSError:
        return  # opening it for writing says what is wrong
