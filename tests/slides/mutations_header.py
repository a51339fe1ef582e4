"""Defects of the file, its modules, its geometry, its optical paths, its specimen and its privacy."""

from __future__ import annotations

import copy
import struct
from collections.abc import Mapping
from typing import Any

from mutations import ABSENT, MUTATIONS, Files, Mutation, break_one, break_set, written
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import RLELossless
from support import slides
from support.modules import code, item, uid
from support.pictures import icc_profile
from support.slides import Scan, put

SHARED = "SharedFunctionalGroupsSequence[0]."
MEASURES = SHARED + "PixelMeasuresSequence[0]."
PATH = "OpticalPathSequence[0]."
SPECIMEN = "SpecimenDescriptionSequence[0]."
STEP = SPECIMEN + "SpecimenPreparationSequence[{}].SpecimenPreparationStepContentItemSequence"
FRAME_TYPE = SHARED + "WholeSlideMicroscopyImageFrameTypeSequence[0].FrameType"
ORIGIN = "TotalPixelMatrixOriginSequence[0]."


def image_type(*values: str) -> dict[str, list[str]]:
    """Image Type, and Frame Type with it."""
    return {"ImageType": list(values), FRAME_TYPE: list(values)}


# -- FILE, META, VR ----------------------------------------------------------------------------------------

break_one(
    "FILE001", "a TIFF header without a directory", "native", writing={"preamble": b"II*\0" + bytes(124)}
)


def _large_header(made: FileDataset) -> None:
    put(made, "(0009,0010)", "EXAMPLE", "LO")
    put(made, "(0009,1001)", bytes(33 << 20), "OB")


break_one("FILE002", "33 MiB of private data before the pixels", "native", edit=_large_header)


def _two_slides() -> Files:
    both = [slides.full_jpeg(), slides.volume(Scan(name="another slide", container="EX24-18-A1-1"))]
    return written(both)


MUTATIONS.append(Mutation(rule="FILE003", name="two slides in one folder", make=_two_slides))
break_set("FILE004", "an object of a private class", "pyramid",
          {3: {"SOPClassUID": "1.2.3.4", "file.MediaStorageSOPClassUID": "1.2.3.4"}})  # fmt: skip
break_one(
    "META001", "another instance in the file meta", "native", {"file.MediaStorageSOPInstanceUID": "1.2.3"}
)
break_one("META002", "MPEG2", "jpeg", {"file.TransferSyntaxUID": "1.2.840.10008.1.2.4.100"})


def _one_level_recoded(made: list[FileDataset]) -> None:
    made[2] = slides.volume(Scan(name="pyramid-jpeg", codec="j2k-lossless"), 2)
    made[2].LossyImageCompression = "01"  # what was once lossy stays so
    made[2].LossyImageCompressionRatio, made[2].LossyImageCompressionMethod = "9.5", "ISO_10918_1"


break_set("META003", "one level in JPEG 2000", "pyramid", edit=_one_level_recoded)


def _run_length(made: FileDataset) -> FileDataset:
    made.compress(RLELossless, generate_instance_uid=False)
    return made


break_one("META004", "run length encoded", "native", edit=_run_length)
break_one(
    "VR001",
    "19 characters for a spacing",
    "native",
    {MEASURES + "PixelSpacing": b"5.0000000000000E-04\\0.0005"},
)
break_one(
    "VR002", "an offset of nine digits", "native", {"AcquisitionDateTime": b"20240315101500+429496728900 "}
)
break_one("VR003", "lower case in a code string", "native", {PATH + "ColorSpace": b"sRGB"})
break_one("VR004", "17 characters for an optical path", "native", {PATH + "OpticalPathIdentifier": "x" * 17})
break_one("VR005", "a bar code that ends in CR LF", "label", {"BarcodeValue": "EX24-17-A1-1\r\n"})
break_one("VR006", "2.25 and 131 bits", "native", {"PyramidUID": f"2.25.{2**130}"})


