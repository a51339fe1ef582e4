"""The codes of the generic checks, and what each means: what a rule of kind table may name."""

from __future__ import annotations

from collections.abc import Mapping

from dcmlint.dicom.charsets import CHARSET_CODES
from dcmlint.dicom.oddities import ODDITIES
from dcmlint.dicom.values import CODES

# What says that an attribute is not there, or has no value.
LACKING = (
    "table.type-1-missing", "table.type-1-empty", "table.type-1c-missing", "table.type-1c-empty",
    "table.type-2-missing", "table.type-2c-missing",
)  # fmt: skip

TABLE_CHECKS: Mapping[str, str] = {
    "type-1-missing": "a Type 1 attribute is absent",
    "type-1-empty": "a Type 1 attribute has no value",
    "type-2-missing": "a Type 2 attribute is absent",
    "type-1c-missing": "a Type 1C attribute is absent although its condition is met",
    "type-1c-empty": "a Type 1C attribute has no value",
    "type-2c-missing": "a Type 2C attribute is absent although its condition is met",
    "forbidden-present": "an attribute is present although its condition is not met",
    "forbidden-present-unreviewed": "the same in an IOD whose conditions are unreviewed",
    "enumerated-value": "a value is not an Enumerated Value",
    "defined-term": "a value is not a Defined Term",
    "item-count": "a sequence has too few or too many items",
    "item-numbers": "the items of a sequence are not numbered as its table says",
    "value-range": "a number is outside the range that its table gives",
    "optional-sequence-empty": "an optional sequence is present without items",
    "unknown-attribute": "the attribute is not in any module of the IOD",
    "meta-type-1": "a Type 1 attribute of the File Meta Information is absent or empty",
    "meta-version": "File Meta Information Version is not version 1",
    "module-forbidden": "a module is present although its condition is not met",
    "module-prohibited": "a module is present although the IOD excludes it",
    "functional-group-missing": "a required functional group is absent",
    "functional-group-forbidden": "a functional group is present although its condition is not met",
    "functional-group-both": "a functional group is both shared and per-frame",
    "functional-group-not-shared": "a functional group that must be shared is per-frame",
    "functional-group-not-per-frame": "a functional group that must be per-frame is shared",
    "functional-group-some-frames": "a functional group is present for some frames only",
    "functional-group-some-frames-optional": "an optional functional group is present for some frames only",
    "iod-unknown": "the SOP Class is not a storage SOP Class of the standard",
    "sop-class-missing": "the data set has no SOP Class UID",
}

ELEMENT_CHECKS: Mapping[str, str] = {
    "vr-mismatch": "the VR is not the one in the data dictionary",
    "vr-un": "a standard attribute has the VR UN",
    "value-multiplicity": "the number of values is not allowed",
    "counted-from-1": "the number of a frame is below 1",
    "retired-attribute": "the attribute is retired",
    "unknown-element": "the tag is not in the data dictionary",
    "private-without-creator": "a private element without private creator",
    "private-creator": "a private creator is empty, not text or several values",
    "private-invalid": "an element number that is not allowed in private groups",
    "sequence-vr": "a value instead of a sequence",
    "nested-pixel-data": "Pixel Data nested in a sequence item",
    "pixel-data-vr": "the VR of the pixel data does not fit the transfer syntax",
}

CHECKS: Mapping[str, str] = {
    **{f"table.{code}": text for code, text in TABLE_CHECKS.items()},
    **{f"element.{code}": text for code, text in ELEMENT_CHECKS.items()},
    # An odd length is told by the reader, with its byte.
    **{f"value.{code}": text for code, text in CODES.items() if code != "odd-length"},
    **{f"value.{code}": entry.description for code, entry in CHARSET_CODES.items()},
    **{f"encoding.{code}": text for code, text in ODDITIES.items()},
    "input.not-dicom": "an input that was named is not DICOM",
    "input.cannot-open": "an input cannot be opened",
    "input.count": "more or fewer instances than expected",
    "input.accepted-unused": "an accepted finding that was not found",
    "input.accepted-expired": "an expired accepted finding",
    "input.directory-names-absent": "a DICOMDIR references a file that does not exist",
    "input.directory-misses-file": "a file beside a DICOMDIR has no directory record",
    "input.directory-contradicts-file": "a directory record contradicts the file that it references",
}
