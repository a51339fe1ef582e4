"""What a rule is, how rules are read and checked, the generic checks and the rules that are functions."""
