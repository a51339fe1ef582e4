"""Side by side with other validators: what they say of the same files, brought to the same words."""
