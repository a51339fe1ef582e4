"""The gate between senders and an archive: what was answered with success is kept until the archive has it.

``core`` takes an instance from whatever received it and gives the answer; ``journal`` remembers, ``spool``
keeps the bytes, ``checking`` decides in child processes, ``forward`` delivers. Nothing here knows DIMSE but
``front`` (what comes in), ``reception`` and ``receiving`` (in which process), and ``deliver`` (what goes out).
"""
