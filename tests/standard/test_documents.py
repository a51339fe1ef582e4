"""Tables about documents: what the builder makes, and what the shipped file says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dcmlint.errors import StandardError
from dcmlint.standard import documents
from dcmlint.standard.build import documents as builder
from dcmlint.standard.uids import (
    BasicTextSRStorage,
    Comprehensive3DSRStorage,
    ExtensibleSRStorage,
    KeyObjectSelectionDocumentStorage,
    PatientRadiationDoseSRStorage,
    SimplifiedAdultEchoSRStorage,
    SpectaclePrescriptionReportStorage,
)

TABLES = os.environ.get("DCMLINT_STANDARD_TABLES", "")


def test_basic_text_permits_images_but_no_coordinates() -> None:
    found = documents.load().constraints(BasicTextSRStorage)
    assert found is not None
    assert "IMAGE" in found.value_types()
    assert not found.value_types() & {"NUM", "SCOORD", "SCOORD3D", "TCOORD"}
    assert not found.by_reference


def test_comprehensive_3d_permits_by_reference_what_it_permits_but_modifiers() -> None:
    found = documents.load().constraints(Comprehensive3DSRStorage)
    assert found is not None
    assert "SCOORD3D" in found.targets("CONTAINER", "CONTAINS")
    assert "NUM" in found.referenced("NUM", "INFERRED FROM")
    assert found.referenced("NUM", "HAS CONCEPT MOD") == []


def test_key_objects_are_a_flat_list() -> None:
    found = documents.load().constraints(KeyObjectSelectionDocumentStorage)
    assert found is not None
    assert set(found.relationships) == {"CONTAINER"}


def test_an_iod_without_a_table_is_none() -> None:
    assert documents.load().constraints(PatientRadiationDoseSRStorage) is None


def test_constraints_that_people_read_stand_beside_those_of_the_source() -> None:
    tables = documents.load()
    extensible, prescription, echo = (
        tables.constraints(uid)
        for uid in (ExtensibleSRStorage, SpectaclePrescriptionReportStorage, SimplifiedAdultEchoSRStorage)
    )
    assert extensible is not None
    assert prescription is not None
    assert echo is not None
    assert "TABLE" in extensible.targets("IMAGE", "HAS PROPERTIES")
    assert extensible.targets("TEXT", "CONTAINS") == []
    assert "NUM" in extensible.referenced("NUM", "INFERRED FROM")
    assert prescription.value_types() == {"CONTAINER", "CODE", "NUM", "TEXT"}
    assert prescription.targets("NUM", "HAS PROPERTIES") == []
    assert "DATE" not in echo.value_types()
    assert echo.by_reference == {}


def test_sources_that_are_not_there_are_a_standard_error(tmp_path: Path) -> None:
    with pytest.raises(StandardError):
        builder.build(tmp_path)
    with pytest.raises(StandardError):
        documents.load(tmp_path / "none.bin")


@pytest.mark.skipif(not TABLES, reason="DCMLINT_STANDARD_TABLES names no folder of tables")
def test_the_file_that_comes_with_dcmlint_is_what_the_builder_makes() -> None:
    assert builder.build(Path(TABLES)) == documents.FILE.read_bytes()
