"""The oddities of encoding that the reader records, each with the sentence that describes it.

A rule of area ENC, META or FILE stands for each (a test holds that).
"""

from __future__ import annotations

from collections.abc import Mapping

ODDITIES: Mapping[str, str] = {
    # The file as a whole
    "no-preamble": "the preamble of 128 bytes and the prefix DICM are missing",
    "prefix-alone": "the preamble of 128 bytes is missing before the prefix DICM",
    "no-meta": "the File Meta Information is missing",
    "meta-group-length-missing": "File Meta Information Group Length is missing",
    "meta-group-length": "File Meta Information Group Length does not match the group",
    "meta-implicit": "the File Meta Information is not Explicit VR Little Endian",
    "transfer-syntax-missing": "Transfer Syntax UID is missing",
    "transfer-syntax-unknown": "the Transfer Syntax UID is not defined by the standard",
    "transfer-syntax-wrong": "the data set is not encoded in the declared transfer syntax",
    "meta-in-dataset": "the data set contains an element of group 0002",
    "command-in-dataset": "the data set contains an element of group 0000",
    "truncated": "the file ends inside an element",
    "dataset-missing": "no data set follows the File Meta Information",
    "ends-early": "the file ends before several required attributes: it seems to be cut",
    "trailing-bytes": "bytes follow the last element",
    "no-element": "the bytes after Pixel Data are not an element",
    "deflate-damaged": "the deflated data set cannot be inflated completely",
    "deflate-limit": "the deflated data set inflates beyond the limit",
    "deflate-trailing": "bytes follow the deflated data set",
    "element-limit": "the data set has more elements or items than the limit",
    "depth-limit": "items are nested deeper than the limit",
    # Elements
    "tag-order": "tags are not in ascending order",
    "duplicate-tag": "the same tag occurs twice in a data set",
    "group-length": "the data set contains a retired Group Length element",
    "odd-length": "a value has an odd length",
    "length-beyond-parent": "an element extends beyond the item, sequence or file that contains it",
    "structure-lost": "no element follows where the value ends",
    "unknown-vr": "the VR is not defined by the standard",
    "implicit-in-explicit": "an element without a VR in an Explicit VR data set",
    "explicit-in-implicit": "an element with a VR in an Implicit VR data set",
    "reserved-bytes": "the two reserved bytes after the VR are not zero",
    "undefined-length": "an element that must have a defined length has an undefined one",
    "invalid-tag": "an element with an invalid group number",
    # Sequences and items
    "not-an-item": "a sequence contains something other than an item",
    "stray-item": "an item or delimitation tag outside a sequence",
    "item-beyond-parent": "an item is longer than its sequence",
    "missing-item-delimiter": "an item of undefined length has no delimitation item",
    "missing-sequence-delimiter": "a sequence of undefined length has no delimitation item",
    "delimiter-length": "a delimitation item has a length other than zero",
    "un-sequence": "a sequence has the VR UN",
}