def _pixel_vr(data: bytes) -> bytes:
    return data.replace(b"\xe0\x7f\x10\0OB", b"\xe0\x7f\x10\0OW")


break_one("VR007", "compressed frames in OW", "jpeg", patch=_pixel_vr)


def _odd_label(made: FileDataset) -> None:
    put(made, "PixelData", bytes(range(75)))
    made.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    made.PhotometricInterpretation = "RGB"
    made.LossyImageCompression = "01"
    made.Rows = made.Columns = made.TotalPixelMatrixColumns = made.TotalPixelMatrixRows = 5
    made.ImagedVolumeWidth = made.ImagedVolumeHeight = 1.0
    made["PixelData"].is_undefined_length = False
    made.LossyImageCompressionRatio = "7"


def _without_pad(data: bytes) -> bytes:
    start = data.rindex(b"\xe0\x7f\x10\0OB\0\0") + 8
    assert struct.unpack_from("<I", data, start) == (76,)
    assert data[-1] == 0
    return data[:start] + struct.pack("<I", 75) + data[start + 4 : -1]


break_one("VR008", "75 bytes without pad byte", "label", edit=_odd_label, patch=_without_pad)
break_one("VR009", "an offset table of 156 bytes", "jpeg", writing={"offset_table": "extended"},
          patch=lambda data: _shortened(data, b"\xe0\x7f\x01\0OV\0\0", 4))  # fmt: skip


def _shortened(data: bytes, element: bytes, cut: int) -> bytes:
    """The value of an element with a long header, ``cut`` bytes shorter."""
    start = data.rindex(element) + len(element)
    (length,) = struct.unpack_from("<I", data, start)
    end = start + 4 + length
    return data[:start] + struct.pack("<I", length - cut) + data[start + 4 : end - cut] + data[end:]


# -- IOD ---------------------------------------------------------------------------------------------------

break_one("IOD001", "no Study ID", "native", {"StudyID": ABSENT})
break_one("IOD002", "no Frame of Reference", "native", {"FrameOfReferenceUID": ABSENT})
break_one("IOD003", "an unknown reference", "native", {"PositionReferenceIndicator": "UNKNOWN"})
break_one("IOD004", "modality GM", "native", {"Modality": "GM"})
break_one("IOD005", "no serial number", "native", {"DeviceSerialNumber": ABSENT})
break_one("IOD006", "no time of acquisition", "native", {"AcquisitionDateTime": ABSENT})
break_one("IOD007", "no Content Time", "native", {"ContentTime": ABSENT})
break_one("IOD008", "no Acquisition Context", "native", {"AcquisitionContextSequence": ABSENT})
break_one("IOD009", "MIXED", "native", {"VolumetricProperties": "MIXED"})
break_one("IOD010", "SEMI", "native", {"FocusMethod": "SEMI"})
break_one("IOD011", "planes of a depth that was not extended", "native", {"NumberOfFocalPlanes": 3})
break_one("IOD012", "one plane", "native",
          {"ExtendedDepthOfField": "YES", "NumberOfFocalPlanes": 1, "DistanceBetweenFocalPlanes": 1.0})  # fmt: skip
break_one("IOD013", "text without bar code", "label", {"BarcodeValue": ABSENT})
break_one("IOD014", "a label in a pyramid", "label", {"PyramidUID": uid("a pyramid")})
break_one("IOD015", "LOCALIZER", "thumbnail", image_type("DERIVED", "PRIMARY", "LOCALIZER", "RESAMPLED"),
          times=2)  # fmt: skip
