"""A profile as a run needs it: rules, severities, locks, exceptions, endpoints."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from dcmlint.errors import ProfileError, RuleError
from dcmlint.findings.finding import Reference, Severity
from dcmlint.profiles.chain import chain_of, chain_values, joint
from dcmlint.profiles.filled import filled
from dcmlint.profiles.levels import ChainLevels, levels_of
from dcmlint.profiles.load import builtin_profiles, find_profile, installed_profiles
from dcmlint.profiles.locked_parameters import hold_locked_parameters
from dcmlint.profiles.made_rules import document_of
from dcmlint.profiles.meant import own_areas, unknown_words
from dcmlint.profiles.model import Endpoint, GateAction, ProfileSource
from dcmlint.profiles.own_rules import OwnRules, blamed, order_rules, rules_of
from dcmlint.profiles.parameters import Values, value_text
from dcmlint.profiles.placed_endpoints import MAY_LACK, placed
from dcmlint.profiles.resolved import Exemption, NotChecked, Resolved
from dcmlint.profiles.row_demands import RowError
from dcmlint.rules.compile import compiled
from dcmlint.rules.load import builtin_rules, read_rule, rule_files, unique
from dcmlint.rules.model import RuleSource

# Among parameters, but none of a profile: the orders that --order gives, the folders and files that --rules names.
ORDERS, RULES = "--order", "--rules"


def resolve_profile(
    name: str, parameters: Mapping[str, Any] | None = None, *, keep: bool = False
) -> Resolved:
    """The profile of this name or path, with these parameters; several with commas are held to together.

    ``keep``: rules whose parameters have no value are kept as they are written, for documentation only.
    Raises ProfileError with what is wrong and where.
    """
    source = joint(name) if "," in name and not Path(name).exists() else find_profile(name)
    # Files of rules may have changed since.
    if RULES not in (parameters or {}) and any(one is source for one in builtin_profiles()):
        given = msgspec.json.encode(parameters or {}, order="sorted")
        return _resolved_builtin(source.profile.id, given, keep, datetime.date.today().isoformat())
    resolved = resolve_chain(chain_of(source), parameters, keep=keep)
    own_areas(resolved)
    for profile, mark, word, close in unknown_words(resolved):
        raise ProfileError(f"{word!r} is not a rule, area or tag", profile.file, *profile.place(mark), close)
    return resolved


@lru_cache(maxsize=16)
def _resolved_builtin(name: str, parameters: bytes, keep: bool, today: str) -> Resolved:
    """Built-in profiles do not change while a program runs: their rules are made and compiled once."""
    return resolve_chain(chain_of(find_profile(name)), msgspec.json.decode(parameters), keep=keep)


def resolve_chain(
    chain: Sequence[ProfileSource], parameters: Mapping[str, Any] | None = None, *, keep: bool = False
) -> Resolved:
    """The resolved profile of a chain, the last of which was asked for."""
    given = dict(parameters or {})
    orders = given.pop(ORDERS, ())
    further = _further_rules(given.pop(RULES, ()))
    values = chain_values(chain, given)
    chain = [filled(source, values) for source in chain]
    builtin = (*builtin_rules(), *further) if further else builtin_rules()
    levels = ChainLevels(builtin)
    own = OwnRules(builtin, levels)
    missing: list[NotChecked] = []
    for source in chain:
        made = [
            own.add(source, rule, marks)
            for rule, marks in (
                *rules_of(source, chain, missing, keep),
                *order_rules(source, orders, missing, keep),
            )
        ]
        levels.add(source, made)
    if any(source.rule.kind == "function" for source in own.rules.values()):
        import dcmlint.profiles.functions  # noqa: F401 - registers
    if not keep:
        _compile(chain, own)
        hold_locked_parameters(chain, levels.locks, own.origin, values)
    rules = (*builtin, *own.rules.values())
    endpoints = _endpoints(chain, values, missing)
    action: dict[Severity, GateAction] = {}
    for source in chain:
        action.update(source.profile.action)
    today = datetime.date.today().isoformat()
    exemptions = tuple(
        Exemption(override, levels_of(rules, list(override.rules.items())))
        for source in chain for override in source.profile.overrides if override.expires >= today
    )  # fmt: skip
    cited = {
        rule: Reference(document_of(source.profile), statement.section)
        for source in chain for statement in reversed(source.profile.statements) for rule in statement.by if rule not in own.rules
    }  # fmt: skip
    return Resolved(
        cited=cited, name=chain[-1].profile.id, rules=rules, levels=levels.levels, locked=frozenset(levels.locks), locks=levels.locks,
        refused=tuple(levels.refused), chain=tuple(chain), parameters=dict(values), own=frozenset(own.rules),
        origin=own.origin, not_checked=tuple(missing), exemptions=exemptions, endpoints=endpoints, action=action,
    )  # fmt: skip


def _further_rules(paths: Sequence[str]) -> tuple[RuleSource, ...]:
    """Rules of files and folders that no profile names, compiled: a mistake in one is said before anything is checked."""
    found: list[RuleSource] = []
    for name in paths:
        path = Path(name)
        if not path.exists():
            raise ProfileError(f"--rules {name}: no such file or folder")
        files = rule_files(path) if path.is_dir() else [path]
        if not files:
            raise ProfileError(f"--rules {name}: there is no rule file in it")
        found += [read_rule(one, str(one)) for one in files]
    if any(source.rule.kind == "function" for source in found):
        import dcmlint.profiles.functions  # noqa: F401 - registers
    for source in found:
        compiled(source).whole()
    if found:
        unique((*builtin_rules(), *found))
    return tuple(found)


def _compile(chain: Sequence[ProfileSource], own: OwnRules) -> None:
    """Expressions and patterns of a user's own profile fail here, not for each file that is checked."""
    tested = {one.profile.id for one in builtin_profiles()}
    for source in own.rules.values():
        if own.origin[source.rule.id] in tested:
            continue
        try:
            compiled(source).whole()
        except RuleError as mistake:
            profile = next(one for one in chain if one.profile.id == own.origin[source.rule.id])
            place = blamed(profile, source.rule.id) or (mistake.line, mistake.column)
            raise ProfileError(
                f"{source.rule.id}: {mistake.message}", mistake.file, *place, mistake.hint
            ) from None


