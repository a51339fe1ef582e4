"""From what the checks found to what is done: the profile's `action` by severity, and the gate's by rule.

Statuses are those of PS3.4 Table B.2-1 and PS3.7 Annex C: A700H only where trying again helps.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from dcmlint.findings.finding import RANK, Severity
from dcmlint.intake.status import CANNOT_UNDERSTAND, DATA_SET_MISMATCH
from dcmlint.intake.verdict import Action, Brief, ProfileFacts, Reply, Verdict
from dcmlint.plural import number_of

_STRICT: dict[Action, int] = {"accept": 0, "fix": 1, "quarantine": 2, "refuse": 3}

# The second byte of A9xxH says what kind of rule failed, for whoever reads the log of the sender.
KINDS = {
    "NET": 0x00, "META": 0x00, "IOD": 0x01, "MOD": 0x01, "FG": 0x01, "VR": 0x02, "CHR": 0x02, "PIX": 0x03, "TILE": 0x04,
    "GEO": 0x04, "WSI": 0x04,
}  # fmt: skip
_WOULD: dict[Action, str] = {"refuse": "refused", "quarantine": "held", "fix": "repaired"}
OWN_RULE, OTHER_RULE = 0x05, 0x01


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """How findings are answered.

    ``rules``: an action for a rule by its id, in place of that of its severity; a rule that the profile locks
    can be treated more strictly so, never less. ``observe``: everything is accepted, and what would have been
    done is said.
    """

    profile: ProfileFacts
    rules: dict[str, Action] = {}
    on_internal: Literal["hold", "forward"] = "hold"
    observe: bool = True

    def can_refuse(self) -> bool:
        """Whether a verdict can change an answer, so that it is worth waiting for."""
        return not self.observe

    def decide(self, reply: Reply) -> Verdict:
        """The verdict on an instance."""
        would, why, status, comment = self._judge(reply)
        action: Action = would
        if self.observe and would != "accept":
            action = "accept"
            why = f"observed only; would be {_WOULD[would]}: {why}"
        return Verdict(
            action=action, would=would, status=status, comment=comment, why=why, findings=reply.findings,
            study=reply.study, series=reply.series, member=reply.member, patient=reply.patient,
            repair=reply.repair if not self.observe else None,
        )  # fmt: skip

    def to_repair(self, findings: Iterable[Brief]) -> frozenset[str]:
        """The rules whose findings are to be repaired."""
        return frozenset(one.rule for one in findings if self.action_of(one) == "fix")

    def remaining(self, finding: Brief) -> Action:
        """What is done with an instance that still has this finding, when what can be repaired is."""
        action = self.action_of(finding)
        if action != "fix":
            return action
        return "refuse" if finding.severity == "error" else "accept"

    def action_of(self, finding: Brief) -> Action:
        """What is done with an instance that has this finding."""
        by_severity = self._usual(finding.severity)
        by_rule = self.rules.get(finding.rule)
        if by_rule is None:
            return by_severity
        if finding.rule in self.profile.locked:
            return max(by_severity, by_rule, key=_STRICT.__getitem__)
        return by_rule

    def _usual(self, severity: Severity) -> Action:
        return (self.profile.action or {"error": "refuse"}).get(severity, "accept")

    def _worst(self, findings: Sequence[Brief]) -> Brief:
        """The first of the findings for which the most is done."""
        usual: dict[Severity, tuple[int, int]] = {}  # an instance can have hundreds, of three severities

        def strictness(one: Brief) -> tuple[int, int]:
            if one.rule in self.rules:
                return _STRICT[self.remaining(one)], RANK[one.severity]
            if one.severity not in usual:
                usual[one.severity] = _STRICT[self.remaining(one)], RANK[one.severity]
            return usual[one.severity]

        return max(findings, key=strictness)

    def _judge(self, reply: Reply) -> tuple[Action, str, int, str]:
        if reply.internal or reply.crashed:
            why = reply.internal or f"a rule crashed: {', '.join(reply.crashed[:4])}"
            action: Action = "accept" if self.on_internal == "forward" else "quarantine"
            return action, f"could not be checked: {why}", 0, ""
        if reply.status == "unreadable":
            return "refuse", "cannot be read as DICOM", CANNOT_UNDERSTAND, "cannot be read as DICOM"
        done, repair = "", reply.repair
        findings: Sequence[Brief] = reply.findings
        if repair is not None:
            done = f"repaired: {', '.join(repair.rules)}"
            if not repair.file:  # only planned
                done = ", ".join(repair.rules)
                findings = [one for one in findings if one.rule not in repair.rules]
        otherwise: Action = "fix" if repair is not None and not repair.file else "accept"
        if not findings:
            return otherwise, done or "no findings", 0, ""
        worst = self._worst(findings)
        action = self.remaining(worst)
        count = len(findings)
        others = f" (and {number_of(count - 1, 'other finding')})" if count > 1 else ""
        why = f"{worst.rule} {worst.name}{others}"
        if reply.not_repaired:
            why = f"{why}; not repaired: {reply.not_repaired}"
        if action == "accept":
            return otherwise, "; ".join(filter(None, (done, f"accepted with {why}"))), 0, ""
        if action != "refuse":
            return action, "; ".join(filter(None, (why, done))), 0, ""
        return "refuse", why, self._status(reply, worst), f"{worst.rule} {worst.name}"[:64]

    def _status(self, reply: Reply, worst: Brief) -> int:
        if reply.status == "partial":
            return CANNOT_UNDERSTAND
        if worst.rule in self.profile.own:
            return DATA_SET_MISMATCH | OWN_RULE
        return DATA_SET_MISMATCH | KINDS.get(worst.rule.rstrip("0123456789"), OTHER_RULE)
