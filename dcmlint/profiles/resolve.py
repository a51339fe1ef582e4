"""A profile as a run needs it: rules, severities, locks, exceptions, endpoints."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, lru_cache, partial
from typing import Any

import msgspec

from dcmlint import standard
from dcmlint.errors import ProfileError, RuleError, did_you_mean
from dcmlint.facts.builtin.svs import SVS
from dcmlint.findings.finding import RANK, Reference, Severity
from dcmlint.profiles.attributes import PlacedRow, placed_rows, row_rule
from dcmlint.profiles.load import builtin_profiles, find_profile, installed_profiles
from dcmlint.profiles.model import Endpoint, GateAction, Level, Offer, Override, Profile, ProfileSource
from dcmlint.profiles.parameters import (
    ParameterValue,
    UnsetParameter,
    Values,
    in_expression,
    in_list,
    in_message,
    in_text,
    parameter_values,
)
from dcmlint.rules.load import builtin_rules
from dcmlint.rules.model import Applies, Downgrade, Rule, RuleSource

# The numbers of the rules that a profile's lists become.
SOP_CLASSES_RULE, TRANSFER_SYNTAXES_RULE, FILE_NAMES_RULE = 901, 902, 903
PROFILE = "profile"  # the tag of rules that come from a profile


class NotChecked(msgspec.Struct, frozen=True):
    """A rule or row that is not looked at, and the parameter that it lacks."""

    what: str
    parameter: str


class Exemption(msgspec.Struct, frozen=True):
    """An override as a run needs it: the rules that it changes by id (None: off)."""

    override: Override
    levels: dict[str, Severity | None]


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """A resolved profile.

    ``rules``: built-in ones and its own; ``levels``: what it makes of their severities (None: off);
    ``locked``: ids that nobody can ignore; ``chain``: the profiles that it is made of, itself last;
    ``own``: the ids of rules that come from profiles; ``not_checked``: what lacks a parameter;
    ``endpoints``: with the values of parameters in place; ``action``: what a gate does by worst severity.
    """

    name: str
    rules: tuple[RuleSource, ...]
    levels: dict[str, Severity | None] = {}
    locked: frozenset[str] = frozenset()
    chain: tuple[ProfileSource, ...] = ()
    parameters: dict[str, ParameterValue] = {}
    own: frozenset[str] = frozenset()
    not_checked: tuple[NotChecked, ...] = ()
    exemptions: tuple[Exemption, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    action: dict[Severity, GateAction] = {}

    @property
    def profile(self) -> Profile:
        """The profile that was asked for, as its file says."""
        return self.chain[-1].profile


def resolve_profile(
    name: str, parameters: Mapping[str, Any] | None = None, *, keep: bool = False
) -> Resolved:
    """The profile of this name or path, with these parameters.

    ``keep``: rules whose parameters have no value are kept as they are written, for documentation only.
    Raises ProfileError with what is wrong and where.
    """
    source = find_profile(name)
    if any(one is source for one in builtin_profiles()):
        given = msgspec.json.encode(parameters or {}, order="sorted")
        return _resolved_builtin(source.profile.id, given, keep, datetime.date.today().isoformat())
    return resolve_chain(chain_of(source), parameters, keep=keep)


@lru_cache(maxsize=16)
def _resolved_builtin(name: str, parameters: bytes, keep: bool, today: str) -> Resolved:
    """Built-in profiles do not change while a program runs: their rules are made and compiled once."""
    return resolve_chain(chain_of(find_profile(name)), msgspec.json.decode(parameters), keep=keep)


def chain_of(source: ProfileSource) -> tuple[ProfileSource, ...]:
    """A profile and all that it extends, in the order in which they count.  Raises ProfileError for a cycle."""
    found: dict[str, ProfileSource] = {}

    def visit(one: ProfileSource, above: tuple[str, ...]) -> None:
        if one.profile.id in above:
            circle = " extends ".join((*above[above.index(one.profile.id) :], one.profile.id))
            raise ProfileError(f"a circle: {circle}", one.file, *one.place("$.extends"))
        for number, name in enumerate(one.profile.extends):
            try:
                base = find_profile(name, one.file)
            except ProfileError as mistake:
                if mistake.file:
                    raise
                raise ProfileError(
                    mistake.message, one.file, *one.place(f"$.extends[{number}]"), mistake.hint
                ) from None
            visit(base, (*above, one.profile.id))
        found.setdefault(one.profile.id, one)

    visit(source, ())
    return tuple(found.values())


def resolve_chain(
    chain: Sequence[ProfileSource], parameters: Mapping[str, Any] | None = None, *, keep: bool = False
) -> Resolved:
    """The resolved profile of a chain, the last of which was asked for."""
    values = chain_values(chain, parameters or {})
    made: dict[str, RuleSource] = {}
    missing: list[NotChecked] = []
    for source in chain:
        for rule, marks in _rules_of(source, chain, values, missing, keep):
            made[rule.id] = RuleSource(rule, source.file, marks)
    if any(source.rule.kind == "function" for source in made.values()):
        import dcmlint.profiles.functions  # noqa: F401 - registers
    rules = _joined(builtin_rules(), made.values())
    levels = levels_of(rules, [item for source in chain for item in source.profile.rules.items()])
    locked = {rule.rule.id for source in chain for word in source.profile.lock for rule in named(rules, word)}
    endpoints: dict[str, Endpoint] = {}
    for source in chain:
        for endpoint in source.profile.endpoints:
            try:
                for name in endpoint.needs:
                    in_text(f"param.{name}", values)
                if all(in_text(f"param.{name}?", values) in wanted for name, wanted in endpoint.only.items()):
                    endpoints[endpoint.name] = _placed(endpoint, values)
            except UnsetParameter as unset:
                missing.append(NotChecked(f"endpoint {endpoint.name}", str(unset)))
    action: dict[Severity, GateAction] = {}
    for source in chain:
        action.update(source.profile.action)
    today = datetime.date.today().isoformat()
    exemptions = tuple(
        Exemption(override, levels_of(rules, list(override.rules.items())))
        for source in chain for override in source.profile.overrides if override.expires >= today
    )  # fmt: skip
    return Resolved(
        name=chain[-1].profile.id, rules=rules, levels=levels, locked=frozenset(locked), chain=tuple(chain),
        parameters=dict(values), own=frozenset(made), not_checked=tuple(missing), exemptions=exemptions,
        endpoints=tuple(endpoints.values()), action=action,
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


# -- severities -----------------------------------------------------------------------------------------------


def named(rules: Iterable[RuleSource], word: str) -> list[RuleSource]:
    """The rules that a word means: an id, a name, an area, a tag, ``basis:NAME`` or ``ALL``."""
    return [source for source in rules if word in words_of(source.rule)]


def words_of(rule: Rule) -> tuple[str, ...]:
    """All words that mean a rule."""
    return (rule.id, rule.name, rule.area, "ALL", f"basis:{rule.basis}", *rule.tags)


def levels_of(rules: Sequence[RuleSource], words: Sequence[tuple[str, Level]]) -> dict[str, Severity | None]:
    """What words make of rules, one after the other; words that mean nothing change nothing (`profile check` tells)."""
    if not words:
        return {}
    by_word: dict[str, list[Rule]] = {}
    for source in rules:
        for word in words_of(source.rule):
            by_word.setdefault(word, []).append(source.rule)
    levels: dict[str, Severity | None] = {}
    for word, level in words:
        for rule in by_word.get(word, ()):
            if level == "on":
                levels[rule.id] = rule.severity
            elif level == "off":
                levels[rule.id] = None
            elif level == "at-most-warning" or level == "at-most-info":
                now = levels.get(rule.id, rule.severity if rule.default else None)
                most: Severity = "warning" if level == "at-most-warning" else "info"
                if now is not None and RANK[now] > RANK[most]:
                    levels[rule.id] = most
            else:
                levels[rule.id] = level
    return levels


# -- rules ----------------------------------------------------------------------------------------------------

_Made = tuple[Rule, dict[str, tuple[int, int]]]


def _joined(builtin: Sequence[RuleSource], own: Iterable[RuleSource]) -> tuple[RuleSource, ...]:
    taken = {word: source.file for source in builtin for word in (source.rule.id, source.rule.name)}
    added = []
    for source in own:
        for word in (source.rule.id, source.rule.name):
            if word in taken:
                raise ProfileError(
                    f"{word} is also used in {taken[word]}", source.file, *source.marks.get("$", (0, 0))
                )
            taken[word] = source.file
        added.append(source)
    return (*builtin, *added) if added else tuple(builtin)


def _rules_of(
    source: ProfileSource,
    chain: Sequence[ProfileSource],
    values: Values,
    missing: list[NotChecked],
    keep: bool,
) -> Iterable[_Made]:
    profile = source.profile
    applies, guard = _applies(profile, values)
    for placed in placed_rows(profile):
        made = _row(source, placed, values, applies, guard, missing, keep)
        if made is not None:
            yield made
    for number, rule in enumerate(profile.own_rules):
        prefix = f"$.own_rules[{number}]"
        try:
            yield _own_rule(profile, rule, values, applies, guard, keep), source.marks_below(prefix)
        except UnsetParameter as unset:
            missing.append(NotChecked(rule.id, str(unset)))
        except ProfileError as mistake:
            raise ProfileError(
                f"{rule.id}: {mistake.message}", source.file, *source.place(prefix), mistake.hint
            ) from None
    for maker, key in (
        (_sop_classes, "sop_classes"),
        (_transfer_syntaxes, "transfer_syntaxes"),
        (_file_names, "file_names"),
    ):
        last = next((one for one in reversed(chain) if getattr(one.profile, key)), None)
        if last is not source:
            continue
        try:
            rule = maker(profile, values, guard)
        except UnsetParameter as unset:
            if keep:
                continue
            missing.append(NotChecked(key.replace("_", " "), str(unset)))
        except (ProfileError, RuleError) as mistake:
            raise ProfileError(
                mistake.message, source.file, *source.place(f"$.{key}"), mistake.hint
            ) from None
        else:
            yield rule, _everywhere(source.place(f"$.{key}"))


def _everywhere(place: tuple[int, int]) -> dict[str, tuple[int, int]]:
    return dict.fromkeys(("$", "$.when", "$.assert", "$.message", "$.want", "$.at", "$.each"), place)


def _row(
    source: ProfileSource, placed: PlacedRow, values: Values, applies: Applies, guard: str,
    missing: list[NotChecked], keep: bool,
) -> _Made | None:  # fmt: skip
    row = placed.row
    place = source.place(placed.mark)
    try:
        if row.sop_class:
            applies = Applies(sop_class=in_list(row.sop_class, values))
        rule = row_rule(source.profile, placed, values, applies, guard, _document(source.profile), keep=keep)
    except UnsetParameter as unset:
        missing.append(NotChecked(placed.id, str(unset)))
        return None
    except ProfileError as mistake:
        raise ProfileError(f"{row.attribute}: {mistake.message}", source.file, *place, mistake.hint) from None
    return None if rule is None else (rule, _everywhere(place))


def _document(profile: Profile) -> str:
    """How references name the document of a profile."""
    if profile.source is None:
        return f"profile {profile.id} {profile.version}"
    return profile.source.short or profile.source.document


def _applies(profile: Profile, values: Values) -> tuple[Applies, str]:
    applies = profile.applies
    parts = []
    if applies.modality:
        parts.append(f"Modality in {json.dumps(list(applies.modality), ensure_ascii=False)}")
    for keyword, texts in (("Manufacturer", applies.manufacturer), ("ManufacturerModelName", applies.model)):
        if texts:
            known = " || ".join(
                f"contains(lower({keyword}), {json.dumps(text.lower(), ensure_ascii=False)})"
                for text in texts
            )
            parts.append(f"({known})")
    return Applies(sop_class=in_list(applies.sop_class, values), modality=applies.modality), " && ".join(
        parts
    )


def _own_rule(profile: Profile, rule: Rule, values: Values, applies: Applies, guard: str, keep: bool) -> Rule:
    def filled(fill: Callable[[str, Values], str], text: str) -> str:
        try:
            return fill(text, values) if text else text
        except UnsetParameter:
            if keep:
                return text
            raise

    expression, message = partial(filled, in_expression), partial(filled, in_message)

    def given(value: Any) -> Any:
        if isinstance(value, str):
            return value if keep else in_text(value, values)
        if isinstance(value, dict):
            return {key: given(one) for key, one in value.items()}
        return [given(one) for one in value] if isinstance(value, (list, tuple)) else value

    when = expression(rule.when)
    if guard and rule.scope not in ("series", "slide", "association") and SVS not in rule.tags:
        when = f"({guard}) && ({when})" if when else guard
    return msgspec.structs.replace(
        rule, when=when, assert_=expression(rule.assert_), let={name: expression(text) for name, text in rule.let.items()},
        at=expression(rule.at), places=expression(rule.places), message=message(rule.message), is_=message(rule.is_),
        want=message(rule.want), parameters=given(rule.parameters),
        downgrade=tuple(Downgrade(when=expression(one.when), severity=one.severity) for one in rule.downgrade),
        applies=rule.applies if rule.applies.sop_class or rule.applies.modality or SVS in rule.tags else applies,
        tags=(*rule.tags, PROFILE, profile.id),
        references=rule.references or (Reference(_document(profile)),),
    )  # fmt: skip


def _sop_classes(profile: Profile, values: Values, guard: str) -> Rule:
    uids = [uid_of(word, "SOP Class") for word in in_list(profile.sop_classes, values)]
    return Rule(
        id=f"{profile.area}{SOP_CLASSES_RULE}", name=f"{profile.area.lower()}-sop-class", basis="local", severity="error",
        title="The SOP Class must be one of the profile's", tags=(PROFILE, profile.id), when=guard,
        assert_=f"SOPClassUID in {json.dumps(uids)}", at="SOPClassUID", references=(Reference(_document(profile)),),
        message="the SOP Class is none of those of the profile", want=_listed(uids),
        why=f"The profile {profile.id} is about these SOP Classes only.",
    )  # fmt: skip


def _transfer_syntaxes(profile: Profile, values: Values, guard: str) -> Rule:
    uids = [uid_of(word, "Transfer Syntax") for word in in_list(profile.transfer_syntaxes, values)]
    # A data set without file meta information has no transfer syntax to speak of.
    when = "has(file.TransferSyntaxUID)" + (f" && ({guard})" if guard else "")
    return Rule(
        id=f"{profile.area}{TRANSFER_SYNTAXES_RULE}", name=f"{profile.area.lower()}-transfer-syntax", basis="local",
        severity="error", title="The transfer syntax must be one of the profile's", tags=(PROFILE, profile.id),
        when=when, assert_=f"file.TransferSyntaxUID in {json.dumps(uids)}", references=(Reference(_document(profile)),),
        applies=_applies(profile, values)[0], is_="{file.TransferSyntaxUID}",
        message="the transfer syntax is none of those of the profile", want=_listed(uids),
        why=f"The profile {profile.id} names the transfer syntaxes that are allowed.",
    )  # fmt: skip


def _file_names(profile: Profile, values: Values, guard: str) -> Rule:
    names = profile.file_names
    assert names is not None
    return Rule(
        id=f"{profile.area}{FILE_NAMES_RULE}", name=f"{profile.area.lower()}-file-name", basis="local", kind="function",
        severity=names.severity, title="The file must be called as the profile says", tags=(PROFILE, profile.id),
        when=guard, function="file-name", references=(Reference(_document(profile)),), applies=_applies(profile, values)[0],
        parameters={"template": in_text(names.template, values),
                    "tokens": {token: in_text(path, values) for token, path in names.tokens.items()}},
        why="Files are found by their names, and by nothing else once they have left the archive.",
    )  # fmt: skip


def _listed(uids: Sequence[str]) -> str:
    known = [standard.load().uid(uid) for uid in uids[:4]]
    names = [
        entry.keyword or entry.name if entry is not None else uid
        for entry, uid in zip(known, uids, strict=False)
    ]
    return ", ".join(names) + (f" or {len(uids) - 4} more" if len(uids) > 4 else "")


def uid_of(word: str, type_: str) -> str:
    """The UID of a keyword or UID of PS3.6 Annex A.  Raises ProfileError with what was probably meant."""
    if re.fullmatch(r"[0-9.]+", word):
        return word
    keywords = _uid_keywords(type_)
    if word not in keywords:
        raise ProfileError(f"{word!r} is no keyword of a {type_}", hint=did_you_mean(word, keywords))
    return keywords[word]


@cache
def _uid_keywords(type_: str) -> dict[str, str]:
    return {entry.keyword: entry.uid for entry in standard.load().uids(type_) if entry.keyword}


def _placed(endpoint: Endpoint, values: Values) -> Endpoint:
    """An endpoint with the values of parameters, and UIDs in place of keywords."""
    offers = tuple(
        msgspec.structs.replace(
            offer, sop_class=uid_of(in_text(offer.sop_class, values), "SOP Class"),
            transfer_syntaxes=tuple(uid_of(word, "Transfer Syntax") for word in in_list(offer.transfer_syntaxes, values)),
        )
        for offer in _offers(endpoint.offers, values)
    )  # fmt: skip
    return msgspec.structs.replace(
        endpoint, host=_or_nothing(endpoint.host, values), port=_or_nothing(endpoint.port, values),
        called_ae=_or_nothing(endpoint.called_ae, values), calling_ae=_or_nothing(endpoint.calling_ae, values),
        offers=offers,
    )  # fmt: skip


def _or_nothing(text: str, values: Values) -> str:
    """A value of an endpoint that may be missing: it is then asked for on the command line."""
    try:
        return in_text(text, values)
    except UnsetParameter:
        return ""


def _offers(offers: Sequence[Offer], values: Values) -> Iterable[Offer]:
    """Offers with one SOP Class each: a parameter may hold several."""
    for offer in offers:
        for word in in_list((offer.sop_class,), values):
            yield msgspec.structs.replace(offer, sop_class=word)


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
