"""What Store Instances answers (PS3.18 10.5.3 and Annex I): a status of HTTP, and what became of each instance, as
JSON or as the Native DICOM Model.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import msgspec
from starlette.responses import Response

from dcmlint.intake.status import SUCCESS, Answer

# Keyword and VR of what stands in the response (PS3.6 6)
_ELEMENTS = {
    "00081150": ("ReferencedSOPClassUID", "UI"),
    "00081155": ("ReferencedSOPInstanceUID", "UI"),
    "00081197": ("FailureReason", "US"),
    "00081198": ("FailedSOPSequence", "SQ"),
    "00081199": ("ReferencedSOPSequence", "SQ"),
    "0008119A": ("OtherFailuresSequence", "SQ"),
    "00741048": ("FailedAttributesSequence", "SQ"),
    "00000902": ("ErrorComment", "LO"),
}
_Tree = dict[str, list[Any]]


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one part; without UIDs where they could not be read."""

    answer: Answer
    sop_class: str = ""
    sop_instance: str = ""


def store_response(stored: Sequence[Stored], accept: str) -> Response:
    """The response: 200 all stored, 202 some, 409 none, 400 nothing came."""
    failed = sum(one.answer.status != SUCCESS for one in stored)
    status = 400 if not stored else 200 if not failed else 202 if failed < len(stored) else 409
    tree = response_tree(stored)
    if _wants_xml(accept):
        return Response(_xml(tree), status, media_type="application/dicom+xml")
    return Response(json.dumps(_json(tree)), status, media_type="application/dicom+json")


def response_tree(stored: Sequence[Stored]) -> _Tree:
    """The response by tag: values, or items as trees.

    The reason is beside the Failure Reason, as Error Comment in Failed Attributes Sequence: PS3.18 has no place
    for words, and other servers put them there.
    """
    tree: _Tree = {}
    for one in stored:
        status = one.answer.status
        reason: _Tree = {"00081197": [status]}
        if one.answer.comment:
            reason["00741048"] = [{"00000902": [one.answer.comment[:64]]}]
        if not one.sop_instance:
            tree.setdefault("0008119A", []).append(reason)
            continue
        item: _Tree = {"00081150": [one.sop_class], "00081155": [one.sop_instance]}
        if status == SUCCESS:
            tree.setdefault("00081199", []).append(item)
        else:
            tree.setdefault("00081198", []).append({**item, **reason})
    return tree


def _wants_xml(accept: str) -> bool:
    """Whether the Native DICOM Model is asked for and JSON is not."""
    kinds = [one.split(";")[0].strip().lower() for one in accept.split(",")]
    return "application/dicom+xml" in kinds and "application/dicom+json" not in kinds


def _json(tree: _Tree) -> dict[str, Any]:
    """The DICOM JSON Model (PS3.18 F.2)."""
    return {
        tag: {
            "vr": _ELEMENTS[tag][1],
            "Value": [_json(one) if isinstance(one, dict) else one for one in values],
        }
        for tag, values in sorted(tree.items())
    }


def _xml(tree: _Tree) -> str:
    """The Native DICOM Model (PS3.19 A.1)."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<NativeDicomModel>{_attributes(tree)}</NativeDicomModel>\n'
    )


def _attributes(tree: _Tree) -> str:
    made = []
    for tag, values in sorted(tree.items()):
        keyword, vr = _ELEMENTS[tag]
        inner = "".join(
            f'<Item number="{number}">{_attributes(one)}</Item>'
            if isinstance(one, dict)
            else f'<Value number="{number}">{escape(str(one))}</Value>'
            for number, one in enumerate(values, 1)
        )
        made.append(
            f"<DicomAttribute tag={quoteattr(tag)} vr={quoteattr(vr)} keyword={quoteattr(keyword)}>{inner}</DicomAttribute>"
        )
    return "".join(made)
