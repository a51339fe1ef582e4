"""Offset tables of files that no example is large enough for."""

from __future__ import annotations

import struct
from typing import Any

import msgspec
import numpy as np
import pytest
from support.repairs import made

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.dicom.edits import SetOffsets, SetValue
from dcmlint.dicom.instance import read_instance
from dcmlint.facts.pixel.encapsulation import Encapsulation
from dcmlint.facts.registry import Facts
from dcmlint.findings.problem import Problem
from dcmlint.rules.repairs import Failed, Refused, RepairContext, repair_functions
from dcmlint.standard.tags import ExtendedOffsetTable, ExtendedOffsetTableLengths, PixelData

FAR = 5 << 30  # bytes from the first to the last fragment


def context(data: bytes, last: int) -> RepairContext:
    """An instance whose last fragment lies so far behind the first."""
    instance = read_instance(WholeBuffer(data))
    assert instance is not None
    facts = Facts(instance)
    group: Any = facts.of(Encapsulation)
    fragments = group._fragments
    offsets = fragments.offsets.copy()
    offsets[-1] = fragments.first + last
    # The code stream of the last frame is not looked at: every frame is one fragment.
    facts.give(
        "encapsulation",
        msgspec.structs.replace(group, _fragments=msgspec.structs.replace(fragments, offsets=offsets)),
    )
    return RepairContext(instance, facts)


def failed(seen: RepairContext) -> Failed:
    return Failed(Problem(), seen.instance.dataset, PixelData, seen.instance.dataset)


def test_beyond_4_gib_the_extended_table_takes_the_place_of_the_basic_one() -> None:
    seen = context(made("{use: wsi-jpeg}"), FAR)
    edits = {edit.tag: edit for edit in repair_functions()["extended-offset-table"](seen, failed(seen))}
    assert edits.keys() == {PixelData, ExtendedOffsetTable, ExtendedOffsetTableLengths}
    basic, extended = edits[PixelData], edits[ExtendedOffsetTable]
    assert isinstance(basic, SetOffsets)
    assert isinstance(extended, SetValue)
    assert basic.table == b""
    (field,) = extended.parts
    assert isinstance(field, bytes)
    offsets = np.frombuffer(field, "<u8")
    assert (offsets[0], offsets[-1]) == (0, FAR)
    lengths = edits[ExtendedOffsetTableLengths]
    assert isinstance(lengths, SetValue)
    assert lengths.vr == "OV"


def test_the_basic_table_refuses_what_it_cannot_say() -> None:
    seen = context(made("{use: wsi-jpeg}"), FAR)
    with pytest.raises(Refused, match="32 bits"):
        list(repair_functions()["basic-offset-table"](seen, failed(seen)))


def test_a_file_without_table_gets_one_only_when_asked() -> None:
    seen = context(made("{use: wsi-jpeg, bot: !empty }"), 10_000)
    (edit,) = repair_functions()["basic-offset-table"](seen, failed(seen))
    assert isinstance(edit, SetOffsets)
    entries = struct.unpack(f"<{len(edit.table) // 4}I", edit.table)
    assert (entries[0], entries[-1], len(entries)) == (0, 10_000, 20)
