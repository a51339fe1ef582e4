"""The repairs that are functions; importing this registers them."""

from dcmlint.rules.repair_functions import (
    character_sets,
    compression,
    encoding,
    file_meta,
    frame_indices,
    frame_positions,
    identifiers,
    offset_tables,
    presence,
    representations,
    scan_frames,
    values,
)

__all__ = [
    "character_sets",
    "compression",
    "encoding",
    "file_meta",
    "frame_indices",
    "frame_positions",
    "identifiers",
    "offset_tables",
    "presence",
    "representations",
    "scan_frames",
    "values",
]
