"""What a resolved profile is."""

from __future__ import annotations

import msgspec

from dcmlint.findings.finding import Reference, Severity
from dcmlint.profiles.levels import Lock, Refused
from dcmlint.profiles.model import Endpoint, GateAction, Override, Profile, ProfileSource
from dcmlint.profiles.parameters import ParameterValue
from dcmlint.rules.model import RuleSource


class NotChecked(msgspec.Struct, frozen=True):
    """A rule or row that is not checked, and the parameter that it lacks."""

    what: str
    parameter: str


class Exemption(msgspec.Struct, frozen=True):
    """An override as a run needs it: the rules that it changes by id (None: off)."""

    override: Override
    levels: dict[str, Severity | None]


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """A resolved profile.

    ``rules``: built-in ones and its own; ``levels``: what it makes of their severities (None: off);
    ``locked``: ids that nobody can ignore; ``locks``: who locked them; ``refused``: words that would have lowered them;
    ``chain``: the profiles that it is made of, itself last; ``own``: the ids of rules that come from profiles, ``origin``: from
    which; ``not_checked``: what lacks a parameter; ``endpoints``: with the values of parameters in place;
    ``cited``: the document and section that a rule of others serves; ``action``: what a gate does by worst severity.
    """

    name: str
    rules: tuple[RuleSource, ...]
    levels: dict[str, Severity | None] = {}
    locked: frozenset[str] = frozenset()
    locks: dict[str, Lock] = {}
    refused: tuple[Refused, ...] = ()
    chain: tuple[ProfileSource, ...] = ()
    parameters: dict[str, ParameterValue] = {}
    own: frozenset[str] = frozenset()
    origin: dict[str, str] = {}
    not_checked: tuple[NotChecked, ...] = ()
    exemptions: tuple[Exemption, ...] = ()
    cited: dict[str, Reference] = {}
    endpoints: tuple[Endpoint, ...] = ()
    action: dict[Severity, GateAction] = {}

    @property
    def profile(self) -> Profile:
        """The profile that was asked for, as its file says."""
        return self.chain[-1].as_written

    @property
    def edition(self) -> str:
        """The edition that it asks for, by the last profile of the chain that names one; "" for none."""
        return next((one.profile.edition for one in reversed(self.chain) if one.profile.edition), "")
