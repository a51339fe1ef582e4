"""Valid files with random damage: what a repair does to them is safe, complete and done once."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.repairs import checker, made

from dcmlint.dicom import pieces
from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.instance import read_instance
from dcmlint.dicom.path import path_of
from dcmlint.engine.session import Task
from dcmlint.fixes.choice import Choice
from dcmlint.fixes.plan import Planned, plan, worse

SEEDS = [
    made(text)
    for text in (
        "{use: ct}",
        "{use: ct, encoding: {transfer_syntax: 1.2.840.10008.1.2}}",
        "{use: ct, encoding: {transfer_syntax: 1.2.840.10008.1.2.2, group_lengths: true}}",
        "{use: ct, encoding: {transfer_syntax: 1.2.840.10008.1.2.1.99}}",
        "{use: wsi-label, encoding: {undefined_lengths: true}}",
        "{use: sr}",
        "{use: wsi-sparse}",
    )
]
MUTATIONS = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True),
        st.sampled_from(["flip", "nul", "space", "delete", "insert", "digit"]),
        st.integers(0, 255),
    ),
    min_size=1,
    max_size=6,
)


def damaged(data: bytes, mutations: list[tuple[float, str, int]]) -> bytes:
    """The bytes with a few changes behind the preamble."""
    changed = bytearray(data)
    for where, kind, value in mutations:
        at = 132 + int(where * (len(changed) - 132))
        if kind == "flip":
            changed[at] ^= value or 1
        elif kind == "nul":
            changed[at] = 0
        elif kind == "space":
            changed[at] = 0x20
        elif kind == "digit":
            changed[at] = 0x30 + value % 10
        elif kind == "delete":
            del changed[at]
        else:
            changed.insert(at, value)
    return bytes(changed)


def planned(data: bytes, unsafe: bool) -> Planned:
    return plan(checker(), Task("a.dcm", True), WholeBuffer(data), Choice(unsafe=unsafe))


def elements(data: bytes) -> dict[str, tuple[str, bytes]]:
    """Each element that holds no items, by its path: its VR and its bytes."""
    instance = read_instance(WholeBuffer(data))
    assert instance is not None
    found: dict[str, tuple[str, bytes]] = {}
    for level in (instance.meta, instance.dataset):
        if level is not None:
            _take(level, found)
    return found


def _take(level: Dataset, found: dict[str, tuple[str, bytes]]) -> None:
    for element in level:
        if element.items is not None:
            for item in element.items:
                _take(item, found)
        else:
            value = (element.vr, level.raw(element.tag))
            found[path_of(level, element.tag)] = value


def test_large_files_are_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same repairs where the result is never joined in memory."""
    whole = [planned(damaged(seed, [(0.5, "insert", 7)]), True) for seed in SEEDS]
    odd = [made('{use: ct, PatientID: !raw "EX-17"}'), made("{use: wsi-jpeg, bot: !hex 00000000}")]
    joined = [planned(data, True) for data in odd]
    monkeypatch.setattr(pieces, "_FEW", 0)
    for data, wanted in zip(odd, joined, strict=True):
        done = planned(data, True)
        assert done.data is not None
        assert wanted.data is not None
        assert done.data[0 : len(done.data)] == wanted.data[0 : len(wanted.data)]
        assert done.after is not None
        assert wanted.after is not None
        assert [one.rule for one in done.after.findings] == [one.rule for one in wanted.after.findings]
    again = [planned(damaged(seed, [(0.5, "insert", 7)]), True) for seed in SEEDS]
    assert [one.changes for one in again] == [one.changes for one in whole]


@settings(
    max_examples=150, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
@given(st.sampled_from(SEEDS), MUTATIONS, st.booleans())
def test_random_damage_is_repaired_whole_or_left_alone(
    seed: bytes, mutations: list[tuple[float, str, int]], unsafe: bool
) -> None:
    data = damaged(seed, mutations)
    done = planned(data, unsafe)
    if done.data is None:
        assert not done.changes
        return
    assert not done.refused
    assert not worse(done)
    result = done.data[0 : len(done.data)]
    again = planned(result, unsafe)
    assert again.data is None, again.changes
    before, after = elements(data), elements(result)
    listed = [change.operation for change in done.changes]
    named = {operation.path for operation in listed} | {"FileMetaInformationGroupLength"}
    whole_meta = "FileMetaInformation" in named
    for path in before.keys() | after.keys():
        inside = any(path == name or path.startswith((f"{name}.", f"{name}[")) for name in named)
        group_length = path.endswith("GroupLength")
        if (
            inside
            or group_length
            or (whole_meta and re.fullmatch(r"(File|Media|Transfer|Implementation)\w*", path))
        ):
            continue
        assert before.get(path) == after.get(path), path
