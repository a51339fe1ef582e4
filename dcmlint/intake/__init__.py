"""Taking instances in, however they come: C-STORE, STOW-RS, a watched folder.

The way of an instance is always the same, and no step knows the transport:

1. *take*: ``part.Part`` writes the bytes as they come to a ``*.part`` file, with a digest and a limit
2. *decide*: ``checking.Checks`` has it checked in a process of its own; ``policy.Policy`` makes a verdict
3. *keep*: ``part.publish`` gives the file its name; a gate writes a row as well
4. *answer*: ``status.Answer``, which a C-STORE sends as it is and STOW-RS as a Failure Reason

Until the answer is given the instance is its sender's: whatever breaks before loses nothing.
"""