break_one("IOD016", "pyramid and series", "native", {"PyramidUID": uid("full-native", "series", "1")})
break_one("IOD017", "the epoch of computers", "native", {"AcquisitionDateTime": "19700101000000"})
break_one("IOD018", "a year too early", "native", {"ContentDate": "20230315"})
break_one("IOD019", "an unknown device", "native", {"DeviceSerialNumber": "Unknown"})
break_one("IOD020", "made by a converter", "native", {"ManufacturerModelName": "wsidicomizer"})
break_one("IOD021", "a localizer that is listed nowhere", "native", {
    SHARED + "ReferencedImageSequence": [
        item(ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.77.1.6", ReferencedSOPInstanceUID=uid("localizer"),
             PurposeOfReferenceCodeSequence=[code(("121311", "DCM", "Localizer"))])]})  # fmt: skip
break_set("IOD022", "derived from nothing", "pyramid", {1: {"DerivationDescription": ABSENT}})
break_one("IOD023", "frame 99 of 20", "native", {"RepresentativeFrameNumber": 99})
break_one("IOD024", "padding of colours", "native", {"PixelPaddingValue": 255})
break_one("IOD025", "sparse", "sparse", select=("IOD025",))

# Image Type and Frame Type are wrong together where a value is wrong: two places, two findings.
# -- WSI ---------------------------------------------------------------------------------------------------

break_one("WSI001", "three values", "native", image_type("ORIGINAL", "PRIMARY", "VOLUME"),
          also={"ELM004": "Frame Type is short too"})  # fmt: skip
break_one("WSI002", "MIXED", "native", image_type("MIXED", "PRIMARY", "VOLUME", "NONE"), times=2)
break_one("WSI003", "SECONDARY", "native", image_type("ORIGINAL", "SECONDARY", "VOLUME", "NONE"), times=2)
break_one("WSI004", "MACRO", "overview", image_type("ORIGINAL", "PRIMARY", "MACRO", "NONE"), times=2)
break_one(
    "WSI005", "DOWNSAMPLED", "native", image_type("DERIVED", "PRIMARY", "VOLUME", "DOWNSAMPLED"), times=2
)
break_one(
    "WSI006", "original and resampled", "native", image_type("ORIGINAL", "PRIMARY", "VOLUME", "RESAMPLED")
)
break_one(
    "WSI007", "the frames are derived", "native", {FRAME_TYPE: ["DERIVED", "PRIMARY", "VOLUME", "NONE"]}
)


def _two_frames(made: FileDataset) -> None:
    frame = slides.frames_of(made)[0]
    made.NumberOfFrames = "2"
    slides.put_frames(made, [frame, frame])


break_one("WSI008", "a label of two frames", "label", edit=_two_frames)
break_one("WSI009", "a label in a volume", "native", {"SpecimenLabelInImage": "YES"})
break_one(
    "WSI010",
    "a matrix wider than the frame",
    "label",
    {"TotalPixelMatrixColumns": 120, "ImagedVolumeWidth": 24.0},
)
break_one("WSI011", "no width", "native", {"ImagedVolumeWidth": ABSENT})
break_one("WSI012", "no depth", "native", {"ImagedVolumeDepth": 0.0})
break_one("WSI013", "five percent too wide", "native", {"ImagedVolumeWidth": 0.084})
break_one(
    "WSI014", "width and height swapped", "native", {"ImagedVolumeWidth": 0.064, "ImagedVolumeHeight": 0.08}
)
break_one("WSI015", "10 mm thick, 3 um deep", "native", {MEASURES + "SliceThickness": "10"})
break_one("WSI016", "thickness 0", "native", {MEASURES + "SliceThickness": "0"})
break_one("WSI017", "negative spacing", "native", {MEASURES + "PixelSpacing": "-0.0005\\-0.0005"})
break_one("WSI018", "micrometres as millimetres, everywhere", "native",
          {MEASURES + "PixelSpacing": "0.5\\0.5", "ImagedVolumeWidth": 80.0, "ImagedVolumeHeight": 64.0})  # fmt: skip
