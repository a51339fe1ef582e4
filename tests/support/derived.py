"""Objects made from a slide: a Segmentation and Microscopy Bulk Simple Annotations, built by highdicom."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import UID

from .modules import IMPLEMENTATION_VERSION, uid

# highdicom is imported in the functions: it takes longer to load than most tests to run.


def _file(made: Dataset, slide: FileDataset) -> FileDataset:
    """The same attributes with the file meta information of all samples."""
    made.file_meta.ImplementationClassUID = uid("implementation")
    made.file_meta.ImplementationVersionName = IMPLEMENTATION_VERSION
    made.file_meta.FileMetaInformationGroupLength = 0
    whole = FileDataset("", {}, preamble=bytes(128), file_meta=made.file_meta)
    for element in made:
        whole.add(copy.copy(element))
    whole.TimezoneOffsetFromUTC = slide.TimezoneOffsetFromUTC
    return whole


def _equipment(kind: str, slide: FileDataset) -> dict[str, Any]:
    return {
        "series_instance_uid": uid(slide.SOPInstanceUID, kind, "series"),
        "sop_instance_uid": uid(slide.SOPInstanceUID, kind, "instance"),
        "series_number": 2,
        "instance_number": 1,
        "manufacturer": "Example Devices",
        "manufacturer_model_name": "Sample Analysis 1",
        "software_versions": "1.0.0",
        "device_serial_number": "ED-0043",
    }


def _algorithm() -> Any:
    import highdicom
    from pydicom.sr.codedict import codes

    return highdicom.AlgorithmIdentificationSequence(
        name="Sample threshold", version="1", family=codes.DCM.ArtificialIntelligence
    )


def segmentation_of(
    slide: FileDataset, *, tiled_full: bool = True, labelmap: bool = False, segments: int = 2
) -> FileDataset:
    """A Segmentation of the whole Total Pixel Matrix of a one-plane colour slide in stripes.

    TILED_FULL or TILED_SPARSE; BINARY with one frame a tile and segment, or LABELMAP with one frame a tile.
    """
    import highdicom
    from highdicom.seg import SegmentAlgorithmTypeValues, SegmentationTypeValues, SegmentDescription
    from pydicom.sr.codedict import codes

    columns, rows = slide.TotalPixelMatrixColumns, slide.TotalPixelMatrixRows
    stripes = (np.arange(columns) * (segments + 1) // columns).astype(np.uint8)
    matrix = np.broadcast_to(stripes, (rows, columns))
    descriptions = [
        SegmentDescription(
            segment_number=number,
            segment_label=f"Stripe {number}",
            segmented_property_category=codes.SCT.Tissue,
            segmented_property_type=codes.SCT.ConnectiveTissue,
            algorithm_type=SegmentAlgorithmTypeValues.AUTOMATIC,
            algorithm_identification=_algorithm(),
            tracking_id=f"stripe-{number}",
            tracking_uid=uid(slide.SOPInstanceUID, "segment", str(number)),
        )
        for number in range(1, segments + 1)
    ]
    made = highdicom.seg.Segmentation(
        source_images=[slide],
        pixel_array=matrix[None],
        segmentation_type=SegmentationTypeValues.LABELMAP if labelmap else SegmentationTypeValues.BINARY,
        segment_descriptions=descriptions,
        tile_pixel_array=True,
        tile_size=(slide.Rows, slide.Columns),
        dimension_organization_type="TILED_FULL" if tiled_full else "TILED_SPARSE",
        omit_empty_frames=not tiled_full,
        **_equipment(f"seg {tiled_full} {labelmap}", slide),
    )
    return _file(made, slide)


def annotations_of(slide: FileDataset, *, points: int = 5) -> FileDataset:
    """Microscopy Bulk Simple Annotations: one group of ``points`` nuclei, in pixels of the slide (2D)."""
    import highdicom
    from highdicom.ann import (
        AnnotationCoordinateTypeValues,
        AnnotationGroup,
        AnnotationGroupGenerationTypeValues,
        GraphicTypeValues,
    )
    from pydicom.sr.codedict import codes

    step = min(slide.TotalPixelMatrixColumns, slide.TotalPixelMatrixRows) / (points + 1)
    group = AnnotationGroup(
        number=1,
        uid=UID(uid(slide.SOPInstanceUID, "annotation group")),
        label="Nuclei",
        annotated_property_category=codes.SCT.AnatomicalStructure,
        annotated_property_type=codes.SCT.Nucleus,
        algorithm_type=AnnotationGroupGenerationTypeValues.AUTOMATIC,
        algorithm_identification=_algorithm(),
        graphic_type=GraphicTypeValues.POINT,
        graphic_data=[np.array([[step * n, step * n]]) for n in range(1, points + 1)],
    )
    made = highdicom.ann.MicroscopyBulkSimpleAnnotations(
        source_images=[slide],
        annotation_coordinate_type=AnnotationCoordinateTypeValues.SCOORD,
        annotation_groups=[group],
        **_equipment("ann", slide),
    )
    return _file(made, slide)
