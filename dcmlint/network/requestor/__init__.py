"""The requestor: associations that this side opens, and the probe that asks with them."""
