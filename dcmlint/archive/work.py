"""What is done with keys, as a value."""

from __future__ import annotations

import re

import msgspec

from dcmlint.engine.settings import Settings
from dcmlint.errors import UsageError
from dcmlint.sources.open_source import SourceSettings


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What is done with keys: a value that goes to another machine.

    ``settings``: of the engine; ``source``: where the keys are; ``time_limit``: seconds for one file, 0 for none;
    ``memory_limit``: bytes that the process may have, where somebody set it; ``sender``: a regular expression whose
    first group, in the key, is the sender; ``secret``: the key (16 to 64 bytes) of the hashes in facts, b"" for none.
    """

    settings: Settings = Settings()
    source: SourceSettings = SourceSettings()
    time_limit: float = 0.0
    memory_limit: int = 0
    sender: str = ""
    secret: bytes = b""

    def __post_init__(self) -> None:
        try:
            re.compile(self.sender)
        except re.error as error:
            raise UsageError(f"the pattern of senders: {error}") from None
