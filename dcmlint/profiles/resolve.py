"""A profile as a run needs it: rules, severities, locks, exceptions, endpoints."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from dcmlint import standard
from dcmlint.errors import ProfileError, RuleError, did_you_mean
from dcmlint.findings.finding import Reference, Severity
from dcmlint.profiles.attributes import PlacedRow, placed_rows, row_rule
from dcmlint.profiles.filled import filled
from dcmlint.profiles.levels import ChainLevels, Lock, Refused, levels_of
from dcmlint.profiles.load import builtin_profiles, find_profile, installed_profiles
from dcmlint.profiles.made_rules import (
    ORDER_RULE,
    applies_of,
    document_of,
    file_names_rule,
    limits_rule,
    order_rule,
    own_rule,
    sop_classes_rule,
    transfer_syntaxes_rule,
)
from dcmlint.profiles.model import Endpoint, GateAction, Override, Profile, ProfileSource
from dcmlint.profiles.parameters import (
    ParameterValue,
    Values,
    parameter_values,
    parameters_in,
    value_text,
)
from dcmlint.profiles.placed_endpoints import MAY_LACK, placed
from dcmlint.profiles.row_demands import RowError, tag_of
from dcmlint.rules.compile import compiled
from dcmlint.rules.load import builtin_rules, read_rule, rule_files, unique
from dcmlint.rules.model import Applies, Rule, RuleSource

# Among parameters, but none of a profile: the orders that --order gives, the folders and files that --rules names.
ORDERS, RULES = "--order", "--rules"
_DEEPEST = 32  # profiles that extend each other in one line
_LISTS = (
    ("sop_classes", sop_classes_rule),
    ("transfer_syntaxes", transfer_syntaxes_rule),
    ("file_names", file_names_rule),
    ("limits", limits_rule),
)


_NUMBERED = tuple(zip((901, 902, 903, 905), _LISTS, strict=True))


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


def resolve_profile(
    name: str, parameters: Mapping[str, Any] | None = None, *, keep: bool = False
) -> Resolved:
    """The profile of this name or path, with these parameters; several with commas are held to together.

    ``keep``: rules whose parameters have no value are kept as they are written, for documentation only.
    Raises ProfileError with what is wrong and where.
    """
    source = _joint(name) if "," in name and not Path(name).exists() else find_profile(name)
    # Files of rules may have changed since.
    if RULES not in (parameters or {}) and any(one is source for one in builtin_profiles()):
        given = msgspec.json.encode(parameters or {}, order="sorted")
        return _resolved_builtin(source.profile.id, given, keep, datetime.date.today().isoformat())
    resolved = resolve_chain(chain_of(source), parameters, keep=keep)
    _words_that_are_rules(resolved)
    return resolved


def _words_that_are_rules(resolved: Resolved) -> None:
    """A word that locks or sets what there is not is a mistake: what its author wants would not happen."""
    words = {word for source in resolved.rules for word in source.rule.words}
    for source in resolved.chain:
        profile = source.as_written
        # What is not checked, because a parameter has no value, is known all the same.
        words |= {
            profile.area,
            *(row.id for row in placed_rows(profile)),
            *(rule.id for rule in profile.own_rules),
        }
        words |= {f"{profile.area}{number}" for number in (*(one for one, _ in _NUMBERED), ORDER_RULE)}
        demanding = [(f"$.lock[{number}]", word) for number, word in enumerate(profile.lock)]
        demanding += [(f"$.rules.{word}", word) for word in profile.rules]
        demanding += [
            (f"$.overrides[{number}].rules.{word}", word)
            for number, override in enumerate(profile.overrides) for word in override.rules
        ]  # fmt: skip
        for mark, word in demanding:
            if word not in words:
                raise ProfileError(
                    f"{word!r} is not a rule, area or tag", source.file, *source.place(mark),
                    did_you_mean(word, words),
                )  # fmt: skip


def _joint(names: str) -> ProfileSource:
    """A profile that extends those named, and says nothing of its own."""
    parts = tuple(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    title = " and ".join(find_profile(part).profile.id for part in parts)
    return ProfileSource(Profile(id=title.replace(" and ", "+"), version="1", title=title, extends=parts), "")


@lru_cache(maxsize=16)
def _resolved_builtin(name: str, parameters: bytes, keep: bool, today: str) -> Resolved:
    """Built-in profiles do not change while a program runs: their rules are made and compiled once."""
    return resolve_chain(chain_of(find_profile(name)), msgspec.json.decode(parameters), keep=keep)


def chain_of(source: ProfileSource) -> tuple[ProfileSource, ...]:
    """A profile and all that it extends, in the order in which they count, each with its bases.

    Raises ProfileError for a circle, for two different files with one id, and for a line of more than 32.
    """
    found: dict[str, ProfileSource] = {}

    def visit(one: ProfileSource, above: tuple[str, ...]) -> tuple[str, ...]:
        name = one.profile.id
        if name in above:
            circle = " extends ".join((*above[above.index(name) :], name))
            raise ProfileError(f"a circle: {circle}", one.file, *one.place("$.extends"))
        if len(above) >= _DEEPEST:
            raise ProfileError(
                f"more than {_DEEPEST} profiles extend each other", one.file, *one.place("$.extends")
            )
        if name in found:
            if Path(found[name].file).resolve() != Path(one.file).resolve():
                raise ProfileError(f"{found[name].file} has the id {name} too", one.file, *one.place("$.id"))
            return (*found[name].bases, name)
        bases: dict[str, None] = {}
        for number, word in enumerate(one.profile.extends):
            try:
                base = find_profile(word, one.file)
            except ProfileError as mistake:
                if mistake.file:
                    raise
                raise ProfileError(
                    mistake.message, one.file, *one.place(f"$.extends[{number}]"), mistake.hint
                ) from None
            bases.update(dict.fromkeys(visit(base, (*above, name))))
        found[name] = msgspec.structs.replace(one, bases=tuple(bases))
        return (*bases, name)

    visit(source, ())
    return tuple(found.values())


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
    own = _OwnRules(builtin, levels)
    missing: list[NotChecked] = []
    for source in chain:
        made = [
            own.add(source, rule, marks)
            for rule, marks in (
                *_rules_of(source, chain, missing, keep),
                *_order(source, orders, missing, keep),
            )
        ]
        levels.add(source, made)
    if any(source.rule.kind == "function" for source in own.rules.values()):
        import dcmlint.profiles.functions  # noqa: F401 - registers
    if not keep:
        _compile(chain, own)
        _locked_parameters(chain, levels.locks, own.origin, values)
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


def chain_values(chain: Sequence[ProfileSource], given: Mapping[str, Any]) -> dict[str, ParameterValue]:
    """The values of the parameters of a chain: defaults, then what profiles set, then what is given."""
    declared = {name: one for source in chain for name, one in source.profile.parameters.items()}
    inherited: dict[str, Any] = {}
    for source in chain:
        try:
            parameter_values(declared, source.profile.set)
        except ProfileError as mistake:
            raise ProfileError(mistake.message, source.file, *source.place("$.set"), mistake.hint) from None
        inherited.update({name.lower(): value for name, value in source.profile.set.items()})
    return parameter_values(declared, {**inherited, **{name.lower(): value for name, value in given.items()}})


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


# -- rules ----------------------------------------------------------------------------------------------------

_Marks = dict[str, tuple[int, int]]


class _OwnRules:
    """The rules of the profiles of a chain, each id and name once; a child may replace what is not locked."""

    def __init__(self, builtin: Sequence[RuleSource], levels: ChainLevels) -> None:
        self._taken = {word: source.file for source in builtin for word in (source.rule.id, source.rule.name)}
        self._levels = levels
        self.rules: dict[str, RuleSource] = {}
        self.origin: dict[str, str] = {}

    def add(self, source: ProfileSource, rule: Rule, marks: _Marks) -> RuleSource:
        """The rule with its file.  Raises ProfileError with the places of both where it stands twice."""
        made = RuleSource(rule, source.file, marks)
        for word in (rule.id, rule.name):
            if word in self._taken:
                raise ProfileError(f"{word} is also used in {self._taken[word]}", source.file, *_at(marks))
        for other in list(self.rules.values()):
            if rule.id != other.rule.id and rule.name != other.rule.name:
                continue
            word = rule.id if rule.id == other.rule.id else rule.name
            place = f"{other.file}:{_at(other.marks)[0]}"
            if self.origin[other.rule.id] == source.profile.id:
                raise ProfileError(f"{word} is used twice, also in {place}", source.file, *_at(marks))
            lock = self._levels.locks.get(other.rule.id)
            if lock is not None:
                raise ProfileError(
                    f"{word} is locked by {lock.by} ({place}) and cannot be replaced", source.file,
                    *_at(marks), hint="give the row another id",
                )  # fmt: skip
            del self.rules[other.rule.id], self.origin[other.rule.id]
        self.rules[rule.id] = made
        self.origin[rule.id] = source.profile.id
        return made


def _at(marks: _Marks) -> tuple[int, int]:
    return marks.get("$", (0, 0))


def _rules_of(
    source: ProfileSource, chain: Sequence[ProfileSource], missing: list[NotChecked], keep: bool
) -> Iterator[tuple[Rule, _Marks]]:
    profile = source.profile

    def lacks(what: str, place: str) -> bool:
        name = "" if keep else source.lacks(place)
        if name:
            missing.append(NotChecked(what, name))
        return bool(name)

    if lacks(f"everything of {profile.id}", "$.applies"):
        return
    applies, guard = applies_of(profile)
    for row in placed_rows(profile):
        if lacks(row.id, row.mark):
            continue
        made = _row(source, row, applies, guard)
        if made is not None:
            # Expressions are made of the row; its examples are as they are written.
            written = {
                mark: place
                for mark, place in source.marks_below(row.mark).items()
                if mark.startswith("$.examples")
            }
            yield made, written | _everywhere(source.place(row.mark))
    for number, rule in enumerate(profile.own_rules):
        prefix = f"$.own_rules[{number}]"
        if lacks(rule.id, prefix):
            continue
        try:
            yield own_rule(profile, rule, applies, guard, keep), source.marks_below(prefix)
        except ProfileError as mistake:
            raise ProfileError(
                f"{rule.id}: {mistake.message}", source.file, *source.place(prefix), mistake.hint
            ) from None
    for key, maker in _LISTS:
        if not getattr(source.as_written, key) or not _counts(source, key, chain):
            continue
        if source.lacks(f"$.{key}"):
            lacks(key.replace("_", " "), f"$.{key}")
            continue
        try:
            made = maker(profile, guard)
        except (ProfileError, RuleError) as mistake:
            raise ProfileError(
                mistake.message, source.file, *source.place(f"$.{key}"), mistake.hint
            ) from None
        else:
            yield made, _everywhere(source.place(f"$.{key}"))


def _order(
    source: ProfileSource, orders: Sequence[Mapping[str, str]], missing: list[NotChecked], keep: bool
) -> Iterator[tuple[Rule, _Marks]]:
    """The rule of the rows that name the order as their source; without an order they are not checked, and said so."""
    rows: dict[str, str] = {}
    for one in placed_rows(source.profile):
        if not one.row.source:
            continue
        word, _, key = one.row.source.partition(".")
        key = key or one.row.attribute
        if word != "order" or tag_of(key) is None:
            near = did_you_mean(key, standard.load().dictionary.keywords()) if word == "order" else ""
            raise ProfileError(
                f"{one.row.source!r} is not a source", source.file, *source.place(f"{one.mark}.source"),
                near or "order, or order.KEYWORD",
            )  # fmt: skip
        rows[one.path] = key
        if not orders and not keep:
            missing.append(NotChecked(f"{one.id} as the order", "--order"))
    if rows and orders:
        _, guard = applies_of(source.profile)
        yield (
            order_rule(source.profile, rows, orders, guard),
            _everywhere(source.place("$.attributes")),
        )


def _counts(source: ProfileSource, key: str, chain: Sequence[ProfileSource]) -> bool:
    """Whether a list holds: the last of the chain does, and each that is locked."""
    later = chain[chain.index(source) + 1 :]
    if not any(getattr(one.as_written, key) for one in later):
        return True
    number = next(number for number, (name, _) in _NUMBERED if name == key)
    words = {f"{source.profile.area}{number}", source.profile.area}
    return any(words.intersection(one.profile.lock) for one in (source, *later))


def _everywhere(place: tuple[int, int]) -> _Marks:
    return dict.fromkeys(("$", "$.when", "$.assert", "$.message", "$.want", "$.at", "$.each"), place)


def _row(source: ProfileSource, placed_row: PlacedRow, applies: Applies, guard: str) -> Rule | None:
    row = placed_row.row
    try:
        if placed_row.sop_class:
            applies = Applies(sop_class=placed_row.sop_class)
        document = document_of(source.profile)
        return row_rule(
            source.profile, placed_row, applies, guard, document, file=source.file,
            assumed=placed_row.mark in source.assumed,
        )  # fmt: skip
    except ProfileError as mistake:
        key = f".{mistake.key.rstrip('_')}" if isinstance(mistake, RowError) else ""
        place = source.place(f"{placed_row.mark}{key}")
        whose = "" if key == ".attribute" else f"{row.attribute}: "
        raise ProfileError(f"{whose}{mistake.message}", source.file, *place, mistake.hint) from None


def _compile(chain: Sequence[ProfileSource], own: _OwnRules) -> None:
    """Expressions and patterns of a user's own profile fail here, not for each file that is checked."""
    tested = {one.profile.id for one in builtin_profiles()}
    for source in own.rules.values():
        if own.origin[source.rule.id] in tested:
            continue
        try:
            compiled(source).whole()
        except RuleError as mistake:
            raise ProfileError(
                f"{source.rule.id}: {mistake.message}",
                mistake.file,
                mistake.line,
                mistake.column,
                mistake.hint,
            ) from None


