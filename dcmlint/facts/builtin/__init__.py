"""The built-in facts; importing this package registers them."""
