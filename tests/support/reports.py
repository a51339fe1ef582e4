"""Structured reports as their templates have them, written item by item."""

from __future__ import annotations

from pydicom.dataset import Dataset, FileDataset

from . import general

XRAY_DOSE = "1.2.840.10008.5.1.4.1.1.88.67"
MAMMOGRAPHY_CAD = "1.2.840.10008.5.1.4.1.1.88.50"
COMPREHENSIVE_3D = "1.2.840.10008.5.1.4.1.1.88.34"


def code(value: str, scheme: str = "DCM", meaning: str = "x") -> Dataset:
    """One item of a code sequence."""
    made = Dataset()
    made.CodeValue, made.CodingSchemeDesignator, made.CodeMeaning = value, scheme, meaning
    return made


def content(
    relationship: str, kind: str, name: Dataset | None, *below: Dataset, **attributes: object
) -> Dataset:
    """One content item with the items below it."""
    made = Dataset()
    made.RelationshipType, made.ValueType = relationship, kind
    if name is not None:
        made.ConceptNameCodeSequence = [name]
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    if kind == "CONTAINER":
        made.ContinuityOfContent = "SEPARATE"
    if below:
        made.ContentSequence = list(below)
    return made


def number(relationship: str, name: Dataset, value: str, units: str, *below: Dataset) -> Dataset:
    """One NUM item."""
    measured = Dataset()
    measured.NumericValue, measured.MeasurementUnitsCodeSequence = value, [code(units, "UCUM", units)]
    return content(relationship, "NUM", name, *below, MeasuredValueSequence=[measured])


def coded(relationship: str, name: Dataset, value: Dataset, *below: Dataset) -> Dataset:
    """One CODE item."""
    return content(relationship, "CODE", name, *below, ConceptCodeSequence=[value])


def report(sop_class: str, template: str, title: Dataset, *below: Dataset) -> FileDataset:
    """A document of a class with a root template."""
    made = general.basic_sr()
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = sop_class
    identification = Dataset()
    identification.MappingResource, identification.TemplateIdentifier = "DCMR", template
    made.ContentTemplateSequence = [identification]
    made.ConceptNameCodeSequence = [title]
    made.ContentSequence = list(below)
    return made


def ct_dose() -> FileDataset:
    """A CT radiation dose report (PS3.16 TID 10011) of one spiral acquisition."""
    accumulated = content(
        "CONTAINS", "CONTAINER", code("113811"),
        number("CONTAINS", code("113812"), "1", "{events}"),
        number("CONTAINS", code("113813"), "512.3", "mGy.cm"),
    )  # fmt: skip
    source = content(
        "CONTAINS", "CONTAINER", code("113831"),
        content("CONTAINS", "TEXT", code("113832"), TextValue="A"),
        number("CONTAINS", code("113733"), "120", "kV"),
        number("CONTAINS", code("113833"), "250", "mA"),
        number("CONTAINS", code("113734"), "200", "mA"),
        number("CONTAINS", code("113834"), "0.5", "s"),
    )  # fmt: skip
    parameters = content(
        "CONTAINS", "CONTAINER", code("113822"),
        number("CONTAINS", code("113824"), "3.1", "s"),
        number("CONTAINS", code("113825"), "300", "mm"),
        number("CONTAINS", code("113826"), "0.6", "mm"),
        number("CONTAINS", code("113827"), "38.4", "mm"),
        number("CONTAINS", code("113828"), "0.8", "{ratio}"),
        number("CONTAINS", code("113823"), "1", "{X-Ray sources}"),
        source,
    )  # fmt: skip
    dose = content(
        "CONTAINS", "CONTAINER", code("113829"),
        number("CONTAINS", code("113830"), "15.2", "mGy"),
        coded("CONTAINS", code("113835"), code("113691")),
        number("CONTAINS", code("113838"), "512.3", "mGy.cm"),
    )  # fmt: skip
    event = content(
        "CONTAINS", "CONTAINER", code("113819"),
        content("CONTAINS", "TEXT", code("125203"), TextValue="Chest"),
        coded("CONTAINS", code("123014"), code("51185008", "SCT")),
        coded("CONTAINS", code("113820"), code("116152004", "SCT")),
        content("CONTAINS", "UIDREF", code("113769"), UID="2.25.99"),
        parameters, dose,
    )  # fmt: skip
    return report(
        XRAY_DOSE, "10011", code("113701"),
        coded("HAS CONCEPT MOD", code("121058"), code("77477000", "SCT"),
              coded("HAS CONCEPT MOD", code("363703001", "SCT"), code("261004008", "SCT"))),
        coded("HAS OBS CONTEXT", code("121005"), code("121007")),
        content("HAS OBS CONTEXT", "UIDREF", code("121012"), UID="2.25.98"),
        content("HAS OBS CONTEXT", "DATETIME", code("113809"), DateTime="20240102101500"),
        content("HAS OBS CONTEXT", "DATETIME", code("113810"), DateTime="20240102102500"),
        coded("HAS OBS CONTEXT", code("113705"), code("113014"),
              content("HAS PROPERTIES", "UIDREF", code("110180"), UID="2.25.97")),
        accumulated, event,
        coded("CONTAINS", code("113854"), code("113856")),
    )  # fmt: skip


def measurements(*groups: Dataset) -> FileDataset:
    """A measurement report (PS3.16 TID 1500) with these measurement groups."""
    return report(
        COMPREHENSIVE_3D, "1500", code("126000"),
        coded("HAS CONCEPT MOD", code("121049"), code("en-US", "RFC5646")),
        coded("HAS OBS CONTEXT", code("121005"), code("121006")),
        content("HAS OBS CONTEXT", "PNAME", code("121008"), PersonName="Doe^Jane"),
        coded("HAS CONCEPT MOD", code("121058"), code("363679005", "SCT")),
        content("CONTAINS", "CONTAINER", code("126010"), *groups),
    )  # fmt: skip


