"""Facts of the instances of a run among one another: what is kept of each, slides, pyramids."""
