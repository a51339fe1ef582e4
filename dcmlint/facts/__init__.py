"""Named values derived from an instance, computed when a rule asks for them."""
