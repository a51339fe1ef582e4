"""What several parts of the tests share: clean instances made from scratch, and ways to spoil them."""