break_one(
    "WSI019",
    "twice as wide as high",
    "native",
    {MEASURES + "PixelSpacing": "0.0005\\0.001", "ImagedVolumeWidth": 0.16},
)
break_one("WSI020", "half a micrometre at 2.5 times", "native", {PATH + "ObjectiveLensPower": "2.5"})
break_one("WSI021", "beside the glass", "native", {ORIGIN + "YOffsetInSlideCoordinateSystem": "90"})
break_one(
    "WSI022", "the origin in micrometres", "native", {ORIGIN + "XOffsetInSlideCoordinateSystem": "23449.8"}
)
break_one("WSI023", "cosine -2", "native", {"ImageOrientationSlide": r"0\-2\0\-1\0\0"})
break_one("WSI024", "rows along columns", "native", {"ImageOrientationSlide": r"0\-1\0\0\-1\0"})
break_one("WSI025", "a mirror image", "native", {"ImageOrientationSlide": r"0\-1\0\1\0\0"})
break_one("WSI026", "tilted by 30 degrees", "native", {"ImageOrientationSlide": r"0\-0.8660254\0.5\-1\0\0"})
break_one("WSI027", "no orientation", "native", {"ImageOrientationSlide": ABSENT})
break_one("WSI028", "no shape of the LUT", "mono", {"PresentationLUTShape": ABSENT})
break_one("WSI029", "two values of a colour", "sparse", {"RecommendedAbsentPixelCIELabValue": [65535, 32896]})
break_one("WSI030", "where the label is", "native", {ORIGIN + "YOffsetInSlideCoordinateSystem": "70"})

# -- OPT ---------------------------------------------------------------------------------------------------


def scheme(meaning: str, value: str, designator: str = "SCT") -> list[Dataset]:
    """A code sequence of one item."""
    return [code((value, designator, meaning))]


break_one("OPT001", "no optical path", "native", {"OpticalPathSequence": ABSENT, "NumberOfOpticalPaths": 1})


break_one("OPT002", "two paths of one name", "z-stack", {"OpticalPathSequence[1].OpticalPathIdentifier": "1"})
break_one("OPT003", "no illumination", "native", {PATH + "IlluminationTypeCodeSequence": ABSENT})
break_one(
    "OPT004", "neither colour nor wave length", "native", {PATH + "IlluminationColorCodeSequence": ABSENT}
)
break_one(
    "OPT005",
    "no such illumination",
    "native",
    {PATH + "IlluminationTypeCodeSequence": scheme("Moonlight", "111999", "DCM")},
)
break_one(
    "OPT006",
    "a colour that is none",
    "native",
    {PATH + "IlluminationColorCodeSequence": scheme("Colon", "71854001")},
)
break_one(
    "OPT007",
    "an illuminator that is none",
    "native",
    {PATH + "IlluminatorTypeCodeSequence": scheme("Colon", "71854001")},
)
break_one(
    "OPT008", "a lens that is none", "native", {PATH + "LensesCodeSequence": scheme("Colon", "71854001")}
)
break_one(
    "OPT009",
    "a wrong meaning",
    "native",
    {PATH + "IlluminationTypeCodeSequence": scheme("Wrong", "111744", "DCM")},
)
break_one(
    "OPT010",
    "SRT",
    "native",
    {PATH + "IlluminationColorCodeSequence": scheme("Full Spectrum", "R-102C0", "SRT")},
)
break_one("OPT011", "no profile", "native", {PATH + "ICCProfile": ABSENT})
break_one("OPT012", "a profile at the top", "native", {"ICCProfile": icc_profile()})
break_one("OPT013", "a profile for gray", "mono", {PATH + "ICCProfile": icc_profile()})


def icc(at: int, value: bytes, description: str = "Example slide scanner") -> dict[str, bytes]:
    """The profile of the optical path with other bytes ``at`` a place."""
    made = bytearray(icc_profile(description))
    made[at : at + len(value)] = value
    return {PATH + "ICCProfile": bytes(made)}


