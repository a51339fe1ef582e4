"""Functions of rules about several instances: references, series, slides, pyramids."""