def planar_group(*more: Dataset, template: str = "1410") -> Dataset:
    """A measurement group of a planar region (PS3.16 TID 1410): a polyline, its length, a finding site."""
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = (
        "1.2.840.10008.5.1.4.1.1.2",
        "2.25.17",
    )
    region = content(
        "CONTAINS", "SCOORD", code("111030"),
        content("SELECTED FROM", "IMAGE", None, ReferencedSOPSequence=[reference]),
        GraphicType="POLYLINE", GraphicData=[1.0, 2.0, 30.0, 4.0],
    )  # fmt: skip
    made = content(
        "CONTAINS", "CONTAINER", code("125007"),
        content("HAS OBS CONTEXT", "TEXT", code("112039"), TextValue="lesion 1"),
        content("HAS OBS CONTEXT", "UIDREF", code("112040"), UID="2.25.5"),
        region,
        coded("HAS CONCEPT MOD", code("363698007", "SCT"), code("39607008", "SCT"),
              coded("HAS CONCEPT MOD", code("272741003", "SCT"), code("7771000", "SCT"))),
        number("CONTAINS", code("410668003", "SCT"), "12.5", "mm"),
        *more,
    )  # fmt: skip
    if template:
        identification = Dataset()
        identification.MappingResource, identification.TemplateIdentifier = "DCMR", template
        made.ContentTemplateSequence = [identification]
    return made


def by_reference(relationship: str, *place: int) -> Dataset:
    """A relationship to the item at a place of the tree, counted from 1 (PS3.3 C.17.3.2.5)."""
    made = Dataset()
    made.RelationshipType, made.ReferencedContentItemIdentifier = relationship, list(place)
    return made


def mammography_cad() -> FileDataset:
    """A mammography CAD report (PS3.16 TID 4000): one density in one image, detections that succeeded, no analyses."""
    image = Dataset()
    image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1.2", "2.25.17"
    library = content(
        "CONTAINS", "CONTAINER", code("111028"),
        content("CONTAINS", "IMAGE", None,
                coded("HAS ACQ CONTEXT", code("111027"), code("80248007", "SCT")),
                ReferencedSOPSequence=[image]),
    )  # fmt: skip
    in_library = (1, 2, 1)
    algorithm = (
        content("HAS PROPERTIES", "TEXT", code("111001"), TextValue="finder"),
        content("HAS PROPERTIES", "TEXT", code("111003"), TextValue="1.0"),
    )
    finding = coded(
        "CONTAINS", code("111059"), code("129793001", "SCT"),
        coded("HAS CONCEPT MOD", code("111056"), code("111150")),
        content("HAS OBS CONTEXT", "TEXT", code("112039"), TextValue="density 1"),
        *algorithm,
        number("HAS PROPERTIES", code("111012"), "80", "%"),
        content("HAS PROPERTIES", "SCOORD", code("111010"), by_reference("SELECTED FROM", *in_library),
                GraphicType="POINT", GraphicData=[10.0, 12.0]),
        coded("HAS PROPERTIES", code("111035"), code("129715009", "SCT")),
    )  # fmt: skip
    return report(
        MAMMOGRAPHY_CAD, "4000", code("111036"),
        coded("HAS CONCEPT MOD", code("121049"), code("en-US", "RFC5646")),
        library,
        coded("CONTAINS", code("111017"), code("111242"),
              content("INFERRED FROM", "CONTAINER", code("111034"),
                      coded("HAS CONCEPT MOD", code("111056"), code("111150")), finding)),
        coded("CONTAINS", code("111064"), code("111222"),
              content("INFERRED FROM", "CONTAINER", code("111063"),
                      coded("CONTAINS", code("111022"), code("129793001", "SCT"), *algorithm,
                            by_reference("HAS PROPERTIES", *in_library)))),
        coded("CONTAINS", code("111065"), code("111225")),
    )  # fmt: skip


RADIOPHARMACEUTICAL_DOSE = "1.2.840.10008.5.1.4.1.1.88.68"


def radiopharmaceutical_dose() -> FileDataset:
    """A radiopharmaceutical radiation dose report (PS3.16 TID 10021) of one injection."""
    agent = coded(
        "CONTAINS", code("349358000", "SCT"), code("35321007", "SCT"),
        coded("HAS PROPERTIES", code("89457008", "SCT"), code("77004003", "SCT")),
        number("HAS PROPERTIES", code("304283002", "SCT"), "6586.2", "s"),
    )  # fmt: skip
    route = coded(
        "CONTAINS", code("410675002", "SCT"), code("47625008", "SCT"),
        coded("HAS PROPERTIES", code("272737002", "SCT"), code("128553008", "SCT")),
    )  # fmt: skip
    event = content(
        "CONTAINS", "CONTAINER", code("113502"), agent,
        content("CONTAINS", "UIDREF", code("113503"), UID="2.25.96"),
        content("CONTAINS", "DATETIME", code("123003"), DateTime="20240102101500"),
        number("CONTAINS", code("113507"), "370", "MBq"), route,
    )  # fmt: skip
    return report(
        RADIOPHARMACEUTICAL_DOSE, "10021", code("113500"),
        coded("HAS CONCEPT MOD", code("363589002", "SCT"), code("443271005", "SCT"),
              coded("HAS CONCEPT MOD", code("363703001", "SCT"), code("261004008", "SCT"))),
        event,
    )  # fmt: skip
