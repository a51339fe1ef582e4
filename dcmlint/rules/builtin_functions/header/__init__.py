"""Functions of rules about codes, specimens and plain numbers."""
