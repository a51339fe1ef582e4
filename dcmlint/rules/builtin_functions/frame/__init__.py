"""Functions of rules about frames and their optical paths."""
