"""The project's own fuzzing harness."""