def _endpoints(
    chain: Sequence[ProfileSource], values: Values, missing: list[NotChecked]
) -> tuple[Endpoint, ...]:
    endpoints: dict[str, Endpoint] = {}
    for source in chain:
        for number, endpoint in enumerate(source.profile.endpoints):
            mark = f"$.endpoints[{number}]"
            try:
                unset = [name for name in endpoint.needs if not value_text(name, values)]
                lacking = unset[0] if unset else source.lacks(mark, *MAY_LACK)
                if lacking:
                    missing.append(NotChecked(f"endpoint {endpoint.name}", lacking))
                elif all(value_text(name, values) in wanted for name, wanted in endpoint.only.items()):
                    endpoints[endpoint.name] = placed(endpoint)
            except ProfileError as mistake:
                key = f".{mistake.key}" if isinstance(mistake, RowError) else ""
                place = source.place(f"{mark}{key}")
                raise ProfileError(mistake.message, source.file, *place, mistake.hint) from None
    return tuple(endpoints.values())


def profile_rules() -> tuple[RuleSource, ...]:
    """The rules of all built-in and installed profiles, as they are written: for `explain` and for pages."""
    found: dict[str, RuleSource] = {}
    for source in (*builtin_profiles(), *installed_profiles().values()):
        resolved = resolve_chain(chain_of(source), keep=True)
        for rule in resolved.rules:
            if rule.rule.id in resolved.own:
                found.setdefault(rule.rule.id, rule)
    return tuple(found.values())
