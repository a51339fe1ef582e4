"""Facts of what the header records of dates and specimens."""
