"""The command line: one command a file; a command line becomes one frozen settings value before anything happens."""