def _locked_parameters(
    chain: Sequence[ProfileSource], locks: Mapping[str, Lock], origin: Mapping[str, str], values: Values
) -> None:
    """What a locked rule compares with cannot be changed below the lock; a parameter without a value can be set."""
    by_name = {source.profile.id: number for number, source in enumerate(chain)}
    for rule, lock in locks.items():
        if rule not in origin:
            continue
        names = _parameters_of(chain[by_name[origin[rule]]].as_written, rule)
        if not names:
            continue
        fixed = chain_values(chain[: by_name[lock.by] + 1], {})
        for name in names:
            before = fixed.get(name)
            if before is None or before.value is None or before.value == values[name].value:
                continue
            setter = next((one for one in reversed(chain) if name in one.profile.set), None)
            place = (setter.file, *setter.place(f"$.set.{name}")) if setter is not None else ("", 0, 0)
            raise ProfileError(
                f"the parameter {name} cannot be changed: {lock.by} locks {rule}, which uses it", *place
            )


def _parameters_of(profile: Profile, rule: str) -> list[str]:
    parts: Iterable[object] = (
        *(msgspec.structs.replace(one.row, items=()) for one in placed_rows(profile) if one.id == rule),
        *(one for one in profile.own_rules if one.id == rule),
        *(getattr(profile, key) for number, (key, _) in _NUMBERED if rule == f"{profile.area}{number}"),
    )  # fmt: skip
    return list(dict.fromkeys(name for part in parts for name in parameters_in(part)))


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
                raise ProfileError(mistake.message, source.file, *source.place(mark), mistake.hint) from None
    return tuple(endpoints.values())


# -- everything ---------------------------------------------------------------------------------------------------


def profile_rules() -> tuple[RuleSource, ...]:
    """The rules of all built-in and installed profiles, as they are written: for `explain` and for pages."""
    found: dict[str, RuleSource] = {}
    for source in (*builtin_profiles(), *installed_profiles().values()):
        resolved = resolve_chain(chain_of(source), keep=True)
        for rule in resolved.rules:
            if rule.rule.id in resolved.own:
                found.setdefault(rule.rule.id, rule)
    return tuple(found.values())
