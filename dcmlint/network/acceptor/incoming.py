"""The data set of a C-STORE on its way to a file."""

from __future__ import annotations

from time import monotonic

from dcmlint.intake import part10
from dcmlint.intake.part import Part
from dcmlint.intake.status import Answer
from dcmlint.network.wire.associate import AcceptedContext
from dcmlint.network.wire.dimse import Command


class Incoming(Part):
    """A part with the command and the context that announced it, and when its first byte was due."""

    __slots__ = ("command", "context", "started")

    def __init__(
        self,
        command: Command,
        context: AcceptedContext,
        path: str,
        *,
        limit: int,
        digest: bool,
        refusal: Answer | None = None,
        ahead: bool = False,
    ) -> None:
        super().__init__(path, limit=limit, digest=digest, refusal=refusal, ahead=ahead)
        self.command = command
        self.context = context
        self.started = monotonic()

    def begin(self, calling: str, called: str) -> None:
        """Make the file, with File Meta Information of what the command said (PS3.10 7.1)."""
        command = self.command
        self.open(
            part10.file_meta(
                command.sop_class, command.sop_instance, self.context.transfer_syntax, calling, called
            )
        )
