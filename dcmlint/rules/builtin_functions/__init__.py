"""The functions of built-in rules; importing this package registers them."""
