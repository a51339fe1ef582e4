"""A DICOMDIR and the files beside it, held against each other both ways.

PS3.10 8 (file IDs), PS3.3 F.3.2.2 (Referenced File ID).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from dcmlint.dicom.instance import Instance
from dcmlint.engine.maker import FindingMaker, Where
from dcmlint.engine.plan import ActiveRule
from dcmlint.engine.settings import Settings
from dcmlint.findings.finding import Finding, OutcomeKind, Subject
from dcmlint.findings.problem import Problem
from dcmlint.standard.tags import DirectoryRecordSequence, ReferencedFileID
from dcmlint.standard.uids import MediaStorageDirectoryStorage

NOT_THERE, NOT_NAMED = "DIR004", "DIR005"
_LISTED = 3


class Directory(msgspec.Struct, frozen=True):
    """The files that a DICOMDIR names: paths relative to its folder, with slashes."""

    path: str
    names: tuple[str, ...]


def directory_of(instance: Instance, path: str) -> Directory | None:
    """The files that an instance names, when it is a DICOMDIR."""
    if instance.sop_class != MediaStorageDirectoryStorage:
        return None
    names = []
    for record in instance.dataset.items(DirectoryRecordSequence):
        parts = [str(part) for part in record.values(ReferencedFileID)]
        if parts and not any(part in ("", ".", "..") or "/" in part for part in parts):
            names.append("/".join(parts))
    return Directory(path, tuple(dict.fromkeys(names)))


def check_directories(
    directories: Sequence[Directory],
    paths: Iterable[str],
    rules: Mapping[str, ActiveRule],
    settings: Settings,
) -> Iterator[tuple[str, tuple[Finding, ...], dict[str, OutcomeKind]]]:
    """Files that a DICOMDIR names and that are not among the inputs, and inputs below it that it does not name.

    Gives the path of the DICOMDIR, findings and outcomes.
    """
    given = {_normal(path) for path in paths} if directories else set()
    for directory in directories:
        base = posixpath.dirname(_normal(directory.path))
        named = {posixpath.normpath(posixpath.join(base, name)) for name in directory.names}
        below = {path for path in given if path.startswith(f"{base}/" if base else "")} - {
            _normal(directory.path)
        }
        folded = {path.casefold() for path in below}
        absent = sorted(path for path in named if path.casefold() not in folded)
        folded_names = {one.casefold() for one in named}
        strangers = sorted(path for path in below if path.casefold() not in folded_names)
        for rule_id, wrong, words in (
            (NOT_THERE, absent, "files that the DICOMDIR references do not exist"),
            (NOT_NAMED, strangers, "files beside the DICOMDIR have no directory record"),
        ):
            active = rules.get(rule_id)
            if active is None:
                continue
            if not wrong:
                yield directory.path, (), {rule_id: "pass"}
                continue
            shown = ", ".join(posixpath.relpath(path, base or ".") for path in wrong[:_LISTED])
            problem = Problem(message=f"{len(wrong)} {words}: {shown}")
            where = Where("DirectoryRecordSequence", DirectoryRecordSequence)
            maker = FindingMaker(Subject("file", directory.path, (directory.path,)), directory.path, settings)
            yield directory.path, tuple(maker.make(active, problem, where)), {rule_id: "fail"}


def _normal(path: str) -> str:
    return posixpath.normpath(path.replace("\\", "/"))
