"""The codes of the generic checks, and what each means: what a rule of kind table may name."""

from __future__ import annotations

from collections.abc import Mapping

from dcmlint.dicom.charsets import CHARSET_CODES
from dcmlint.dicom.oddities import ODDITIES
from dcmlint.dicom.values import CODES

TABLE_CHECKS: Mapping[str, str] = {
    "type-1-missing": "an attribute of type 1 is absent",
    "type-1-empty": "an attribute of type 1 has no value",
    "type-2-missing": "an attribute of type 2 is absent",
    "type-1c-missing": "an attribute of type 1C is absent although its condition holds",
    "type-1c-empty": "an attribute of type 1C has no value",
    "type-2c-missing": "an attribute of type 2C is absent although its condition holds",
    "forbidden-present": "an attribute is present although its condition does not hold",
    "forbidden-present-unreviewed": "the same in an IOD whose conditions nobody has reviewed",
    "enumerated-value": "a value is not one of the enumerated ones",
    "defined-term": "a value is not one of the defined terms",
    "item-count": "a sequence has too few or too many items",
    "unknown-attribute": "no module of the IOD has the attribute",
    "meta-type-1": "an attribute of type 1 of the file meta information is absent or empty",
    "module-forbidden": "a module is present although its condition does not hold",
    "functional-group-missing": "a required functional group is absent",
    "functional-group-both": "a functional group is both shared and per-frame",
    "functional-group-not-shared": "a functional group that must be shared is per-frame",
    "functional-group-not-per-frame": "a functional group that must be per-frame is shared",
    "functional-group-some-frames": "a functional group is present for some frames only",
    "functional-group-some-frames-optional": "a functional group that may be absent is present for some frames only",
    "iod-unknown": "the SOP Class is not a storage SOP Class of the standard",
    "sop-class-missing": "the data set names no SOP Class",
}

ELEMENT_CHECKS: Mapping[str, str] = {
    "vr-mismatch": "the VR is not the one of the dictionary",
    "vr-un": "a standard attribute is written with VR UN",
    "value-multiplicity": "the number of values is not allowed",
    "retired-attribute": "the attribute is retired",
    "unknown-element": "the tag is not in the dictionary",
    "private-without-creator": "a private element without private creator",
    "private-creator": "a private creator is empty, or no text",
    "private-invalid": "an element number that private groups may not use",
    "sequence-vr": "a value stands where a sequence is wanted",
    "nested-pixel-data": "Pixel Data within an item",
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
    "input.accepted-expired": "an accepted finding past its date",
    "input.directory-names-absent": "a DICOMDIR names a file that is not there",
    "input.directory-misses-file": "a file beside a DICOMDIR is not named in it",
}
