"""The tables of one edition of the standard: facts only, compiled from PS3.3, PS3.4, PS3.6, PS3.15 and PS3.16.

:func:`load` gives those in use, :func:`using` puts others to use; everything in :class:`Standard` is decoded when it is first asked for.
"""

from __future__ import annotations

from dcmlint.standard.dictionary import Dictionary, Entry
from dcmlint.standard.editions import (
    EDITIONS,
    Counts,
    IodCounts,
    Standard,
    load,
    open_edition,
    per_edition,
    using,
)
from dcmlint.standard.tables import (
    FUNCTIONAL_GROUPS,
    Include,
    Iod,
    MacroUse,
    ModuleUse,
    ProhibitedModule,
    Row,
    SopClass,
    Table,
    ValueSet,
)
from dcmlint.standard.terms import Confidentiality, ContextGroup, UidEntry

__all__ = [
    "EDITIONS",
    "FUNCTIONAL_GROUPS",
    "Confidentiality",
    "ContextGroup",
    "Counts",
    "Dictionary",
    "Entry",
    "Include",
    "Iod",
    "IodCounts",
    "MacroUse",
    "ModuleUse",
    "ProhibitedModule",
    "Row",
    "SopClass",
    "Standard",
    "Table",
    "UidEntry",
    "ValueSet",
    "load",
    "open_edition",
    "per_edition",
    "using",
]
