"""The repairs that are functions; importing this registers them."""

from dcmlint.rules.repair_functions import encoding, file_meta, offset_tables, values

__all__ = ["encoding", "file_meta", "offset_tables", "values"]
