"""Findings that are not repaired: those of a baseline, those that somebody accepted, and the exceptions of a profile."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping

from dcmlint.engine.accepted import Accepted, accepts
from dcmlint.engine.baseline import Baseline, KnownFindings
from dcmlint.engine.session import Checker, Result
from dcmlint.findings.collapse import without_indices

Place = tuple[str, str]  # a rule, and a DICOM path without numbers of items


class Spared:
    """Says of each file which of its findings are not repaired.

    ``accepted``: entries of the configuration; those that expired, and those of rules that the profile locks, spare nothing.
    """

    def __init__(
        self, checker: Checker, baseline: Baseline | None, accepted: Iterable[Accepted], today: datetime.date
    ) -> None:
        self._known = None if baseline is None else KnownFindings(baseline)
        self._accepted = tuple(one for one in accepted if one.holds(today))
        self._words: Mapping[str, frozenset[str]] = {
            source.rule.id: frozenset(source.rule.words) for source in checker.profile.rules
        }
        self._locked = frozenset(checker.profile.locked)

    def of(self, result: Result) -> frozenset[Place]:
        """Rule and path of the findings of a file that are not repaired."""
        uid = result.record.sop_instance_uid
        uids = {result.record.path: uid}
        found = set()
        for finding in result.findings:
            known = self._known is not None and self._known.has(finding, uid)
            if known or (
                finding.rule not in self._locked
                and any(accepts(one, finding, uids, self._words) for one in self._accepted)
            ):
                found.add((finding.rule, without_indices(finding.path)))
        return frozenset(found)

    def of_set(self, rule: str) -> bool:
        """Whether findings of a rule about several files are not repaired: some of them are known, or accepted."""
        words = self._words.get(rule, frozenset({rule}))
        return (self._known is not None and rule in self._known.of_several) or any(
            not one.path and not one.uid and one.rule in words for one in self._accepted
        )


def suppressed_in(result: Result) -> frozenset[Place]:
    """Rule and path of the findings of which the profile makes an exception."""
    places = {
        (one.rule, without_indices(one.path)): one.suppressed for one in result.findings if one.suppressed
    }
    return frozenset(places)