break_one("OPT014", "a monitor's profile", "native", icc(12, b"mntr"))
break_one("OPT015", "a profile for gray", "native", icc(16, b"GRAY"))
break_one("OPT016", "no connection space", "native", icc(20, b"YCbr"))
break_one("OPT017", "a hundred zeros", "native", {PATH + "ICCProfile": bytes(100)})
# the tag rTRC is renamed: the 8th entry of a table that begins at byte 132
break_one(
    "OPT018", "no curve for red", "native", {PATH + "ICCProfile": icc_profile().replace(b"rTRC", b"xTRC", 1)}
)


def _large_profile() -> dict[str, bytes]:
    made = bytearray(icc_profile() + bytes(2 << 20))
    made[:4] = struct.pack(">I", len(made))
    return {PATH + "ICCProfile": bytes(made)}


break_one("OPT019", "two megabytes of profile", "native", changes=_large_profile())
break_one("OPT020", "intent 1", "native", icc(64, b"\0\0\0\1"))
break_one("OPT021", "a stock sRGB profile", "native", {PATH + "ICCProfile": icc_profile("sRGB IEC61966-2.1")})
break_one("OPT022", "a colour space of its own", "native", {PATH + "ColorSpace": "SCANNERRGB"})
break_one("OPT023", "power 0", "native", {PATH + "ObjectiveLensPower": "0"})
break_one("OPT024", "aperture 3", "native", {PATH + "ObjectiveLensNumericalAperture": "3.0"})
break_one("OPT025", "a wave length of 0.55 nm", "mono", {PATH + "IlluminationWaveLength": 0.55})
break_one("OPT025", "a wave length of 5.5 nm", "mono", {PATH + "IlluminationWaveLength": 5.5})


def palette(lengths: tuple[int, int, int] = (256, 256, 256)) -> Dataset:
    """Three tables of 8 bit entries, of as many entries as told (PS3.3 C.7.9)."""
    made = Dataset()
    for name, length in zip(("Red", "Green", "Blue"), lengths, strict=True):
        setattr(made, f"{name}PaletteColorLookupTableDescriptor", [length % 65536, 0, 8])
        setattr(made, f"{name}PaletteColorLookupTableData", bytes(length))
    return made


break_one(
    "OPT026", "a palette for colours", "native", {PATH + "PaletteColorLookupTableSequence": [palette()]}
)
break_one("OPT026", "tables of two lengths", "mono",
          {PATH + "PaletteColorLookupTableSequence": [palette((256, 256, 128))], PATH + "ICCProfile": icc_profile()})  # fmt: skip
break_one(
    "OPT027",
    "one channel of three",
    "native",
    {PATH + "ChannelDescriptionCodeSequence": scheme("Full Spectrum", "414298005")},
)


def _path_without_frames(made: FileDataset) -> None:
    second = slides.z_stack_two_paths(monochrome=False).OpticalPathSequence[1]
    made.OpticalPathSequence.append(second)
    made.NumberOfOpticalPaths = 2


break_one("OPT028", "a path that no frame has", "sparse", edit=_path_without_frames)

# -- SPEC --------------------------------------------------------------------------------------------------

break_one("SPEC001", "no container", "native", {"ContainerIdentifier": ""})
break_one("SPEC002", "no type of container", "native", {"ContainerTypeCodeSequence": ABSENT})
break_one(
    "SPEC003", "a cassette", "native", {"ContainerTypeCodeSequence": scheme("Tissue cassette", "434464009")}
)
break_one("SPEC004", "no specimen", "native", {"SpecimenDescriptionSequence": []})
break_one("SPEC005", "a specimen without name", "native", {SPECIMEN + "SpecimenIdentifier": ABSENT})
break_one("SPEC006", "no preparation", "native", {SPECIMEN + "SpecimenPreparationSequence": ABSENT})


