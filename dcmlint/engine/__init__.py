"""Plans which rules an instance meets, runs them, and joins what came of many instances."""
