"""Facts of pixels: their size, their fragments, their code streams, their color profiles."""