def _specimen_twice(made: FileDataset) -> None:
    place = [
        item(
            ValueType="TEXT",
            ConceptNameCodeSequence=scheme("Location of sampling site", "111709", "DCM"),
            TextValue="left",
        )
    ]
    first = made.SpecimenDescriptionSequence[0]
    first.SpecimenLocalizationContentItemSequence = place
    made.SpecimenDescriptionSequence.append(copy.deepcopy(first))


break_one("SPEC007", "one specimen twice", "native", edit=_specimen_twice)
break_one(
    "SPEC008",
    "the instance's own UID",
    "native",
    {SPECIMEN + "SpecimenUID": uid("full-native", "level 0", "instance")},
)


def _two_specimens(made: FileDataset) -> None:
    _specimen_twice(made)
    second = made.SpecimenDescriptionSequence[1]
    second.SpecimenUID, second.SpecimenIdentifier = uid("another specimen"), "EX24-17-A1-1-2"
    for one in made.SpecimenDescriptionSequence:
        del one.SpecimenLocalizationContentItemSequence


break_one("SPEC009", "two specimens somewhere", "native", edit=_two_specimens)
break_one("SPEC010", "another name than the slide", "native", {SPECIMEN + "SpecimenIdentifier": "ZZZ"})
break_one("SPEC011", "an empty step", "native", {STEP.format(3): []})
break_one("SPEC012", "a code with a text", "native", {STEP.format(3) + "[1].TextValue": "Staining"})


def _without_type(made: FileDataset) -> None:
    del (
        made.SpecimenDescriptionSequence[0]
        .SpecimenPreparationSequence[0]
        .SpecimenPreparationStepContentItemSequence[1]
    )


break_one("SPEC013", "a step without type", "native", edit=_without_type)


def _reversed(made: FileDataset) -> None:
    steps = made.SpecimenDescriptionSequence[0].SpecimenPreparationSequence
    first, second = (
        next(one for one in step.SpecimenPreparationStepContentItemSequence if one.ValueType == "DATETIME")
        for step in (steps[0], steps[3])
    )
    first.DateTime, second.DateTime = second.DateTime, first.DateTime


break_one("SPEC014", "stained before it was cut", "native", edit=_reversed)


def _unstained(made: FileDataset) -> None:
    del made.SpecimenDescriptionSequence[0].SpecimenPreparationSequence[3]


break_one("SPEC015", "no stain", "native", edit=_unstained)
break_one(
    "SPEC016",
    "a stain that is none",
    "native",
    {STEP.format(3) + "[3].ConceptCodeSequence": scheme("Colon", "71854001")},
)
break_one(
    "SPEC017",
    "a fixative that is none",
    "native",
    {STEP.format(0) + "[4].ConceptCodeSequence": scheme("Colon", "71854001")},
)
break_one("SPEC018", "an issuer without its type", "native",
          {"IssuerOfTheContainerIdentifierSequence": [item(UniversalEntityID="1.2.3")]})  # fmt: skip
break_one("SPEC018", "an issuer of type FOO", "native",
          {"IssuerOfTheContainerIdentifierSequence": [item(UniversalEntityID="1.2.3", UniversalEntityIDType="FOO")]})  # fmt: skip
break_one("SPEC019", "no type of specimen", "native", {SPECIMEN + "SpecimenTypeCodeSequence": ABSENT})
break_one("SPEC020", "no anatomy", "native", {SPECIMEN + "PrimaryAnatomicStructureSequence": ABSENT})
break_one("SPEC021", "a parent that nobody made", "native", {STEP.format(2) + "[4].TextValue": "EX99-A1"})

# -- PHI ---------------------------------------------------------------------------------------------------

BASIC_PROFILE = {"PatientIdentityRemoved": "YES", "LongitudinalTemporalInformationModified": "REMOVED",
                 "DeidentificationMethodCodeSequence": scheme("Basic Application Confidentiality Profile", "113100", "DCM")}  # fmt: skip


