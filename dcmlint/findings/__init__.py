"""What a check gives: the shape of a finding, redaction of values, repeats told once."""
