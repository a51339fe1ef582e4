"""One HTML page that opens from disk, without a network: verdict, slides, findings, what was not checked.

The data stand in it once, as compressed JSON; the script of the page draws from them.
"""

from __future__ import annotations

import base64
import tempfile
import weakref
import zlib
from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from typing import Any

import msgspec

from dcmlint.engine.exhibit import AssociationRecord
from dcmlint.engine.image_exhibit import ImageExhibit
from dcmlint.engine.report import INCOMPLETE, Closing
from dcmlint.engine.spool import Spool, SpooledMapping
from dcmlint.findings.finding import RANK, FileRecord, Finding, Reference
from dcmlint.reports.border import printable
from dcmlint.reports.links import reference_link
from dcmlint.reports.words import VERDICTS, counts_of, unchecked
from dcmlint.reports.writer import Writer

_BYTES = ("cells", "first", "sizes", "thumbnail")
_MOST_PICTURES = 32 << 20  # bytes of thumbnails in one page
_IN_MEMORY = 1 << 20  # compressed bytes that are no temporary file
_PART = 3 << 16  # a multiple of three: parts in base64 are the base64 of the whole
_HERE = "(the data)"  # where they stand in the page


class _Packed:
    """Data that are compressed as they come (gzip, the same bytes at any time), and wait on disk where they are many."""

    def __init__(self) -> None:
        self._compressor = zlib.compressobj(6, zlib.DEFLATED, 31)
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY, prefix="dcmlint-")  # noqa: SIM115
        weakref.finalize(self, self._file.close)

    def write(self, data: bytes) -> None:
        self._file.write(self._compressor.compress(data))

    def array(self, elements: Iterable[bytes]) -> None:
        """Write encoded values as an array."""
        self.write(b"[")
        for number, element in enumerate(elements):
            self.write(b"," + element if number else element)
        self.write(b"]")

    def texts(self) -> Iterator[str]:
        """All of it as a page holds it, in parts."""
        self._file.write(self._compressor.flush())
        self._file.seek(0)
        while part := self._file.read(_PART):
            yield base64.b64encode(part).decode()