def anonymous(made: FileDataset, method: Mapping[str, Any] = BASIC_PROFILE) -> None:
    """The instance with all names replaced that its laboratory gave."""
    for path, value in method.items():
        put(made, path, value)
    put(made, "AccessionNumber", "")
    put(made, SPECIMEN + "SpecimenShortDescription", ABSENT)
    put(made, "ContainerIdentifier", "A1")
    put(made, SPECIMEN + "SpecimenIdentifier", "A1")
    put(made, SPECIMEN + "SpecimenPreparationSequence", [])
    for keyword in ("LabelText", "BarcodeValue"):
        if keyword in made:
            put(made, keyword, "")


def all_anonymous(made: list[FileDataset]) -> None:
    """All instances without the names of the laboratory."""
    for one in made:
        anonymous(one)


break_one("PHI001", "nothing said of burned in text", "native", {"BurnedInAnnotation": ABSENT})
break_one("PHI002", "a label without text", "label", {"BurnedInAnnotation": "NO"})
break_set("PHI003", "a label in a slide without identity", "pyramid", edit=all_anonymous)
break_one("PHI004", "a bar code that stayed", "label", {"BarcodeValue": "A1-4711"}, edit=anonymous,
          also={"PHI003": "the label is there too"})  # fmt: skip
break_one("PHI005", "the accession number in the container", "native",
          {"ContainerIdentifier": "EX24-17-A1-1", "AccessionNumber": "EX24-17"}, edit=anonymous)  # fmt: skip
break_one("PHI006", "the header of an SVS file", "native",
          {"ImageComments": "Aperio Image Library v12.0.15|AppMag = 20|User = b414003d|Filename = 1001|DSR ID = ss1"})  # fmt: skip


def _tiff_with_description(data: bytes) -> bytes:
    """A TIFF directory after the data set, in an element of padding, that the preamble points to."""
    text = b"Aperio Image Library|User = somebody|Filename = 1001\0"
    head = data + b"\xfc\xff\xfc\xffOB\0\0"
    start = len(head) + 4
    entries = [(256, 4, 1, 160), (257, 4, 1, 128), (270, 2, len(text), start + 2 + 12 * 3 + 4)]
    directory = (
        struct.pack("<H", 3) + b"".join(struct.pack("<HHII", *one) for one in entries) + bytes(4) + text
    )
    directory += bytes(len(directory) % 2)
    made = head + struct.pack("<I", len(directory)) + directory
    return b"II*\0" + struct.pack("<I", start) + made[8:]


break_one("PHI007", "a TIFF description that stayed", "native", edit=anonymous, patch=_tiff_with_description)  # fmt: skip


def commented(frame: bytes, text: bytes = b"scanned for Jane Doe, ward 7, on 15 March 2024") -> bytes:
    """A JPEG frame with a comment after its start marker."""
    return frame[:2] + b"\xff\xfe" + struct.pack(">H", len(text) + 2) + text + frame[2:]


def _comment(made: FileDataset) -> None:
    frames = slides.frames_of(made)
    frames[7] = commented(frames[7])
    slides.put_frames(made, frames)


break_one("PHI008", "a comment in a frame", "jpeg", edit=_comment)
break_one(
    "PHI009", "private data without creator", "native", edit=lambda made: put(made, "(0009,1001)", "x", "LO")
)
break_one("PHI010", "nothing said of features", "native", {"RecognizableVisualFeatures": ABSENT})
break_one(
    "PHI011", "removed by no method", "native", {"DeidentificationMethodCodeSequence": ABSENT}, edit=anonymous
)


def _other_uids(made: list[FileDataset]) -> list[FileDataset]:
    for number, one in enumerate(made):
        anonymous(one)
        one.FrameOfReferenceUID = uid("replaced", str(number))
    return made[:3]


break_set("PHI012", "UIDs replaced file by file", "pyramid", edit=_other_uids)
