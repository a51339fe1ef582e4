"""Facts of the frames of an image: tiles, positions, functional groups, the slide."""
