"""What a profile does to findings: exceptions, and one finding for one defect."""

from __future__ import annotations

import datetime
import fnmatch
from collections.abc import Mapping, Sequence
from functools import lru_cache

import msgspec

from dcmlint.dicom.instance import Instance
from dcmlint.expr import Expression, compile_expression
from dcmlint.facts.registry import Facts
from dcmlint.findings.collapse import without_indices
from dcmlint.findings.finding import RANK, Finding, Reference
from dcmlint.profiles.attributes import ROW
from dcmlint.profiles.made_rules import document_of
from dcmlint.profiles.model import Endpoint
from dcmlint.profiles.placed_endpoints import opened_by_senders
from dcmlint.profiles.resolved import Exemption, Resolved
from dcmlint.profiles.row_demands import tag_of
from dcmlint.rules.model import Rule
from dcmlint.rules.names import RULE_NAMES
from dcmlint.rules.scope import DatasetScope
from dcmlint.rules.tables.checks import LACKING

# What a row of a profile says as well: presence, and the values that are allowed.
_SAID_BY_ROWS = frozenset({*LACKING, "table.enumerated-value", "table.defined-term"})


def exempted(
    resolved: Resolved, path: str, instance: Instance | None = None, facts: Facts | None = None
) -> tuple[int, ...]:
    """The exceptions that match an input, by their place in the resolved profile.

    Without an instance (an input that cannot be read, or is of another format) those that ask for a path alone.
    """
    numbered = enumerate(resolved.exemptions)
    return tuple(number for number, one in numbered if _matches(one, path, instance, facts))


def with_profile(
    resolved: Resolved, rules: Mapping[str, Rule], findings: Sequence[Finding], exempt: Sequence[int]
) -> tuple[Finding, ...]:
    """The findings of an instance as the profile leaves them.

    Where a row of the profile and a generic check found the same attribute missing or its value wrong, the
    row speaks, with the higher severity.  Exceptions that match the instance (``exempt``) lower or suppress;
    what is locked stays.
    """
    result = tuple(_cited(resolved, _of_row(rules, finding)) for finding in _one_each(rules, findings))
    for number in exempt:
        exemption = resolved.exemptions[number]
        result = tuple(_excepted(finding, exemption, resolved.locked) for finding in result)
    return result


def together_with_profile(
    resolved: Resolved, findings: Sequence[Finding], exempt: Mapping[str, Sequence[int]]
) -> list[Finding]:
    """Findings about slides and series: an exception holds when it matches every file that the finding names."""
    result = []
    for finding in findings:
        finding = _cited(resolved, finding)
        shared = [set(exempt.get(file, ())) for file in finding.subject.files]
        for number in sorted(set.intersection(*shared)) if shared else ():
            finding = _excepted(finding, resolved.exemptions[number], resolved.locked)
        result.append(finding)
    return result


def endpoint_with_profile(
    resolved: Resolved, name: str, rules: Mapping[str, Rule], findings: Sequence[Finding]
) -> tuple[Finding, ...]:
    """The findings about one of the profile's endpoints: at most as severe as it says, with its document and advice."""
    endpoint = next((one for one in resolved.endpoints if one.name == name), None)
    if endpoint is None:
        return tuple(findings)
    reference = _reference(resolved, endpoint)
    result = []
    for finding in findings:
        about_certificate = "certificate" in rules[finding.rule].tags
        advice = endpoint.certificate.advice if about_certificate else ""
        worst = "info" if about_certificate and not endpoint.certificate.required else endpoint.severity
        severity = worst if RANK[finding.severity] > RANK[worst] else finding.severity
        if finding.rule in endpoint.association.rules and finding.severity == rules[finding.rule].severity:
            # What the profile demands is as severe as it says, unless somebody set the rule's severity.
            severity = endpoint.severity
        if finding.rule in resolved.locked:
            severity = finding.severity
        remedy = f"{finding.remedy} The document recommends: {advice}." if advice else finding.remedy
        references = tuple(dict.fromkeys((*_cited(resolved, finding).references, reference)))
        result.append(
            msgspec.structs.replace(finding, severity=severity, remedy=remedy, references=references)
        )
    return tuple(result)


# What a rule about a sender compares with: the key of the endpoints that it opens.
_OF_SENDERS = {"NET410": "calling_ae", "NET411": "called_ae", "NET412": "offers"}


