"""Facts of associations and their endpoints: given by a probe or by a listener."""
