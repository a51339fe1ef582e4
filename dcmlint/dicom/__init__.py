"""The strict reader: bytes to data sets, values, character sets, fragments, headers of code streams."""