def sender_with_profile(resolved: Resolved, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings about a sender: as severe as the endpoints of the profile say, with their document."""
    opened = opened_by_senders(resolved.endpoints)
    result = []
    for finding in findings:
        key = _OF_SENDERS.get(finding.rule)
        demanding = [one for one in opened if getattr(one, key)] if key is not None else []
        if demanding:
            references = dict.fromkeys(
                (*finding.references, *(_reference(resolved, one) for one in demanding))
            )
            worst = max((one.severity for one in demanding), key=RANK.__getitem__)
            lower = RANK[finding.severity] > RANK[worst] and finding.rule not in resolved.locked
            finding = msgspec.structs.replace(
                finding, references=tuple(references), severity=worst if lower else finding.severity
            )
        result.append(finding)
    return tuple(result)


def _reference(resolved: Resolved, endpoint: Endpoint) -> Reference:
    """The document of the profile that an endpoint is of, and the section."""
    owner = next(
        source.profile
        for source in reversed(resolved.chain)
        if any(one.name == endpoint.name for one in source.profile.endpoints)
    )
    return Reference(document_of(owner), endpoint.section)


def _of_row(rules: Mapping[str, Rule], finding: Finding) -> Finding:
    """What a generic check found under the id of a row, with the document that the row is of."""
    rule = rules.get(finding.rule)
    if rule is None or ROW not in rule.tags:
        return finding
    missing = [one for one in rule.references if one not in finding.references]
    return (
        msgspec.structs.replace(finding, references=(*missing, *finding.references)) if missing else finding
    )


def _cited(resolved: Resolved, finding: Finding) -> Finding:
    """A finding of a rule that serves a statement of the profile's document, with that document and section."""
    cited = resolved.cited.get(finding.rule)
    if cited is None or cited in finding.references:
        return finding
    return msgspec.structs.replace(finding, references=(*finding.references, cited))


def _one_each(rules: Mapping[str, Rule], findings: Sequence[Finding]) -> tuple[Finding, ...]:
    rows = {
        (without_indices(finding.path)): finding
        for finding in findings
        if finding.path and finding.rule in rules and ROW in rules[finding.rule].tags
    }
    if not rows:
        return tuple(findings)
    result: list[Finding] = []
    worse: dict[str, Finding] = {}
    for finding in findings:
        place = without_indices(finding.path)
        row = rows.get(place)
        rule = rules.get(finding.rule)
        same = (
            row is not None
            and row is not finding
            and rule is not None
            and rule.check
            and _SAID_BY_ROWS.issuperset(rule.check)
        )
        if not same:
            result.append(finding)
        elif RANK[finding.severity] > RANK[worse.get(place, row).severity]:  # type: ignore[union-attr]
            worse[place] = finding
    return tuple(
        msgspec.structs.replace(finding, severity=worse[place].severity)
        if (place := without_indices(finding.path)) in worse and rows.get(place) is finding
        else finding
        for finding in result
    )


def _matches(exemption: Exemption, path: str, instance: Instance | None, facts: Facts | None) -> bool:
    if exemption.override.expires < datetime.date.today().isoformat():
        return False
    for key, wanted in exemption.override.match.items():
        if key == "path":
            if not fnmatch.fnmatchcase(path.replace("\\", "/"), wanted):
                return False
        elif instance is None or facts is None:
            return False
        elif key == "when":
            if _condition(wanted)(DatasetScope(instance.dataset, facts, instance.meta), {}) is not True:
                return False
        else:
            tag = tag_of(key)
            values = instance.dataset.values(tag) if tag is not None else None
            text = "\\".join(str(value) for value in values or ())
            if not fnmatch.fnmatchcase(text.lower(), wanted.lower()):
                return False
    return True


@lru_cache(maxsize=64)
def _condition(text: str) -> Expression:
    return compile_expression(text, RULE_NAMES)


def _excepted(finding: Finding, exemption: Exemption, locked: frozenset[str]) -> Finding:
    if finding.rule not in exemption.levels or finding.rule in locked:
        return finding
    level = exemption.levels[finding.rule]
    if level is None:
        return msgspec.structs.replace(finding, suppressed=True)
    return (
        msgspec.structs.replace(finding, severity=level) if RANK[level] < RANK[finding.severity] else finding
    )
