"""Which rules are held against an instance of a SOP Class: planned once for each, then run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import chain

from dcmlint.dicom.instance import Instance
from dcmlint.dicom.path import parse_path
from dcmlint.engine.settings import Settings
from dcmlint.errors import ConfigError, did_you_mean
from dcmlint.facts.shape import Shape
from dcmlint.findings.finding import RANK, OutcomeKind, Severity
from dcmlint.rules.compile import CompiledRule, compiled, sop_classes_of
from dcmlint.rules.model import Rule, RuleSource
from dcmlint.rules.shape_scope import outcome_for
from dcmlint.standard.tags import Modality

_NOT_OF_INSTANCES = ("slide", "series", "association")
# Checks of all inputs together: an instance does not pass them.
_OF_ALL_INPUTS = ("input.directory", "input.count", "input.accepted")
_MOST_SHAPES = 128  # of one SOP Class; more are planned again


class ActiveRule:
    """A rule that is on, with the severity that the profile and the settings give it."""

    __slots__ = ("_compiled", "id", "rule", "severity", "source")

    def __init__(self, source: RuleSource, severity: Severity) -> None:
        self.source, self.severity = source, severity
        self.rule: Rule = source.rule
        self.id = source.rule.id
        self._compiled: CompiledRule | None = None

    @property
    def compiled(self) -> CompiledRule:
        """The rule, compiled when first needed."""
        if self._compiled is None:
            self._compiled = compiled(self.source)
        return self._compiled

    @property
    def of_all_inputs(self) -> bool:
        """Whether it is about all inputs of a run, and not passed by an instance."""
        return any(check.startswith(_OF_ALL_INPUTS) for check in self.rule.check)


class Plan:
    """The rules for one SOP Class.

    ``expressions`` and ``functions`` run one by one; ``generic`` gives a rule to each check code;
    ``kinds``: what these codes begin with (table, element, ...): of other checks nobody says what they find;
    ``aliases`` by (check code, path of keywords); ``silent``: those of aliases that somebody ignores; ``ids`` are those of all rules in the plan.
    ``explains``: by rule, those that give way to it at the same place; ``explains_in_file``: anywhere; ``causes``: the attributes beside it that count as
    the same place; ``once``: rules with one finding a file;
    ``bound``: rules of which every place matters, since another gives way there or they give way themselves.
    """

    __slots__ = (
        "_shapes",
        "aliases",
        "bound",
        "causes",
        "explains",
        "explains_in_file",
        "expressions",
        "functions",
        "generic",
        "ids",
        "kinds",
        "once",
        "silent",
    )

    def __init__(
        self, rules: Sequence[tuple[ActiveRule, frozenset[str]]], sop_class: str,
        silenced: Sequence[tuple[Rule, frozenset[str]]] = (),
    ) -> None:  # fmt: skip
        """``rules`` and ``silenced``: each with the SOP Classes to which it applies, none: all."""
        self.silent = frozenset(
            (check, attribute)
            for rule, wanted in silenced if not wanted or sop_class in wanted
            for check in rule.check for attribute in rule.attributes
        )  # fmt: skip
        self.expressions: list[ActiveRule] = []
        self.functions: list[ActiveRule] = []
        self.generic: dict[str, ActiveRule] = {}
        self.aliases: dict[tuple[str, str], ActiveRule] = {}
        ids: list[str] = []
        for active, wanted in rules:
            rule = active.rule
            if rule.scope in _NOT_OF_INSTANCES or (wanted and sop_class not in wanted):
                continue
            if not active.of_all_inputs:
                ids.append(active.id)
            if rule.kind == "expression":
                self.expressions.append(active)
            elif rule.kind == "function":
                self.functions.append(active)
            # An expression or a function may also be the alias of what tables say of the same attribute.
            for check in rule.check:
                if not rule.attributes:
                    self.generic[check] = active
                for attribute in rule.attributes:
                    self.aliases[check, attribute] = active
        self.ids = tuple(ids)
        codes = chain(self.generic, (check for check, _ in self.aliases))
        self.kinds = frozenset(code.partition(".")[0] for code in codes)
        mine = [active.rule for active, _ in rules if active.rule.scope not in _NOT_OF_INSTANCES]
        self.explains = {rule.id: self._with_aliases(rule.explains) for rule in mine if rule.explains}
        self.explains_in_file = {rule.id: rule.explains_in_file for rule in mine if rule.explains_in_file}
        self.causes = {
            rule.id: tuple(parse_path(one)[-1].tag for one in rule.causes) for rule in mine if rule.causes
        }
        self.once = frozenset(rule.id for rule in mine if rule.once)
        both = (self.explains, self.explains_in_file)
        self.bound = self.once.union(*both, *(ids for one in both for ids in one.values()))
        self._shapes: dict[Shape, ShapedPlan | None] = {}

    def explained(self, rule: str) -> tuple[str, ...]:
        """The rules that give way to one, at its place or anywhere."""
        return (*self.explains.get(rule, ()), *self.explains_in_file.get(rule, ()))

    def _with_aliases(self, ids: tuple[str, ...]) -> tuple[str, ...]:
        """Rules, and the aliases that speak in their place."""
        checks = {check for check, active in self.generic.items() if active.id in ids}
        aliases = (active.id for (check, _), active in self.aliases.items() if check in checks)
        return tuple(dict.fromkeys((*ids, *aliases)))

    def for_shape(self, shape: Shape) -> ShapedPlan | None:
        """What is left of the plan for instances of a shape; None when the shape is met for the first time.

        To plan costs as much as to run: it is done for shapes that come again.
        """
        shapes = self._shapes
        found = shapes.get(shape)
        if found is None:
            if shape not in shapes:
                if len(shapes) >= _MOST_SHAPES:
                    shapes.clear()
                shapes[shape] = None
                return None
            found = shapes[shape] = ShapedPlan(self, shape)
        return found


class ShapedPlan:
    """The part of a plan that depends on more than which attributes an instance has.

    ``settled``: outcomes of the other rules, without those that pass.
    """

    __slots__ = ("expressions", "functions", "settled")

    def __init__(self, plan: Plan, shape: Shape) -> None:
        self.settled: dict[str, OutcomeKind] = {}
        self.expressions = self._left(plan.expressions, shape)
        self.functions = self._left(plan.functions, shape)

    def _left(self, rules: Sequence[ActiveRule], shape: Shape) -> tuple[ActiveRule, ...]:
        left = []
        for active in rules:
            outcome = outcome_for(active.compiled, shape)
            if outcome is None:
                left.append(active)
            elif outcome != "pass":
                self.settled[active.id] = outcome
        return tuple(left)


class Planner:
    """Makes plans from the rules that are on, and keeps them by SOP Class."""

    def __init__(self, rules: Sequence[ActiveRule], silenced: Sequence[Rule] = ()) -> None:
        self.rules = tuple(rules)
        self._with_classes = tuple((active, sop_classes_of(active.rule)) for active in rules)
        self._silenced = tuple((rule, sop_classes_of(rule)) for rule in silenced)
        self._plans: dict[tuple[str, bool], Plan] = {}
        self.file_meta = [active for active in rules if active.rule.area == "META"]
        self.together = [rule for rule in rules if rule.rule.scope in ("slide", "series")]
        # Rules about single files whose findings may follow from those about slides and series.
        self.may_follow = frozenset(other for active in self.together for other in active.rule.explains)

    def plan(self, sop_class: str, *, received: bool = False) -> Plan:
        """The plan for a SOP Class UID.

        ``received``: the instance came over an association, where its sender gave no File Meta Information.
        """
        key = sop_class, received
        found = self._plans.get(key)
        if found is None:
            if len(self._plans) > 1000:
                self._plans.clear()
            rules = [one for one in self._with_classes if not received or one[0] not in self.file_meta]
            found = self._plans[key] = Plan(rules, sop_class, self._silenced)
        return found


def active_rules(
    sources: Sequence[RuleSource],
    settings: Settings,
    levels: Mapping[str, Severity | None] | None = None,
    locked: frozenset[str] = frozenset(),
) -> tuple[ActiveRule, ...]:
    """The rules that are on.

    ``levels``: what the profile says of each rule by id (None: off); ``locked`` ids stay on whatever the
    settings ignore.  Raises ConfigError for a word that names no rule.
    """
    levels = levels or {}
    words = _words(sources)
    for word in (*settings.select, *settings.ignore, *settings.extend_select, *settings.extend_ignore,
                 *settings.severity):  # fmt: skip
        if word not in words and word != "ALL":
            raise ConfigError(
                f"{word!r} is not a rule, area or tag",
                hint=did_you_mean(word, words, "`dcmlint rules` lists them"),
            )
    selected = set(settings.select)
    also = set(settings.extend_select)
    ignored = set(settings.ignore) | set(settings.extend_ignore)
    result = []
    for source in sources:
        rule = source.rule
        named = names_of(rule)
        on = rule.default if rule.id not in levels else levels[rule.id] is not None
        if selected:
            on = not named.isdisjoint(selected)
        on = on or not named.isdisjoint(also)
        if not named.isdisjoint(ignored) and rule.id not in locked:
            # The more exact word wins: an id selected within an ignored area stays.
            exact = {rule.id, rule.name}
            on = bool(exact & (selected | also)) and not exact & ignored
        if not on and rule.id not in locked:
            continue
        written: Severity = levels.get(rule.id) or rule.severity
        severity = asked_severity(rule, settings, written)
        if rule.id in locked and RANK[severity] < RANK[written]:
            severity = written
        result.append(ActiveRule(source, severity))
    return tuple(result)


def asked_severity(rule: Rule, settings: Settings, severity: Severity) -> Severity:
    """What the settings make of the severity of a rule; the most exact word wins."""
    for word in ("ALL", f"basis:{rule.basis}", rule.area, *rule.tags, rule.name, rule.id):
        severity = settings.severity.get(word, severity)
    return severity


def kept_by_locks(
    rules: Sequence[ActiveRule], settings: Settings, locked: frozenset[str], refused: Collection[str]
) -> tuple[str, ...]:
    """The locked rules that settings, or the words of a profile (``refused``: ids), would have switched off or lowered."""
    ignored = {*settings.ignore, *settings.extend_ignore}
    return tuple(
        active.id for active in rules
        if active.id in locked and (
            active.id in refused or not ignored.isdisjoint(active.rule.words)
            or RANK[asked_severity(active.rule, settings, active.severity)] < RANK[active.severity]
        )
    )  # fmt: skip


def silenced(
    sources: Sequence[RuleSource], settings: Settings, locked: frozenset[str] = frozenset()
) -> tuple[Rule, ...]:
    """The aliases that the settings ignore: what they speak of is not said by the general rule instead."""
    ignored = set(settings.ignore) | set(settings.extend_ignore)
    asked = set(settings.select) | set(settings.extend_select)
    return tuple(
        rule
        for rule in (source.rule for source in sources)
        if rule.attributes and rule.id not in locked and not names_of(rule).isdisjoint(ignored)
        and not ({rule.id, rule.name} & asked and not {rule.id, rule.name} & ignored)
    )  # fmt: skip


def has_modality(rule: Rule, instance: Instance) -> bool:
    """Whether a rule is about instances of this modality."""
    modalities = rule.applies.modality
    return not modalities or instance.dataset.text(Modality) in modalities


def names_of(rule: Rule) -> set[str]:
    """All words that select a rule."""
    return set(rule.words)


def _words(sources: Sequence[RuleSource]) -> set[str]:
    return set().union(*(names_of(source.rule) for source in sources)) if sources else set()
