"""The wire as values: PDUs, association items, command sets, and a connection that reads and writes them."""
