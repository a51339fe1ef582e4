"""The grammar of UIDs (PS3.5 9.1, Annex B.2)."""

from __future__ import annotations

from dcmlint.dicom.value_problem import Problems, shape, split_values
from dcmlint.plural import number_of

_UID_CHARACTERS = b"0123456789."


def explain_uid_field(raw: bytes, problems: Problems) -> None:
    """Say what is wrong with a value field of UIDs, padding included."""
    if len(raw) % 2:
        problems.add("odd-length", 0, f"has {len(raw)} bytes")
    body = raw.rstrip(b"\0 ")
    padding = raw[len(body) :]
    if b" " in padding:
        problems.add("ui-padding", 0, "is padded with SPACE")
    elif len(padding) > 1:
        problems.add("ui-padding", 0, f"is padded with {len(padding)} NULs")
    if not body:
        return
    for number, value in enumerate(split_values(body), 1):
        if value:
            _explain_uid(number, value, problems)


def _explain_uid(number: int, value: bytes, problems: Problems) -> None:
    if len(value) > 64:
        problems.add("ui-length", number, f"has {len(value)} characters, at most 64 are allowed")
    if b"\0" in value:
        problems.add("embedded-null", number, "contains NUL")
        return
    if value.translate(None, _UID_CHARACTERS):
        problems.add("ui-grammar", number, f"has characters other than digits and periods: {shape(value)!r}")
        return
    components = value.split(b".")
    if b"" in components:
        problems.add("ui-grammar", number, "has an empty component")
        return
    if len(components) < 2:
        problems.add("ui-grammar", number, "has only one component")
        return
    leading = sum(1 for component in components if len(component) > 1 and component.startswith(b"0"))
    if leading:
        problems.add("ui-leading-zero", number, f"has {number_of(leading, 'component')} with a leading zero")
        return
    first, second = components[0], components[1]
    if first not in (b"0", b"1", b"2"):
        problems.add("ui-root", number, "has a first component above 2")
    # ISO/IEC 9834-1: the arcs below 0 and 1 end at 39.
    elif first != b"2" and (len(second) > 2 or int(second) > 39):
        problems.add("ui-root", number, "has a second component above 39 under 0 or 1")
    elif (first, second) == (b"2", b"25") and len(components) > 2:
        uuid = components[2]
        # 39 digits reach beyond 2^128; a UID that is too long was told.
        if len(value) <= 64 and (len(uuid) > 39 or int(uuid) >= 2**128):
            problems.add("ui-2.25-range", number, f"has a number of {len(uuid)} digits that is not a UUID")
