"""The oddities of encoding that the reader records, each with the sentence that describes it.

A rule of area ENC, META or FILE stands for each (a test holds that).
"""

from __future__ import annotations

from collections.abc import Mapping

ODDITIES: Mapping[str, str] = {
    # The file as a whole
    "no-preamble": "the 128 byte preamble and DICM are missing",
    "no-meta": "the file meta information is missing",
    "meta-group-length-missing": "File Meta Information Group Length is missing",
    "meta-group-length": "File Meta Information Group Length does not match the group",
    "meta-implicit": "the file meta information is not written in explicit VR little endian",
    "transfer-syntax-missing": "Transfer Syntax UID is missing",
    "transfer-syntax-unknown": "the Transfer Syntax UID is not one of the standard's",
    "transfer-syntax-wrong": "the data set is not written in the stated transfer syntax",
    "meta-in-dataset": "an element of group 0002 stands in the data set",
    "command-in-dataset": "an element of group 0000 stands in the data set",
    "truncated": "the file ends inside an element",
    "trailing-bytes": "bytes follow the last element",
    "no-element": "what follows Pixel Data is no element",
    "deflate-damaged": "the deflated data set cannot be inflated to its end",
    "deflate-limit": "the deflated data set inflates beyond the limit",
    "element-limit": "the data set has more elements or items than will be read",
    "depth-limit": "items are nested deeper than will be read",
    # Elements
    "tag-order": "tags are not in ascending order",
    "duplicate-tag": "the same tag stands twice in a data set",
    "group-length": "a group length element, retired, stands in the data set",
    "odd-length": "a value has an odd length",
    "length-beyond-parent": "an element is longer than what encloses it",
    "unknown-vr": "the VR is not one of the standard's",
    "implicit-in-explicit": "an element without VR in an explicit VR data set",
    "explicit-in-implicit": "an element with VR in an implicit VR data set",
    "reserved-bytes": "the two reserved bytes after the VR are not zero",
    "undefined-length": "an element that must have a defined length has an undefined one",
    "invalid-tag": "an element of an invalid group",
    # Sequences and items
    "not-an-item": "something other than an item stands in a sequence",
    "stray-item": "an item or delimiter stands where none may be",
    "item-beyond-parent": "an item is longer than its sequence",
    "missing-item-delimiter": "an item of undefined length has no delimiter",
    "missing-sequence-delimiter": "a sequence of undefined length has no delimiter",
    "delimiter-length": "a delimiter has a length other than zero",
    "un-sequence": "a sequence is written with VR UN",
}
