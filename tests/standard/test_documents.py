"""Tables about documents: what the builder makes, and what the shipped file says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dcmlint.errors import StandardError
from dcmlint.standard import documents, editions
from dcmlint.standard.build import documents as builder
from dcmlint.standard.uids import (
    AcquisitionContextSRStorage,
    BasicTextSRStorage,
    ColonCADSRStorage,
    Comprehensive3DSRStorage,
    EnhancedXRayRadiationDoseSRStorage,
    ExtensibleSRStorage,
    ImplantationPlanSRStorage,
    KeyObjectSelectionDocumentStorage,
    MacularGridThicknessAndVolumeReportStorage,
    PatientRadiationDoseSRStorage,
    PerformedImagingAgentAdministrationSRStorage,
    PlannedImagingAgentAdministrationSRStorage,
    SimplifiedAdultEchoSRStorage,
    SpectaclePrescriptionReportStorage,
    WaveformAnnotationSRStorage,
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
    assert documents.load().constraints(EnhancedXRayRadiationDoseSRStorage) is None


def test_every_other_sr_iod_has_a_table() -> None:
    tables = documents.load()
    classes = [
        one.uid for one in editions.load().sop_classes() if one.uid.startswith("1.2.840.10008.5.1.4.1.1.88.")
    ]
    assert len(classes) == 20
    assert {uid for uid in classes if tables.constraints(uid) is None} == {EnhancedXRayRadiationDoseSRStorage}


@pytest.mark.parametrize(
    ("sop_class", "source", "relationship", "permitted", "refused"),
    [
        (PatientRadiationDoseSRStorage, "CONTAINER", "HAS OBS CONTEXT", "CONTAINER", "NUM"),
        (PatientRadiationDoseSRStorage, "COMPOSITE", "HAS PROPERTIES", "IMAGE", "DATE"),
        (ColonCADSRStorage, "CODE", "HAS PROPERTIES", "SCOORD", "PNAME"),
        (MacularGridThicknessAndVolumeReportStorage, "NUM", "INFERRED FROM", "IMAGE", "NUM"),
        (ImplantationPlanSRStorage, "CODE", "HAS PROPERTIES", "COMPOSITE", "TEXT"),
        (PlannedImagingAgentAdministrationSRStorage, "NUM", "HAS ACQ CONTEXT", "CONTAINER", "IMAGE"),
        (PerformedImagingAgentAdministrationSRStorage, "WAVEFORM", "HAS ACQ CONTEXT", "CODE", "WAVEFORM"),
        (WaveformAnnotationSRStorage, "NUM", "INFERRED FROM", "TCOORD", "NUM"),
        (SimplifiedAdultEchoSRStorage, "TCOORD", "SELECTED FROM", "WAVEFORM", "IMAGE"),
        (AcquisitionContextSRStorage, "CONTAINER", "HAS OBS CONTEXT", "CONTAINER", "SCOORD3D"),
    ],
)
def test_what_the_tables_of_single_iods_permit(
    sop_class: str, source: str, relationship: str, permitted: str, refused: str
) -> None:
    found = documents.load().constraints(sop_class)
    assert found is not None
    assert permitted in found.targets(source, relationship)
    assert refused not in found.targets(source, relationship)


def test_relationships_by_reference_of_single_iods() -> None:
    colon, waveform, comprehensive = (
        documents.load().constraints(uid)
        for uid in (ColonCADSRStorage, WaveformAnnotationSRStorage, Comprehensive3DSRStorage)
    )
    assert colon is not None
    assert waveform is not None
    assert comprehensive is not None
    assert "IMAGE" in colon.referenced("CODE", "INFERRED FROM")
    assert colon.referenced("CODE", "HAS PROPERTIES") == []
    assert waveform.referenced("TCOORD", "SELECTED FROM") == ["WAVEFORM"]
    assert waveform.referenced("CONTAINER", "CONTAINS") == []
    assert "TEXT" in comprehensive.referenced("PNAME", "HAS PROPERTIES")


def test_a_value_type_that_is_none_is_refused_by_the_builder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = tmp_path / "relationships.yaml"
    rows.write_text('iods: {"1.2": {rows: ["CONTAINER | CONTAINS | TEXTS"]}}\nmore: {}\n', encoding="utf-8")
    monkeypatch.setattr(builder, "RELATIONSHIPS", rows)
    with pytest.raises(StandardError, match="TEXTS is not defined"):
        builder.constraints({"iods": [], "relationships": {}})


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
