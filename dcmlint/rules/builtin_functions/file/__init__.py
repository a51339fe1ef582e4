"""Functions of rules about files, identity and directories."""
