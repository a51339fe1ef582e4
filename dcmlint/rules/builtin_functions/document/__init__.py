"""Encapsulated documents and waveforms (PS3.3 C.24, A.85, C.10.9, C.10.10)."""

from dcmlint.rules.builtin_functions.document import (  # noqa: F401 - importing registers them
    encapsulated,
    waveform_annotations,
    waveforms,
)
