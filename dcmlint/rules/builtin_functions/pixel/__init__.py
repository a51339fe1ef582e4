"""Functions of rules about pixels, fragments and code streams."""