class HtmlWriter(Writer):
    """Rows are compressed as they come, and exhibits wait on disk: what grows is the page alone."""

    @property
    def live(self) -> bool:
        """It is drawn at the end."""
        return False

    def begin(self) -> None:
        """The compressed data begin with the findings."""
        self._packed = _Packed()
        self._packed.write(b'{"findings":[')
        self._between = b""
        self._subjects = Spool(bytes)
        self._numbers: dict[str, int] = {}
        self._rules: dict[str, int] = {}
        self._references: dict[Reference, int] = {}
        self._images = SpooledMapping(bytes)
        self._associations: list[dict[str, Any]] = []
        self._skipped = Spool(bytes)
        self._open = 0
        self._pictures = 0

    def skipped(self, record: FileRecord) -> None:
        """Path and kind."""
        self._skipped.append(msgspec.json.encode([printable(record.path), printable(record.title)]))

    def file(self, record: FileRecord) -> None:
        """A subject of findings."""
        self._open = self._subject(
            record.path,
            record.title,
            record.status,
            record.passed,
            record.not_applicable,
            list(record.undecided),
        )

    def exhibit(self, path: str, exhibit: ImageExhibit) -> None:
        """What there is to draw; bytes as base64."""
        self._pictures += len(exhibit.thumbnail)
        if self._pictures > _MOST_PICTURES:
            exhibit = msgspec.structs.replace(exhibit, thumbnail=b"", no_thumbnail="the page has too many")
        value = {field: getattr(exhibit, field) for field in exhibit.__struct_fields__ if field not in _BYTES}
        for field in _BYTES:
            value[field] = base64.b64encode(getattr(exhibit, field)).decode()
        for field in ("flavour", "organization", "no_thumbnail"):
            value[field] = printable(value[field])
        value["path"] = printable(path)
        self._images.put(path, msgspec.json.encode(value))

    def association(self, record: AssociationRecord) -> None:
        """A subject of findings with its table of contexts."""
        self._open = self._subject(record.id, record.title, record.status, 0, 0, list(record.undecided))
        self._associations.append({
            "id": printable(record.id), "title": printable(record.title), "status": record.status,
            "lines": [[printable(label), printable(text)] for label, text in record.lines],
            "contexts": [
                [printable(row.sop_class_name), [printable(name) for name in row.names], row.result, printable(row.answer)]
                for row in record.contexts
            ],
        })  # fmt: skip

    def _subject(
        self, name: str, title: str, status: str, passed: int, unfit: int, undecided: list[str]
    ) -> int:
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self._subjects)
            row = [printable(name), printable(title), status, passed, unfit, undecided]
            self._subjects.append(msgspec.json.encode(row))
        return number

    def finding(self, finding: Finding) -> None:
        """One row; what is the same for a rule stands there once."""
        subject = self._open
        if finding.subject.kind == "file":
            subject = self._numbers.get(finding.file or "", subject)
        elif finding.subject.kind != "association":
            name = f"{finding.subject.kind} {finding.subject.id}"
            subject = self._subject(name, f"{len(finding.subject.files)} files", "", 0, 0, [])
        rule = self._rules.setdefault(finding.rule, len(self._rules))
        known = self.head.rules.get(finding.rule)
        remedy = (
            "" if known is not None and finding.remedy == known.remedy else " ".join(finding.remedy.split())
        )
        row = [
            rule, RANK[finding.severity], subject, printable(finding.path), finding.tag, finding.offset,
            printable(finding.message), printable(finding.is_), printable(finding.want), printable(finding.because),
            finding.count, [printable(one) for one in finding.places] if finding.count > 1 else [], printable(remedy),
            int(finding.suppressed), finding.name, self._see(finding.references, () if known is None else known.references),
        ]  # fmt: skip
        self._packed.write(self._between + msgspec.json.encode(row))
        self._between = b","

    def end(self, closing: Closing) -> None:
        """Render the page."""
        from jinja2 import Environment, PackageLoader

        head = self.head
        data = {
            "verdict": VERDICTS[closing.exit_code], "counts": counts_of(closing.summary), "seconds": closing.summary.seconds,
            "summary": msgspec.to_builtins(closing.summary),
            "profile": printable(head.profile), "edition": head.edition, "version": head.version,
            "config": printable(head.config or ""),
            "notes": [printable(note) for note in unchecked(closing)],
            "undecided": [[one.rule, printable(one.reason), printable(one.first)] for one in closing.undecided],
            "rules": [self._rule(rule) for rule in self._rules],
            "references": [[printable(str(one)), reference_link(one, head.edition)] for one in self._references],
            "associations": self._associations,
        }  # fmt: skip
        packed = self._packed
        packed.write(b"]," + msgspec.json.encode(data)[1:-1] + b',"subjects":')
        packed.array(self._subjects)
        packed.write(b',"skipped":')
        packed.array(self._skipped)
        packed.write(b',"slides":')
        packed.array(self._slides(closing))
        packed.write(b"}")
        pages = Environment(
            loader=PackageLoader("dcmlint.reports"), autoescape=True, keep_trailing_newline=True
        )
        page = pages.get_template("report.html").render(
            verdict=data["verdict"], counts=data["counts"], profile=data["profile"], edition=head.edition,
            version=head.version, packed=_HERE, lacking=data["notes"] if closing.exit_code == INCOMPLETE else [],
        )  # fmt: skip
        before, _, after = page.partition(f">{_HERE}<")
        self.sink.write(f"{before}>")
        for text in packed.texts():
            self.sink.write(text)
        self.sink.write(f"<{after}")

    def _slides(self, closing: Closing) -> Iterator[bytes]:
        """The images of each slide, then those of none, each by itself."""
        images = self._images
        in_slides = {path for _, paths in closing.slides for path in paths}
        alone = ((path, (path,)) for path in images if path not in in_slides)
        for name, paths in chain(closing.slides, alone):
            there = [msgspec.Raw(images[path]) for path in paths if path in images]
            if there:
                yield msgspec.json.encode({"id": printable(name), "images": there})

    def _see(self, references: Iterable[Reference], said: Collection[Reference] = ()) -> list[int]:
        """The numbers of references in the page, without those that are said elsewhere."""
        known = self._references
        return [known.setdefault(one, len(known)) for one in dict.fromkeys(references) if one not in said]

    def _rule(self, identifier: str) -> dict[str, Any]:
        rule = self.head.rules.get(identifier)
        if rule is None:
            return {"id": identifier, "title": "", "why": "", "remedy": "", "basis": "", "references": []}
        return {
            "id": identifier, "title": rule.title, "why": " ".join(rule.why.split()),
            "remedy": " ".join(rule.remedy.split()), "basis": rule.basis, "references": self._see(rule.references),
        }  # fmt: skip
